/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "ctl/mock_devices.h"

#include "base/macro.h"
#include "base/names.h"

#define GIB (UINT64_C(1) << 30)
#define MIB (UINT64_C(1) << 20)

static int append_boot(sd_bus_message *reply)
{
        return sd_bus_message_append(reply, "a{sv}", 12, "Device", "s", "", "Origin", "s", "boot",
                                     "State", "s", "present", "FirstAddress", "t", UINT64_C(0),
                                     "LastAddress", "t", 2 * GIB - 1, "SizeBytes", "t", 2 * GIB,
                                     "Blocks", "a(uu)", 1, 0, 15, "KernelBytes", "t", 2 * GIB,
                                     "Removable", "s", "no", "Obstacle", "s", "boot-memory",
                                     "Reason", "s", "it is boot memory", "Nodes", "au", 1, 0);
}

/* It has a key that only a later version knows. */
static int append_dimm(sd_bus_message *reply)
{
        return sd_bus_message_append(
                reply, "a{sv}", 20, "Device", "s", "PNP0C80:00", "Origin", "s", "dimm", "State",
                "s", "adding", "Driver", "s", "", "FirstAddress", "t", 4 * GIB, "LastAddress", "t",
                8 * GIB - 1, "SizeBytes", "t", 4 * GIB, "Blocks", "a(uu)", 2, 32, 46, 48, 48,
                "KernelBlocks", "a(uu)", 2, 32, 33, 42, 42, "Nodes", "au", 3, 0, 1, 2,
                "KernelBytes", "t", 384 * MIB, "MovableBytes", "t", 896 * MIB, "OfflineBytes", "t",
                768 * MIB, "PendingBlocks", "u", 4, "FailedBlocks", "u", 2, "ForeignBlocks", "u", 1,
                "Job", "u", 7, "Removable", "s", "no", "Reason", "s", "384M of it is kernel memory",
                "Wishes", "a{ss}", 1, "a", "b");
}

static int append_dax(sd_bus_message *reply)
{
        return sd_bus_message_append(
                reply, "a{sv}", 15, "Device", "s", "dax0.0", "Origin", "s", "kmem", "State", "s",
                "present", "Driver", "s", "kmem", "FirstAddress", "t", 6 * GIB, "LastAddress", "t",
                7 * GIB - 1, "SizeBytes", "t", GIB, "UnitBytes", "t", 128 * MIB, "DaxState", "s",
                "online_movable", "Blocks", "a(uu)", 1, 49, 49, "MovableBytes", "t", 128 * MIB,
                "Removable", "s", "after-offline", "Obstacle", "s", "movable-memory", "Reason", "s",
                "128M of it is online", "Advice", "s", "take it offline");
}

static int append_failed(sd_bus_message *reply)
{
        return sd_bus_message_append(reply, "a{sv}", 6, "Device", "s", "PNP0C80:02", "Origin", "s",
                                     "dimm", "State", "s", "failed", "SizeBytes", "t", UINT64_C(0),
                                     "Removable", "s", "yes", "Reason", "s", "too little memory");
}

int mock_method_list_devices(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        (void) userdata, (void) error;
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        if (r >= 0)
                r = append_boot(reply);
        if (r >= 0)
                r = append_dimm(reply);
        if (r >= 0)
                r = append_dax(reply);
        if (r >= 0)
                r = append_failed(reply);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

int mock_method_read_config(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        (void) userdata, (void) error;
        return sd_bus_reply_method_return(message, "a" BUS_FILE_SIGNATURE, 3, "/etc/a.conf",
                                          "# one\n\nper_node = false;\n", "", "/etc/b.conf",
                                          "rules = ();", "changed since memoryd read it",
                                          "/etc/c.conf", "", "gone");
}
