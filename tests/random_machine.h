/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/product.h"
#include "machine_fixture.h"
#include "policy/track.h"

#include <stdio.h>

/*
 * Random machines and policies, and a plan of each. What one seed makes is the same everywhere;
 * PROPERTY_SEED in the environment chooses the first seed, and a failure names the seed that shows it.
 */

#define BLOCK (UINT64_C(128) << 20)
#define NODES 4
#define RULES 4
#define DEVICES_MAX 12

/* Random numbers: splitmix64 */

typedef struct Random {
        uint64_t state;
} Random;

static inline uint64_t random_u64(Random *random)
{
        uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

/* Below n. */
static inline uint32_t random_below(Random *random, uint32_t n)
{
        return (uint32_t) (random_u64(random) % n);
}

static inline bool random_is(Random *random, uint32_t percent)
{
        return random_below(random, 100) < percent;
}

static inline void shuffle(Random *random, size_t *order, size_t n)
{
        for (size_t i = 0; i < n; i++)
                order[i] = i;
        for (size_t i = n; i-- > 1;) {
                size_t j = random_below(random, (uint32_t) i + 1), swapped = order[i];

                order[i] = order[j];
                order[j] = swapped;
        }
}

/* What a check that failed says. */
#define REQUIRE(condition, seed, ...)                                                              \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        fprintf(stderr, "PROPERTY_SEED=%llu: ", (unsigned long long) (seed));      \
                        fprintf(stderr, __VA_ARGS__);                                              \
                        fputc('\n', stderr);                                                       \
                        ck_abort_msg("not so: %s", #condition);                                    \
                }                                                                                  \
        } while (0)

/* Policies */

static inline uint64_t random_min_kernel(Random *random)
{
        switch (random_below(random, 4)) {
        case 0:
                return 0;
        case 1:
                return random_below(random, 12) * BLOCK;
        case 2:
                return random_u64(random) % (20 * BLOCK);
        default:
                return MIN_KERNEL_ONE_BLOCK;
        }
}

static inline uint32_t random_ratio(Random *random)
{
        switch (random_below(random, 6)) {
        case 0:
                return 0;
        case 1:
                return random_below(random, 1000);
        case 2:
                return random_below(random, 20000);
        case 3:
                return MAX_MOVABLE_RATIO_PERMILLE_MAX;
        default:
                return 3000;
        }
}

static char *no_virtualization[] = { (char *) "!vm", NULL };
static char *kvm[] = { (char *) "xen", (char *) "kvm", NULL };
static char *arm64[] = { (char *) "arm64", NULL };
static char *not_arm64[] = { (char *) "!arm64", NULL };

/* Each criterion now and then; few at once, or no rule would match. */
static inline void random_criteria(Random *random, Rule *rule)
{
        /* Mostly of some nodes, so that `auto` has something left. */
        rule->has_nodes = random_is(random, 60);
        for (uint32_t node = 0; rule->has_nodes && node < NODES; node++)
                if (random_is(random, 30))
                        node_set_add(&rule->nodes, node);
        if (random_is(random, 20))
                rule->node_classes = 1U << random_below(random, _NODE_CLASS_MAX);
        if (random_is(random, 20))
                rule->origins = (unsigned) random_below(random, 1U << _ORIGIN_MAX);
        if (random_is(random, 20)) {
                rule->has_address = true;
                rule->first_address = random_below(random, 40) * BLOCK;
                rule->last_address = rule->first_address + random_below(random, 20) * BLOCK - 1;
        }
        if (random_is(random, 10))
                rule->min_size_bytes = random_below(random, 8) * BLOCK;
        if (random_is(random, 10))
                rule->max_size_bytes = random_below(random, 8) * BLOCK;
        if (random_is(random, 10)) {
                rule->has_distance = true;
                rule->distance = (DistanceRange){ random_below(random, NODES), 0, 20 };
        }
        if (random_is(random, 10))
                rule->virtualization = random_is(random, 50) ? no_virtualization : kvm;
        if (random_is(random, 10))
                rule->architecture = random_is(random, 50) ? arm64 : not_arm64;
        if (random_is(random, 15))
                rule->udev_mask = random_below(random, 4);
}

static inline void random_policy(Random *random, Policy *policy, Rule rules[static RULES])
{
        *policy = (Policy){
                .rules = rules,
                .n_rules = random_is(random, 50) ? 0 : random_below(random, RULES + 1),
                .min_kernel_bytes = random_min_kernel(random),
                .max_movable_ratio_permille = random_ratio(random),
                .per_node = random_is(random, 70),
                .whole_device = (WholeDevice) random_below(random, _WHOLE_DEVICE_MAX),
                .contiguous = random_is(random, 70),
        };
        for (size_t i = 0; i < policy->n_rules; i++) {
                rules[i] = (Rule){ .zone = (ZoneAction) random_below(random, _ZONE_ACTION_MAX),
                                   .movable_node = random_is(random, 20) };
                random_criteria(random, &rules[i]);
        }
}

/* Machines */

/* What there may be on one. */
typedef enum Kind {
        KIND_STATIC,  /* no device grows */
        KIND_GROWING, /* what is to be decided is of devices that grow */
        KIND_MIXED,
        KIND_ODD, /* as no machine should be: devices that overlap, lie elsewhere, have no number */
        _KIND_MAX,
} Kind;

typedef struct Maker {
        Random *random;
        Kind kind;
        Machine *machine;
        Device devices[DEVICES_MAX];
        size_t n_devices;
        uint32_t next_block;
} Maker;

static inline char random_letter(Random *random)
{
        static const char letters[] = "kkkkkmmmsgloooooooooooooooooKM-";

        return letters[random_below(random, sizeof(letters) - 1)];
}

static inline int32_t maker_add_device(Maker *maker, uint32_t n_blocks, bool grows)
{
        Random *random = maker->random;
        Device *device = &maker->devices[maker->n_devices];

        if (maker->n_devices == DEVICES_MAX)
                return DEVICE_NONE;
        *device = (Device){
                .origin = (Origin) random_below(random, _ORIGIN_MAX),
                .size_bytes = n_blocks * BLOCK,
                .first_block = maker->next_block,
                .last_block = maker->next_block + n_blocks - 1,
                .unit_blocks = grows ? 1 + random_below(random, 4) : 0,
                .dax_state = random_is(random, 4) ? DAX_STATE_ONLINE : DAX_STATE_OFFLINE,
        };
        snprintf(device->name, sizeof(device->name), "device%zu", maker->n_devices);
        if (maker->kind == KIND_ODD) {
                device->first_block += random_below(random, 8);
                device->last_block -= random_below(random, 8);
                if (random_is(random, 10))
                        device->unit_blocks = UINT32_MAX - random_below(random, 2);
        }
        return (int32_t) maker->n_devices++;
}

static inline void maker_add_block(Maker *maker, int32_t node, int32_t device, char letter)
{
        static const char *const zones[] = { "Normal Movable", "Movable Normal", "DMA32", "none" };
        Random *random = maker->random;
        Block *block;

        if (machine_add_block(maker->machine, maker->next_block, &block) != 1)
                ck_abort_msg("cannot add block %u", maker->next_block);
        block->node = random_is(random, 2) ? NODE_NONE : node;
        block->device = device;
        if (maker->kind == KIND_ODD && random_is(random, 20))
                block->device = (int32_t) random_below(random, DEVICES_MAX + 8) - 4;
        if (maker->kind == KIND_ODD && random_is(random, 10))
                block->node = (int32_t) random_below(random, NODES);
        block_set_letter(block, letter);
        block->udev_mask = random_below(random, 4);
        if (block->state == BLOCK_OFFLINE) {
                zones_set(&block->zones, zones[random_below(random, ELEMENTSOF(zones))]);
                block->last_class = (ZoneClass) random_below(random, _ZONE_CLASS_MAX);
        }
}

/* The state of blocks that come together: mostly the same, with a few others. */
static inline void maker_add_run(Maker *maker, uint32_t n, bool grows)
{
        Random *random = maker->random;
        int32_t node = (int32_t) random_below(random, NODES);
        int32_t device = grows || random_is(random, 75) ? maker_add_device(maker, n, grows) : -1;
        bool is_given = maker->kind == KIND_GROWING && (!grows || device == DEVICE_NONE);
        char letter = random_letter(random);

        for (; n > 0; n--, maker->next_block++) {
                if (random_is(random, 10))
                        letter = random_letter(random);
                if (letter != '-')
                        maker_add_block(maker, node, device,
                                        is_given && letter == 'o' ? 'k' : letter);
        }
}

/* Up to 40 blocks. */
static inline void maker_add_runs(Maker *maker)
{
        Random *random = maker->random;
        uint32_t left = 1 + random_below(random, 40);

        maker->next_block = random_below(random, 5);
        if (maker->kind == KIND_ODD && random_is(random, 20))
                maker->next_block = UINT32_MAX - left + 1;
        while (left > 0) {
                uint32_t n = 1 + random_below(random, random_is(random, 70) ? 5 : 16);
                bool grows = maker->kind != KIND_STATIC && random_is(random, 60);

                n = MIN(n, left);
                left -= n;
                maker_add_run(maker, n, grows);
                if (left > 4 && random_is(random, 20) && maker->kind != KIND_ODD)
                        maker->next_block += random_below(random, 3);
        }
}

static inline Distance *random_distances(Random *random)
{
        Distance *distances = calloc(NODES, sizeof(Distance));

        REQUIRE_MEMORY(distances);
        for (uint32_t i = 0; i < NODES; i++)
                distances[i] = (Distance){ i, 10 + random_below(random, 20) };
        return distances;
}

static inline void random_nodes(Random *random, Machine *machine)
{
        for (uint32_t node = 0; node < NODES; node++)
                if (random_is(random, 90))
                        machine_add_node(machine, node, random_is(random, 60));
        for (size_t i = 0; i < machine->n_nodes; i++)
                if (random_is(random, 50)) {
                        machine->nodes[i].distances = random_distances(random);
                        machine->nodes[i].n_distances = NODES;
                }
}

/* CMA lies in memory that is there: no node has more than it has kernel memory. */
static inline void random_cma(Random *random, Machine *machine)
{
        machine_count(machine);
        for (uint32_t node = 0; node < NODES; node++) {
                const Node *found = machine_find_node(machine, node);
                uint64_t limit = found ? found->totals.kernel_bytes >> 12 : 0;

                if (limit > 0 && random_is(random, 30))
                        machine_add_zone(machine, node, ZONE_NORMAL)->cma_bytes =
                                (random_u64(random) % limit) << 12;
        }
}

static inline void set_devices(Machine *machine, const Device *devices, size_t n)
{
        Device *copy = calloc(n + 1, sizeof(Device));

        REQUIRE_MEMORY(copy);
        if (n > 0)
                memcpy(copy, devices, n * sizeof(Device));
        free(machine->devices);
        machine->devices = copy;
        machine->n_devices = n;
}

static inline void random_machine(Random *random, Machine *machine, Kind kind)
{
        Maker maker = { .random = random, .kind = kind, .machine = machine };

        machine_init(machine);
        machine->block_size_bytes = BLOCK;
        strcpy(machine->virtualization, random_is(random, 50) ? "kvm" : "none");
        strcpy(machine->architecture, random_is(random, 50) ? "arm64" : "x86-64");
        random_nodes(random, machine);
        maker_add_runs(&maker);
        set_devices(machine, maker.devices, maker.n_devices);
        random_cma(random, machine);
        track_note_memoryless(machine);
}

static inline void copy_block(Machine *copy, const Block *block)
{
        Block *added;

        if (machine_add_block(copy, block->id, &added) != 1)
                ck_abort_msg("cannot add block %u", block->id);
        *added = *block;
}

/* A machine without its blocks. */
static inline void copy_frame(const Machine *machine, Machine *copy)
{
        machine_init(copy);
        copy->block_size_bytes = machine->block_size_bytes;
        strcpy(copy->virtualization, machine->virtualization);
        strcpy(copy->architecture, machine->architecture);
        for (size_t i = 0; i < machine->n_nodes; i++)
                machine_add_node(copy, machine->nodes[i].id, machine->nodes[i].has_cpu);
        for (size_t i = 0; i < machine->n_nodes; i++) {
                const Node *node = &machine->nodes[i];

                if (node->n_distances == 0)
                        continue;
                copy->nodes[i].distances = calloc(node->n_distances, sizeof(Distance));
                REQUIRE_MEMORY(copy->nodes[i].distances);
                memcpy(copy->nodes[i].distances, node->distances,
                       node->n_distances * sizeof(Distance));
                copy->nodes[i].n_distances = node->n_distances;
        }
        for (size_t i = 0; i < machine->n_zones; i++)
                *machine_add_zone(copy, machine->zones[i].node, machine->zones[i].type) =
                        machine->zones[i];
        set_devices(copy, machine->devices, machine->n_devices);
}

static inline void copy_machine(const Machine *machine, Machine *copy)
{
        copy_frame(machine, copy);
        for (size_t i = 0; i < machine->n_blocks; i++)
                copy_block(copy, &machine->blocks[i]);
}

/* Cases */

typedef struct Case {
        uint64_t seed;
        Kind kind;
        Machine machine;
        Policy policy;
        Rule rules[RULES];
        Plan plan;
} Case;

static inline void make_plan(const Machine *machine, const Policy *policy, uint64_t now_usec,
                             Plan *plan)
{
        if (plan_make(machine, policy, track_wants_plan, now_usec, plan) < 0)
                ck_abort_msg("out of memory");
}

static inline void case_init(Case *c, uint64_t seed, Kind kind, Random *random)
{
        *random = (Random){ .state = seed };
        *c = (Case){ .seed = seed, .kind = kind };
        random_policy(random, &c->policy, c->rules);
        random_machine(random, &c->machine, kind);
        make_plan(&c->machine, &c->policy, 0, &c->plan);
}

static inline void case_done(Case *c)
{
        plan_done(&c->plan);
        machine_done(&c->machine);
}

static inline uint64_t first_seed(void)
{
        const char *seed = getenv("PROPERTY_SEED");

        return seed ? strtoull(seed, NULL, 0) : 1;
}

/* What a plan leads to, worked out block by block, unlike the planner does */

static inline bool is_auto(const Case *c, const Block *block, const Planned *planned)
{
        const Rule *rule = policy_rule(&c->policy, planned->decision.rule);
        ZoneAction action = rule ? rule->zone : ZONE_ACTION_AUTO;

        if (machine_is_owned(&c->machine, block))
                return false;
        return action == ZONE_ACTION_AUTO ||
               (action == ZONE_ACTION_KEEP && block->last_class == ZONE_CLASS_NONE);
}

static inline ZoneClass class_of_verdict(Verdict verdict, const Block *block)
{
        if (verdict == VERDICT_KERNEL_DEFAULT && block->zones.n_zones > 0)
                return block->zones.zones[0] == ZONE_MOVABLE ? ZONE_CLASS_MOVABLE :
                                                               ZONE_CLASS_KERNEL;
        if (verdict == VERDICT_KERNEL || verdict == VERDICT_KERNEL_DEFAULT)
                return ZONE_CLASS_KERNEL;
        return verdict == VERDICT_MOVABLE ? ZONE_CLASS_MOVABLE : ZONE_CLASS_NONE;
}

/* The class in which a block ends. */
static inline ZoneClass final_class(const Plan *plan, const Block *block)
{
        const Planned *planned = plan_find(plan, block->id);

        if (planned)
                return class_of_verdict(planned->decision.verdict, block);
        if (block->status == BLOCK_STATUS_WRITING)
                return class_of_verdict(block->decision.verdict, block);
        return block_class(block);
}

static inline bool block_grows(const Machine *machine, const Block *block)
{
        const Device *device = machine_device(machine, block);

        return device && device->unit_blocks > 0;
}

static inline bool has_known_node(const Machine *machine, const Block *block)
{
        return block->node >= 0 && machine_find_node(machine, (uint32_t) block->node);
}

typedef struct Sums {
        uint64_t kernel_bytes;
        uint64_t movable_bytes;
} Sums;

static inline void sums_add(Sums *sums, ZoneClass zone_class, uint64_t bytes)
{
        sums->kernel_bytes += zone_class == ZONE_CLASS_KERNEL ? bytes : 0;
        sums->movable_bytes += zone_class == ZONE_CLASS_MOVABLE ? bytes : 0;
}

/* What the ratio compares, CMA being movable. */
static inline Sums sums_with_cma(const Case *c, const Sums *sums, int32_t node)
{
        uint64_t cma = MIN(machine_cma_bytes(&c->machine, node), sums->kernel_bytes);

        return (Sums){ sums->kernel_bytes - cma, sums->movable_bytes + cma };
}

/* movable <= ratio * kernel */
static inline bool ratio_holds(const Case *c, const Sums *sums, int32_t node)
{
        Sums counted = sums_with_cma(c, sums, node);

        return !product_is_greater(counted.movable_bytes, 1000, counted.kernel_bytes,
                                   c->policy.max_movable_ratio_permille);
}

static inline uint64_t min_kernel_of(const Case *c)
{
        return c->policy.min_kernel_bytes == MIN_KERNEL_ONE_BLOCK ? BLOCK :
                                                                    c->policy.min_kernel_bytes;
}
