/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Whatever bytes names and files have, memoryd and memoryctl answer, and what they write can be printed. */

#include "base/names.h"
#include "check_main.h"
#include "ctl/memoryctl_fixture.h"
#include "daemon/answers.h"
#include "daemon/daemon_bus.h"
#include "daemon/daemon_fixture.h"
#include "daemon/text_fixture.h"
#include "kernel/sysfs.h"

#include <sys/stat.h>

/* Inputs. Each text has a number, and a block of its own. */

#define RULES_MAX 1000 /* memoryd's limit is a bit higher */
#define FIRST 32
#define SPAN 4 /* blocks that the range of a rule has at least */
#define BLOCK(i) (FIRST + SPAN * (i))
#define OWN ('a' - 1)

_Static_assert(BLOCK(OWN) == OWN_BLOCK, "the block of the text \"a\"");

static void put_udev_rules(void)
{
        char path[PATH_MAX], text[4 * TEXT_LENGTH_MAX];

        for (size_t i = 0; i < N_TEXTS; i++) {
                snprintf(path, sizeof(path), "root/etc/udev/rules.d/%04zu%s.rules", i,
                         text_without("/", any_text(i)));
                snprintf(text, sizeof(text),
                         "SUBSYSTEM==\"memory\", RUN+=\"chmem %s\"\n"
                         "SUBSYSTEM==\"memory\", ATTR{state}=\"online\"",
                         any_text(i));
                testbed_write(path, text);
        }
        testbed_write_bytes("root/etc/udev/rules.d/zero.rules", "a\0b", 3);
}

/* Formats the name of a rule: as it is in the file, or with an escape for each byte. */
static const char *format_name(size_t i, bool is_escaped, char name[static 4 * TEXT_LENGTH_MAX + 1])
{
        char *end = stpcpy(name, is_escaped ? "" : any_text(i));

        for (const char *p = any_text(i); is_escaped && *p; p++)
                end += sprintf(end, "\\x%02x", (unsigned char) *p);
        return name;
}

static bool is_ascii(const char *text)
{
        while (*text >= ' ' && *text <= '~')
                text++;
        return !*text;
}

/*
 * Writes a drop-in for each text, which has the text in its name. Those from `first` on have rules, as many as
 * there may be, named by the text: only where that is accepted, or also where it is refused.
 */
static void put_configuration(size_t first, bool is_refused)
{
        char path[PATH_MAX], text[8 * TEXT_LENGTH_MAX], name[4 * TEXT_LENGTH_MAX + 1];

        for (size_t i = 0; i < N_TEXTS; i++) {
                unsigned long long begin = BLOCK(i) * TESTBED_BLOCK_BYTES;
                bool is_named = is_refused || is_ascii(any_text(i));

                snprintf(path, sizeof(path), "memoryd.conf.d/%04zu%s.conf", i,
                         text_without("/", any_text(i)));
                snprintf(text, sizeof(text),
                         "# %s\nrules = ({ name = \"%zu-%s\"; address = \"0x%llx-0x%llx\"; zone = "
                         "\"movable\"; });\n%s",
                         text_without("\n", any_text(i)), i,
                         is_named ? format_name(i, !is_refused || i % 2 == 0, name) : "", begin,
                         begin + SPAN * TESTBED_BLOCK_BYTES - 1, is_refused ? any_text(i) : "");
                if (i < first || i >= first + RULES_MAX)
                        *strchr(text, '\n') = 0;
                daemon_set_config_file(path, text);
        }
}

/*
 * Writes /proc/iomem: a device for each text, but for each fourth, which is a DIMM. With no bytes to replace,
 * newlines in names end lines.
 */
static void put_iomem(const char *replaced)
{
        static char text[N_TEXTS * (2 * TEXT_LENGTH_MAX + 128)];
        static const char *const prefixes[] = { "", "", "virtio", "dax" };
        char *end =
                stpcpy(text, "00000000-01ffffff : System RAM\n  01000000-01ffffff : Kernel code\n");

        for (size_t i = 0; i < N_TEXTS; i++) {
                unsigned long long begin = BLOCK(i) * TESTBED_BLOCK_BYTES,
                                   last = begin + TESTBED_BLOCK_BYTES - 1;
                const char *name = text_without(replaced, any_text(i));
                const char *const drivers[] = { "", name, "virtio_mem", "kmem" };

                if (i % 4 > 0)
                        end += sprintf(
                                end, "%08llx-%08llx : %s%s\n  %08llx-%08llx : System RAM (%s)\n",
                                begin, last, prefixes[i % 4], name, begin, last, drivers[i % 4]);
                else
                        end += sprintf(end, "%08llx-%08llx : System RAM\n", begin, last);
        }
        testbed_overwrite("proc/iomem", text);
}

/* Adds the blocks of some texts, each with its device, while memoryd does not run. */
static void put_blocks(size_t first, size_t n)
{
        char name[64];

        testbed_add_iomem(FIRST, SPAN * N_TEXTS, NULL);
        put_iomem("\n");
        for (size_t i = first; i < first + n; i++) {
                testbed_add_blocks((unsigned) BLOCK(i), 1);
                testbed_link_blocks((unsigned) BLOCK(i), 1, 0);
                if (i % 4 > 0)
                        continue;
                snprintf(name, sizeof(name), "PNP0C80:%.*s", TEXT_SHORT_MAX,
                         text_without("/", any_text(i)));
                if (i >= N_BYTES)
                        sprintf(name + strlen(name), "%zu", i);
                testbed_begin_acpi(name);
                testbed_end_acpi(name, (unsigned) BLOCK(i), 1);
        }
}

/* Starts memoryd with the blocks of some texts. */
static void start_with(size_t first, size_t n)
{
        put_blocks(first, n);
        testbed_write("proc/zoneinfo",
                      "Node 0, zone   Normal\n  pages free     4000\n"
                      "        spanned  8192\n        present  8192\n        managed  8192");
        daemon_set_config("log_level = \"debug\";\nsettle = \"100ms\";\n");
        answers_start();
        daemon_start();
        wait_for(bus_count_status("done") == n);
}

START_TEST(names_and_files_may_have_any_bytes)
{
        char line[1024];

        put_configuration(0, false);
        put_udev_rules();
        snprintf(line, sizeof(line), "memhp_default_state=%s", texts_join(false, N_BYTES + 1));
        testbed_write("proc/cmdline", line);
        start_with(0, N_TEXTS);
        ck_assert_uint_gt(ask_property(MANAGER_PATH, MANAGER, "ConfigFiles"), N_TEXTS);
        assert_bus_answers(true);
        assert_memoryctl_answers();
        for (size_t i = 0; i < N_TEXTS; i++) {
                sd_bus_message *message = bus_new_call(MANAGER_PATH, MANAGER, "Explain");

                ck_assert_int_ge(sd_bus_message_append(message, "u", (uint32_t) BLOCK(i)), 0);
                ck_assert_uint_ge(ask(message, "Explain"), 10);
        }
        ck_assert_uint_gt(answers_count_signals(), 0);
        assert_log();
}
END_TEST

static void log_to_journal(void)
{
        char path[PATH_MAX];

        testbed_write("journal/fields", "");
        snprintf(path, sizeof(path), "%.3000s/journal/fields", testbed_dir());
        ck_assert_int_ge(chmod(path, 0666), 0);
        ck_assert_str_eq(
                bus_set_text(LOG_CONTROL_PATH, LOG_CONTROL_INTERFACE, "LogTarget", "journal"), "");
}

START_TEST(a_configuration_that_is_refused_may_have_any_bytes)
{
        start_with(OWN, 1);
        for (unsigned is_last = 0; is_last < 2; is_last++) {
                put_configuration(is_last ? N_TEXTS - RULES_MAX : 0, true);
                testbed_write_bytes("root" SYSCONFDIR "/memoryd/memoryd.conf.d/zero.conf",
                                    "a = 1;\0\n", 8);
                if (is_last)
                        log_to_journal();
                ask_manager("Reload");
                ck_assert_str_eq(bus_error_name(), BUS_ERROR_INVALID_CONFIG);
                ck_assert_uint_gt(ask_property(MANAGER_PATH, MANAGER, "ConfigFaults"), RULES_MAX);
                assert_bus_answers(false);
                assert_memoryctl_answers();
        }
        assert_log();
        ck_assert_uint_gt(assert_journal(), 3 * RULES_MAX);
}
END_TEST

START_TEST(the_command_line_of_the_kernel_may_have_any_bytes)
{
        char line[2 * TEXT_LENGTH_MAX + 128];

        start_with(OWN, 1);
        for (size_t i = 0; i < N_TEXTS; i++) {
                snprintf(line, sizeof(line), "memhp_default_state=x%s movablecore=%s", any_text(i),
                         any_text(i));
                testbed_write("proc/cmdline", line);
                ck_assert_uint_ge(ask_manager("Verify"), 4);
        }
        testbed_write_bytes("proc/cmdline", "memhp_default_state=x\0y\n", 24);
        ck_assert_uint_ge(ask_manager("Verify"), 4);
        assert_bus_answers(false);
        assert_memoryctl_answers();
        assert_log();
}
END_TEST

/* Arguments */

/* Asks with a text as each of the arguments that take one. D-Bus itself refuses what is not UTF-8. */
static void ask_with(const char *text)
{
        static const char *const calls[][2] = { { "Offline", "Device" },  { "Online", "Zone" },
                                                { "SetZone", "Device" },  { "Plan", "Config" },
                                                { "Plan", "ConfigName" }, { "Plan", "DropIn" },
                                                { "Plan", "DropInName" } };
        sd_bus_message *message;

        for (size_t i = 0; i <= ELEMENTSOF(calls); i++) {
                /* As a value of each key, then as a key. */
                const char *key = i < ELEMENTSOF(calls) ? calls[i][1] : text;
                const char *method = i < ELEMENTSOF(calls) ? calls[i][0] : "Plan";

                message = bus_new_call(MANAGER_PATH, MANAGER, method);
                if (sd_bus_message_append(message, "a{sv}", 1, key, "s", text) < 0) {
                        sd_bus_message_unref(message);
                        return;
                }
                ask(message, method);
        }
        message = bus_new_call(MANAGER_PATH, MANAGER, "Plan");
        ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 1, "Add", "as", 1, text), 0);
        ask(message, "Plan");
        ck_assert_str_ne(bus_set_text(LOG_CONTROL_PATH, LOG_CONTROL_INTERFACE, "LogLevel", text),
                         "");
        assert_printable(bus_error_message(), strlen(bus_error_message()), "", "LogLevel");
}

/* Runs memoryd so that it does not start. */
static void run_memoryd(const char *option, const char *argument)
{
        run_program((const char *const[]){ environment("MEMORYD", "./memoryd"), "--introspect",
                                           option, argument, NULL });
        ck_assert_int_ne(output.exit_code, 0);
        ck_assert_str_ne(output.err, "");
        assert_printable(output.err, strlen(output.err), "\n", "memoryd");
}

START_TEST(arguments_may_have_any_bytes)
{
        static char argument[N_TEXTS * 32];
        char path[PATH_MAX];

        start_with(OWN, 1);
        for (size_t i = 0; i < N_TEXTS; i++)
                ask_with(any_text(i));
        /* Neither ssh nor anything else that would print is to be found. */
        ck_assert_int_eq(setenv("PATH", "/nonexistent", true), 0);
        for (unsigned is_random = 0; is_random < 2; is_random++) {
                const char *text = texts_join(is_random, sizeof(argument) - 8);

                assert_arguments_are_refused(text);
                snprintf(argument, sizeof(argument), "--x%s", text);
                run_memoryd(argument, NULL);
                run_memoryd(argument + 2, NULL);
                run_memoryd(argument + 2, argument + 2);
                run_memoryd("--check-config", argument + 2);
                snprintf(path, sizeof(path), "odd/%.*s", TEXT_LENGTH_MAX, text_without("/", text));
                testbed_write(path, text);
                snprintf(path, sizeof(path), "--config=%.2000s/odd/%.*s", testbed_dir(),
                         TEXT_LENGTH_MAX, text_without("/", text));
                RUN_WITH("plan", path);
                RUN_WITH("plan", path, "--sysroot", testbed_dir());
        }
        for (size_t i = 0; i < N_BYTES; i += 8) {
                char letter[] = { '-', *any_text(i), 0 };

                RUN_WITH("status", letter);
        }
        assert_log();
}
END_TEST

/* Sysfs */

static const char *const attributes[] = {
        TESTBED_MEMORY "/auto_online_blocks",
        TESTBED_MEMORY "/memory6/valid_zones",
        TESTBED_MEMORY "/memory7/state",
        TESTBED_MEMORY "/memory5/group_id",
        TESTBED_NODE "/has_cpu",
        TESTBED_NODE "/has_memory",
        TESTBED_NODE "/online",
        TESTBED_NODE "/possible",
        TESTBED_NODE "/node0/auto_online_blocks",
        TESTBED_NODE "/node0/cpulist",
        TESTBED_NODE "/node0/cpumap",
        TESTBED_NODE "/node0/distance",
        TESTBED_NODE "/node0/access0/initiators/read_latency",
        "sys/devices/virtual/memory_tiering/memory_tier4/nodelist",
        "sys/class/dmi/id/sys_vendor",
        "sys/class/dmi/id/product_name",
        "sys/hypervisor/type",
        "sys/module/memory_hotplug/parameters/online_policy",
        "sys/bus/dax/devices/dax0.0/state",
};

START_TEST(files_and_devices_of_sysfs_may_have_any_bytes)
{
        char device[TEXT_SHORT_MAX + 16];

        start_with(OWN, 1);
        for (size_t i = 0; i < N_TEXTS; i++) {
                const char *name = text_without("/", any_text(i));

                snprintf(device, sizeof(device), "%sx%zu%.*s", i % 2 ? "memory" : "", i,
                         TEXT_SHORT_MAX, name);
                testbed_fill_block(device);
                testbed_event("add", device);
                testbed_event(any_text(i), "memory7");
        }
        for (unsigned is_random = 0; is_random < 2; is_random++) {
                const char *text = texts_join(is_random, ATTRIBUTE_MAX - 2);

                for (size_t i = 0; i < ELEMENTSOF(attributes); i++)
                        testbed_write(attributes[i], text);
                put_iomem(is_random ? "" : "\n");
                ask_manager("RescanAll");
                testbed_add_dimm(8 + is_random, 1, 0);
                wait_for(bus_block_is(8 + is_random, "done"));
                assert_bus_answers(false);
                assert_memoryctl_answers();
        }
        ck_assert_uint_gt(daemon_count_logged("in the memory subsystem, expected memoryN"),
                          N_TEXTS / 2);
        assert_log();
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("daemon-text");

        texts_make();
        setenv("LC_ALL", "C.UTF-8", true);
        tcase_add_test(fixture_case(suite, "names"), names_and_files_may_have_any_bytes);
        tcase_add_test(fixture_case(suite, "refused"),
                       a_configuration_that_is_refused_may_have_any_bytes);
        tcase_add_test(fixture_case(suite, "kernel"),
                       the_command_line_of_the_kernel_may_have_any_bytes);
        tcase_add_test(fixture_case(suite, "arguments"), arguments_may_have_any_bytes);
        tcase_add_test(fixture_case(suite, "sysfs"), files_and_devices_of_sysfs_may_have_any_bytes);
        return check_main(suite);
}
