/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "ctl/memoryctl_fixture.h"

/* memoryctl devices and config, as a user sees them. */

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

START_TEST(the_files_of_the_configuration_are_printed_with_their_names)
{
        RUN("config");
        expect(0,
               "# /etc/a.conf\n"
               "# one\n"
               "\n"
               "per_node = false;\n"
               "\n"
               "# /etc/b.conf\n"
               "# (changed since memoryd read it)\n"
               "rules = ();\n"
               "\n"
               "# /etc/c.conf\n"
               "# (gone)\n",
               "");
}
END_TEST

START_TEST(what_is_in_force_is_printed_with_its_source)
{
        RUN("config", "--effective", "-n");
        expect_rows("min_kernel \"block\" (default)\n"
                    "max_movable_ratio 2.0 /etc/memoryd/memoryd.conf:3\n"
                    "per_node true (default)\n"
                    "settle \"2s\" (default)\n"
                    "retry.attempts 10 (default)\n"
                    "wish () (default)\n"
                    "\n"
                    "dimm movable origin = \"dimm\"; min_size = \"64G\"; movable_node = true "
                    "/etc/memoryd/memoryd.conf:5\n"
                    "rest auto all memory /etc/memoryd/memoryd.conf:9\n"
                    "(default) auto all memory (default)\n");
        RUN("config", "--effective");
        ck_assert_ptr_nonnull(strstr(output.out, "SETTING "));
        ck_assert_ptr_nonnull(strstr(output.out, "\nRULE "));
}
END_TEST

#define SETTING(name, value, text, place)                                                          \
        "{\"setting\": \"" name "\", \"value\": " value ", \"text\": \"" text "\", " place "}"
#define NOWHERE "\"file\": null, \"line\": null"

/* clang-format off */
static const char effective_json[] =
        "{\"settings\": ["
        SETTING("min_kernel", "\"block\"", "\\\"block\\\"", NOWHERE) ","
        SETTING("max_movable_ratio", "2.0", "2.0", "\"file\": \"/etc/memoryd/memoryd.conf\", \"line\": 3") ","
        SETTING("per_node", "true", "true", NOWHERE) ","
        SETTING("settle", "2000000", "\\\"2s\\\"", NOWHERE) ","
        SETTING("retry.attempts", "10", "10", NOWHERE) ","
        SETTING("wish", "null", "()", NOWHERE) "],"
        " \"rules\": [{\"rule\": \"dimm\", \"zone\": \"movable\", \"movable_node\": true,"
        " \"criteria\": {\"origin\": \"\\\"dimm\\\"\", \"min_size\": \"\\\"64G\\\"\"},"
        " \"file\": \"/etc/memoryd/memoryd.conf\", \"line\": 5},"
        "{\"rule\": \"rest\", \"zone\": \"auto\", \"movable_node\": false, \"criteria\": {},"
        " \"file\": \"/etc/memoryd/memoryd.conf\", \"line\": 9}]}";
/* clang-format on */

START_TEST(the_configuration_can_be_json)
{
        json_object *config;

        RUN("config", "--effective", "-J");
        config = expect_json();
        expect_json_equal(config, effective_json);
        json_object_put(config);
        RUN("config", "--json");
        config = expect_json();
        ck_assert_uint_eq(json_object_array_length(get(config, "settings")), 6);
        expect_json_equal(get(config, "files"),
                          "[{\"file\": \"/etc/a.conf\","
                          " \"text\": \"# one\\n\\nper_node = false;\\n\", \"note\": null},"
                          "{\"file\": \"/etc/b.conf\", \"text\": \"rules = ();\","
                          " \"note\": \"changed since memoryd read it\"},"
                          "{\"file\": \"/etc/c.conf\", \"text\": \"\", \"note\": \"gone\"}]");
        json_object_put(config);
}
END_TEST

/* Writes a file below the folder, with its folders. */
static void put(const char *name, const char *text)
{
        char path[PATH_MAX], command[2 * PATH_MAX];
        FILE *file;

        in_folder(name, path);
        snprintf(command, sizeof(command), "mkdir -p \"$(dirname '%s')\"", path);
        ck_assert_int_eq(system(command), 0);
        file = fopen(path, "we");
        ck_assert_ptr_nonnull(file);
        ck_assert_int_ge(fputs(text, file), 0);
        ck_assert_int_eq(fclose(file), 0);
}

START_TEST(the_configuration_of_a_recorded_tree_needs_no_daemon)
{
        char tree[PATH_MAX], file[PATH_MAX], wanted[3 * PATH_MAX];

        in_folder("tree", tree);
        in_folder("tree" SYSCONFDIR "/memoryd/memoryd.conf", file);
        put("tree" SYSCONFDIR "/memoryd/memoryd.conf",
            "per_node = false;\nrules = ({ name = \"x\"; zone = \"leave\"; node = 1; });\n");
        RUN("config", "--sysroot", tree);
        snprintf(wanted, sizeof(wanted),
                 "# %.4000s\nper_node = false;\n"
                 "rules = ({ name = \"x\"; zone = \"leave\"; node = 1; });\n",
                 file);
        expect(0, wanted, "");
        RUN("config", "--effective", "-n", "--sysroot", tree);
        ck_assert_int_eq(output.exit_code, 0);
        snprintf(wanted, sizeof(wanted), " false       %.4000s:1\n", file);
        ck_assert_ptr_nonnull(strstr(output.out, wanted));
        ck_assert_ptr_nonnull(strstr(output.out, "node = \"1\""));

        put("tree" SYSCONFDIR "/memoryd/memoryd.conf", "per_node = 3;\n");
        RUN("config", "--sysroot", tree);
        snprintf(wanted, sizeof(wanted),
                 "memoryctl: %.4000s:1: 'per_node': expected true or false, got 3\n", file);
        expect(1, "", wanted);
        put("tree" SYSCONFDIR "/memoryd/memoryd.conf", "");
        ck_assert_int_eq(unlink(file), 0);
        RUN("config", "--sysroot", tree);
        expect(0, "# There is no configuration file: all settings have their defaults.\n", "");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("memoryctl-devices");

        ADD_CASE(suite, "busy", start_busy, devices_are_a_table,
                 a_table_of_devices_has_the_columns_that_are_asked_for,
                 a_named_device_is_told_in_a_sentence_with_all_that_is_known,
                 a_device_that_is_not_there_is_named, devices_as_json_have_all_keys,
                 the_files_of_the_configuration_are_printed_with_their_names,
                 what_is_in_force_is_printed_with_its_source, the_configuration_can_be_json,
                 the_configuration_of_a_recorded_tree_needs_no_daemon);
        return check_main(suite);
}
