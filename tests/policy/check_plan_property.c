/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "random_machine.h"

/*
 * Plans of random machines under random policies keep what plan.h promises. What a plan has to be is
 * stated here over the classes that blocks end in, without regard to how the planner gets there.
 */

#define N_MACHINES 30000
#define CELLS_MAX 64

#define KERNEL_BIT (1U << ZONE_CLASS_KERNEL)
#define MOVABLE_BIT (1U << ZONE_CLASS_MOVABLE)

/* A block of a machine and what became of it. */
typedef struct Cell {
        const Block *block;
        const Planned *planned; /* NULL: not the plan's to decide */
        bool is_auto;
        int whole;      /* the first cell of its device or unit, or -1 */
        unsigned given; /* classes of those of the whole that `auto` does not decide */
        int group;      /* the first cell of those that can only change together with this one */
        uint32_t size;  /* how many those are */
        ZoneClass zone_class;
} Cell;

/* The blocks whose node is known. */
typedef struct View {
        const Case *c;
        Cell cells[CELLS_MAX];
        int n;
} View;

static const Device *cell_device(const View *view, const Cell *cell)
{
        return machine_device(&view->c->machine, cell->block);
}

/* The unit of a block within its device, or -1 when it is in none. */
static int64_t cell_unit(const View *view, const Cell *cell)
{
        const Device *device = cell_device(view, cell);

        if (device->unit_blocks == 0)
                return device->origin == ORIGIN_BOOT ? -1 : 0;
        if (cell->block->id < device->first_block)
                return -1;
        return (cell->block->id - device->first_block) / device->unit_blocks;
}

static int cell_whole(const View *view, int at)
{
        const Cell *cell = &view->cells[at];

        if (!cell_device(view, cell) || cell_unit(view, cell) < 0)
                return -1;
        for (int i = 0; i <= at; i++) {
                const Cell *other = &view->cells[i];

                if (other->block->device == cell->block->device &&
                    cell_unit(view, other) == cell_unit(view, cell))
                        return other->block->node == cell->block->node ? i : -1;
        }
        return -1;
}

/* The classes of a whole's blocks that `auto` does not decide. */
static unsigned given_classes(const View *view, int whole)
{
        unsigned classes = 0;

        for (int i = 0; whole >= 0 && i < view->n; i++)
                if (view->cells[i].whole == whole && !view->cells[i].is_auto)
                        classes |= 1U << view->cells[i].zone_class;
        return classes & (KERNEL_BIT | MOVABLE_BIT);
}

/* Whether `auto` gave the blocks of a device or unit two classes. */
static bool is_in_two(const View *view, const Cell *cell)
{
        for (int i = 0; i < view->n; i++)
                if (view->cells[i].is_auto && view->cells[i].whole == cell->whole &&
                    view->cells[i].zone_class != cell->zone_class)
                        return true;
        return false;
}

/*
 * Whether "prefer" kept a device or unit together. If the guards needed all of it, and too little movable
 * memory remains, its blocks were decided one by one and happen to be of one class.
 */
static bool is_preferred_whole(const View *view, const Cell *cell)
{
        return !is_in_two(view, cell) && (cell->zone_class != ZONE_CLASS_KERNEL ||
                                          cell->planned->decision.guards & GUARD_WHOLE_DEVICE);
}

static int cell_group(const View *view, int at)
{
        const Cell *cell = &view->cells[at];
        WholeDevice whole_device = view->c->policy.whole_device;

        if (!cell->is_auto || cell->whole < 0 || cell->given & MOVABLE_BIT ||
            whole_device == WHOLE_DEVICE_NO ||
            (whole_device == WHOLE_DEVICE_PREFER && !is_preferred_whole(view, cell)))
                return at;
        for (int i = 0; i < at; i++)
                if (view->cells[i].is_auto && view->cells[i].whole == cell->whole)
                        return i;
        return at;
}

static bool is_same_group(const Cell *a, const Cell *b)
{
        return a->group == b->group;
}

static bool is_first_of_group(const View *view, const Cell *cell)
{
        return cell - view->cells == cell->group;
}

static void view_add(View *view, const Block *block)
{
        const Case *c = view->c;
        Cell *cell = &view->cells[view->n];

        *cell = (Cell){
                .block = block,
                .planned = plan_find(&c->plan, block->id),
                .zone_class = final_class(&c->plan, block),
        };
        cell->is_auto = cell->planned && is_auto(c, block, cell->planned);
        cell->whole = cell_whole(view, view->n++);
}

static void view_init(View *view, const Case *c)
{
        *view = (View){ .c = c };
        for (size_t i = 0; i < c->machine.n_blocks; i++)
                if (has_known_node(&c->machine, &c->machine.blocks[i]))
                        view_add(view, &c->machine.blocks[i]);
        for (int i = 0; i < view->n; i++)
                view->cells[i].given = given_classes(view, view->cells[i].whole);
        for (int i = 0; i < view->n; i++) {
                view->cells[i].group = cell_group(view, i);
                view->cells[view->cells[i].group].size++;
        }
        for (int i = 0; i < view->n; i++)
                view->cells[i].size = view->cells[view->cells[i].group].size;
}

/* Makes a group another class. */
static void group_set(View *view, const Cell *cell, ZoneClass zone_class)
{
        for (int i = 0; i < view->n; i++)
                if (is_same_group(&view->cells[i], cell))
                        view->cells[i].zone_class = zone_class;
}

/* Guards */

static Sums view_sum(const View *view, int32_t node)
{
        Sums sums = {};

        for (int i = 0; i < view->n; i++)
                if (node == NODE_ANY || view->cells[i].block->node == node)
                        sums_add(&sums, view->cells[i].zone_class, BLOCK);
        return sums;
}

static bool has_node_ratio(const View *view, int32_t node)
{
        return view->c->policy.per_node &&
               machine_find_node(&view->c->machine, (uint32_t) node)->has_cpu;
}

static bool is_movable_node(const View *view, int32_t node)
{
        for (int i = 0; i < view->n; i++) {
                const Cell *cell = &view->cells[i];

                if (cell->block->node == node && cell->planned &&
                    cell->planned->decision.rule >= 0 &&
                    view->c->policy.rules[cell->planned->decision.rule].movable_node)
                        return true;
        }
        return false;
}

static uint64_t view_min_kernel(const View *view, int32_t node)
{
        return is_movable_node(view, node) ? 0 : min_kernel_of(view->c);
}

static bool node_guards_hold(const View *view, int32_t node)
{
        Sums sums = view_sum(view, node);

        return sums.kernel_bytes >= view_min_kernel(view, node) &&
               (!has_node_ratio(view, node) || ratio_holds(view->c, &sums, node));
}

static bool machine_guard_holds(const View *view)
{
        Sums sums = view_sum(view, NODE_ANY);

        return ratio_holds(view->c, &sums, NODE_ANY);
}

/* Whether a kernel block of the same device or unit lies above a block. */
static bool lies_below_kernel(const View *view, const Cell *cell)
{
        for (const Cell *other = cell + 1; other < view->cells + view->n; other++)
                if (view->c->policy.contiguous && cell->whole >= 0 && other->whole == cell->whole &&
                    other->zone_class == ZONE_CLASS_KERNEL && !is_same_group(other, cell))
                        return true;
        return false;
}

/* A device part of which is movable already: whole_device keeps the rest movable if it can. */
static bool is_of_movable_device(const View *view, const Cell *cell)
{
        return view->c->policy.whole_device != WHOLE_DEVICE_NO && cell->given & MOVABLE_BIT;
}

/* The properties, of each block that `auto` decided */

/* Where one is movable, every guard holds: more kernel memory never speaks against the first two. */
static void check_movable(const View *view, const Cell *cell)
{
        REQUIRE(node_guards_hold(view, cell->block->node), view->c->seed, "block %u",
                cell->block->id);
        REQUIRE(machine_guard_holds(view), view->c->seed, "block %u", cell->block->id);
        REQUIRE(!lies_below_kernel(view, cell), view->c->seed, "block %u lies below kernel memory",
                cell->block->id);
}

/* Whether whole_device made a block what the rest of its device was. */
static bool follows_kernel(const View *view, const Cell *cell)
{
        return view->c->policy.whole_device != WHOLE_DEVICE_NO && cell->given == KERNEL_BIT &&
               cell->planned->decision.guards & GUARD_WHOLE_DEVICE;
}

/* None is kernel memory in vain: were its group movable, a guard would not hold. */
static void check_kernel(const View *view, const Cell *cell)
{
        View other = *view;

        if (!is_first_of_group(view, cell) || follows_kernel(view, cell) ||
            lies_below_kernel(view, cell))
                return;
        group_set(&other, cell, ZONE_CLASS_MOVABLE);
        REQUIRE(!node_guards_hold(&other, cell->block->node) || !machine_guard_holds(&other),
                view->c->seed, "block %u is kernel memory in vain", cell->block->id);
}

static bool has_half(const View *view, int32_t node)
{
        Sums sums = view_sum(view, node), counted = sums_with_cma(view->c, &sums, node);

        return !product_is_greater(counted.kernel_bytes, view->c->policy.max_movable_ratio_permille,
                                   counted.movable_bytes, 2000);
}

/* Whether half of the movable memory that the ratio allows is there, as "prefer" asks. */
static bool is_half_left(const View *view, int32_t node)
{
        return has_half(view, NODE_ANY) && (!has_node_ratio(view, node) || has_half(view, node));
}

/* Whether a device was kept together. After others were tried, it can spare kernel memory elsewhere. */
static bool is_any_whole(const View *view)
{
        for (int i = 0; i < view->n; i++)
                if (view->cells[i].is_auto && view->cells[i].zone_class == ZONE_CLASS_KERNEL &&
                    view->cells[i].planned->decision.guards & GUARD_WHOLE_DEVICE)
                        return true;
        return false;
}

/* "prefer": a device is split only if too little movable memory would remain, and not split only if not. */
static void check_preferred(const View *view, const Cell *cell)
{
        View other = *view;

        if (!is_in_two(view, cell)) {
                REQUIRE(cell->zone_class != ZONE_CLASS_KERNEL ||
                                (cell->size == 1 && !follows_kernel(view, cell)) ||
                                is_half_left(view, cell->block->node),
                        view->c->seed, "block %u is of a whole device, and too little is left",
                        cell->block->id);
                return;
        }
        for (int i = 0; i < other.n; i++)
                if (other.cells[i].is_auto && other.cells[i].whole == cell->whole)
                        other.cells[i].zone_class = ZONE_CLASS_KERNEL;
        REQUIRE(is_any_whole(view) || !is_half_left(&other, cell->block->node), view->c->seed,
                "the device of block %u is split in vain", cell->block->id);
}

/*
 * The rest of a device that has movable memory only is kernel memory only if the first two guards would not
 * hold though all else were kernel memory that can be without a split.
 */
static void check_last_resort(const View *view, const Cell *cell)
{
        View other = *view;

        if (cell->zone_class != ZONE_CLASS_KERNEL || lies_below_kernel(view, cell))
                return;
        for (int i = 0; i < other.n; i++) {
                Cell *changed = &other.cells[i];

                if (changed->is_auto && !is_of_movable_device(view, changed))
                        changed->zone_class = ZONE_CLASS_KERNEL;
        }
        other.cells[cell - view->cells].zone_class = ZONE_CLASS_MOVABLE;
        REQUIRE(!node_guards_hold(&other, cell->block->node) || !machine_guard_holds(&other),
                view->c->seed, "the device of block %u is split in vain", cell->block->id);
}

static void check_whole(const View *view, const Cell *cell)
{
        WholeDevice whole_device = view->c->policy.whole_device;

        if (cell->whole < 0 || whole_device == WHOLE_DEVICE_NO)
                return;
        if (is_of_movable_device(view, cell))
                check_last_resort(view, cell);
        else if (!(cell->given & MOVABLE_BIT) && whole_device == WHOLE_DEVICE_PREFER)
                check_preferred(view, cell);
        else if (!(cell->given & MOVABLE_BIT))
                REQUIRE(!is_in_two(view, cell) && (cell->given & ~(1U << cell->zone_class)) == 0,
                        view->c->seed, "the device of block %u is split", cell->block->id);
}

/* Of two groups alike, the lower one is kernel memory. */
static void check_lowest_first(const View *view, const Cell *cell)
{
        if (cell->zone_class != ZONE_CLASS_KERNEL || cell->given || !is_first_of_group(view, cell))
                return;
        for (const Cell *other = view->cells; other < cell; other++)
                if (other->is_auto && other->block->node == cell->block->node && !other->given &&
                    other->size == cell->size)
                        REQUIRE(other->zone_class == ZONE_CLASS_KERNEL, view->c->seed,
                                "block %u is kernel memory and %u is not", cell->block->id,
                                other->block->id);
}

static bool node_gives_before(const View *view, int32_t a, int32_t b)
{
        bool a_has_cpu = machine_find_node(&view->c->machine, (uint32_t) a)->has_cpu;
        bool b_has_cpu = machine_find_node(&view->c->machine, (uint32_t) b)->has_cpu;

        return a_has_cpu == b_has_cpu ? a < b : a_has_cpu;
}

/* What the machine needs comes from nodes with a CPU, then by number. */
static void check_node_order(const View *view, const Cell *cell)
{
        View other = *view;

        if (view->c->policy.whole_device != WHOLE_DEVICE_NO ||
            cell->zone_class != ZONE_CLASS_KERNEL || lies_below_kernel(view, cell))
                return;
        group_set(&other, cell, ZONE_CLASS_MOVABLE);
        if (!node_guards_hold(&other, cell->block->node))
                return;
        for (int i = 0; i < view->n; i++)
                if (view->cells[i].is_auto &&
                    node_gives_before(view, view->cells[i].block->node, cell->block->node))
                        REQUIRE(view->cells[i].zone_class == ZONE_CLASS_KERNEL, view->c->seed,
                                "block %u gives before %u", cell->block->id,
                                view->cells[i].block->id);
}

/* Reasons */

static bool figures_are_equal(const Figures *a, const Figures *b)
{
        return a->kernel_bytes == b->kernel_bytes && a->movable_bytes == b->movable_bytes &&
               a->limit == b->limit && a->of_machine == b->of_machine;
}

static Figures ratio_figures(const View *view, const Sums *sums, int32_t node)
{
        Sums counted = sums_with_cma(view->c, sums, node);

        return (Figures){ .kernel_bytes = counted.kernel_bytes,
                          .movable_bytes = counted.movable_bytes,
                          .limit = view->c->policy.max_movable_ratio_permille,
                          .of_machine = node == NODE_ANY };
}

/* A movable block tells what all static devices lead to. */
static void check_movable_reason(const View *view, const Cell *cell)
{
        int32_t node = has_node_ratio(view, cell->block->node) ? cell->block->node : NODE_ANY;
        Sums sums = view_sum(view, node);
        Figures expected = ratio_figures(view, &sums, node);

        REQUIRE(figures_are_equal(&cell->planned->decision.figures, &expected), view->c->seed,
                "figures of block %u", cell->block->id);
        REQUIRE(cell->planned->decision.guards ==
                        (is_of_movable_device(view, cell) && cell->given == MOVABLE_BIT ?
                                 GUARD_WHOLE_DEVICE :
                                 0),
                view->c->seed, "guards %x of block %u", cell->planned->decision.guards,
                cell->block->id);
}

/* The kernel memory of a node without the blocks that `auto` decides. */
static uint64_t given_kernel_bytes(const View *view, int32_t node)
{
        Sums sums = {};

        for (int i = 0; i < view->n; i++)
                if (!view->cells[i].is_auto && view->cells[i].block->node == node)
                        sums_add(&sums, view->cells[i].zone_class, BLOCK);
        return sums.kernel_bytes;
}

static void check_kernel_figures(const View *view, const Cell *cell)
{
        const Figures *figures = &cell->planned->decision.figures;
        unsigned guards = cell->planned->decision.guards;
        int32_t node = cell->block->node;
        Figures expected = {};

        if (guards & GUARD_MIN_KERNEL) {
                expected.kernel_bytes = given_kernel_bytes(view, node);
                expected.limit = view_min_kernel(view, node);
                REQUIRE(figures_are_equal(figures, &expected) &&
                                figures->kernel_bytes < figures->limit,
                        view->c->seed, "figures of block %u", cell->block->id);
        } else if (guards & (GUARD_NODE_RATIO | GUARD_MACHINE_RATIO)) {
                REQUIRE(figures->limit == view->c->policy.max_movable_ratio_permille &&
                                figures->movable_bytes * 1000 >
                                        figures->kernel_bytes * figures->limit,
                        view->c->seed, "figures of block %u", cell->block->id);
        } else if (guards == GUARD_CONTIGUOUS) {
                REQUIRE(figures->limit > cell->block->id, view->c->seed, "figures of block %u",
                        cell->block->id);
        }
}

static void check_kernel_reason(const View *view, const Cell *cell)
{
        unsigned guards = cell->planned->decision.guards;
        bool is_whole = view->c->policy.whole_device != WHOLE_DEVICE_NO && cell->whole >= 0 &&
                        !(cell->given & MOVABLE_BIT) &&
                        (cell->size > 1 || (cell->given == KERNEL_BIT &&
                                            (view->c->policy.whole_device == WHOLE_DEVICE_YES ||
                                             is_preferred_whole(view, cell))));

        REQUIRE(guards != 0, view->c->seed, "block %u", cell->block->id);
        REQUIRE(!(guards & GUARD_WHOLE_DEVICE) == !is_whole, view->c->seed, "guards %x of block %u",
                guards, cell->block->id);
        REQUIRE(!(guards & GUARD_NODE_RATIO) || has_node_ratio(view, cell->block->node),
                view->c->seed, "guards %x of block %u", guards, cell->block->id);
        REQUIRE(!(guards & GUARD_CONTIGUOUS) || view->c->policy.contiguous, view->c->seed,
                "guards %x of block %u", guards, cell->block->id);
        check_kernel_figures(view, cell);
}

static void check_guards(const View *view)
{
        for (int i = 0; i < view->n; i++) {
                const Cell *cell = &view->cells[i];

                if (!cell->is_auto)
                        continue;
                if (cell->zone_class == ZONE_CLASS_MOVABLE) {
                        check_movable(view, cell);
                        check_movable_reason(view, cell);
                } else {
                        check_kernel(view, cell);
                        check_kernel_reason(view, cell);
                }
                check_whole(view, cell);
                check_lowest_first(view, cell);
                check_node_order(view, cell);
        }
}

/* What does not depend on the guards */

static void check_decisions(const Case *c)
{
        size_t n = 0, n_written = 0;

        for (size_t i = 0; i < c->machine.n_blocks; i++) {
                const Block *block = &c->machine.blocks[i];
                const Planned *planned = plan_find(&c->plan, block->id);

                REQUIRE((planned != NULL) ==
                                (has_known_node(&c->machine, block) && track_wants_plan(block, 0)),
                        c->seed, "block %u", block->id);
                if (!planned)
                        continue;
                REQUIRE(planned->decision.verdict > VERDICT_NONE &&
                                planned->decision.verdict < _VERDICT_MAX,
                        c->seed, "block %u has verdict %d", block->id, planned->decision.verdict);
                REQUIRE(is_auto(c, block, planned) ||
                                (!planned->decision.guards &&
                                 figures_are_equal(&planned->decision.figures, &(Figures){})),
                        c->seed, "block %u has guards", block->id);
                n++;
                n_written += !verdict_is_left(planned->decision.verdict);
        }
        REQUIRE(n == c->plan.n_planned, c->seed, "%zu decisions of %zu", c->plan.n_planned, n);
        REQUIRE(n_written == c->plan.n_order, c->seed, "%zu writes of %zu", c->plan.n_order,
                n_written);
}

/* Each block that is to be written is, once, and kernel memory first. */
static void check_order(const Case *c)
{
        bool is_written[CELLS_MAX] = {}, was_movable = false;

        for (size_t i = 0; i < c->plan.n_order; i++) {
                uint32_t at = c->plan.order[i];
                bool is_movable = c->plan.planned[at].decision.verdict == VERDICT_MOVABLE;

                REQUIRE(at < c->plan.n_planned && !is_written[at] &&
                                !verdict_is_left(c->plan.planned[at].decision.verdict),
                        c->seed, "write %zu", i);
                REQUIRE(is_movable || !was_movable, c->seed, "write %zu is late", i);
                is_written[at] = true;
                was_movable = is_movable;
        }
}

static bool decisions_are_equal(const Planned *a, const Planned *b)
{
        const Decision *x = &a->decision, *y = &b->decision;

        return a->block == b->block && x->rule == y->rule && x->action == y->action &&
               x->verdict == y->verdict && x->guards == y->guards &&
               figures_are_equal(&x->figures, &y->figures);
}

static void check_equal(const Case *c, const Plan *plan, const char *what)
{
        REQUIRE(plan->n_planned == c->plan.n_planned && plan->n_order == c->plan.n_order, c->seed,
                "%s", what);
        for (size_t i = 0; i < plan->n_planned; i++)
                REQUIRE(decisions_are_equal(&plan->planned[i], &c->plan.planned[i]), c->seed,
                        "%s: block %u", what, plan->planned[i].block);
        for (size_t i = 0; i < plan->n_order; i++)
                REQUIRE(plan->order[i] == c->plan.order[i], c->seed, "%s: write %zu", what, i);
}

/* Lists the devices in another order. */
static void shuffle_devices(Random *random, Machine *machine)
{
        Device devices[DEVICES_MAX];
        size_t order[DEVICES_MAX];
        int32_t place[DEVICES_MAX];

        shuffle(random, order, machine->n_devices);
        for (size_t i = 0; i < machine->n_devices; i++) {
                devices[i] = machine->devices[order[i]];
                place[order[i]] = (int32_t) i;
        }
        for (size_t i = 0; i < machine->n_blocks; i++)
                if (machine_device(machine, &machine->blocks[i]))
                        machine->blocks[i].device = place[machine->blocks[i].device];
        set_devices(machine, devices, machine->n_devices);
}

/* Whatever the order in which blocks came and devices are listed. */
static void check_insertion(const Case *c, Random *random)
{
        size_t n = c->machine.n_blocks, order[CELLS_MAX];
        Machine other;
        Plan plan;

        shuffle(random, order, n);
        copy_frame(&c->machine, &other);
        for (size_t i = 0; i < n; i++)
                copy_block(&other, &c->machine.blocks[order[i]]);
        shuffle_devices(random, &other);
        make_plan(&other, &c->policy, 0, &plan);
        check_equal(c, &plan, "another order");
        plan_done(&plan);
        machine_done(&other);
}

/* Running, for each kind of machine */

typedef void (*CaseCheck)(const Case *c, Random *random);

static void run(Kind kind, CaseCheck check)
{
        for (uint64_t i = 0; i < N_MACHINES; i++) {
                Random random;
                Case c;

                case_init(&c, first_seed() + i, kind, &random);
                check(&c, &random);
                case_done(&c);
        }
}

static void check_all_decisions(const Case *c, Random *random)
{
        (void) random;
        check_decisions(c);
        check_order(c);
}

START_TEST(every_block_that_is_to_be_decided_is_and_is_written_once)
{
        run((Kind) _i, check_all_decisions);
}
END_TEST

static void check_all_guards(const Case *c, Random *random)
{
        View view;

        (void) random;
        view_init(&view, c);
        check_guards(&view);
}

START_TEST(guards_hold_whenever_they_can_and_ask_for_no_more_than_that_takes)
{
        run((Kind) _i, check_all_guards);
}
END_TEST

/* Strict order of zones */

/* The blocks of a node that are online already may be out of order. */
static bool is_given_in_order(const View *view, int32_t node)
{
        bool was_movable = false;

        for (int i = 0; i < view->n; i++) {
                const Cell *cell = &view->cells[i];

                if (cell->is_auto || cell->block->node != node)
                        continue;
                if (was_movable && cell->zone_class == ZONE_CLASS_KERNEL)
                        return false;
                was_movable |= cell->zone_class == ZONE_CLASS_MOVABLE;
        }
        return true;
}

/* Whether the kernel refuses kernel memory there. */
static bool lies_above_given_movable(const View *view, const Cell *cell)
{
        for (const Cell *other = view->cells; other < cell; other++)
                if (!other->is_auto && other->block->node == cell->block->node &&
                    other->zone_class == ZONE_CLASS_MOVABLE)
                        return true;
        return false;
}

static void check_zone_order(const View *view, const Cell *cell)
{
        if (!cell->is_auto || !is_given_in_order(view, cell->block->node))
                return;
        for (const Cell *other = cell + 1; other < view->cells + view->n; other++)
                REQUIRE(other->block->node != cell->block->node ||
                                cell->zone_class != ZONE_CLASS_MOVABLE ||
                                other->zone_class != ZONE_CLASS_KERNEL,
                        view->c->seed, "block %u is movable below %u", cell->block->id,
                        other->block->id);
        if (cell->zone_class == ZONE_CLASS_MOVABLE && !lies_above_given_movable(view, cell))
                REQUIRE(node_guards_hold(view, cell->block->node) && machine_guard_holds(view),
                        view->c->seed, "block %u could be kernel memory", cell->block->id);
        if (cell->zone_class == ZONE_CLASS_KERNEL)
                REQUIRE(!lies_above_given_movable(view, cell), view->c->seed,
                        "block %u is kernel memory above movable memory", cell->block->id);
}

static void check_strict(const Case *c, Random *random)
{
        Case strict = *c;
        View view;

        (void) random;
        strict.machine.strict_zone_order = true;
        make_plan(&strict.machine, &c->policy, 0, &strict.plan);
        view_init(&view, &strict);
        for (int i = 0; i < view.n; i++)
                check_zone_order(&view, &view.cells[i]);
        plan_done(&strict.plan);
}

START_TEST(a_kernel_that_is_strict_about_the_order_of_zones_is_asked_for_no_other)
{
        run((Kind) _i, check_strict);
}
END_TEST

START_TEST(the_order_in_which_blocks_and_devices_came_does_not_matter)
{
        run((Kind) _i, check_insertion);
}
END_TEST

/* The random machines are worth something: each kind of planned and guard is among them. */
START_TEST(random_machines_meet_every_guard_and_verdict)
{
        unsigned guards = 0, verdicts = 0, n_movable = 0, n_kernel = 0;

        for (uint64_t i = 0; i < 1000; i++) {
                Random random;
                Case c;

                case_init(&c, first_seed() + i, (Kind) _i, &random);
                for (size_t j = 0; j < c.plan.n_planned; j++) {
                        const Planned *planned = &c.plan.planned[j];

                        guards |= planned->decision.guards;
                        verdicts |= 1U << planned->decision.verdict;
                        n_movable += planned->decision.verdict == VERDICT_MOVABLE;
                        n_kernel += planned->decision.guards &&
                                    planned->decision.verdict == VERDICT_KERNEL;
                }
                case_done(&c);
        }
        ck_assert_uint_eq(guards, GUARD_MIN_KERNEL | GUARD_NODE_RATIO | GUARD_MACHINE_RATIO |
                                          GUARD_WHOLE_DEVICE | GUARD_CONTIGUOUS);
        ck_assert_uint_eq(verdicts, ((1U << _VERDICT_MAX) - 1) & ~(1U << VERDICT_NONE));
        ck_assert_uint_gt(n_movable, 1500);
        ck_assert_uint_gt(n_kernel, 1000);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("plan property");
        TCase *tcase = tcase_create("property");

        tcase_set_timeout(tcase, 600);
        tcase_add_loop_test(tcase, random_machines_meet_every_guard_and_verdict, 0, _KIND_MAX);
        tcase_add_loop_test(tcase, every_block_that_is_to_be_decided_is_and_is_written_once, 0,
                            _KIND_MAX);
        tcase_add_loop_test(tcase,
                            guards_hold_whenever_they_can_and_ask_for_no_more_than_that_takes, 0,
                            _KIND_MAX);
        tcase_add_loop_test(tcase,
                            a_kernel_that_is_strict_about_the_order_of_zones_is_asked_for_no_other,
                            0, _KIND_MAX);
        tcase_add_loop_test(tcase, the_order_in_which_blocks_and_devices_came_does_not_matter, 0,
                            _KIND_MAX);
        suite_add_tcase(suite, tcase);
        return check_main_pure(suite);
}
