/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* memoryctl reload and rescan. */

#include "base/names.h"
#include "ctl/ctl.h"

/* Calls a method that takes and returns nothing, and changes something. */
static int call(const char *method)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(agent_stop) Agent agent = {};
        int r;

        r = bus_open(&bus);
        if (r != EXIT_SUCCESS)
                return r;
        r = change_message_new(bus, BUS_PATH, BUS_MANAGER_INTERFACE, method, &message);
        if (r >= 0) {
                agent_start(&agent);
                r = sd_bus_call(bus, message, CHANGE_TIMEOUT_USEC, &error, NULL);
        }
        return r < 0 ? call_failure(r, &error) : EXIT_SUCCESS;
}

int verb_reload(void)
{
        return call("Reload");
}

int verb_rescan(void)
{
        return call(arg_all ? "RescanAll" : "Rescan");
}
