/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "ctl/memoryctl_fixture.h"

/* memoryctl devices, as a user sees it. */

static void start_busy(void)
{
        start("busy");
}

START_TEST(devices_are_a_table)
{
        RUN("devices");
        expect(0,
               "DEVICE     ORIGIN NODE SIZE KERNEL MOVABLE OFFLINE REMOVABLE\n"
               "           boot      0   2G     2G      0B      0B no\n"
               "PNP0C80:00 dimm    0-2   4G   384M    896M    768M no\n"
               "dax0.0     kmem          1G     0B    128M      0B after-offline\n"
               "PNP0C80:02 dimm                 0B      0B      0B yes\n"
               "\n"
               "What is in the way of a device, and what to do: memoryctl devices PNP0C80:00\n",
               "");
}
END_TEST

START_TEST(a_table_of_devices_has_the_columns_that_are_asked_for)
{
        RUN("devices", "-bn", "-o", "DEVICE,UNIT,SIZE,DAX_STATE,STATE,DRIVER");
        expect_rows("2147483648 present\n"
                    "PNP0C80:00 4294967296 adding\n"
                    "dax0.0 134217728 1073741824 online_movable present kmem\n"
                    "PNP0C80:02 failed\n");
        RUN("devices", "-n", "-o", "RANGE,BLOCK,PENDING,FAILED,FOREIGN,JOB", "PNP0C80:00");
        expect_rows("0x0000000100000000-0x00000001ffffffff 32-46,48 4 2 1 7\n");
        RUN("devices", "-n", "-o", "DEVICE,OBSTACLE,REASON,ADVICE", "dax0.0", "boot");
        expect_rows("dax0.0 movable-memory 128M of it is online take it offline\n"
                    "boot-memory it is boot memory\n");
        RUN("devices", "--no-legend");
        ck_assert_ptr_null(strstr(output.out, "in the way"));
}
END_TEST

START_TEST(a_named_device_is_told_in_a_sentence_with_all_that_is_known)
{
        RUN("devices", "PNP0C80:00");
        expect(0,
               "PNP0C80:00 cannot be removed: 384M of it is kernel memory.\n"
               "\n"
               "      Origin: dimm\n"
               "       State: adding\n"
               "       Range: 0x0000000100000000-0x00000001ffffffff\n"
               "      Blocks: 32-46,48\n"
               "      Kernel: 32-33,42\n"
               "        Node: 0-2\n"
               "        Size: 4G\n"
               "      Memory: 384M kernel, 896M movable, 768M offline\n"
               " Blocks open: 4 pending, 2 failed, 1 foreign\n"
               "         Job: 7\n",
               "");
        RUN("devices", "dax0.0", "PNP0C80:02");
        expect(0,
               "dax0.0 can be removed after it is offline: 128M of it is online.\n"
               "To do: take it offline.\n"
               "\n"
               "      Origin: kmem\n"
               "      Driver: kmem\n"
               "   Dax state: online_movable\n"
               "       Range: 0x0000000180000000-0x00000001bfffffff\n"
               "      Blocks: 49\n"
               "        Size: 1G\n"
               " In units of: 128M\n"
               "      Memory: 0B kernel, 128M movable, 0B offline\n"
               "\n"
               "PNP0C80:02 can be removed: too little memory.\n"
               "\n"
               "      Origin: dimm\n"
               "       State: failed\n",
               "");
        RUN("devices", "boot");
        ck_assert_int_eq(strncmp(output.out, "boot cannot be removed: it is boot memory.\n", 43),
                         0);
}
END_TEST

START_TEST(a_device_that_is_not_there_is_named)
{
        RUN("devices", "dax0.0", "PNP0C80:1f");
        expect(1, "", "memoryctl: there is no device 'PNP0C80:1f'\n");
        RUN("devices", "");
        expect(1, "", "memoryctl: there is no device ''\n");
}
END_TEST

START_TEST(devices_as_json_have_all_keys)
{
        json_object *devices;

        RUN("devices", "-J", "PNP0C80:00");
        devices = expect_json();
        expect_json_equal(
                devices,
                "{\"devices\": [{\"device\": \"PNP0C80:00\", \"origin\": \"dimm\","
                " \"state\": \"adding\", \"driver\": null, \"dax_state\": null,"
                " \"first_address\": 4294967296, \"last_address\": 8589934591,"
                " \"size\": 4294967296, \"unit\": 0, \"kernel\": 402653184,"
                " \"movable\": 939524096, \"offline\": 805306368, \"pending_blocks\": 4,"
                " \"failed_blocks\": 2, \"foreign_blocks\": 1, \"job\": 7, \"removable\": \"no\","
                " \"obstacle\": null, \"reason\": \"384M of it is kernel memory\","
                " \"advice\": null, \"nodes\": [0, 1, 2],"
                " \"blocks\": [{\"first\": 32, \"last\": 46}, {\"first\": 48, \"last\": 48}],"
                " \"kernel_blocks\": [{\"first\": 32, \"last\": 33},"
                " {\"first\": 42, \"last\": 42}]}]}");
        json_object_put(devices);
        RUN("devices", "--json");
        devices = expect_json();
        ck_assert_uint_eq(json_object_array_length(get(devices, "devices")), 4);
        json_object_put(devices);
        RUN("devices", "-J", "-o", "DEVICE");
        expect(2, "", "memoryctl: --json has all of a device: it takes no --output\n" TRY);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("memoryctl-devices");

        ADD_CASE(suite, "busy", start_busy, devices_are_a_table,
                 a_table_of_devices_has_the_columns_that_are_asked_for,
                 a_named_device_is_told_in_a_sentence_with_all_that_is_known,
                 a_device_that_is_not_there_is_named, devices_as_json_have_all_keys);
        return check_main(suite);
}
