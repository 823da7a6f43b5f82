/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "kernel/klog.h"

#include <fcntl.h>
#include <unistd.h>

#define DEVICE "\n SUBSYSTEM=memory\n DEVICE=+memory:"
#define ACPI_DEVICE "\n SUBSYSTEM=acpi\n DEVICE=+acpi:"

static const struct {
        const char *record;
        KlogKind kind;
        uint32_t block;
} records[] = {
        /* Recorded: Linux 6.12. */
        { "4,504,126095926,-;memory memory32: Offline failed." DEVICE "memory32\n", KLOG_REFUSED,
          32 },
        { "4,1,2,-,caller=T1;memory memory0: Offline failed." DEVICE "memory0\n", KLOG_REFUSED, 0 },
        { "4,1,2,-;memory memory4294967295: Offline failed." DEVICE "memory4294967295\n",
          KLOG_REFUSED, 4294967295 },
        { "4,1,2,-;memory memory4294967296: Offline failed." DEVICE "memory4294967296\n", KLOG_NONE,
          0 },
        /* By dev_err() in acpi_memory_enable_device(). */
        { "3,1,2,-;acpi PNP0C80:00: add_memory failed" ACPI_DEVICE "PNP0C80:00\n", KLOG_NOT_ADDED,
          0 },
        { "3,1,2,-;acpi PNP0C80:00: add_memory failed" ACPI_DEVICE "LNXCPU:00\n", KLOG_NONE, 0 },
        { "3,1,2,-;acpi PNP0C80:00: failed" ACPI_DEVICE "PNP0C80:00\n", KLOG_NONE, 0 },
        { "11,1,2,-;acpi PNP0C80:00: add_memory failed" ACPI_DEVICE "PNP0C80:00\n", KLOG_NONE, 0 },
        /* Another message about a block, and the same about another device. */
        { "4,1,2,-;memory memory32: Offline disabled." DEVICE "memory32\n", KLOG_NONE, 0 },
        { "4,1,2,-;memory memory32: Offline failed. Not." DEVICE "memory32\n", KLOG_NONE, 0 },
        { "4,1,2,-;cpu cpu1: Offline failed.\n SUBSYSTEM=cpu\n DEVICE=+cpu:cpu1\n", KLOG_NONE, 0 },
        /* What a process writes has the facility of a user, and no device of the kernel's. */
        { "12,1,2,-;memory memory32: Offline failed." DEVICE "memory32\n", KLOG_NONE, 0 },
        { "4,1,2,-;memory memory32: Offline failed.\n", KLOG_NONE, 0 },
        { "4,1,2,-;memory memory32: Offline failed.\\x0a DEVICE=+memory:memory32\n", KLOG_NONE, 0 },
        { "4,1,2,-;memory: Offline failed." DEVICE "memory\n", KLOG_NONE, 0 },
        { "4,1,2,-;memory memory3x: Offline failed." DEVICE "memory3x\n", KLOG_NONE, 0 },
        { "4,1,2,-", KLOG_NONE, 0 },
        { ";", KLOG_NONE, 0 },
        { "", KLOG_NONE, 0 },
};

START_TEST(messages_are_found_in_the_kernels_log)
{
        KlogMessage message = { .block = 7 };

        ck_assert_int_eq(klog_parse(records[_i].record, &message), records[_i].kind);
        ck_assert_int_eq(message.kind, records[_i].kind);
        ck_assert_uint_eq(message.block, records[_i].kind == KLOG_NONE ? 7 : records[_i].block);
}
END_TEST

/* By do_migrate_range(). */
static const struct {
        const char *record;
        KlogMessage message;
} stuck[] = {
        { "4,1,2,-;migrating pfn 14c000 failed ret:1\n", { .kind = KLOG_STUCK, .page = 0x14c000 } },
        { "4,1,2,-,caller=T1;migrating pfn 14c000 failed ret:-12 \n",
          { .kind = KLOG_STUCK, .page = 0x14c000, .error = -ENOMEM } },
        { "4,1,2,-;migrating pfn 14c000 failed ret:-4096\n",
          { .kind = KLOG_STUCK, .page = 0x14c000 } },
        { "4,1,2,-;isolating pfn ffffffffff failed\n",
          { .kind = KLOG_STUCK, .page = 0xffffffffff } },
        { "4,1,2,-;migrating pfn fffffffffffffffff failed ret:1\n", {} },
        { "4,1,2,-;migrating pfn -1 failed ret:1\n", {} },
        { "4,1,2,-;migrating pfn 14c000\n", {} },
        { "4,1,2,-;not migrating pfn 14c000 failed ret:1\n", {} },
        { "12,1,2,-;migrating pfn 14c000 failed ret:1\n", {} },
};

START_TEST(pages_that_did_not_move_are_found_in_the_kernels_log)
{
        KlogMessage message = {};

        ck_assert_int_eq(klog_parse(stuck[_i].record, &message), stuck[_i].message.kind);
        ck_assert_int_eq(message.kind, stuck[_i].message.kind);
        ck_assert_uint_eq(message.page, stuck[_i].message.page);
        ck_assert_int_eq(message.error, stuck[_i].message.error);
}
END_TEST

static int ends[2];

static void setup(void)
{
        ck_assert_int_eq(pipe2(ends, O_NONBLOCK | O_CLOEXEC | O_DIRECT), 0);
}

static void teardown(void)
{
        close(ends[0]);
        closep(&ends[1]);
}

/* Adds a record. A read takes one record, as of the kernel's log. */
static void add(const char *record)
{
        ck_assert_int_eq(write(ends[1], record, strlen(record)), (ssize_t) strlen(record));
}

START_TEST(a_log_that_has_ended_is_not_read_on)
{
        KlogMessage message;

        add(records[0].record);
        close(TAKE_FD(ends[1]));
        ck_assert_int_eq(klog_next(ends[0], &message), KLOG_REFUSED);
        ck_assert_int_eq(klog_next(ends[0], &message), -ENODATA);
}
END_TEST

START_TEST(all_other_records_are_passed_over)
{
        KlogMessage message;

        ck_assert_int_eq(klog_next(ends[0], &message), KLOG_NONE);
        add("3,1,2,-;acpi PNP0C80:00: failed" ACPI_DEVICE "PNP0C80:00\n");
        add(records[0].record);
        add("4,1,2,-;memory memory32: Offline disabled." DEVICE "memory32\n");
        ck_assert_int_eq(klog_next(ends[0], &message), KLOG_REFUSED);
        ck_assert_uint_eq(message.block, 32);
        ck_assert_int_eq(klog_next(ends[0], &message), KLOG_NONE);
        ck_assert_int_eq(klog_next(ends[1], &message), -EBADF);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("klog");
        TCase *parse = tcase_create("parse"), *read = tcase_create("read");

        tcase_add_loop_test(parse, messages_are_found_in_the_kernels_log, 0, ELEMENTSOF(records));
        tcase_add_loop_test(parse, pages_that_did_not_move_are_found_in_the_kernels_log, 0,
                            ELEMENTSOF(stuck));
        suite_add_tcase(suite, parse);
        tcase_add_checked_fixture(read, setup, teardown);
        tcase_add_test(read, a_log_that_has_ended_is_not_read_on);
        tcase_add_test(read, all_other_records_are_passed_over);
        suite_add_tcase(suite, read);
        return check_main(suite);
}
