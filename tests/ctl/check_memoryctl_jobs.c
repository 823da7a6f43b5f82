/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "check_main.h"
#include "ctl/memoryctl_fixture.h"

/* The verbs that start, watch and end jobs, against the scripts of mock_jobs.h. */

/* With a memoryd of that scenario, whose next job does what the script says. */
static void start_script(const char *scenario, const char *script)
{
        char path[PATH_MAX];

        in_folder("log", path);
        ck_assert_int_eq(setenv("MOCK_LOG", path, true), 0);
        ck_assert_int_eq(setenv("MOCK_JOB", script, true), 0);
        start_mock(scenario);
}

static void expect_log(const char *wanted)
{
        static char text[OUTPUT_MAX];
        _cleanup_close_ int fd = -EBADF;
        char path[PATH_MAX];

        in_folder("log", path);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        read_back(fd, text);
        ck_assert_str_eq(text, wanted);
}

static size_t count(const char *text, const char *part)
{
        size_t n = 0;

        while ((text = strstr(text, part))) {
                n++;
                text += strlen(part);
        }
        return n;
}

START_TEST(what_is_asked_for_reaches_memoryd)
{
        static const struct {
                const char *arguments[7];
                const char *log;
        } cases[] = {
                { { "online", "32" }, "Online Blocks=32-32\n" },
                { { "online", "32-39,45", "7" }, "Online Blocks=32-39,45-45,7-7\n" },
                { { "offline", "0x0000000100000000-0x0000000107ffffff" },
                  "Offline Blocks=32-32\n" },
                { { "set-zone", "7,0x100000000-0x13fffffff", "0x0-0x7ffffff", "kernel" },
                  "SetZone Blocks=7-7,32-39,0-0 Zone=kernel\n" },
                { { "offline", "--node", "1" }, "Offline Node=1\n" },
                { { "offline", "--node=0", "--size=1G" }, "Offline Node=0 Size=1073741824\n" },
                { { "offline", "--device", "PNP0C80:00" }, "Offline Device=PNP0C80:00\n" },
                { { "offline", "--device", "virtio3", "--size", "128M" },
                  "Offline Device=virtio3 Size=134217728\n" },
                { { "online", "--size", "4GiB", "--zone", "movable" },
                  "Online Size=4294967296 Zone=movable\n" },
                { { "online", "1", "--zone=kernel", "--force" },
                  "Online Blocks=1-1 Zone=kernel Force=1\n" },
                { { "offline", "1", "--timeout", "5min", "--undo-on-failure" },
                  "Offline Blocks=1-1 TimeoutUSec=300000000 UndoOnFailure=1\n" },
                { { "offline", "1", "--timeout=90" }, "Offline Blocks=1-1 TimeoutUSec=90000000\n" },
                { { "offline", "--node", "1", "--size", "1.5G" },
                  "Offline Node=1 Size=1610612736\n" },
                { { "online", "--size", "1.50GiB" }, "Online Size=1610612736\n" },
                { { "offline", "memory32", "memory40-memory41", "memory7-9" },
                  "Offline Blocks=32-32,40-41,7-9\n" },
                { { "set-zone", "/sys/devices/system/memory/memory32",
                    "/sys/devices/system/memory/memory40", "movable" },
                  "SetZone Blocks=32-32,40-40 Zone=movable\n" },
                { { "set-zone", "32", "40-41", "kernel" },
                  "SetZone Blocks=32-32,40-41 Zone=kernel\n" },
                { { "set-zone", "--node", "1", "movable" }, "SetZone Node=1 Zone=movable\n" },
                { { "set-zone", "movable", "--size", "1G" },
                  "SetZone Size=1073741824 Zone=movable\n" },
                { { "set-zone", "--node", "1", "--movable", "75%" },
                  "SetZone Node=1 MovablePercent=75\n" },
                { { "set-zone", "--node", "1", "--movable=0%" },
                  "SetZone Node=1 MovablePercent=0\n" },
                { { "set-zone", "--node", "1", "--movable=101%" },
                  "SetZone Node=1 MovablePercent=101\n" },
                { { "set-zone", "--node", "1", "--movable", "48G" },
                  "SetZone Node=1 MovableBytes=51539607552\n" },
                { { "set-zone", "--node", "1", "--movable", "1.5G" },
                  "SetZone Node=1 MovableBytes=1610612736\n" },
                { { "set-zone", "--node", "1", "--movable", "0B" },
                  "SetZone Node=1 MovableBytes=0\n" },
                { { "set-zone", "--node", "1", "--movable", "51539607552B" },
                  "SetZone Node=1 MovableBytes=51539607552\n" },
        };
        char path[PATH_MAX];

        start_script("calm", "early done");
        in_folder("log", path);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *const *a = cases[i].arguments;

                unlink(path);
                RUN("--no-wait", a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
                ck_assert_str_eq(output.err, "");
                ck_assert_int_eq(output.exit_code, 0);
                expect_log(cases[i].log);
        }
}
END_TEST

START_TEST(addresses_are_those_of_whole_blocks)
{
        static const char *const verbs[] = { "online", "offline" };
        char path[PATH_MAX];

        start_script("calm", "early done");
        in_folder("log", path);
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                RUN("--no-wait", verbs[i], "32,0x100000000-0x103ffffff");
                expect(2, "",
                       "memoryctl: bad BLOCKS '0x0000000100000000-0x0000000103ffffff', expected "
                       "addresses of whole blocks of 128M\n" TRY);
        }
        /* Nothing has been asked for. */
        ck_assert_int_lt(access(path, F_OK), 0);
}
END_TEST

/* None of these gets as far as the bus. */
START_TEST(contradictions_are_named)
{
        static const struct {
                const char *arguments[6];
                const char *err;
        } cases[] = {
                { { "online" }, "'online' needs BLOCKS, --node, --device or --size" },
                { { "offline", "--force" }, "'offline' needs BLOCKS, --node, --device or --size" },
                { { "set-zone" }, "'set-zone' needs a zone, movable or kernel, or --movable" },
                { { "set-zone", "movable" },
                  "'set-zone' needs BLOCKS, --node, --device or --size" },
                { { "set-zone", "--movable=5%" }, "'set-zone' needs --node with --movable" },
                { { "set-zone", "32" },
                  "the last argument of 'set-zone': expected movable or kernel, got '32'" },
                { { "set-zone", "32", "none" },
                  "the last argument of 'set-zone': expected movable or kernel, got 'none'" },
                { { "set-zone", "kernel", "32" },
                  "the last argument of 'set-zone': expected movable or kernel, got '32'" },
                { { "set-zone", "--node=1", "--movable=5%", "kernel" },
                  "--movable and 'kernel' exclude each other" },
                { { "set-zone", "--device=x", "--movable=5%" },
                  "--movable and --device exclude each other" },
                { { "set-zone", "32", "--movable=5%" }, "--movable and BLOCKS exclude each other" },
                { { "set-zone", "--node=1", "--size=1G", "--movable=5%" },
                  "--movable and --size exclude each other" },
                { { "set-zone", "--size=1G", "--movable=5%" },
                  "--movable and --size exclude each other" },
                { { "offline", "32", "--node=1" }, "BLOCKS and --node exclude each other" },
                { { "offline", "32", "--device=x" }, "BLOCKS and --device exclude each other" },
                { { "offline", "32", "--size=1G" }, "BLOCKS and --size exclude each other" },
                { { "offline", "--device=x", "--node=1" },
                  "--node and --device exclude each other" },
                { { "offline", "--node=" }, "--node: expected the number of a node, got ''" },
                { { "offline", "--node=node1" },
                  "--node: expected the number of a node, got 'node1'" },
                { { "offline", "--node=-1" }, "--node: expected the number of a node, got '-1'" },
                { { "offline", "--device=" }, "--device: expected the name of a device, got ''" },
                { { "offline", "--device=a\xff\033[2Jb" },
                  "--device: expected the name of a device, got 'a??[2Jb'" },
                { { "offline", "--size=big" },
                  "--size: expected a size such as 4G or 1.5G, got 'big'" },
                { { "offline", "--size=-1" },
                  "--size: expected a size such as 4G or 1.5G, got '-1'" },
                { { "online", "1", "--zone=none" },
                  "--zone: expected movable or kernel, got 'none'" },
                { { "online", "1", "--zone=Movable" },
                  "--zone: expected movable or kernel, got 'Movable'" },
                { { "set-zone", "--node=1", "--movable=%" },
                  "--movable: expected a percentage such as 75% or a size such as 4G, got '%'" },
                { { "set-zone", "--node=1", "--movable=7.5%" },
                  "--movable: expected a percentage such as 75% or a size such as 4G, got '7.5%'" },
                { { "set-zone", "--node=1", "--movable=" },
                  "--movable: expected a percentage such as 75% or a size such as 4G, got ''" },
                { { "set-zone", "--node=1", "--movable=75" },
                  "--movable: '75' is not clear, use 75% for that percentage of the node's memory, "
                  "or 75G for that size" },
                { { "set-zone", "--node=1", "--movable=0" },
                  "--movable: '0' is not clear, use 0% for that percentage of the node's memory, "
                  "or "
                  "0G for that size" },
                { { "set-zone", "--node=1", "--movable=100" },
                  "--movable: '100' is not clear, use 100% for that percentage of the node's "
                  "memory, or 100G for that size" },
                { { "set-zone", "--node=1", "--movable=101" },
                  "--movable: '101' is not clear, expected a percentage such as 75% or a size such "
                  "as 4G; 101B is that many bytes" },
                { { "set-zone", "--node=1", "--movable=99999999999999999999" },
                  "--movable: '99999999999999999999' is not clear, expected a percentage such as "
                  "75% or a size such as 4G; 99999999999999999999B is that many bytes" },
                { { "set-zone", "--node=1", "--movable=1.5" },
                  "--movable: expected a percentage such as 75% or a size such as 4G, got '1.5'" },
                { { "set-zone", "--node=1", "--movable=0.1G" },
                  "--movable: '0.1G' is not a whole number of bytes, expected a percentage such as "
                  "75% or a size such as 4G" },
                { { "offline", "--size=0.1G" },
                  "--size: '0.1G' is not a whole number of bytes, expected a size such as 4G or "
                  "1.5G" },
                { { "offline", "--size=1.5" },
                  "--size: expected a size such as 4G or 1.5G, got '1.5'" },
                { { "offline", "--size=16E" },
                  "--size: expected a size such as 4G or 1.5G, got '16E'" },
                { { "offline", "1", "--timeout=0" },
                  "--timeout: expected a time such as 90s or 5min, got '0'" },
                { { "offline", "1", "--timeout=soon" },
                  "--timeout: expected a time such as 90s or 5min, got 'soon'" },
                { { "offline", "1", "--zone=kernel" },
                  "option '--zone' has no meaning for 'offline'" },
                { { "set-zone", "1", "kernel", "--zone=kernel" },
                  "option '--zone' has no meaning for 'set-zone'" },
                { { "online", "1", "--movable=5%" },
                  "option '--movable' has no meaning for 'online'" },
                { { "online", "1", "-n" }, "option '--noheadings' has no meaning for 'online'" },
                { { "list", "--node=1" }, "option '--node' has no meaning for 'list'" },
                { { "jobs", "--force" }, "option '--force' has no meaning for 'jobs'" },
                { { "cancel", "3", "--no-wait" },
                  "option '--no-wait' has no meaning for 'cancel'" },
                { { "jobs", "3" }, "'jobs' takes no arguments, got '3'" },
                { { "cancel" }, "'cancel' needs the number of a job" },
                { { "cancel", "3", "x" }, "'x': expected the number of a job, or its path" },
                { { "cancel", "0" }, "'0': expected the number of a job, or its path" },
                { { "cancel", "/org/memoryd1/job/" },
                  "'/org/memoryd1/job/': expected the number of a job, or its path" },
                { { "cancel", "/org/memoryd1/node/1" },
                  "'/org/memoryd1/node/1': expected the number of a job, or its path" },
                { { "reload", "--all" }, "option '--all' has no meaning for 'reload'" },
                { { "verify", "-n" }, "option '--noheadings' has no meaning for 'verify'" },
                { { "monitor", "1" }, "'monitor' takes no arguments, got '1'" },
                { { "offline", "--no", "1" },
                  "option '--no' is ambiguous: --noheadings, --no-legend, --node, --no-wait, "
                  "--no-pager, --no-ask-password" },
                { { "offline", "-s/", "1" },
                  "'offline' has to ask memoryd: it cannot be used with --sysroot" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *const *a = cases[i].arguments;
                char err[320];

                RUN(a[0], a[1], a[2], a[3], a[4], a[5]);
                snprintf(err, sizeof(err), "memoryctl: %s\n" TRY, cases[i].err);
                expect(2, "", err);
        }
}
END_TEST

START_TEST(bad_blocks_are_named_as_by_list)
{
        RUN("offline", "32", "node33");
        expect(2, "",
               "memoryctl: bad BLOCKS 'node33' in 'node33', expected a number, a name such as "
               "memory32, a range such as 32-39, several such as 32-39,45, or addresses as in the "
               "column RANGE\n" TRY);
}
END_TEST

START_TEST(the_exit_code_tells_all_some_or_nothing)
{
        static const struct {
                const char *script;
                int exit_code;
                const char *text;
                const char *failures;
        } cases[] = {
                { "32 33 done", 0, "The job ended done with 2 of 2 blocks", "" },
                { "32 !33 partly", 64, "The job ended partly with 1 of 2 blocks",
                  "  memory33: EBUSY: pages of it could not be moved\n" },
                { "!32 !33 failed", 1, "The job ended failed with 0 of 2 blocks",
                  "  blocks 32-33: EBUSY: pages of it could not be moved\n"
                  "  Free the slab.\n"
                  "  End what pins?pages.\n" },
                { "!32 !35 !34 !40 failed", 1, "The job ended failed with 0 of 4 blocks",
                  "  blocks 32,34-35,40: EBUSY: pages of it could not be moved\n" },
                { "32 undone failed", 1, "The job ended failed with 1 of 1 blocks", "" },
                { "32 cancelled", 64, "The job ended cancelled with 1 of 1 blocks", "" },
                { "32 undone cancelled", 1, "The job ended cancelled with 1 of 1 blocks", "" },
                { "cancelled", 1, "The job ended cancelled with 0 of 0 blocks", "" },
                { "32 timed-out", 64, "The job ended timed-out with 1 of 1 blocks", "" },
                { "!32 timed-out", 1, "The job ended timed-out with 0 of 1 blocks",
                  "  memory32: EBUSY: pages of it could not be moved\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char script[64], line[256];

                /* Once as it goes, once before the call is replied to. */
                for (int early = 0; early < 2; early++) {
                        snprintf(script, sizeof(script), "%s%s", early ? "early " : "",
                                 cases[i].script);
                        start_script("calm", script);
                        RUN("offline", "32-33");
                        ck_assert_msg(output.exit_code == cases[i].exit_code, "'%s' exits with %d",
                                      script, output.exit_code);
                        if (cases[i].exit_code == 0) {
                                snprintf(line, sizeof(line), "%s\n", cases[i].text);
                                ck_assert_ptr_nonnull(strstr(output.out, line));
                                ck_assert_str_eq(output.err, "");
                        } else {
                                snprintf(line, sizeof(line), "memoryctl: %s\n%s", cases[i].text,
                                         cases[i].failures);
                                ck_assert_str_eq(output.err, line);
                        }
                        if (early)
                                ck_assert_ptr_null(strstr(output.out, "job 8"));
                        end_mock();
                        end_bus();
                        stop();
                        start_bus();
                }
        }
}
END_TEST

static unsigned long now_msec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (unsigned long) now.tv_sec * 1000 + (unsigned long) now.tv_nsec / 1000000;
}

START_TEST(a_pipe_gets_lines_once_in_a_second_and_each_failure_once)
{
        unsigned long start_msec = now_msec();

        ck_assert_int_eq(setenv("MOCK_EVENTS", "go", true), 0);
        start_script("calm", "wait 32 33 !34 35 !33 37 38 !35 partly");
        launch(ARGUMENTS("offline", "--node", "1"));
        wait_for_output("job 8: offline Node=1, 8 blocks, 1G\n"
                        "job 8: 0 of 8 blocks, 0%, 0B of 1G\n");
        ck_assert_int_eq(kill(mock_pid, SIGUSR1), 0);
        finish();
        ck_assert_uint_eq(count(output.out, "EBUSY"), 0);
        ck_assert_uint_le(count(output.out, " of 8 blocks,"), 1 + (now_msec() - start_msec) / 1000);
        ck_assert_str_eq(output.err, "memoryctl: The job ended partly with 5 of 8 blocks\n"
                                     "  blocks 33-35: EBUSY: pages of it could not be moved\n");
        ck_assert_int_eq(output.exit_code, 64);
}
END_TEST

START_TEST(lines_go_on_while_the_job_does)
{
        ck_assert_int_eq(setenv("MOCK_EVENTS", "go", true), 0);
        start_script("calm", "32 wait !33 undone done");
        launch(ARGUMENTS("set-zone", "--node", "1", "movable"));
        wait_for_output("job 8: 1 of 2 blocks, 50%, 128M of 256M");
        ck_assert_int_eq(kill(mock_pid, SIGUSR1), 0);
        finish();
        ck_assert_int_eq(output.exit_code, 0);
}
END_TEST

START_TEST(the_report_can_be_json)
{
        json_object *report;

        start_script("calm", "32 33 !34 partly");
        RUN("offline", "--json", "32-34");
        ck_assert_int_eq(output.exit_code, 64);
        ck_assert_str_eq(output.err, "");
        report = json_tokener_parse(output.out);
        expect_json_equal(
                report, "{\"job\": 8, \"kind\": \"offline\", \"target\": \"Blocks=32-34\","
                        " \"zone\": null, \"result\": \"partly\", \"total_blocks\": 3,"
                        " \"done_blocks\": 2, \"failed_blocks\": 1, \"undone_blocks\": 0,"
                        " \"message\": \"The job ended partly with 2 of 3 blocks\","
                        " \"done\": [{\"first\": 32, \"last\": 32}, {\"first\": 33, \"last\": 33}],"
                        " \"advice\": [],"
                        " \"failures\": [{\"block\": 34, \"error\": \"EBUSY\","
                        " \"message\": \"pages of it could not be moved\"}]}");
        json_object_put(report);
}
END_TEST

START_TEST(without_waiting_the_job_is_named)
{
        json_object *job;

        start_script("calm", "wait 32 done");
        RUN("online", "32", "--no-wait");
        expect(0, "job 8\n", "");
        end_mock();
        stop();

        start_bus();
        start_script("calm", "early 32 done");
        RUN("online", "32", "--no-wait", "-J");
        job = expect_json();
        expect_json_equal(job, "{\"job\": 8, \"path\": \"/org/memoryd1/job/8\"}");
        json_object_put(job);
}
END_TEST

START_TEST(a_quiet_job_prints_failures_alone)
{
        static const struct {
                const char *script;
                const char *option;
                int exit_code;
                const char *err;
        } cases[] = {
                { "32 33 done", "-q", 0, "" },
                { "early 32 33 done", "--no-wait", 0, "" },
                { "32 !33 partly", "-q", 64,
                  "memoryctl: The job ended partly with 1 of 2 blocks\n"
                  "  memory33: EBUSY: pages of it could not be moved\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                start_script("calm", cases[i].script);
                RUN("offline", "--quiet", cases[i].option, "32-33");
                expect(cases[i].exit_code, "", cases[i].err);
                end_mock();
                end_bus();
                stop();
                start_bus();
        }
}
END_TEST

START_TEST(a_refusal_is_the_sentence_of_memoryd)
{
        ck_assert_int_eq(
                setenv("MOCK_REFUSE", "BlocksBusy memory32 is part of /org/memoryd1/job/3", true),
                0);
        start_script("calm", "done");
        RUN("offline", "32");
        expect(1, "", "memoryctl: memory32 is part of /org/memoryd1/job/3\n");
        RUN("offline", "32", "-J", "--no-wait");
        expect(1, "", "memoryctl: memory32 is part of /org/memoryd1/job/3\n");
}
END_TEST

static void preview(const char *text)
{
        ck_assert_int_eq(setenv("MOCK_PREVIEW", text, true), 0);
}

/* Without a terminal: a script must not hang. The mock's machine has 1G. */
START_TEST(a_change_says_what_it_will_do)
{
        static const struct {
                const char *preview, *out;
        } cases[] = {
                { "1 movable none 47 16 12", "Takes block 47 of node 1 offline: 1 movable block, "
                                             "128M, 6% of the node's memory, "
                                             "8% of its movable memory.\n" },
                { "1 kernel none 32 400 12",
                  "Takes block 32 of node 1 offline: 1 kernel block, 128M, less than 1% of the "
                  "node's memory.\n" },
                { "1 movable none 40-44,47 16 12",
                  "Takes blocks 40-44,47 of node 1 offline: 6 movable blocks, 768M, 37% of the "
                  "node's memory, 50% of its movable memory.\n" },
                { "1 movable none 40-45,47 16 12",
                  "Takes blocks 40-45,47 of node 1 offline: 7 movable blocks, 896M, 43% of the "
                  "node's memory, 58% of its movable memory.\n"
                  "This is more than half of the movable memory of node 1.\n" },
                { "1 movable none 32,34,36,38,40 16 12",
                  "Takes 5 blocks of node 1 offline: 5 movable blocks, 640M, 31% of the node's "
                  "memory, 41% of its movable memory.\n" },
                { "1 none movable 40-47 16 0",
                  "Brings blocks 40-47 of node 1 online: 8 movable blocks, 1G, 50% of the node's "
                  "memory.\n" },
                { "1 none kernel 40-47 8 0",
                  "Brings blocks 40-47 of node 1 online: 8 kernel blocks, 1G, 100% of the node's "
                  "memory.\n" },
                { "1 kernel movable 34-35 16 8",
                  "Makes blocks 34-35 of node 1 movable: 2 kernel blocks, 256M, 12% of the node's "
                  "memory.\n" },
                { "1 movable kernel 34 16 8",
                  "Makes block 34 of node 1 kernel memory: 1 movable block, 128M, 6% of the node's "
                  "memory, 12% of its movable memory.\n"
                  "Movable memory that becomes kernel memory can usually not be made movable "
                  "again.\n" },
                { "-1 kernel none 32-33 0 0",
                  "Takes blocks 32-33 offline: 2 kernel blocks, 256M.\n" },
                { "0 kernel none 3 4 1\n0 movable none 4 4 1\n1 movable none 5 4 3",
                  "Takes block 3 of node 0 offline: 1 kernel block, 128M, 25% of the node's "
                  "memory.\n"
                  "Takes block 4 of node 0 offline: 1 movable block, 128M, 25% of the node's "
                  "memory, 100% of its movable memory.\n"
                  "Takes block 5 of node 1 offline: 1 movable block, 128M, 25% of the node's "
                  "memory, 33% of its movable memory.\n"
                  "In all, 3 blocks, 384M, 37% of the machine's memory.\n"
                  "This is more than half of the movable memory of node 0.\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char out[1024];

                preview(cases[i].preview);
                start_script("calm", "early done");
                RUN("offline", "32");
                snprintf(out, sizeof(out), "%sThe job ended done with 0 of 0 blocks\n",
                         cases[i].out);
                expect(0, out, "");
                end_mock();
        }
}
END_TEST

START_TEST(a_script_gets_the_job_or_json_alone)
{
        preview("1 movable none 40-47 16 8");
        start_script("calm", "early done");
        RUN("offline", "--no-wait", "--node", "1");
        expect(0, "job 8\n", "");
        RUN("offline", "-q", "--node", "1");
        expect(0, "", "");
        RUN("offline", "-J", "--node", "1");
        json_object_put(expect_json());
        RUN("set-zone", "--node", "1", "--no-wait", "kernel");
        expect(0, "job 11\n", "");
        expect_log("Preview offline Node=1\nOffline Node=1\n"
                   "Preview offline Node=1\nOffline Node=1\n"
                   "Preview offline Node=1\nOffline Node=1\n"
                   "Preview set-zone Node=1 Zone=kernel\nSetZone Node=1 Zone=kernel\n");
}
END_TEST

START_TEST(a_refusal_names_force_if_that_would_help_and_what_it_risks)
{
        static const struct {
                const char *name, *risk;
        } cases[] = {
                { "BootMemory",
                  "much of such memory usually cannot be moved, so that it takes long, "
                  "slows the machine down meanwhile, and may fail" },
                { "LastKernelMemory",
                  "the kernel then has to take memory of other nodes for what cannot be moved, "
                  "which is slower, and may find none" },
                { "BelowGuards", "kernel memory may run out while movable memory is free, and "
                                 "programs may be killed" },
                { "NotEnoughBlocks",
                  "this takes memory that was there at boot, which may fail, or that the guards "
                  "keep, so that kernel memory may run out" },
                { "InvalidRequest",
                  "the state of the device then is not that of all of its blocks, "
                  "and programs that go by it, such as daxctl, may fail" },
        };
        char text[256], err[512];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                snprintf(text, sizeof(text), "!%s the reason\n0 kernel none 0 8 0", cases[i].name);
                preview(text);
                start_script("calm", "early done");
                RUN("offline", "32");
                snprintf(err, sizeof(err),
                         "memoryctl: the reason\n"
                         "With --force this is done all the same. The risk: %s.\n",
                         cases[i].risk);
                expect(1, "", err);
                /* With it, it is done. */
                RUN("offline", "32", "--force", "--no-wait");
                expect(0, "job 8\n", "");
                end_mock();

                /* It would not help. */
                snprintf(text, sizeof(text), "!%s the reason", cases[i].name);
                preview(text);
                start_script("calm", "early done");
                RUN("offline", "32");
                expect(1, "", "memoryctl: the reason\n");
                RUN("offline", "32", "--force");
                expect(1, "", "memoryctl: the reason\n");
                end_mock();
        }
        /* What is not there is not made by force, whatever memoryd says. */
        preview("!NoSuchBlock there is no memory32\n0 kernel none 0 8 0");
        start_script("calm", "early done");
        RUN("offline", "32");
        expect(1, "", "memoryctl: there is no memory32\n");
}
END_TEST

START_TEST(who_may_not_is_denied)
{
        static const char *const verbs[] = { "online", "offline" };

        start_script("denying", "done");
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                RUN(verbs[i], "32");
                expect(1, "", "memoryctl: access denied by memoryd or polkit: Permission denied\n");
                RUN("--no-ask-password", verbs[i], "32");
                expect(1, "",
                       "memoryctl: access denied by memoryd or polkit: "
                       "Interactive authentication required.\n");
        }
}
END_TEST

START_TEST(an_interrupt_cancels_and_waits)
{
        static const int signals[] = { SIGINT, SIGTERM };

        start_script("calm", "wait 32 cancelled");
        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                pid_t pid = launch(ARGUMENTS("offline", "32"));

                wait_for_output("0 of 1 blocks");
                ck_assert_int_eq(kill(pid, signals[i]), 0);
                finish();
                ck_assert_str_eq(output.err,
                                 "memoryctl: The job ended cancelled with 1 of 1 blocks\n");
                ck_assert_int_eq(output.exit_code, 64);
        }
        expect_log("Offline Blocks=32-32\nCancel 8\nOffline Blocks=32-32\nCancel 9\n");
}
END_TEST

START_TEST(a_second_interrupt_leaves)
{
        pid_t pid;

        start_script("calm", "wait wait 32 done");
        pid = launch(ARGUMENTS("offline", "32"));
        wait_for_output("0 of 1 blocks");
        ck_assert_int_eq(kill(pid, SIGINT), 0);
        wait_for_file("log", "Cancel 8\n");
        ck_assert_int_eq(kill(pid, SIGINT), 0);
        finish();
        ck_assert_str_eq(output.err, "memoryctl: job 8 goes on\n");
        ck_assert_int_eq(output.exit_code, 1);
        expect_log("Offline Blocks=32-32\nCancel 8\n");
}
END_TEST

START_TEST(a_job_that_cannot_be_cancelled_is_waited_for)
{
        pid_t pid;

        ck_assert_int_eq(setenv("MOCK_EVENTS", "go", true), 0);
        start_script("calm", "keep wait 32 done");
        pid = launch(ARGUMENTS("offline", "32"));
        wait_for_output("0 of 1 blocks");
        ck_assert_int_eq(kill(pid, SIGINT), 0);
        wait_for_file("log", "Cancel 8\n");
        ck_assert_int_eq(kill(mock_pid, SIGUSR1), 0);
        finish();
        ck_assert_str_eq(output.err,
                         "memoryctl: access denied by memoryd or polkit: Permission denied\n");
        ck_assert_int_eq(output.exit_code, 0);
}
END_TEST

START_TEST(the_end_of_memoryd_ends_the_waiting)
{
        start_script("calm", "wait");
        launch(ARGUMENTS("offline", "32"));
        wait_for_file("log", "Offline");
        /* The job has been told of nowhere yet: it has no blocks. */
        end_mock();
        finish();
        ck_assert_int_eq(output.exit_code, 1);
        ck_assert(count(output.err, "memoryctl: memoryd ") == 1);

        start_script("calm", "wait 32");
        launch(ARGUMENTS("offline", "32"));
        wait_for_output("0 of 1 blocks");
        end_mock();
        finish();
        ck_assert_str_eq(output.err, "memoryctl: memoryd went away, and job 8 with it\n");
        ck_assert_int_eq(output.exit_code, 1);
}
END_TEST

START_TEST(the_end_of_memoryd_before_its_reply_is_a_failure)
{
        start_script("calm", "early die");
        RUN("offline", "32");
        ck_assert_int_eq(output.exit_code, 1);
        ck_assert_str_eq(output.out, "");
        ck_assert_ptr_nonnull(strstr(output.err, "memoryctl: memoryd does not answer: "));
}
END_TEST

START_TEST(the_end_of_the_bus_ends_the_waiting)
{
        start_script("calm", "wait 32");
        launch(ARGUMENTS("offline", "32"));
        wait_for_output("0 of 1 blocks");
        end_bus();
        finish();
        ck_assert_str_eq(output.err, "memoryctl: lost the connection to the bus; job 8 goes on\n");
        ck_assert_int_eq(output.exit_code, 1);
}
END_TEST

/* A terminal of that width with memoryctl in it; what appears there goes to the global output. */
typedef struct Terminal {
        int fd;
        pid_t pid;
        size_t used;
} Terminal;

static Terminal terminal_open(unsigned short width, uid_t uid, const char *const *arguments)
{
        struct winsize size = { .ws_row = 24, .ws_col = width };
        /* Another user may not be able to come near it by its path. */
        int program = open(environment("MEMORYCTL", "./memoryctl"), O_RDONLY | O_CLOEXEC);
        Terminal terminal = {};

        ck_assert_int_ge(program, 0);
        terminal.pid = forkpty(&terminal.fd, NULL, NULL, &size);
        ck_assert_int_ge(terminal.pid, 0);
        if (terminal.pid == 0) {
                if (uid != 0 && (setgid(uid) < 0 || setuid(uid) < 0))
                        _exit(126);
                fexecve(program, (char *const *) arguments, environ);
                _exit(127);
        }
        close(program);
        return terminal;
}

/* Reads until a text has appeared, or with NULL until the end. */
static void terminal_read(Terminal *terminal, const char *text)
{
        struct pollfd readable = { .fd = terminal->fd, .events = POLLIN };

        do {
                ssize_t n;

                output.out[terminal->used] = '\0';
                if (text && strstr(output.out, text))
                        return;
                ck_assert_msg(poll(&readable, 1, 60000) == 1, "no '%s' in: %s", text ?: "end",
                              output.out);
                n = read(terminal->fd, output.out + terminal->used,
                         OUTPUT_MAX - terminal->used - 1);
                if (n <= 0) { /* EIO: all its other ends are closed */
                        ck_assert_msg(!text, "no '%s' in: %s", text, output.out);
                        return;
                }
                terminal->used += (size_t) n;
        } while (true);
}

static void terminal_close(Terminal *terminal)
{
        int status;

        terminal_read(terminal, NULL);
        ck_assert_int_eq(waitpid(terminal->pid, &status, 0), terminal->pid);
        output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        close(terminal->fd);
}

START_TEST(a_terminal_gets_a_bar_that_goes_away)
{
        static const char bar[] = "\r[..................................................]"
                                  " 0 of 4 blocks, 0%, 0B of 512M";
        static const char end[] = "\rmemoryctl: The job ended cancelled with 3 of 4 blocks\r\n"
                                  "  memory34: EBUSY: pages of it could not be moved\r\n";
        Terminal terminal;

        start_script("calm", "wait 32 33 !34 35 cancelled");
        terminal = terminal_open(100, 0, ARGUMENTS("offline", "32-35"));
        terminal_read(&terminal, bar);
        ck_assert_int_eq(write(terminal.fd, "\003", 1), 1); /* Ctrl-C */
        terminal_close(&terminal);
        ck_assert_int_eq(output.exit_code, 64);
        ck_assert_msg(strlen(output.out) > strlen(end) &&
                              strcmp(output.out + strlen(output.out) - strlen(end), end) == 0,
                      "%s", output.out);
        /* Blanks as long as the bar, in front of the end. */
        ck_assert_int_eq(output.out[strlen(output.out) - strlen(end) - 1], ' ');
        expect_log("Offline Blocks=32-35\nCancel 8\n");
}
END_TEST

#define FOR_GOOD                                                                                   \
        "Movable memory that becomes kernel memory can usually not be made movable again.\r\n"
#define MOST "This is more than half of the movable memory of node 1.\r\n"

START_TEST(a_terminal_is_asked_about_what_takes_most_or_is_for_good)
{
        static const struct {
                const char *preview, *answer;
                const char *concerns; /* NULL: nothing is asked */
                bool is_done;
        } cases[] = {
                { "1 movable none 40-43 16 8", NULL, NULL, true },
                { "1 movable none 40-44 16 8", "y\n", MOST, true },
                { "1 movable none 40-44 16 8", "YES\n", MOST, true },
                { "1 movable none 40-44 16 8", "n\n", MOST, false },
                { "1 movable none 40-44 16 8", "\n", MOST, false },
                { "1 movable none 40-44 16 8", "yesterday\n", MOST, false },
                { "1 movable none 40-44 16 8", "\004", MOST, false }, /* Ctrl-D */
                { "1 movable kernel 40 16 8", "n\n", FOR_GOOD, false },
                { "1 movable kernel 40 16 8", "y\n", FOR_GOOD, true },
                { "1 movable kernel 40-44 16 8", "n\n", MOST FOR_GOOD, false },
                { "1 kernel movable 40-44 16 8", NULL, NULL, true },
                { "1 kernel none 32-39 16 8", NULL, NULL, true },
                { "1 none kernel 32-39 16 0", NULL, NULL, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Terminal terminal;
                char path[PATH_MAX];

                preview(cases[i].preview);
                start_script("calm", "early done");
                in_folder("log", path);
                unlink(path);
                terminal = terminal_open(80, 0, ARGUMENTS("offline", "--node", "1"));
                if (cases[i].concerns) {
                        terminal_read(&terminal, "Go on? [y/N] ");
                        ck_assert_ptr_nonnull(strstr(output.out, cases[i].concerns));
                        expect_log("Preview offline Node=1\n");
                        ck_assert_int_gt(
                                write(terminal.fd, cases[i].answer, strlen(cases[i].answer)), 0);
                }
                terminal_close(&terminal);
                ck_assert_msg(!strstr(output.out, "Go on?") == !cases[i].concerns, "%s",
                              output.out);
                ck_assert_msg(output.exit_code == !cases[i].is_done, "%s", output.out);
                expect_log(cases[i].is_done ? "Preview offline Node=1\nOffline Node=1\n" :
                                              "Preview offline Node=1\n");
                ck_assert(!strstr(output.out, "memoryctl: nothing was changed") ==
                          cases[i].is_done);
                end_mock();
        }
}
END_TEST

START_TEST(yes_answers_and_a_terminal_is_asked_in_every_form)
{
        static const char *const options[] = { "--no-wait", "-J", "-q" };

        preview("1 movable kernel 40 16 8");
        start_script("calm", "early done");
        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                Terminal terminal =
                        terminal_open(80, 0, ARGUMENTS("set-zone", "40", "kernel", options[i]));

                terminal_read(&terminal, "Go on? [y/N] ");
                ck_assert_int_eq(write(terminal.fd, "n\n", 2), 2);
                terminal_close(&terminal);
                ck_assert_int_eq(output.exit_code, 1);

                terminal = terminal_open(
                        80, 0, ARGUMENTS("set-zone", "40", "kernel", "--yes", options[i]));
                terminal_close(&terminal);
                ck_assert_ptr_null(strstr(output.out, "Go on?"));
                ck_assert_msg(output.exit_code == 0, "%s", output.out);
        }
}
END_TEST

START_TEST(the_bar_moves_and_fits_the_width)
{
        unsigned long start_msec = now_msec();
        Terminal terminal;
        char *rest;

        /* Twice it waits until a bar tells that, however late. */
        ck_assert_int_eq(setenv("MOCK_TICK_MSEC", "20", true), 0);
        ck_assert_int_eq(setenv("MOCK_EVENTS", "go go go", true), 0);
        start_script("calm", "wait 32 33 34 wait !35 36 wait 37 38 39 done");
        terminal = terminal_open(60, 0, ARGUMENTS("offline", "32-39"));
        terminal_read(&terminal, "] 0 of 8 blocks,");
        ck_assert_int_eq(kill(mock_pid, SIGUSR1), 0);
        terminal_read(&terminal, "] 3 of 8 blocks,");
        ck_assert_int_eq(kill(mock_pid, SIGUSR1), 0);
        terminal_read(&terminal, ", 1 failed");
        ck_assert_int_eq(kill(mock_pid, SIGUSR1), 0);
        terminal_close(&terminal);
        ck_assert_int_eq(output.exit_code, 0);
        ck_assert_ptr_nonnull(strstr(output.out, "[##"));
        ck_assert_ptr_nonnull(strstr(output.out, "1 failed"));
        ck_assert_ptr_null(strstr(output.out, "job 8"));
        ck_assert_uint_ge(count(output.out, " of 8 blocks,"), 2);
        ck_assert_uint_le(count(output.out, " of 8 blocks,"), 1 + (now_msec() - start_msec) / 100);
        for (char *line = strtok_r(output.out, "\r\n", &rest); line;
             line = strtok_r(NULL, "\r\n", &rest))
                ck_assert_uint_lt(strlen(line), 60);
}
END_TEST

START_TEST(a_narrow_terminal_gets_the_text_alone)
{
        Terminal terminal;

        start_script("calm", "wait 32 33 done");
        terminal = terminal_open(20, 0, ARGUMENTS("offline", "32-33"));
        terminal_read(&terminal, "\r0 of 2 blocks, 0%, ");
        ck_assert_int_eq(write(terminal.fd, "\003", 1), 1);
        terminal_close(&terminal);
        ck_assert_ptr_null(strchr(output.out, '['));
        ck_assert_int_eq(output.exit_code, 0);
}
END_TEST

/* A caller who must enter a password. */
#define NOBODY 65534

/* Stands for polkit's: tells how it was called and who it is, that it is ready, and stays. */
static void write_agent(void)
{
        char script[PATH_MAX + 256];

        snprintf(script, sizeof(script),
                 "#!/bin/sh\necho \"$@\" $$ >'%s/agent'\neval \"exec $5>&-\"\nexec sleep 600\n",
                 folder);
        write_file("pkttyagent", 0755, script);
        ck_assert_int_eq(chmod(folder, 0777), 0);
        extend_path();
}

/* Returns whether there was an agent, which must have been for that process, and must have ended. */
static bool take_agent(pid_t process)
{
        char path[PATH_MAX];
        int subject, fd, pid;
        FILE *file;

        in_folder("agent", path);
        file = fopen(path, "re");
        if (!file)
                return false;
        ck_assert_int_eq(
                fscanf(file, "--process %d --fallback --notify-fd %d %d", &subject, &fd, &pid), 3);
        fclose(file);
        ck_assert_int_eq(subject, process);
        ck_assert_int_eq(kill(pid, 0), -1);
        ck_assert_int_eq(errno, ESRCH);
        ck_assert_int_eq(unlink(path), 0);
        return true;
}

START_TEST(polkit_asks_in_the_terminal_while_the_call_is_under_way)
{
        char config[PATH_MAX];
        const struct {
                const char *arguments[4];
                bool has_agent;
        } cases[] = {
                { { "memoryctl", "offline", "32" }, true },
                { { "memoryctl", "reload" }, true },
                { { "memoryctl", "rescan", "--all" }, true },
                { { "memoryctl", "cancel", "3" }, true },
                { { "memoryctl", "plan", "--config", config }, true },
                { { "memoryctl", "plan" }, false },
                { { "memoryctl", "offline", "32", "--no-ask-password" }, false },
                { { "memoryctl", "jobs" }, false },
        };

        write_file("draft", 0644, "zone = \"movable\";");
        in_folder("draft", config);
        write_agent();
        start_script("busy", "32 done");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *arguments[5] = {};
                Terminal terminal;

                memcpy(arguments, cases[i].arguments, sizeof(cases[i].arguments));
                terminal = terminal_open(80, geteuid() == 0 ? NOBODY : 0, arguments);
                terminal_close(&terminal);
                ck_assert_msg(output.exit_code == 0, "%s", output.out);
                ck_assert_msg(take_agent(terminal.pid) == cases[i].has_agent, "%s", arguments[1]);
        }
}
END_TEST

START_TEST(nobody_asks_without_a_terminal_or_for_another_machine)
{
        Terminal terminal;

        write_agent();
        write_file("ssh", 0755,
                   "#!/bin/sh\nexec systemd-stdio-bridge -p \"$DBUS_SYSTEM_BUS_ADDRESS\"\n");
        start_script("calm", "32 done");
        terminal = terminal_open(80, geteuid() == 0 ? NOBODY : 0,
                                 ARGUMENTS("-H", "elsewhere", "offline", "32"));
        terminal_close(&terminal);
        ck_assert_msg(output.exit_code == 0, "%s", output.out);
        ck_assert_ptr_nonnull(strstr(output.out, "The job ended done with 1 of 1 blocks"));
        ck_assert(!take_agent(terminal.pid));
        RUN("offline", "32");
        ck_assert_int_eq(output.exit_code, 0);
        ck_assert(!take_agent(0));
}
END_TEST

/* Ctrl-C goes to ssh as well. */
START_TEST(an_interrupt_cancels_on_another_machine)
{
        Terminal terminal;

        write_file("ssh", 0755,
                   "#!/bin/sh\nexec systemd-stdio-bridge -p \"$DBUS_SYSTEM_BUS_ADDRESS\"\n");
        extend_path();
        start_script("calm", "wait 32 cancelled");
        terminal = terminal_open(80, 0, ARGUMENTS("-H", "elsewhere", "offline", "32"));
        terminal_read(&terminal, " 0 of 1 blocks");
        ck_assert_int_eq(write(terminal.fd, "\003", 1), 1);
        terminal_close(&terminal);
        ck_assert_ptr_nonnull(
                strstr(output.out, "memoryctl: The job ended cancelled with 1 of 1 blocks\r\n"));
        ck_assert_int_eq(output.exit_code, 64);
        expect_log("Offline Blocks=32-32\nCancel 8\n");
}
END_TEST

START_TEST(jobs_are_a_table)
{
        start_script("busy", "done");
        RUN("jobs");
        expect(0,
               "ID KIND      STATE   DONE TOTAL FAILED TARGET USER\n"
               " 3 offline   running   12    32      1 node 1 root\n"
               " 4 rebalance queued     0     4      0 node 0 memoryd\n",
               "");
        RUN("jobs", "-n", "-o", "id,zone,path,uid");
        expect_rows(" 3        /org/memoryd1/job/3   0\n"
                    " 4 kernel /org/memoryd1/job/4 \n");
}
END_TEST

START_TEST(jobs_can_be_json)
{
        json_object *jobs;

        start_script("busy", "done");
        RUN("jobs", "-J", "-o", "+ZONE,PATH,UID");
        jobs = expect_json();
        expect_json_equal(jobs,
                          "{\"jobs\": [{\"id\": 3, \"kind\": \"offline\", \"state\": \"running\","
                          " \"done\": 12, \"total\": 32, \"failed\": 1, \"target\": \"node 1\","
                          " \"user\": \"root\", \"zone\": null,"
                          " \"path\": \"/org/memoryd1/job/3\", \"uid\": 0},"
                          " {\"id\": 4, \"kind\": \"rebalance\", \"state\": \"queued\","
                          " \"done\": 0, \"total\": 4, \"failed\": 0, \"target\": \"node 0\","
                          " \"user\": \"memoryd\", \"zone\": \"kernel\","
                          " \"path\": \"/org/memoryd1/job/4\", \"uid\": null}]}");
        json_object_put(jobs);
}
END_TEST

START_TEST(without_jobs_it_says_so)
{
        json_object *jobs;

        start_script("calm", "done");
        RUN("jobs");
        expect(0, "No jobs running.\n", "");
        RUN("jobs", "-n");
        expect_rows("");
        RUN("jobs", "-J");
        jobs = expect_json();
        expect_json_equal(jobs, "{\"jobs\": []}");
        json_object_put(jobs);
}
END_TEST

START_TEST(jobs_are_cancelled_one_by_one)
{
        start_script("busy", "done");
        RUN("cancel", "3");
        expect(0, "", "");
        RUN("cancel", "/org/memoryd1/job/3");
        expect(0, "", "");
        RUN("cancel", "4", "3", "99");
        expect(64, "",
               "memoryctl: job 4: access denied by memoryd or polkit: Permission denied\n"
               "memoryctl: there is no job 99\n");
        RUN("cancel", "99", "4");
        expect(1, "",
               "memoryctl: there is no job 99\n"
               "memoryctl: job 4: access denied by memoryd or polkit: Permission denied\n");
        expect_log("Cancel 3\nCancel 3\nCancel 4\nCancel 3\nCancel 4\n");
}
END_TEST

START_TEST(rescan_can_be_of_all)
{
        start_script("calm", "done");
        RUN("rescan");
        expect(0, "memoryd reads all blocks again.\n", "");
        RUN("rescan", "--all");
        expect(0,
               "memoryd reads all blocks again. It also decides on memory that was taken "
               "offline.\n",
               "");
        expect_log("Rescan\nRescanAll\n");
}
END_TEST

static void start_each(void)
{
        start_bus();
}

int main(void)
{
        Suite *suite = suite_create("memoryctl, jobs");
        const TTest *const with_bus[] = {
                what_is_asked_for_reaches_memoryd,
                addresses_are_those_of_whole_blocks,
                the_exit_code_tells_all_some_or_nothing,
                a_pipe_gets_lines_once_in_a_second_and_each_failure_once,
                lines_go_on_while_the_job_does,
                the_report_can_be_json,
                without_waiting_the_job_is_named,
                a_quiet_job_prints_failures_alone,
                a_refusal_is_the_sentence_of_memoryd,
                who_may_not_is_denied,
                an_interrupt_cancels_and_waits,
                a_second_interrupt_leaves,
                a_job_that_cannot_be_cancelled_is_waited_for,
                the_end_of_memoryd_ends_the_waiting,
                the_end_of_memoryd_before_its_reply_is_a_failure,
                the_end_of_the_bus_ends_the_waiting,
                a_change_says_what_it_will_do,
                a_script_gets_the_job_or_json_alone,
                a_refusal_names_force_if_that_would_help_and_what_it_risks,
                a_terminal_is_asked_about_what_takes_most_or_is_for_good,
                yes_answers_and_a_terminal_is_asked_in_every_form,
                a_terminal_gets_a_bar_that_goes_away,
                the_bar_moves_and_fits_the_width,
                a_narrow_terminal_gets_the_text_alone,
                polkit_asks_in_the_terminal_while_the_call_is_under_way,
                nobody_asks_without_a_terminal_or_for_another_machine,
                an_interrupt_cancels_on_another_machine,
                jobs_are_a_table,
                jobs_can_be_json,
                without_jobs_it_says_so,
                jobs_are_cancelled_one_by_one,
                rescan_can_be_of_all,
        };
        TCase *tcase = tcase_create("a bus for each");

        tcase_set_timeout(tcase, 600);
        tcase_add_checked_fixture(tcase, start_each, stop);
        for (size_t i = 0; i < ELEMENTSOF(with_bus); i++)
                tcase_add_test(tcase, with_bus[i]);
        suite_add_tcase(suite, tcase);
        ADD_CASE(suite, "no bus", NULL, contradictions_are_named, bad_blocks_are_named_as_by_list);
        return check_main(suite);
}
