/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "ctl/mock_events.h"

#include "ctl/mock_jobs.h"

#include "base/macro.h"
#include "base/names.h"

#include <signal.h>
#include <stdio.h>

#define NODE_PATH BUS_NODE_PREFIX "/1"

static const char *words;

bool mock_has_changed_blocks;

static int emit_blocks(sd_bus *bus)
{
        mock_has_changed_blocks = true;

        int r = sd_bus_emit_signal(bus, BUS_PATH, BUS_MANAGER_INTERFACE, "BlocksChanged", "a(uu)",
                                   2, 40, 47, 8, 15);

        return r < 0 ? r :
                       sd_bus_emit_signal(bus, BUS_PATH, BUS_MANAGER_INTERFACE, "BlocksChanged",
                                          "a(uu)", 1, 60, 60);
}

static int emit_capacity(sd_bus *bus)
{
        return sd_bus_emit_signal(bus, BUS_PATH, BUS_MANAGER_INTERFACE, "CapacityChanged", "tt",
                                  UINT64_C(3) << 30, UINT64_C(1) << 30);
}

static int emit_more(sd_bus *bus)
{
        return sd_bus_emit_signal(bus, BUS_PATH, BUS_MANAGER_INTERFACE, "CapacityChanged", "tt",
                                  UINT64_C(4) << 30, UINT64_C(2) << 30);
}

static int emit_failed(sd_bus *bus)
{
        return sd_bus_emit_signal(bus, BUS_PATH, "org.freedesktop.DBus.Properties",
                                  "PropertiesChanged", "sa{sv}as", BUS_MANAGER_INTERFACE, 4,
                                  "FailedDevices", "a" BUS_DEVICE_SIGNATURE, 1, "PNP0C80:04",
                                  UINT64_C(1) << 30, "too little memory", "ConfigFaults", "as", 1,
                                  "/etc/memoryd/memoryd.conf:3: 'nod': unknown key", "Degraded",
                                  "b", true, "FailedBlocks", "u", 9, 0);
}

static int emit_short(sd_bus *bus)
{
        return sd_bus_emit_signal(bus, BUS_PATH, BUS_MANAGER_INTERFACE, "KernelMemoryShort", "utt",
                                  1, UINT64_C(10) << 20, UINT64_C(12) << 20);
}

static int emit_enough(sd_bus *bus)
{
        return sd_bus_emit_signal(bus, NODE_PATH, "org.freedesktop.DBus.Properties",
                                  "PropertiesChanged", "sa{sv}as", BUS_NODE_INTERFACE, 2,
                                  "OnlineBytes", "t", UINT64_C(1) << 30, "KernelMemoryShort", "b",
                                  false, 0);
}

static int emit_property(sd_bus *bus)
{
        return sd_bus_emit_signal(bus, BUS_PATH, "org.freedesktop.DBus.Properties",
                                  "PropertiesChanged", "sa{sv}as", BUS_MANAGER_INTERFACE, 4,
                                  "Degraded", "b", false, "OnlineBytes", "t", UINT64_C(3) << 30,
                                  "FailedBlocks", "u", 3, "KernelAutoOnline", "s", "online", 0);
}

static int emit_odd(sd_bus *bus)
{
        int r = sd_bus_emit_signal(bus, BUS_PATH, BUS_MANAGER_INTERFACE, "CapacityChanged", "s",
                                   "much");

        return r < 0 ? r :
                       sd_bus_emit_signal(bus, BUS_PATH, BUS_MANAGER_INTERFACE, "Unheard", NULL);
}

static const struct {
        const char *word;
        int (*emit)(sd_bus *bus);
} events[] = {
        { "blocks", emit_blocks },
        { "capacity", emit_capacity },
        { "short", emit_short },
        { "more", emit_more },
        { "failed", emit_failed },
        { "enough", emit_enough },
        { "property", emit_property },
        { "job", mock_jobs_make },
        { "standing", mock_jobs_tell },
        { "go", mock_jobs_go },
        { "odd", emit_odd },
};

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        size_t length = strcspn(words, " ");
        int r = -ENOENT;

        (void) source;
        (void) info;
        for (size_t i = 0; i < ELEMENTSOF(events); i++)
                if (strlen(events[i].word) == length && strncmp(events[i].word, words, length) == 0)
                        r = events[i].emit(userdata);
        mock_log("%.*s", (int) length, words);
        if (r < 0)
                return sd_event_exit(sd_event_source_get_event(source), r);
        words += length + strspn(words + length, " ");
        return 0;
}

int mock_events_start(sd_bus *bus, sd_event *event)
{
        sigset_t signals;

        words = getenv("MOCK_EVENTS") ?: "";
        sigemptyset(&signals);
        sigaddset(&signals, SIGUSR1);
        if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
                return -errno;
        return sd_event_add_signal(event, NULL, SIGUSR1, on_signal, bus);
}
