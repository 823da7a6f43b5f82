/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include <signal.h>
#include <sys/stat.h>

#include "check_main.h"
#include "ctl/memoryctl_fixture.h"

/* monitor, against what mock_events.h has, and verify. */

static void start_each(void)
{
        start_bus();
}

/* Has memoryd tell the next thing, and waits for what is made of it. */
static void expect_event(const char *text)
{
        ck_assert_int_eq(kill(mock_pid, SIGUSR1), 0);
        wait_for_output(text);
}

/* The lines without their times, which have to be there. */
static void strip_times(void)
{
        char *to = output.out;

        for (char *line = output.out; *line;) {
                int year, month, day, hour, minute, second, zone, length = 0;
                size_t rest;

                ck_assert_msg(sscanf(line, "%d-%d-%dT%d:%d:%d%d %n", &year, &month, &day, &hour,
                                     &minute, &second, &zone, &length) == 7,
                              "no time in: %s", line);
                line += length;
                rest = strcspn(line, "\n") + 1;
                memmove(to, line, rest);
                to += rest;
                line += rest;
        }
        *to = '\0';
}

/*
 * Drops what tells how far a job is. Each state is told, and else there is a line once in a second: how many
 * there are is a matter of time.
 */
static void drop_lines(const char *beginning)
{
        char *to = output.out;

        for (char *line = output.out; *line;) {
                size_t n = strcspn(line, "\n") + 1;

                if (strncmp(line, beginning, strlen(beginning)) != 0) {
                        memmove(to, line, n);
                        to += n;
                }
                line += n;
        }
        *to = '\0';
}

/* What has not changed is not told again, nor in another form. */
START_TEST(each_change_is_a_line)
{
        static const char wanted[] =
                "memoryd is running\n"
                "blocks 0,5-7,40,45: gone\n"
                "5 blocks of 4-38 of node 1: offline, offlined\n"
                "blocks 41,46 of node 1: online, movable, done\n"
                "block 43 of node 1: offline, failed: EAGAIN (Resource temporarily unavailable)\n"
                "block 47 of node 1: offline, failed: ENOMEM (Cannot allocate memory)\n"
                "block 48 of node 1: offline, left\n"
                "capacity: 3G online, 1G of it movable\n"
                "node 1: is short of kernel memory, 10M free, 12M is low\n"
                "node 1: has enough kernel memory again\n"
                "degraded: no\n"
                "kernel_auto_online: online\n"
                "failed_devices: PNP0C80:04 (1G): too little memory\n"
                "config_faults: /etc/memoryd/memoryd.conf:3: 'nod': unknown key\n"
                "job 8: offline node 1, running, 0 of 3 blocks done\n"
                "job 8: partly, The job ended partly with 1 of 3 blocks\n"
                "job 8: blocks 33-34: EBUSY: pages of it could not be moved\n"
                "job 3: offline node 1, running, 13 of 32 blocks done\n"
                "capacity: 4G online, 2G of it movable\n";
        char log[PATH_MAX];
        pid_t pid;

        in_folder("log", log);
        ck_assert_int_eq(setenv("MOCK_LOG", log, true), 0);
        ck_assert_int_eq(setenv("MOCK_EVENTS",
                                "blocks capacity short enough property blocks capacity property "
                                "failed failed job go standing odd more",
                                true),
                         0);
        ck_assert_int_eq(setenv("MOCK_JOB", "wait 32 !34 !33 partly", true), 0);
        start_mock("busy");
        pid = launch(ARGUMENTS("monitor"));
        wait_for_output(" memoryd is running\n");
        expect_event(" block 48 of node 1: offline, left\n");
        expect_event(" capacity: ");
        expect_event(" 12M is low\n");
        expect_event(" again\n");
        expect_event(" kernel_auto_online: online\n");
        /* All this is as it was. */
        ck_assert_int_eq(kill(mock_pid, SIGUSR1), 0);
        wait_for_file("log", "property\nblocks\n");
        ck_assert_int_eq(kill(mock_pid, SIGUSR1), 0);
        wait_for_file("log", "property\nblocks\ncapacity\n");
        ck_assert_int_eq(kill(mock_pid, SIGUSR1), 0);
        wait_for_file("log", "property\nblocks\ncapacity\nproperty\n");
        expect_event(" unknown key\n");
        ck_assert_int_eq(kill(mock_pid, SIGUSR1), 0);
        wait_for_file("log", "failed\nfailed\n");
        expect_event(" job 8: offline");
        expect_event(" job 8: blocks");
        expect_event(" job 3: ");
        /* Of what is odd nothing is to be seen. */
        ck_assert_int_eq(kill(mock_pid, SIGUSR1), 0);
        wait_for_file("log", "odd\n");
        expect_event(" capacity: 4G");
        wait_for_output(" 2G of it movable\n");
        ck_assert_int_eq(kill(pid, SIGINT), 0);
        finish();
        ck_assert_str_eq(output.err, "");
        ck_assert_int_eq(output.exit_code, 0);
        strip_times();
        drop_lines("job 8: 1 of 3 blocks done");
        ck_assert_str_eq(output.out, wanted);
}
END_TEST

/* Which of the lines is about that, with its time taken out. Returns an object to put. */
static json_object *find_line(const char *event, const char *key, const char *value)
{
        for (char *line = output.out; *line; line += strcspn(line, "\n") + 1) {
                json_object *object = json_tokener_parse(line), *member;

                ck_assert_msg(object != NULL, "no JSON: %s", line);
                ck_assert_uint_gt(json_object_get_uint64(get(object, "time_usec")),
                                  UINT64_C(1000000000000000));
                json_object_object_del(object, "time_usec");
                if (strcmp(json_object_get_string(get(object, "event")), event) == 0 &&
                    json_object_object_get_ex(object, key, &member) &&
                    strcmp(json_object_to_json_string(member), value) == 0)
                        return object;
                json_object_put(object);
        }
        ck_abort_msg("no %s with %s=%s in: %s", event, key, value, output.out);
}

static void expect_line(const char *event, const char *key, const char *value, const char *wanted)
{
        json_object *object = find_line(event, key, value);

        expect_json_equal(object, wanted);
        json_object_put(object);
}

START_TEST(each_event_can_be_a_line_of_json)
{
        pid_t pid;

        ck_assert_int_eq(
                setenv("MOCK_EVENTS", "blocks capacity short enough property failed job go", true),
                0);
        ck_assert_int_eq(setenv("MOCK_JOB", "wait 32 !33 partly", true), 0);
        start_mock("busy");
        pid = launch(ARGUMENTS("monitor", "--json"));
        wait_for_output("\"memoryd\"");
        expect_event("\"left\"");
        expect_event("\"capacity\"");
        expect_event("\"low\"");
        expect_event("\"short\": false");
        expect_event("kernel_auto_online");
        expect_event("\"config_faults\"");
        expect_event("job-new");
        expect_event("job-removed");
        ck_assert_int_eq(kill(pid, SIGTERM), 0);
        finish();
        ck_assert_str_eq(output.err, "");
        ck_assert_int_eq(output.exit_code, 0);
        expect_line("memoryd", "running", "true", "{\"event\": \"memoryd\", \"running\": true}");
        expect_line("blocks", "first", "43",
                    "{\"event\": \"blocks\", \"first\": 43, \"last\": 43, \"node\": 1,"
                    " \"state\": \"offline\", \"class\": \"none\", \"status\": \"failed\","
                    " \"error\": \"EAGAIN\"}");
        expect_line("blocks", "first", "36",
                    "{\"event\": \"blocks\", \"first\": 36, \"last\": 36, \"node\": 1,"
                    " \"state\": \"offline\", \"class\": \"none\", \"status\": \"offlined\","
                    " \"error\": null}");
        expect_line("blocks-gone", "first", "5",
                    "{\"event\": \"blocks-gone\", \"first\": 5, \"last\": 7}");
        expect_line("capacity", "movable", "1073741824",
                    "{\"event\": \"capacity\", \"online\": 3221225472, \"movable\": 1073741824}");
        expect_line("kernel-memory-short", "short", "true",
                    "{\"event\": \"kernel-memory-short\", \"node\": 1, \"short\": true,"
                    " \"free\": 10485760, \"low\": 12582912}");
        expect_line("kernel-memory-short", "short", "false",
                    "{\"event\": \"kernel-memory-short\", \"node\": 1, \"short\": false}");
        expect_line("property", "name", "\"degraded\"",
                    "{\"event\": \"property\", \"name\": \"degraded\", \"value\": false}");
        expect_line("property", "name", "\"failed_blocks\"",
                    "{\"event\": \"property\", \"name\": \"failed_blocks\", \"value\": 3}");
        expect_line("property", "name", "\"failed_devices\"",
                    "{\"event\": \"property\", \"name\": \"failed_devices\","
                    " \"value\": [{\"device\": \"PNP0C80:04\", \"size\": 1073741824,"
                    " \"reason\": \"too little memory\"}]}");
        expect_line("property", "name", "\"kernel_auto_online\"",
                    "{\"event\": \"property\", \"name\": \"kernel_auto_online\","
                    " \"value\": \"online\"}");
        expect_line("job-new", "job", "8",
                    "{\"event\": \"job-new\", \"job\": 8, \"kind\": \"offline\","
                    " \"target\": \"node 1\", \"zone\": null, \"state\": \"running\","
                    " \"total_blocks\": 2, \"done_blocks\": 0, \"failed_blocks\": 0,"
                    " \"undone_blocks\": 0}");
        expect_line("job-removed", "job", "8",
                    "{\"event\": \"job-removed\", \"job\": 8, \"kind\": \"offline\","
                    " \"target\": \"node 1\", \"zone\": null, \"result\": \"partly\","
                    " \"total_blocks\": 2, \"done_blocks\": 1, \"failed_blocks\": 1,"
                    " \"undone_blocks\": 0,"
                    " \"message\": \"The job ended partly with 1 of 2 blocks\","
                    " \"done\": [{\"first\": 32, \"last\": 32}],"
                    " \"advice\": [],"
                    " \"failures\": [{\"block\": 33, \"error\": \"EBUSY\","
                    " \"message\": \"pages of it could not be moved\"}]}");
}
END_TEST

START_TEST(memoryd_may_come_go_and_come_again)
{
        pid_t pid;

        ck_assert_int_eq(setenv("MOCK_EVENTS", "capacity", true), 0);
        pid = launch(ARGUMENTS("monitor"));
        wait_for_output("memoryd is not running\n");
        start_mock("calm");
        wait_for_output("memoryd is running\n");
        end_mock();
        wait_for_output("memoryd is running\n2");
        start_mock("calm");
        expect_event(" capacity: ");
        ck_assert_int_eq(kill(pid, SIGINT), 0);
        finish();
        strip_times();
        ck_assert_str_eq(output.out, "memoryd is not running\n"
                                     "memoryd is running\n"
                                     "memoryd is not running\n"
                                     "memoryd is running\n"
                                     "capacity: 3G online, 1G of it movable\n");
        ck_assert_int_eq(output.exit_code, 0);
}
END_TEST

START_TEST(lines_have_the_colour_of_what_happened)
{
        pid_t pid;

        ck_assert_int_eq(setenv("MOCK_EVENTS", "blocks short enough", true), 0);
        ck_assert_int_eq(setenv("SYSTEMD_COLORS", "yes", true), 0);
        start_mock("busy");
        pid = launch(ARGUMENTS("monitor"));
        wait_for_output(" memoryd is running\n");
        expect_event(" \033[1;31mblock 47 of node 1: offline, failed: ENOMEM (Cannot allocate "
                     "memory)\033[0m\n");
        expect_event(" \033[1;31mnode 1: is short of kernel memory, 10M free, 12M is "
                     "low\033[0m\n");
        expect_event(" node 1: has enough kernel memory again\n");
        ck_assert_int_eq(kill(pid, SIGINT), 0);
        finish();
        ck_assert_int_eq(output.exit_code, 0);
}
END_TEST

START_TEST(the_end_of_the_bus_is_a_failure)
{
        launch(ARGUMENTS("monitor"));
        wait_for_output("memoryd is not running\n");
        end_bus();
        finish();
        ck_assert_int_eq(output.exit_code, 1);
        ck_assert_str_eq(output.err, "memoryctl: cannot reach the system bus of this machine: "
                                     "Transport endpoint is not connected\n");
}
END_TEST

START_TEST(findings_are_printed_with_what_to_do)
{
        start_mock("busy");
        RUN("verify");
        expect(1,
               "Problems:\n"
               "  /usr/lib/udev/rules.d/80-hotplug.rules:3: This rule onlines memory by itself.\n"
               "      Remove the rule.\n"
               "  node 1: It has no kernel memory.\n"
               "      Ask for min_kernel.\n"
               "\n"
               "Notes:\n"
               "  /sys/x: Another process has set this.\n"
               "      Reload.\n"
               "  node 2: It is left.\n"
               "\n"
               "Kernel features: online-types, uevents\n"
               "Kernel lacks:\n"
               "  groups (memoryd's patch 2): Which blocks are one device has to be worked out "
               "from "
               "/proc/iomem and sysfs.\n"
               "  wishes (patience)\n",
               "");
}
END_TEST

START_TEST(findings_can_be_json)
{
        json_object *object, *status;

        start_mock("busy");
        RUN("-J");
        status = json_tokener_parse(output.out);
        RUN("verify", "-J");
        ck_assert_int_eq(output.exit_code, 1);
        object = json_tokener_parse(output.out);
        /* As the status has them. */
        ck_assert_int_eq(json_object_array_length(get(object, "features")), 4);
        expect_json_equal(get(object, "features"),
                          json_object_to_json_string(get(status, "kernel_features")));
        json_object_put(status);
        expect_json_equal(get(object, "findings"),
                          "[{\"check\": \"udev-rule\","
                          " \"subject\": \"/usr/lib/udev/rules.d/80-hotplug.rules:3\","
                          " \"finding\": \"This rule onlines memory by itself.\","
                          " \"advice\": \"Remove the rule.\"},"
                          " {\"check\": \"movable-only-node\", \"subject\": \"node 1\","
                          " \"finding\": \"It has no kernel memory.\","
                          " \"advice\": \"Ask for min_kernel.\"}]");
        expect_json_equal(get(object, "notes"),
                          "[{\"check\": \"auto-online\", \"subject\": \"/sys/x\","
                          " \"finding\": \"Another process has set this.\","
                          " \"advice\": \"Reload.\"},"
                          " {\"check\": \"movable-only-node\", \"subject\": \"node 2\","
                          " \"finding\": \"It is left.\", \"advice\": null}]");
        json_object_put(object);
}
END_TEST

START_TEST(nothing_found_is_success)
{
        json_object *findings;

        start_mock("calm");
        RUN("verify");
        expect(0, "No problems found.\n", "");
        RUN("verify", "-J");
        findings = expect_json();
        expect_json_equal(findings, "{\"findings\": [], \"notes\": [], \"features\": []}");
        json_object_put(findings);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("memoryctl, monitor and verify");
        const TTest *const tests[] = {
                each_change_is_a_line,
                each_event_can_be_a_line_of_json,
                lines_have_the_colour_of_what_happened,
                memoryd_may_come_go_and_come_again,
                the_end_of_the_bus_is_a_failure,
                findings_are_printed_with_what_to_do,
                findings_can_be_json,
                nothing_found_is_success,
        };
        TCase *tcase = tcase_create("a bus for each");

        tcase_set_timeout(tcase, 600);
        tcase_add_checked_fixture(tcase, start_each, stop);
        for (size_t i = 0; i < ELEMENTSOF(tests); i++)
                tcase_add_test(tcase, tests[i]);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
