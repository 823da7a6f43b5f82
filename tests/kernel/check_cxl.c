/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "kernel/cxl.h"
#include "sysfs_fixture.h"

#include <signal.h>
#include <sys/inotify.h>
#include <sys/time.h>

/*
 * A tree as Linux 6.12 has it in a guest with two memory devices: dax0.0 is of region0, which lies in both.
 * Devices and decoders are links to folders, as in sysfs.
 */

#define DAX "sys/bus/dax/devices/"
#define CXL "sys/bus/cxl/devices/"
#define ROOT "sys/devices/platform/ACPI0017:00/root0"
#define REGION ROOT "/decoder0.0/region0"
#define NOT_CXL "(none)"

static SysfsFixture fixture;
static Sysfs sysfs;

static void add_link(const char *target, const char *path)
{
        char full[PATH_MAX];

        snprintf(full, sizeof(full), "%s", sysfs_fixture_path(&fixture, "%s", path));
        fixture_make_folders(full);
        ck_assert_msg(symlink(target, full) >= 0, "%s: %m", full);
}

static void add_dax(const char *name, const char *folder)
{
        char target[PATH_MAX], path[64];

        snprintf(target, sizeof(target), "../../../%s/%s", folder, name);
        snprintf(path, sizeof(path), DAX "%s", name);
        add_link(target, path);
}

/* Adds a decoder in the folder of a port below root0, with the file that tells its region. */
static void add_decoder(const char *port, const char *decoder, const char *region)
{
        char target[PATH_MAX], path[64];

        snprintf(target, sizeof(target), "../../../devices/platform/ACPI0017:00/root0/%s/%s", port,
                 decoder);
        snprintf(path, sizeof(path), CXL "%s", decoder);
        add_link(target, path);
        sysfs_fixture_write(&fixture, region, ROOT "/%s/%s/region", port, decoder);
}

/* Adds an endpoint with one decoder. */
static void add_endpoint(unsigned id, unsigned memdev, const char *region)
{
        char port[64], decoder[64], path[PATH_MAX], target[PATH_MAX];

        snprintf(port, sizeof(port), "port1/endpoint%u", id);
        snprintf(decoder, sizeof(decoder), "decoder%u.0", id);
        add_decoder(port, decoder, region);
        snprintf(path, sizeof(path), ROOT "/%s/uport", port);
        snprintf(target, sizeof(target),
                 "../../../../../pci0000:0c/0000:0c:00.0/0000:0d:00.0/mem%u", memdev);
        add_link(target, path);
}

static void setup(void)
{
        sysfs_fixture_init(&fixture);
        sysfs_fixture_write(&fixture, "8000000\n", MEMORY_PATH "/block_size_bytes");
        add_dax("dax0.0", "devices/platform/ACPI0017:00/root0/decoder0.0/region0/dax_region0");
        add_decoder("port1", "decoder1.0", "region0\n");
        add_endpoint(2, 1, "region0\n");
        add_endpoint(3, 0, "region0\n");
        sysfs_fixture_open(&fixture, &sysfs);
}

static void teardown(void)
{
        sysfs_close(&sysfs);
        sysfs_fixture_done(&fixture);
}

/* The region of a dax device, and its memory devices in parentheses. */
static const char *names_of(const char *dax)
{
        static char text[sizeof(CxlNames) + 8];
        CxlNames names;

        memset(&names, 'x', sizeof(names));
        if (!cxl_read(&sysfs, dax, &names))
                return NOT_CXL;
        snprintf(text, sizeof(text), "%s (%s)", names.region, names.memdevs);
        return text;
}

static void open_recorded(void)
{
        sysfs_close(&sysfs);
        ck_assert_int_eq(sysfs_open_recorded(fixture.root, &sysfs), 0);
}

START_TEST(a_dax_device_has_the_region_of_its_link_and_the_memory_devices_of_its_decoders)
{
        ck_assert_str_eq(names_of("dax0.0"), "region0 (mem0 mem1)");
        open_recorded();
        ck_assert_str_eq(names_of("dax0.0"), "region0 (mem0 mem1)");
}
END_TEST

START_TEST(memory_devices_are_sorted_by_number_and_named_once)
{
        add_endpoint(14, 10, "region0\n");
        add_endpoint(15, 2, "region0\n");
        add_endpoint(16, 2, "region0\n");
        ck_assert_str_eq(names_of("dax0.0"), "region0 (mem0 mem1 mem2 mem10)");
}
END_TEST

START_TEST(other_regions_and_other_decoders_do_not_count)
{
        add_endpoint(4, 4, "region1\n");
        add_endpoint(5, 5, "\n");
        add_endpoint(6, 6, "region00\n");
        add_endpoint(7, 7, "region0 region1 region2 region3 region4 region5\n");
        add_decoder("port2", "decoder8.0", "region0\n");
        add_link("../../../devices/platform/ACPI0017:00/root0/port1/endpoint9/decoder9.0",
                 CXL "decoder9.0");
        add_link("../../../devices/pci0000:0c/0000:0c:00.0/0000:0d:00.0/mem9", CXL "mem9");
        ck_assert_str_eq(names_of("dax0.0"), "region0 (mem0 mem1)");

        add_dax("dax1.0", "devices/platform/ACPI0017:00/root0/decoder0.1/region1/dax_region1");
        ck_assert_str_eq(names_of("dax1.0"), "region1 (mem4)");
}
END_TEST

START_TEST(other_dax_devices_have_no_names)
{
        static const char *const folders[] = {
                "devices/platform/hmem.0",
                /* Persistent memory: the region is that of another driver. */
                "devices/platform/ACPI0017:00/root0/nvdimm-bridge0/ndbus0/region0/dax5.1",
                "region0",
                "dax_region0",
                "region/dax_region0",
                "regions/region0/dax_region",
                "devices/../region0/dax_region0",
        };
        char name[16];

        for (unsigned i = 0; i < ELEMENTSOF(folders); i++) {
                snprintf(name, sizeof(name), "dax5.%u", i);
                add_dax(name, folders[i]);
                ck_assert_msg(strcmp(names_of(name), NOT_CXL) == 0, "%s", folders[i]);
        }
        add_link("../../../devices/region0/dax_region0/dax0.0", DAX "dax6.0");
        add_link("/devices/region0/dax_region0/dax7.0", DAX "dax7.0");
        sysfs_fixture_write(&fixture, "offline\n", DAX "dax8.0/state");
        ck_assert_str_eq(names_of("dax6.0"), NOT_CXL);
        ck_assert_str_eq(names_of("dax7.0"), NOT_CXL);
        ck_assert_str_eq(names_of("dax8.0"), NOT_CXL);
        ck_assert_str_eq(names_of("dax9.0"), NOT_CXL);
        ck_assert_str_eq(names_of("../dax0.0"), NOT_CXL);
        ck_assert_str_eq(names_of(""), NOT_CXL);
}
END_TEST

START_TEST(a_region_is_named_where_nothing_tells_its_memory_devices)
{
        add_dax("dax1.0", "devices/platform/ACPI0017:00/root0/decoder0.1/region1/dax_region1");
        ck_assert_str_eq(names_of("dax1.0"), "region1 ()");
}
END_TEST

START_TEST(what_has_more_memory_devices_than_a_region_can_have_is_cut)
{
        for (unsigned i = 0; i < 2 * CXL_MEMDEVS_MAX; i++)
                add_endpoint(100 + i, 4294967200U + i, "region0\n");
        ck_assert_str_ne(names_of("dax0.0"), NOT_CXL);
        ck_assert_uint_le(strlen(names_of("dax0.0")), sizeof(CxlNames));
}
END_TEST

/* Nothing but these files: each of the others has its own way to hold up who reads it. */
START_TEST(no_other_file_of_the_region_or_the_decoder_is_opened)
{
        static const char *const others[] = { REGION "/target0", REGION "/interleave_ways",
                                              ROOT "/port1/endpoint2/decoder2.0/dpa_size" };
        int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        char event[sizeof(struct inotify_event) + NAME_MAX + 1];

        for (unsigned i = 0; i < ELEMENTSOF(others); i++) {
                sysfs_fixture_write(&fixture, "decoder2.0\n", "%s", others[i]);
                ck_assert_int_ge(inotify_add_watch(inotify,
                                                   sysfs_fixture_path(&fixture, "%s", others[i]),
                                                   IN_OPEN),
                                 0);
        }
        ck_assert_str_eq(names_of("dax0.0"), "region0 (mem0 mem1)");
        ck_assert_int_lt(read(inotify, event, sizeof(event)), 0);
        ck_assert_int_eq(errno, EAGAIN);
        sysfs_fixture_read(&fixture, "%s", others[0]);
        ck_assert_int_gt(read(inotify, event, sizeof(event)), 0);
        close(inotify);
}
END_TEST

/* A pipe without a writer: a process that opens it waits until it gets a signal. */
START_TEST(a_reader_that_would_wait_gives_up_and_changes_no_timer)
{
        const char *path = sysfs_fixture_path(&fixture, ROOT "/port1/endpoint2/decoder2.0/region");
        struct itimerval timer = {};
        struct sigaction before, after;

        ck_assert_int_eq(sigaction(SIGALRM, NULL, &before), 0);
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(mkfifo(path, 0600), 0);
        ck_assert_str_eq(names_of("dax0.0"), "region0 ()");
        ck_assert_int_eq(getitimer(ITIMER_REAL, &timer), 0);
        ck_assert_int_eq(timer.it_value.tv_sec + timer.it_value.tv_usec, 0);
        ck_assert_int_eq(sigaction(SIGALRM, NULL, &after), 0);
        ck_assert(before.sa_handler == after.sa_handler);
        /* Among recorded files, a pipe is an empty file. */
        open_recorded();
        ck_assert_str_eq(names_of("dax0.0"), "region0 (mem0)");
}
END_TEST

START_TEST(no_link_leads_out_of_recorded_files)
{
        static const char file[] = ROOT "/port1/endpoint2/decoder2.0/region";
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "%s", sysfs_fixture_path(&fixture, "%s", file));
        ck_assert_int_eq(rename(path, sysfs_fixture_path(&fixture, "elsewhere")), 0);
        add_link("../../../../../../../../elsewhere", file);
        ck_assert_str_eq(names_of("dax0.0"), "region0 (mem0 mem1)");
        open_recorded();
        ck_assert_str_eq(names_of("dax0.0"), "region0 (mem0)");
}
END_TEST

static Suite *cxl_suite(void)
{
        Suite *suite = suite_create("cxl");
        TCase *tcase = tcase_create("cxl");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(
                tcase,
                a_dax_device_has_the_region_of_its_link_and_the_memory_devices_of_its_decoders);
        tcase_add_test(tcase, memory_devices_are_sorted_by_number_and_named_once);
        tcase_add_test(tcase, other_regions_and_other_decoders_do_not_count);
        tcase_add_test(tcase, other_dax_devices_have_no_names);
        tcase_add_test(tcase, a_region_is_named_where_nothing_tells_its_memory_devices);
        tcase_add_test(tcase, what_has_more_memory_devices_than_a_region_can_have_is_cut);
        tcase_add_test(tcase, no_other_file_of_the_region_or_the_decoder_is_opened);
        tcase_add_test(tcase, a_reader_that_would_wait_gives_up_and_changes_no_timer);
        tcase_add_test(tcase, no_link_leads_out_of_recorded_files);
        suite_add_tcase(suite, tcase);
        return suite;
}

int main(void)
{
        return check_main(cxl_suite());
}
