/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "check_main.h"
#include "daemon/daemon_fixture.h"

#include <stdio.h>
#include <unistd.h>

/* DIMMs of which something is known much later than `settle`, at its default of 2 s, waits. */

#define FIRST_BLOCK 32
#define DIMM_BLOCKS 16 /* on a node of its own: 4 kernel blocks, and 12 movable ones above them */

/* When, in seconds, the nodes of half of a DIMM's blocks come, and the links of all of them to the device. */
static const struct {
        unsigned nodes_sec, link_sec;
        bool is_lower_half;
} dimms[] = {
        { 1, 5, false },  { 5, 1, true },  { 1, 30, true },   { 30, 1, false },
        { 5, 30, false }, { 30, 5, true }, { 30, 30, false },
};

static const unsigned moments[] = { 1, 5, 30 };

static unsigned first_block(size_t dimm)
{
        return FIRST_BLOCK + (unsigned) dimm * DIMM_BLOCKS;
}

static unsigned node_of(size_t dimm)
{
        return (unsigned) dimm + 1;
}

static const char *device_of(size_t dimm)
{
        static char name[sizeof("PNP0C80:ff")];

        snprintf(name, sizeof(name), "PNP0C80:%02x", (unsigned) dimm);
        return name;
}

static void add_dimm(size_t dimm)
{
        unsigned first = first_block(dimm),
                 first_early = first + (dimms[dimm].is_lower_half ? 8 : 0);

        testbed_add_node(node_of(dimm), true);
        testbed_begin_acpi(device_of(dimm));
        testbed_add_blocks(first, DIMM_BLOCKS);
        testbed_link_blocks(first_early, 8, node_of(dimm));
        testbed_events("add", first, DIMM_BLOCKS);
}

static void complete(size_t dimm, unsigned second)
{
        unsigned first = first_block(dimm),
                 first_late = first + (dimms[dimm].is_lower_half ? 0 : 8);

        if (second == dimms[dimm].nodes_sec)
                testbed_link_blocks(first_late, 8, node_of(dimm));
        if (second == dimms[dimm].link_sec)
                testbed_end_acpi(device_of(dimm), first, DIMM_BLOCKS);
}

/* Only the second needs to know the device. */
static const char *configs[] = {
        "",
        "rules = ({ name = \"dimm\"; origin = \"dimm\"; zone = \"auto\"; },"
        " { name = \"rest\"; zone = \"movable\"; });\n",
};

START_TEST(what_is_late_makes_no_difference)
{
        unsigned now_sec = 0;

        daemon_set_config(configs[_i]);
        daemon_start();
        for (size_t dimm = 0; dimm < ELEMENTSOF(dimms); dimm++)
                add_dimm(dimm);
        for (size_t i = 0; i < ELEMENTSOF(moments); now_sec = moments[i++]) {
                sleep(moments[i] - now_sec);
                ck_assert_str_eq(bus_failed_devices(), "");
                for (size_t dimm = 0; dimm < ELEMENTSOF(dimms); dimm++)
                        complete(dimm, moments[i]);
        }
        wait_for(bus_count_status("done") == ELEMENTSOF(dimms) * DIMM_BLOCKS);
        for (size_t dimm = 0; dimm < ELEMENTSOF(dimms); dimm++) {
                unsigned first = first_block(dimm);

                testbed_assert_zones(first, 4, 12);
                wait_for(strcmp(bus_get_block(first + 15).device, device_of(dimm)) == 0);
                ck_assert_str_eq(bus_get_block(first).rule, _i == 0 ? "" : "dimm");
        }
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("daemon: DIMMs of which something is late");

        tcase_add_loop_test(fixture_case(suite, "late"), what_is_late_makes_no_difference, 0,
                            ELEMENTSOF(configs));
        return check_main(suite);
}
