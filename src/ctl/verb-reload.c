/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* memoryctl reload and rescan. */

#include "base/names.h"
#include "ctl/ctl.h"

#include <inttypes.h>
#include <stdio.h>

/* Calls a method that takes and returns nothing, and changes something. Prints why that failed. */
static int call(sd_bus *bus, const char *method)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(agent_stop) Agent agent = {};
        int r;

        r = change_message_new(bus, BUS_PATH, BUS_MANAGER_INTERFACE, method, &message);
        if (r >= 0) {
                agent_start(&agent);
                r = sd_bus_call(bus, message, CHANGE_TIMEOUT_USEC, &error, NULL);
        }
        return r < 0 ? call_failure(r, &error) : EXIT_SUCCESS;
}

/* Prints "Configuration reloaded: 2 files, 3 rules." A memoryd of an earlier version does not tell the rules. */
static void confirm_reload(void)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        size_t n_files = 0, n_rules;

        if (snapshot_fetch(FETCH_MANAGER | FETCH_POLICY, &snapshot) != EXIT_SUCCESS)
                return;
        for (char **file = snapshot.manager.config_files; file && *file; file++)
                n_files++;
        n_rules = snapshot.policy.n_rules;
        printf("Configuration reloaded: %zu file%s", n_files, n_files == 1 ? "" : "s");
        if (snapshot.policy.is_known)
                printf(", %zu rule%s", n_rules, n_rules == 1 ? "" : "s");
        puts(".");
}

int verb_reload(void)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        int r = bus_open(&bus);

        if (r == EXIT_SUCCESS)
                r = call(bus, "Reload");
        if (r == EXIT_SUCCESS && !arg_quiet)
                confirm_reload();
        return r;
}

/* memoryd replies before it reads the blocks: the number of failed blocks is that before the call. */
int verb_rescan(void)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        uint32_t n_failed = 0;
        int r = bus_open(&bus);

        if (r != EXIT_SUCCESS)
                return r;
        (void) sd_bus_get_property_trivial(bus, BUS_NAME, BUS_PATH, BUS_MANAGER_INTERFACE,
                                           "FailedBlocks", NULL, 'u', &n_failed);
        r = call(bus, arg_all ? "RescanAll" : "Rescan");
        if (r != EXIT_SUCCESS || arg_quiet)
                return r;
        fputs("memoryd reads all blocks again", stdout);
        if (n_failed > 0)
                printf(", and retries %" PRIu32 " that failed", n_failed);
        puts(arg_all ? ". It also decides on memory that was taken offline." : ".");
        return EXIT_SUCCESS;
}
