/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* When to look at the zones, and when to ask for kernel memory, with a clock of its own. */

#include "check_main.h"
#include "daemon/relief.h"
#include "machine_fixture.h"

#define BLOCK_BYTES (UINT64_C(128) << 20)
#define NOW (1000 * USEC_PER_SEC)
#define SECOND USEC_PER_SEC
#define MINUTE (60 * SECOND)
#define NEVER USEC_INFINITY

static Machine machine;
static Policy policy;
static Relief relief;
static NodeSet became_short;

static void set_up(void)
{
        static const Zone zones[] = {
                { .node = 0, .type = ZONE_NORMAL, .low_bytes = 2, .high_bytes = 3 },
                { .node = 0, .type = ZONE_MOVABLE, .free_bytes = 2, .high_bytes = 1 },
        };
        Zone *copy = calloc(ELEMENTSOF(zones), sizeof(Zone));

        REQUIRE_MEMORY(copy);
        memcpy(copy, zones, sizeof(zones));
        policy_init(&policy);
        machine_from(&machine, BLOCK_BYTES, "0c=k8m4");
        machine_count(&machine);
        machine_set_zones(&machine, copy, ELEMENTSOF(zones));
        relief = (Relief){ .look_usec = NEVER };
        became_short = (NodeSet){};
}

static void tear_down(void)
{
        machine_done(&machine);
        policy_done(&policy);
}

/* Looks at the zones, of which Normal has this much memory free. Returns whether a shortage began or ended. */
static bool look(uint64_t now, uint64_t free_bytes)
{
        machine.zones[0].free_bytes = free_bytes;
        ck_assert(relief_begin_look(&relief, now));
        return relief_check(&relief, &machine, now, &became_short);
}

static bool asks(uint64_t now)
{
        uint32_t node = UINT32_MAX, n = 0;
        bool any = relief_next(&relief, &machine, &policy, now, &node, &n);

        ck_assert(!any || (node == 0 && n == 1));
        return any;
}

START_TEST(after_pressure_the_zones_are_looked_at_for_a_minute)
{
        relief_on_pressure(&relief, NOW);
        ck_assert_uint_eq(relief.look_usec, NOW);
        ck_assert(!look(NOW, 10));
        ck_assert_uint_eq(relief.look_usec, NOW + 10 * SECOND);
        ck_assert(!look(NOW + MINUTE - 1, 10));
        ck_assert_uint_eq(relief.look_usec, NOW + MINUTE - 1 + 10 * SECOND);
        ck_assert(!look(NOW + MINUTE + SECOND, 10));
        ck_assert_uint_eq(relief.look_usec, NEVER);
}
END_TEST

START_TEST(two_looks_are_a_second_apart)
{
        ck_assert(!look(NOW, 10));
        relief_on_pressure(&relief, NOW + 1);
        ck_assert_uint_eq(relief.look_usec, NOW + SECOND);
        ck_assert(!relief_begin_look(&relief, NOW + SECOND - 1));
        ck_assert(relief_begin_look(&relief, NOW + SECOND));
        /* If the zones could not be read, no look follows. */
        ck_assert_uint_eq(relief.look_usec, NEVER);
}
END_TEST

START_TEST(memory_is_asked_for_at_the_second_look_and_once_a_minute)
{
        ck_assert(look(NOW, 1));
        ck_assert(node_set_contains(&became_short, 0));
        ck_assert_uint_eq(relief.look_usec, NOW + SECOND);
        ck_assert(!asks(NOW));
        ck_assert(!look(NOW + SECOND, 1));
        ck_assert_uint_eq(relief.look_usec, NOW + 11 * SECOND);
        ck_assert(asks(NOW + SECOND));
        ck_assert(!asks(NOW + SECOND));
        ck_assert(!look(NOW + MINUTE, 1));
        ck_assert(!asks(NOW + MINUTE));
        ck_assert(asks(NOW + SECOND + MINUTE));
}
END_TEST

START_TEST(a_shortage_that_is_over_is_not_looked_at_any_more)
{
        ck_assert(look(NOW, 1));
        became_short = (NodeSet){};
        ck_assert(look(NOW + SECOND, 4));
        ck_assert(node_set_is_empty(&became_short));
        ck_assert(!asks(NOW + SECOND));
        ck_assert(!machine.nodes[0].is_short);
        ck_assert_uint_eq(relief.look_usec, NEVER);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("relief");
        TCase *tcase = tcase_create("looks");

        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_test(tcase, after_pressure_the_zones_are_looked_at_for_a_minute);
        tcase_add_test(tcase, two_looks_are_a_second_apart);
        tcase_add_test(tcase, memory_is_asked_for_at_the_second_look_and_once_a_minute);
        tcase_add_test(tcase, a_shortage_that_is_over_is_not_looked_at_any_more);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
