/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "check_main.h"
#include "kernel/host.h"
#include "sysfs_fixture.h"

#include <signal.h>
#include <sys/utsname.h>
#include <time.h>

static SysfsFixture fixture;
static Machine machine;
static char *path_before;

static void set_up(void)
{
        sysfs_fixture_init(&fixture);
        machine_init(&machine);
        strcpy(machine.architecture, "from before");
        strcpy(machine.virtualization, "from before");
        path_before = strdup(getenv("PATH") ?: "");
}

static void tear_down(void)
{
        setenv("PATH", path_before, true);
        free(path_before);
        sysfs_fixture_done(&fixture);
}

static void find_out(void)
{
        HostQuestion question = host_ask();

        host_take(&question, &machine);
        ck_assert_int_lt(question.fd, 0);
}

static const struct {
        const char *uname;
        const char *virtualization;
        const char *architecture_read;
        const char *virtualization_read;
} recorded[] = {
        { "6.1.0-56-cloud-amd64 x86_64", "kvm", "x86-64", "kvm" },
        { "6.12.1 aarch64", "none", "arm64", "none" },
        { "s390x", "systemd-nspawn", "s390x", "systemd-nspawn" },
        { "6.12.1 pdp11", "", "", "" },
        { NULL, NULL, "", "" },
        { "6.12.1 x86_64 ", "two words", "x86-64", "" },

        /* uname -a, also without GNU/Linux at its end or with three names of the architecture */
        { "Linux host 4.15.0-13-generic #14-Ubuntu SMP Sat Mar 17 2018 s390x s390x s390x GNU/Linux",
          "zvm", "s390x", "zvm" },
        { "Linux sh4 6.1.0-56-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-1 x86_64 GNU/Linux", "",
          "x86-64", "" },
        { "Linux s390x 6.12.1 #1 SMP aarch64 Linux", "", "arm64", "" },
        { "Linux s390x 6.12.1 #1 SMP pdp11 GNU/Linux", "", "", "" },
        { "Linux s390x", "", "", "" },
        { "", "abcdefghijklmnopqrstuvw", "", "abcdefghijklmnopqrstuvw" },
        { "", "abcdefghijklmnopqrstuvwx", "", "" },
};

START_TEST(what_was_recorded_is_taken_if_it_makes_sense)
{
        host_set(&machine, recorded[_i].uname, recorded[_i].virtualization);
        ck_assert_str_eq(machine.architecture, recorded[_i].architecture_read);
        ck_assert_str_eq(machine.virtualization, recorded[_i].virtualization_read);
}
END_TEST

START_TEST(a_line_that_is_too_long_is_not_known)
{
        char line[UNAME_TEXT_MAX + 6];

        memset(line, '#', sizeof(line));
        strcpy(line + UNAME_TEXT_MAX - 7, " s390x");
        host_set(&machine, line, NULL);
        ck_assert_str_eq(machine.architecture, "s390x");
        strcpy(line + UNAME_TEXT_MAX - 7, "# s390x");
        host_set(&machine, line, NULL);
        ck_assert_str_eq(machine.architecture, "");
}
END_TEST

/* A systemd-detect-virt of the test's, or none if it does nothing. */
static void set_program(const char *script)
{
        const char *path = sysfs_fixture_path(&fixture, "bin/systemd-detect-virt");

        sysfs_fixture_write(&fixture, script, "bin/systemd-detect-virt");
        ck_assert_int_ge(chmod(path, *script ? 0755 : 0644), 0);
        setenv("PATH", sysfs_fixture_path(&fixture, "bin"), true);
}

static const struct {
        const char *script;
        const char *virtualization;
} programs[] = {
        { "#!/bin/sh\necho vmware\n", "vmware" },
        { "#!/bin/sh\necho none\nexit 1\n", "none" },
        { "#!/bin/sh\necho failed >&2\nexit 1\n", "" },
        { "#!/bin/sh\necho No such thing\n", "" },
        { "#!/bin/sh\nkill -TERM $$\necho blocked\n", "" },
        { "#!/bin/sh\nread line && echo there is input\n", "" },
        { "#!/bin/sh\nexec >&-\nexec /bin/sleep 100\n", "" },
        { "", "" },
};

START_TEST(the_running_system_is_asked)
{
        struct utsname name;
        sigset_t signals;

        /* As in a daemon that takes them from a descriptor: the program has its own. */
        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        ck_assert_int_eq(sigprocmask(SIG_BLOCK, &signals, NULL), 0);

        set_program(programs[_i].script);
        find_out();
        ck_assert_int_eq(uname(&name), 0);
        if (strcmp(name.machine, "x86_64") == 0)
                ck_assert_str_eq(machine.architecture, "x86-64");
        ck_assert_str_ne(machine.architecture, "from before");
        ck_assert_str_eq(machine.virtualization, programs[_i].virtualization);
}
END_TEST

/* To wait for the program would take longer than the test has. */
START_TEST(a_program_that_hangs_is_not_waited_for)
{
        struct timespec before, after;

        set_program("#!/bin/sh\nexec /bin/sleep 1000\n");
        clock_gettime(CLOCK_MONOTONIC, &before);
        find_out();
        clock_gettime(CLOCK_MONOTONIC, &after);
        ck_assert_int_ge(after.tv_sec - before.tv_sec, 1);
        ck_assert_str_eq(machine.virtualization, "");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("host");
        TCase *tests = tcase_create("host");

        tcase_add_checked_fixture(tests, set_up, tear_down);
        tcase_set_timeout(tests, 600);
        tcase_add_loop_test(tests, what_was_recorded_is_taken_if_it_makes_sense, 0,
                            ELEMENTSOF(recorded));
        tcase_add_test(tests, a_line_that_is_too_long_is_not_known);
        tcase_add_loop_test(tests, the_running_system_is_asked, 0, ELEMENTSOF(programs));
        tcase_add_test(tests, a_program_that_hangs_is_not_waited_for);
        suite_add_tcase(suite, tests);
        return check_main(suite);
}
