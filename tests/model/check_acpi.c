/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "check_main.h"
#include "machine_fixture.h"

#include <stdio.h>

#define GIB (UINT64_C(1) << 30)
#define NOW (100 * USEC_PER_SEC)
#define SECOND USEC_PER_SEC

static Machine machine;
static AcpiDevices *const acpi = &machine.acpi;

static void set_up(void)
{
        machine_init(&machine);
        machine.block_size_bytes = UINT64_C(128) << 20;
        acpi->page_size_bytes = 4096;
}

static void tear_down(void)
{
        machine_done(&machine);
}

/* Takes devices with these names, a letter each; the kernel adds `adding_bytes`, 1 for an unknown size. */
static bool take(const char *names, uint64_t adding_bytes, uint64_t now)
{
        AcpiDevice *devices = calloc(strlen(names) + 1, sizeof(AcpiDevice));

        REQUIRE_MEMORY(devices);
        for (size_t i = 0; names[i]; i++)
                devices[i].name[0] = names[i];
        return acpi_devices_take(&machine, devices, strlen(names),
                                 (AcpiAdding){ .is_under_way = adding_bytes > 0,
                                               .bytes = adding_bytes > 1 ? adding_bytes : 0 },
                                 now);
}

static const char *failed(void)
{
        static char text[32];
        size_t n = 0;

        for (size_t i = 0; i < acpi->n_devices; i++)
                if (acpi->devices[i].failed)
                        text[n++] = acpi->devices[i].name[0];
        text[n] = 0;
        ck_assert_uint_eq(n, acpi->n_failed);
        return text;
}

START_TEST(a_device_without_progress_for_two_seconds_has_failed)
{
        ck_assert(!take("a", 0, NOW));
        ck_assert_uint_eq(acpi_devices_next_look(acpi), NOW + 2 * SECOND);
        ck_assert(!take("a", 0, NOW + 2 * SECOND - 1));
        ck_assert_str_eq(failed(), "");
        ck_assert(acpi_devices_is_awaited(acpi, "a"));
        ck_assert(take("a", 0, NOW + 2 * SECOND));
        ck_assert_str_eq(failed(), "a");
        ck_assert(!acpi_devices_is_awaited(acpi, "a"));
        ck_assert_uint_eq(acpi_devices_next_look(acpi), USEC_INFINITY);
        ck_assert(!take("a", 0, NOW + 3 * SECOND));
}
END_TEST

START_TEST(a_device_that_the_kernel_is_at_work_on_is_waited_for)
{
        take("a", 0, NOW);
        ck_assert(!take("a", 1, NOW + 2 * SECOND));
        ck_assert_uint_eq(acpi_devices_next_look(acpi), NOW + 4 * SECOND);
        ck_assert(!take("a", 1, NOW + 59 * SECOND));
        ck_assert(!take("a", 1, NOW + 60 * SECOND));
        ck_assert(take("a", 1, NOW + 61 * SECOND));
}
END_TEST

/* Takes device a, beside so many blocks of unknown origin, of which so many are decided. */
static bool take_beside(unsigned n_unknown, unsigned n_old, uint64_t now)
{
        AcpiDevice *devices = calloc(1, sizeof(AcpiDevice));

        REQUIRE_MEMORY(devices);
        devices->name[0] = 'a';
        return acpi_devices_take(&machine, devices, 1,
                                 (AcpiAdding){ .n_unknown = n_unknown, .n_old = n_old }, now);
}

START_TEST(a_device_whose_link_may_be_late_is_waited_for)
{
        take_beside(4, 2, NOW);
        ck_assert(!take_beside(4, 4, NOW + 30 * SECOND));
        ck_assert(!take_beside(4, 4, NOW + 59 * SECOND));
        ck_assert(take_beside(4, 4, NOW + 61 * SECOND));
}
END_TEST

START_TEST(memory_that_was_there_before_is_not_that_of_a_device)
{
        take_beside(4, 4, NOW);
        ck_assert(take_beside(4, 4, NOW + 2 * SECOND));
}
END_TEST

/* The kernel adds one after the other. */
START_TEST(devices_wait_for_each_other)
{
        take("abc", 0, NOW);
        ck_assert(!take("ac", 0, NOW + SECOND));
        ck_assert(!take("ac", 0, NOW + 2 * SECOND));
        ck_assert(take("ac", 0, NOW + 3 * SECOND));
        ck_assert_str_eq(failed(), "ac");
}
END_TEST

START_TEST(a_device_that_is_gone_or_has_its_memory_has_not_failed)
{
        take("ab", 0, NOW);
        take("ab", 0, NOW + 2 * SECOND);
        ck_assert_str_eq(failed(), "ab");
        ck_assert(take("b", 0, NOW + 3 * SECOND));
        ck_assert_str_eq(failed(), "b");
        ck_assert(take("", 0, NOW + 4 * SECOND));
        ck_assert_str_eq(failed(), "");

        /* A device that is plugged into the same place is another one. */
        ck_assert(!take("a", 0, NOW + 5 * SECOND));
        ck_assert_uint_eq(acpi_devices_next_look(acpi), NOW + 7 * SECOND);
        ck_assert(acpi_devices_is_awaited(acpi, "a"));
}
END_TEST

START_TEST(the_size_of_an_addition_is_that_of_the_only_device_that_waits)
{
        take("ab", 120 * GIB, NOW);
        ck_assert_uint_eq(acpi->devices[0].size_bytes, 0);
        ck_assert_uint_eq(acpi->devices[1].size_bytes, 0);
        take("ab", 0, NOW + 2 * SECOND);
        take("abc", 120 * GIB, NOW + 3 * SECOND);
        ck_assert_uint_eq(acpi_devices_find(acpi, "a")->size_bytes, 0);
        ck_assert_uint_eq(acpi_devices_find(acpi, "c")->size_bytes, 120 * GIB);
        take("abc", 0, NOW + 5 * SECOND);
        ck_assert_uint_eq(acpi_devices_find(acpi, "c")->size_bytes, 120 * GIB);
}
END_TEST

static void set_zones(uint64_t kernel_bytes, uint64_t free_bytes)
{
        Zone *zones = calloc(3, sizeof(Zone));

        REQUIRE_MEMORY(zones);
        zones[0] = (Zone){ .type = ZONE_DMA32 };
        zones[1] = (Zone){ .type = ZONE_NORMAL };
        zones[0].managed_bytes = zones[1].managed_bytes = kernel_bytes / 2;
        zones[0].free_bytes = zones[1].free_bytes = free_bytes / 2;
        zones[2] = (Zone){ .type = ZONE_MOVABLE };
        zones[2].managed_bytes = zones[2].free_bytes = 64 * GIB;
        machine_set_zones(&machine, zones, 3);
}

/* The kernel may be at work on it for long before it gives up. */
START_TEST(a_device_that_cannot_fit_fails_at_once)
{
        set_zones(GIB, GIB / 2);
        take("a", 63 * GIB, NOW);
        ck_assert_str_eq(failed(), "");
        ck_assert(take("a", 64 * GIB, NOW));
        ck_assert_str_eq(failed(), "a");
        /* The range is still there when another device waits. */
        ck_assert(!take("ab", 64 * GIB, NOW + SECOND));
        ck_assert_uint_eq(acpi_devices_find(acpi, "b")->size_bytes, 0);
        ck_assert(!take("ab", 64 * GIB, NOW + 20 * SECOND));

        tear_down();
        set_up();
        set_zones(GIB, GIB / 2);
        acpi->has_own_structures = true;
        ck_assert(!take("a", 120 * GIB, NOW));
}
END_TEST

static const struct {
        uint64_t size_bytes;
        uint64_t block_size_bytes;
        uint64_t free_bytes;
        bool is_off;
        const char *text;
} reasons[] = {
        { 120 * GIB, GIB / 8, GIB / 2, false,
          "X (120G): its page structures need 1.9G, and 512M are free for the kernel" },
        { 120 * GIB, GIB / 8, 2 * GIB, false,
          "X (120G): most likely too little memory was free for its page structures (the 2G that "
          "are free for the kernel now are enough for 128G)" },
        { 0, GIB / 8, GIB / 2, false,
          "X (size not known): most likely too little memory was free for its page structures (the "
          "512M that are free for the kernel now are enough for 32G)" },
        { 0, 2 * GIB, GIB / 2, false,
          "X (size not known): most likely too little memory was free for its page structures (the "
          "512M that are free for the kernel now are enough for 32G), or it is not aligned to "
          "memory blocks of 2G" },
        { 0, 2 * GIB, 15 * GIB, false,
          "X (size not known): most likely too little memory was free for its page structures (the "
          "15G that are free for the kernel now are enough for 960G), or it is not aligned to "
          "memory blocks of 2G" },
        { 0, 2 * GIB, 16 * GIB, false,
          "X (size not known): most likely it is not aligned to memory blocks of 2G" },
        { 3 * GIB, 2 * GIB, GIB / 2, false,
          "X (3G): its size is no multiple of memory blocks of 2G" },
        { 3 * GIB, 2 * GIB, GIB / 2, true,
          "X (3G): ACPI memory hotplug is switched off "
          "(/sys/firmware/acpi/hotplug/memory/enabled)" },
};

/* Free movable memory is of no use to the kernel. */
START_TEST(the_reason_is_the_likely_one)
{
        const AcpiDevice device = { .name = "X", .size_bytes = reasons[_i].size_bytes };
        char text[ACPI_TEXT_MAX], expected[ACPI_TEXT_MAX];

        set_zones(32 * GIB, reasons[_i].free_bytes);
        machine.block_size_bytes = reasons[_i].block_size_bytes;
        acpi->is_off = reasons[_i].is_off;
        snprintf(expected, sizeof(expected), "The kernel could not add the memory of %s",
                 reasons[_i].text);
        ck_assert_str_eq(acpi_device_format(&machine, &device, text), expected);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("acpi");
        TCase *tcase = tcase_create("devices without blocks");

        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_test(tcase, a_device_without_progress_for_two_seconds_has_failed);
        tcase_add_test(tcase, a_device_that_the_kernel_is_at_work_on_is_waited_for);
        tcase_add_test(tcase, a_device_whose_link_may_be_late_is_waited_for);
        tcase_add_test(tcase, memory_that_was_there_before_is_not_that_of_a_device);
        tcase_add_test(tcase, devices_wait_for_each_other);
        tcase_add_test(tcase, a_device_that_cannot_fit_fails_at_once);
        tcase_add_test(tcase, a_device_that_is_gone_or_has_its_memory_has_not_failed);
        tcase_add_test(tcase, the_size_of_an_addition_is_that_of_the_only_device_that_waits);
        tcase_add_loop_test(tcase, the_reason_is_the_likely_one, 0, ELEMENTSOF(reasons));
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
