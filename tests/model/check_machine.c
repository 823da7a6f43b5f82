/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "machine_fixture.h"

#include <stdio.h>

#define BLOCK (UINT64_C(128) << 20)

static Block *add(Machine *machine, uint32_t id, int expected)
{
        Block *block = NULL;

        if (machine_add_block(machine, id, &block) != expected)
                ck_abort_msg("adding block %u did not return %d", id, expected);
        ck_assert_ptr_nonnull(block);
        return block;
}

static void assert_sorted(const Machine *machine)
{
        for (size_t i = 1; i < machine->n_blocks; i++)
                if (machine->blocks[i - 1].id >= machine->blocks[i].id)
                        ck_abort_msg("block %u lies before %u", machine->blocks[i - 1].id,
                                     machine->blocks[i].id);
}

/* Blocks */

typedef uint32_t (*Permutation)(uint32_t i, uint32_t n);

static uint32_t upwards(uint32_t i, uint32_t n)
{
        (void) n;
        return i;
}

static uint32_t downwards(uint32_t i, uint32_t n)
{
        return n - 1 - i;
}

/* 389 is prime: every number below n comes once. */
static uint32_t shuffled(uint32_t i, uint32_t n)
{
        return (uint32_t) ((uint64_t) i * 389 % n);
}

static const Permutation permutations[] = { upwards, downwards, shuffled };

START_TEST(blocks_that_are_inserted_at_once_lie_between_the_others)
{
        static const struct {
                const char *there, *added, *all;
        } cases[] = {
                { "", "", "" },
                { "", "1 2 3", "1 2 3" },
                { "1 2 3", "", "1 2 3" },
                { "4 5", "1 2", "1 2 4 5" },
                { "1 2", "4 5", "1 2 4 5" },
                { "1 4 6", "0 2 3 5 7", "0 1 2 3 4 5 6 7" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint32_t ids[8];
                size_t n_ids = 0;
                Machine machine;
                char text[64] = "", *end;

                machine_init(&machine);
                for (const char *at = cases[i].there; *at; at = end + strspn(end, " "))
                        add(&machine, (uint32_t) strtoul(at, &end, 10), 1)->node = 1;
                for (const char *at = cases[i].added; *at; at = end + strspn(end, " "))
                        ids[n_ids++] = (uint32_t) strtoul(at, &end, 10);
                ck_assert_int_eq(machine_insert_blocks(&machine, ids, n_ids), 0);
                for (size_t j = 0; j < machine.n_blocks; j++) {
                        const Block *block = &machine.blocks[j];

                        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u",
                                 j > 0 ? " " : "", block->id);
                        /* The others are as they were. */
                        ck_assert_int_eq(block->node == 1,
                                         strchr(cases[i].there, (int) ('0' + block->id)) != NULL);
                }
                ck_assert_str_eq(text, cases[i].all);
                machine_done(&machine);
        }
}
END_TEST

START_TEST(blocks_are_sorted_in_whatever_order_they_are_added)
{
        const uint32_t n = 1000;
        Machine machine;

        machine_init(&machine);
        for (uint32_t i = 0; i < n; i++)
                add(&machine, permutations[_i](i, n) * 3, 1)->node = 1;
        ck_assert_uint_eq(machine.n_blocks, n);
        assert_sorted(&machine);
        for (uint32_t id = 0; id < 3 * n; id++) {
                const Block *block = machine_find_block(&machine, id);

                if ((block != NULL) != (id % 3 == 0) || (block && block->id != id))
                        ck_abort_msg("block %u was not found as it should", id);
        }
        ck_assert_ptr_null(machine_find_block(&machine, UINT32_MAX));
        machine_done(&machine);
}
END_TEST

START_TEST(a_block_that_is_there_is_found_and_not_added)
{
        Machine machine;

        machine_init(&machine);
        ck_assert_ptr_null(machine_find_block(&machine, 0));
        add(&machine, UINT32_MAX, 1)->node = 3;
        add(&machine, 0, 1)->node = 2;
        ck_assert_int_eq(add(&machine, UINT32_MAX, 0)->node, 3);
        ck_assert_int_eq(add(&machine, 0, 0)->node, 2);
        ck_assert_uint_eq(machine.n_blocks, 2);

        /* A new one is new: nothing is left of what lay in its place. */
        ck_assert_int_eq(add(&machine, 1, 1)->node, NODE_NONE);
        ck_assert_int_eq(add(&machine, 1, 0)->state, BLOCK_OFFLINE);
        machine_done(&machine);
}
END_TEST

START_TEST(blocks_that_are_not_kept_are_removed)
{
        static const bool keep[] = { true, false, true, true, false };
        static const uint32_t left[] = { 0, 2, 3 };
        static const bool none[] = { false, false, false };
        Machine machine;

        machine_from(&machine, BLOCK, "0c=k 1=m 0=o 1=l 0=s");
        machine_retain_blocks(&machine, keep);
        ck_assert_uint_eq(machine.n_blocks, ELEMENTSOF(left));
        for (size_t i = 0; i < ELEMENTSOF(left); i++)
                ck_assert_uint_eq(machine.blocks[i].id, left[i]);
        ck_assert_int_eq(machine_find_block(&machine, 3)->status, BLOCK_STATUS_LEFT);
        ck_assert_ptr_null(machine_find_block(&machine, 1));

        machine_retain_blocks(&machine, none);
        ck_assert_uint_eq(machine.n_blocks, 0);
        add(&machine, 7, 1);
        ck_assert_uint_eq(machine.n_blocks, 1);
        machine_done(&machine);
}
END_TEST

/* Counting, in blocks */

typedef struct Count {
        unsigned online, offline, kernel, movable, pending, failed, foreign;
} Count;

static void assert_count(const Totals *totals, const Count *count)
{
        ck_assert_uint_eq(totals->online_bytes, count->online * BLOCK);
        ck_assert_uint_eq(totals->offline_bytes, count->offline * BLOCK);
        ck_assert_uint_eq(totals->kernel_bytes, count->kernel * BLOCK);
        ck_assert_uint_eq(totals->movable_bytes, count->movable * BLOCK);
        ck_assert_uint_eq(totals->pending_blocks, count->pending);
        ck_assert_uint_eq(totals->failed_blocks, count->failed);
        ck_assert_uint_eq(totals->foreign_blocks, count->foreign);
}

static const struct {
        const char *machine;
        Count machine_count;
        Count node_1;
} count_cases[] = {
        { "1=", {}, {} },
        { "1=k3", { 3, 0, 3, 0, 0, 0, 0 }, { 3, 0, 3, 0, 0, 0, 0 } },
        { "1=k2m3o4", { 5, 4, 2, 3, 4, 0, 0 }, { 5, 4, 2, 3, 4, 0, 0 } },

        /* spanning zones is kernel memory, going offline is not offline yet */
        { "1=sg", { 2, 0, 1, 1, 0, 0, 0 }, { 2, 0, 1, 1, 0, 0, 0 } },

        /* retrying and being written is pending, left is not */
        { "1=orKMl", { 0, 5, 0, 0, 4, 0, 0 }, { 0, 5, 0, 0, 4, 0, 0 } },

        /* other nodes, and none, count for the machine alone */
        { "0=k2 1=m 0=m 2=o 1=o", { 4, 2, 2, 2, 2, 0, 0 }, { 1, 1, 0, 1, 1, 0, 0 } },
        { "1=k ?=k2mo", { 4, 1, 3, 1, 1, 0, 0 }, { 1, 0, 1, 0, 0, 0, 0 } },
};

START_TEST(totals_are_counted_per_node_and_for_the_machine)
{
        Machine machine;

        machine_from(&machine, BLOCK, count_cases[_i].machine);
        machine_count(&machine);
        assert_count(&machine.totals, &count_cases[_i].machine_count);
        assert_count(&machine_find_node(&machine, 1)->totals, &count_cases[_i].node_1);

        /* Again: it is counted anew, not added. */
        machine_count(&machine);
        assert_count(&machine.totals, &count_cases[_i].machine_count);
        assert_count(&machine_find_node(&machine, 1)->totals, &count_cases[_i].node_1);
        machine_done(&machine);
}
END_TEST

START_TEST(each_status_is_counted_as_what_it_is)
{
        for (int status = 0; status < _BLOCK_STATUS_MAX; status++) {
                bool pending = status == BLOCK_STATUS_WAITING || status == BLOCK_STATUS_PENDING ||
                               status == BLOCK_STATUS_WRITING || status == BLOCK_STATUS_RETRYING;
                const Count count = {
                        .offline = 1,
                        .pending = pending,
                        .failed = status == BLOCK_STATUS_FAILED,
                        .foreign = status == BLOCK_STATUS_FOREIGN,
                };
                Machine machine;

                machine_from(&machine, BLOCK, "1=o");
                machine.blocks[0].status = (BlockStatus) status;
                machine_count(&machine);
                assert_count(&machine.totals, &count);
                assert_count(&machine.nodes[0].totals, &count);
                machine_done(&machine);
        }
}
END_TEST

START_TEST(a_block_of_a_node_that_is_not_there_counts_for_the_machine)
{
        const Count count = { .online = 1, .kernel = 1 };
        Machine machine;

        machine_from(&machine, BLOCK, "1=k");
        machine.blocks[0].node = 2;
        machine_count(&machine);
        assert_count(&machine.totals, &count);
        assert_count(&machine.nodes[0].totals, &(Count){});
        machine_done(&machine);
}
END_TEST

/* Nodes and zones */

START_TEST(nodes_are_found_by_number)
{
        static const uint32_t there[] = { 0, 2, 3, 1000 },
                              missing[] = { 1, 4, 999, 1001, UINT32_MAX };
        Machine machine;

        machine_from(&machine, BLOCK, "1000=k 0c=k 3=k 2c=k");
        ck_assert_uint_eq(machine.n_nodes, ELEMENTSOF(there));
        for (size_t i = 0; i < ELEMENTSOF(there); i++)
                ck_assert_ptr_eq(machine_find_node(&machine, there[i]), &machine.nodes[i]);
        for (size_t i = 0; i < ELEMENTSOF(missing); i++)
                ck_assert_ptr_null(machine_find_node(&machine, missing[i]));
        machine_done(&machine);
        ck_assert_ptr_null(machine_find_node(&machine, 0));
}
END_TEST

START_TEST(zones_are_found_by_node_and_type)
{
        Machine machine;

        machine_from(&machine, BLOCK, "0c=k 1=k");
        machine_add_zone(&machine, 0, ZONE_DMA32);
        machine_add_zone(&machine, 0, ZONE_NORMAL);
        machine_add_zone(&machine, 1, ZONE_MOVABLE);
        ck_assert_ptr_eq(machine_find_zone(&machine, 0, ZONE_NORMAL), &machine.zones[1]);
        ck_assert_ptr_eq(machine_find_zone(&machine, 1, ZONE_MOVABLE), &machine.zones[2]);
        ck_assert_ptr_null(machine_find_zone(&machine, 1, ZONE_NORMAL));
        ck_assert_ptr_null(machine_find_zone(&machine, 0, ZONE_MOVABLE));
        ck_assert_ptr_null(machine_find_zone(&machine, 2, ZONE_DMA32));
        machine_done(&machine);
}
END_TEST

START_TEST(free_memory_of_a_node_is_that_of_its_zones)
{
        Zone *zones = calloc(4, sizeof(Zone));
        Machine machine;

        machine_from(&machine, BLOCK, "0c=k 1=k");
        zones[0] = (Zone){ .node = 0, .type = ZONE_DMA32, .free_bytes = 1 };
        zones[1] = (Zone){ .node = 0, .type = ZONE_NORMAL, .free_bytes = 10 };
        zones[2] = (Zone){ .node = 1, .type = ZONE_MOVABLE, .free_bytes = 100 };
        zones[3] = (Zone){ .node = 2, .type = ZONE_NORMAL, .free_bytes = 1000 };
        machine_set_zones(&machine, zones, 4);
        ck_assert_uint_eq(machine.nodes[0].free_bytes, 11);
        ck_assert_uint_eq(machine.nodes[1].free_bytes, 100);

        /* A node that comes later has what its zones have had all along. */
        machine_add_node(&machine, 2, false);
        ck_assert_uint_eq(machine.nodes[0].free_bytes, 11);
        ck_assert_uint_eq(machine.nodes[2].free_bytes, 1000);

        machine_set_zones(&machine, NULL, 0);
        ck_assert_uint_eq(machine.nodes[0].free_bytes, 0);
        ck_assert_uint_eq(machine.nodes[2].free_bytes, 0);
        machine_done(&machine);
}
END_TEST

START_TEST(cma_is_summed_up_over_kernel_zones)
{
        Machine machine;

        machine_from(&machine, BLOCK, "0c=k 1=k");
        ck_assert_uint_eq(machine_cma_bytes(&machine, NODE_ANY), 0);
        machine_add_zone(&machine, 0, ZONE_DMA32)->cma_bytes = 1;
        machine_add_zone(&machine, 0, ZONE_NORMAL)->cma_bytes = 10;
        machine_add_zone(&machine, 0, ZONE_MOVABLE)->cma_bytes = 100;
        machine_add_zone(&machine, 1, ZONE_NORMAL)->cma_bytes = 1000;
        ck_assert_uint_eq(machine_cma_bytes(&machine, 0), 11);
        ck_assert_uint_eq(machine_cma_bytes(&machine, 1), 1000);
        ck_assert_uint_eq(machine_cma_bytes(&machine, 2), 0);
        ck_assert_uint_eq(machine_cma_bytes(&machine, NODE_NONE), 0);
        ck_assert_uint_eq(machine_cma_bytes(&machine, NODE_ANY), 1011);
        machine_done(&machine);
}
END_TEST

START_TEST(a_machine_owns_its_nodes_and_their_distances)
{
        Node *nodes = calloc(2, sizeof(Node));
        Machine machine;

        machine_init(&machine);
        nodes[0].distances = calloc(2, sizeof(Distance));
        nodes[0].n_distances = 2;
        nodes[1].id = 1;
        machine_set_nodes(&machine, nodes, 2);
        ck_assert_ptr_eq(machine.nodes, nodes);

        /* What was there before is freed, which a leak checker sees. */
        machine_set_nodes(&machine, calloc(1, sizeof(Node)), 1);
        ck_assert_uint_eq(machine.n_nodes, 1);
        machine_done(&machine);
        ck_assert_uint_eq(machine.n_nodes, 0);
        ck_assert_ptr_null(machine.nodes);
        nodes_free(NULL, 0);
        machine_done(&machine);
}
END_TEST

/* Devices and distances */

START_TEST(a_block_has_the_device_of_its_number)
{
        static const int32_t missing[] = { INT32_MIN, -2, DEVICE_NONE, 2, 3, INT32_MAX };
        Machine machine;

        machine_from(&machine, BLOCK, "0c=k4");
        ck_assert_int_eq(machine.blocks[0].device, DEVICE_NONE);
        ck_assert_ptr_null(machine_device(&machine, &machine.blocks[0]));
        ck_assert_int_eq(machine_origin(&machine, &machine.blocks[0]), ORIGIN_UNKNOWN);

        machine_add_device(&machine, 0, 1, 0)->origin = ORIGIN_BOOT;
        machine_add_device(&machine, 2, 2, 1)->origin = ORIGIN_STANDBY;
        ck_assert_ptr_eq(machine_device(&machine, &machine.blocks[1]), &machine.devices[0]);
        ck_assert_ptr_eq(machine_device(&machine, &machine.blocks[2]), &machine.devices[1]);
        ck_assert_ptr_null(machine_device(&machine, &machine.blocks[3]));
        ck_assert_int_eq(machine_origin(&machine, &machine.blocks[1]), ORIGIN_BOOT);
        ck_assert_int_eq(machine_origin(&machine, &machine.blocks[2]), ORIGIN_STANDBY);
        for (size_t i = 0; i < ELEMENTSOF(missing); i++) {
                machine.blocks[0].device = missing[i];
                ck_assert_ptr_null(machine_device(&machine, &machine.blocks[0]));
                ck_assert_int_eq(machine_origin(&machine, &machine.blocks[0]), ORIGIN_UNKNOWN);
        }
        machine_done(&machine);
}
END_TEST

START_TEST(new_devices_are_nobodys_until_they_are_given_out)
{
        const int32_t of_block[] = { -1, -1, DEVICE_NONE, 0 };
        DeviceDraft draft = {};
        Machine machine;

        machine_from(&machine, BLOCK, "0c=k4");
        machine_add_devices(&machine, "0-1 2-3");
        ck_assert_int_eq(machine.blocks[3].device, 1);
        ck_assert_int_eq(device_draft_add(&draft, ORIGIN_KMEM, "dax0.0", GROUP_NONE), 0);
        device_draft_add_block(&draft, 0, 3);
        ck_assert_int_eq(device_draft_hand_over(&draft, &machine, of_block), 0);
        ck_assert_uint_eq(machine.n_devices, 1);
        ck_assert_str_eq(machine.devices[0].name, "dax0.0");
        for (size_t i = 0; i < machine.n_blocks; i++)
                ck_assert_int_eq(machine.blocks[i].device, of_block[i]);
        device_draft_done(&draft);
        ck_assert_int_eq(device_draft_hand_over(&draft, &machine, (int32_t[]){ -1, -1, -1, -1 }),
                         0);
        ck_assert_uint_eq(machine.n_devices, 0);
        ck_assert_int_eq(machine.blocks[3].device, DEVICE_NONE);
        machine_done(&machine);
        ck_assert_ptr_null(machine.devices);
}
END_TEST

static void set_distances(Machine *machine, uint32_t node, const Distance *distances, size_t n)
{
        Node *found = machine_find_node(machine, node);

        found->distances = calloc(n, sizeof(Distance));
        memcpy(found->distances, distances, n * sizeof(Distance));
        found->n_distances = n;
}

START_TEST(a_distance_is_what_either_node_tells_the_first_before_the_second)
{
        static const Distance of_0[] = { { 0, 10 }, { 1, 21 }, { 3, 40 } };
        static const Distance of_1[] = { { 0, 31 }, { 1, 10 }, { 2, 22 } };
        static const struct {
                uint32_t from, to, distance;
        } cases[] = {
                { 0, 0, 10 },
                { 0, 1, 21 },
                { 1, 0, 31 },
                { 1, 2, 22 },
                { 2, 1, 22 },

                /* node 2 tells nothing; 3 and 9 are not there */
                { 2, 2, 0 },
                { 0, 2, 0 },
                { 2, 0, 0 },
                { 0, 3, 40 },
                { 3, 0, 40 },
                { 3, 1, 0 },
                { 9, 9, 0 },
                { 9, 0, 0 },
                { UINT32_MAX, 1, 0 },
        };
        Machine machine;

        machine_from(&machine, BLOCK, "0c=k 1=k 2=k");
        set_distances(&machine, 0, of_0, ELEMENTSOF(of_0));
        set_distances(&machine, 1, of_1, ELEMENTSOF(of_1));
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                ck_assert_msg(machine_distance(&machine, cases[i].from, cases[i].to) ==
                                      cases[i].distance,
                              "from %u to %u", cases[i].from, cases[i].to);
        machine_done(&machine);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("machine");
        TCase *blocks = tcase_create("blocks"), *nodes = tcase_create("nodes");

        tcase_add_test(blocks, blocks_that_are_inserted_at_once_lie_between_the_others);
        tcase_add_loop_test(blocks, blocks_are_sorted_in_whatever_order_they_are_added, 0,
                            ELEMENTSOF(permutations));
        tcase_add_test(blocks, a_block_that_is_there_is_found_and_not_added);
        tcase_add_test(blocks, blocks_that_are_not_kept_are_removed);
        tcase_add_loop_test(blocks, totals_are_counted_per_node_and_for_the_machine, 0,
                            ELEMENTSOF(count_cases));
        tcase_add_test(blocks, each_status_is_counted_as_what_it_is);
        tcase_add_test(blocks, a_block_of_a_node_that_is_not_there_counts_for_the_machine);
        suite_add_tcase(suite, blocks);

        tcase_add_test(nodes, nodes_are_found_by_number);
        tcase_add_test(nodes, zones_are_found_by_node_and_type);
        tcase_add_test(nodes, free_memory_of_a_node_is_that_of_its_zones);
        tcase_add_test(nodes, cma_is_summed_up_over_kernel_zones);
        tcase_add_test(nodes, a_machine_owns_its_nodes_and_their_distances);
        tcase_add_test(nodes, a_block_has_the_device_of_its_number);
        tcase_add_test(nodes, new_devices_are_nobodys_until_they_are_given_out);
        tcase_add_test(nodes, a_distance_is_what_either_node_tells_the_first_before_the_second);
        suite_add_tcase(suite, nodes);
        return check_main(suite);
}
