/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check_main.h"
#include "random_machine.h"

/*
 * Plans of random machines under random policies keep what plan.h promises. What a plan has to be is
 * stated here over the classes that blocks end in, without regard to how the planner gets there; only
 * devices that grow, which plan.h defines by the way they are decided, are gone through the same way.
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
        bool grows;
        int whole;      /* the first cell of what whole_device treats as one, or -1 */
        unsigned given; /* classes of those of the whole that `auto` does not decide */
        int group;      /* the first cell of those that `auto` decides together with this one */
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

        if (!view->c->policy.whole_device || !cell_device(view, cell) || cell_unit(view, cell) < 0)
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

static int cell_group(const View *view, int at)
{
        const Cell *cell = &view->cells[at];

        if (!cell->is_auto || cell->whole < 0 || cell->given & MOVABLE_BIT)
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
                .grows = block_grows(&c->machine, block),
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

/* Whether a block is there as far as static devices are concerned. */
static bool is_lasting(const Cell *cell)
{
        return !cell->grows || !cell->is_auto;
}

/* Of static devices, given what there is. */
static bool is_static_auto(const Cell *cell)
{
        return cell->is_auto && !cell->grows;
}

/* Makes a group another class. */
static void group_set(View *view, const Cell *cell, ZoneClass zone_class)
{
        for (int i = 0; i < view->n; i++)
                if (is_same_group(&view->cells[i], cell))
                        view->cells[i].zone_class = zone_class;
}

/* Guards, of what static devices come to */

typedef bool (*CellFilter)(const Cell *cell);

static Sums view_sum(const View *view, int32_t node, CellFilter filter)
{
        Sums sums = {};

        for (int i = 0; i < view->n; i++)
                if (filter(&view->cells[i]) &&
                    (node == NODE_ANY || view->cells[i].block->node == node))
                        sums_add(&sums, view->cells[i].zone_class, BLOCK);
        return sums;
}

static bool has_node_ratio(const View *view, int32_t node)
{
        return view->c->policy.per_node &&
               machine_find_node(&view->c->machine, (uint32_t) node)->has_cpu;
}

static bool is_movable_node(const View *view, int32_t node, CellFilter filter)
{
        for (int i = 0; i < view->n; i++) {
                const Cell *cell = &view->cells[i];

                if (cell->block->node == node && filter(cell) && cell->planned &&
                    cell->planned->decision.rule >= 0 &&
                    view->c->policy.rules[cell->planned->decision.rule].movable_node)
                        return true;
        }
        return false;
}

static uint64_t view_min_kernel(const View *view, int32_t node, CellFilter filter)
{
        return is_movable_node(view, node, filter) ? 0 : min_kernel_of(view->c);
}

static bool node_guards_hold(const View *view, int32_t node)
{
        Sums sums = view_sum(view, node, is_lasting);

        return sums.kernel_bytes >= view_min_kernel(view, node, is_lasting) &&
               (!has_node_ratio(view, node) || ratio_holds(view->c, &sums, node));
}

static bool machine_guard_holds(const View *view)
{
        Sums sums = view_sum(view, NODE_ANY, is_lasting);

        return ratio_holds(view->c, &sums, NODE_ANY);
}

/* The highest kernel block of a node that is not of a cell's group, or -1. */
static int64_t highest_other_kernel(const View *view, const Cell *cell)
{
        int64_t highest = -1;

        for (int i = 0; i < view->n; i++) {
                const Cell *other = &view->cells[i];

                if (other->block->node == cell->block->node && is_lasting(other) &&
                    other->zone_class == ZONE_CLASS_KERNEL && !is_same_group(other, cell))
                        highest = other->block->id;
        }
        return highest;
}

static bool lies_below_kernel(const View *view, const Cell *cell)
{
        return view->c->policy.contiguous && cell->block->id < highest_other_kernel(view, cell);
}

/* A device part of which is movable already: whole_device keeps the rest movable if it can. */
static bool is_of_movable_device(const Cell *cell)
{
        return cell->given & MOVABLE_BIT;
}

/* The properties, of each block of a static device that `auto` decided */

/* Where one is movable, every guard holds: more kernel memory never speaks against the first two. */
static void check_movable(const View *view, const Cell *cell)
{
        REQUIRE(node_guards_hold(view, cell->block->node), view->c->seed, "block %u",
                cell->block->id);
        REQUIRE(machine_guard_holds(view), view->c->seed, "block %u", cell->block->id);
        REQUIRE(is_of_movable_device(cell) || !lies_below_kernel(view, cell), view->c->seed,
                "block %u lies below kernel memory", cell->block->id);
}

/* None is kernel memory in vain: were its group movable, a guard would not hold. */
static void check_kernel(const View *view, const Cell *cell)
{
        View other = *view;

        if (!is_first_of_group(view, cell) || cell->given == KERNEL_BIT ||
            (!is_of_movable_device(cell) && lies_below_kernel(view, cell)))
                return;
        group_set(&other, cell, ZONE_CLASS_MOVABLE);
        REQUIRE(!node_guards_hold(&other, cell->block->node) || !machine_guard_holds(&other),
                view->c->seed, "block %u is kernel memory in vain", cell->block->id);
}

static bool is_split(const View *view, const Cell *cell)
{
        for (int i = 0; i < view->n; i++)
                if (view->cells[i].whole == cell->whole &&
                    ((view->cells[i].is_auto && view->cells[i].zone_class != cell->zone_class) ||
                     cell->given ==
                             1U << (cell->zone_class ^ ZONE_CLASS_KERNEL ^ ZONE_CLASS_MOVABLE)))
                        return true;
        return false;
}

/*
 * A device is split only where it has movable memory already, and the first two guards would not hold
 * though all else were kernel memory that can be without a split.
 */
static void check_whole(const View *view, const Cell *cell)
{
        View other = *view;

        if (cell->whole < 0)
                return;
        if (!is_of_movable_device(cell)) {
                REQUIRE(!is_split(view, cell), view->c->seed, "the device of block %u is split",
                        cell->block->id);
                return;
        }
        if (cell->zone_class == ZONE_CLASS_MOVABLE)
                return;
        for (int i = 0; i < other.n; i++) {
                Cell *changed = &other.cells[i];

                if (is_static_auto(changed) && !is_of_movable_device(changed))
                        changed->zone_class = ZONE_CLASS_KERNEL;
        }
        other.cells[cell - view->cells].zone_class = ZONE_CLASS_MOVABLE;
        REQUIRE(!node_guards_hold(&other, cell->block->node) || !machine_guard_holds(&other),
                view->c->seed, "the device of block %u is split in vain", cell->block->id);
}

/* Of two groups alike, the lower one is kernel memory. */
static void check_lowest_first(const View *view, const Cell *cell)
{
        if (cell->zone_class != ZONE_CLASS_KERNEL || cell->given || !is_first_of_group(view, cell))
                return;
        for (const Cell *other = view->cells; other < cell; other++)
                if (is_static_auto(other) && other->block->node == cell->block->node &&
                    !other->given && other->size == cell->size)
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

        if (view->c->policy.whole_device || cell->zone_class != ZONE_CLASS_KERNEL ||
            lies_below_kernel(view, cell))
                return;
        group_set(&other, cell, ZONE_CLASS_MOVABLE);
        if (!node_guards_hold(&other, cell->block->node))
                return;
        for (int i = 0; i < view->n; i++)
                if (is_static_auto(&view->cells[i]) &&
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
        Sums sums = view_sum(view, node, is_lasting);
        Figures expected = ratio_figures(view, &sums, node);

        REQUIRE(figures_are_equal(&cell->planned->decision.figures, &expected), view->c->seed,
                "figures of block %u", cell->block->id);
        REQUIRE(cell->planned->decision.guards ==
                        (is_of_movable_device(cell) ? GUARD_WHOLE_DEVICE : 0),
                view->c->seed, "guards %x of block %u", cell->planned->decision.guards,
                cell->block->id);
}

static bool is_given(const Cell *cell)
{
        return is_lasting(cell) && !cell->is_auto;
}

static void check_kernel_figures(const View *view, const Cell *cell)
{
        const Figures *figures = &cell->planned->decision.figures;
        unsigned guards = cell->planned->decision.guards;
        int32_t node = cell->block->node;
        Figures expected = {};

        if (guards & GUARD_MIN_KERNEL) {
                expected.kernel_bytes = view_sum(view, node, is_given).kernel_bytes;
                expected.limit = view_min_kernel(view, node, is_lasting);
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
        bool is_whole = cell->size > 1 || cell->given == KERNEL_BIT;

        REQUIRE(guards != 0, view->c->seed, "block %u", cell->block->id);
        REQUIRE(!(guards & GUARD_WHOLE_DEVICE) == !is_whole, view->c->seed, "guards %x of block %u",
                guards, cell->block->id);
        REQUIRE(!(guards & GUARD_NODE_RATIO) || has_node_ratio(view, cell->block->node),
                view->c->seed, "guards %x of block %u", guards, cell->block->id);
        REQUIRE(!(guards & GUARD_CONTIGUOUS) || view->c->policy.contiguous, view->c->seed,
                "guards %x of block %u", guards, cell->block->id);
        check_kernel_figures(view, cell);
}

static void check_static(const View *view)
{
        for (int i = 0; i < view->n; i++) {
                const Cell *cell = &view->cells[i];

                if (!is_static_auto(cell))
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

/* Devices that grow, each unit over what is there by then */

typedef struct Growth {
        const View *view;
        bool is_there[CELLS_MAX];
} Growth;

static Sums growth_sum(const Growth *growth, int32_t node)
{
        Sums sums = {};

        for (int i = 0; i < growth->view->n; i++) {
                const Cell *cell = &growth->view->cells[i];

                if (growth->is_there[i] && (node == NODE_ANY || cell->block->node == node))
                        sums_add(&sums, cell->zone_class, BLOCK);
        }
        return sums;
}

/* Of a unit: the rules of all of its blocks count for each. */
static uint64_t growth_min_kernel(const Growth *growth, const Cell *of)
{
        int32_t node = of->block->node;

        for (int i = 0; i < growth->view->n; i++) {
                const Cell *cell = &growth->view->cells[i];

                bool counts = growth->is_there[i] || (of->whole >= 0 && cell->whole == of->whole);

                if (counts && cell->block->node == node && cell->planned &&
                    cell->planned->decision.rule >= 0 &&
                    growth->view->c->policy.rules[cell->planned->decision.rule].movable_node)
                        return 0;
        }
        return min_kernel_of(growth->view->c);
}

static int64_t growth_highest(const Growth *growth, int32_t node)
{
        int64_t highest = -1;

        for (int i = 0; i < growth->view->n; i++) {
                const Cell *cell = &growth->view->cells[i];

                if (growth->is_there[i] && !cell->grows && cell->block->node == node &&
                    cell->zone_class == ZONE_CLASS_KERNEL)
                        highest = cell->block->id;
        }
        return highest;
}

/* With `bytes` more of movable memory. */
static bool growth_holds(const Growth *growth, int32_t node, uint64_t bytes, Figures *ret)
{
        Sums sums = growth_sum(growth, node);

        sums.movable_bytes += bytes;
        *ret = ratio_figures(growth->view, &sums, node);
        return ratio_holds(growth->view->c, &sums, node);
}

/* What a unit is to be by the guards, and what the first of them compared. */
static unsigned growth_guards(const Growth *growth, const Cell *cell, Figures *ret)
{
        const View *view = growth->view;
        int32_t node = cell->block->node;
        uint64_t bytes = cell->size * BLOCK;
        uint64_t kernel_bytes = growth_sum(growth, node).kernel_bytes;
        uint64_t min_kernel = growth_min_kernel(growth, cell);
        unsigned guards = 0;
        int64_t highest = growth_highest(growth, node);
        Figures figures;

        *ret = (Figures){};
        if (!is_of_movable_device(cell) && view->c->policy.contiguous &&
            cell->block->id < highest) {
                guards |= GUARD_CONTIGUOUS;
                ret->limit = (uint64_t) highest;
        }
        if (cell->given == KERNEL_BIT) {
                guards |= GUARD_WHOLE_DEVICE;
                *ret = (Figures){};
        }
        if (!growth_holds(growth, NODE_ANY, bytes, &figures)) {
                guards |= GUARD_MACHINE_RATIO;
                *ret = figures;
        }
        if (has_node_ratio(view, node) && !growth_holds(growth, node, bytes, &figures)) {
                guards |= GUARD_NODE_RATIO;
                *ret = figures;
        }
        if (kernel_bytes < min_kernel) {
                guards |= GUARD_MIN_KERNEL;
                *ret = (Figures){ .kernel_bytes = kernel_bytes, .limit = min_kernel };
        }
        return guards;
}

/* Its rule is there with it. */
static void growth_add(Growth *growth, const Cell *cell, ZoneClass zone_class, View *view)
{
        for (int i = 0; i < view->n; i++)
                if (is_same_group(&growth->view->cells[i], cell)) {
                        view->cells[i].zone_class = zone_class;
                        growth->is_there[i] = true;
                }
}

static void check_unit(Growth *growth, View *view, const Cell *cell)
{
        ZoneClass zone_class = cell->zone_class;
        unsigned guards;
        Figures figures;

        /* The rules of the unit's own blocks count for it. */
        growth_add(growth, cell, ZONE_CLASS_NONE, view);
        guards = growth_guards(growth, cell, &figures);
        if (guards && cell->size > 1)
                guards |= GUARD_WHOLE_DEVICE;
        REQUIRE(zone_class == (guards ? ZONE_CLASS_KERNEL : ZONE_CLASS_MOVABLE), view->c->seed,
                "block %u of a unit, guards %x", cell->block->id, guards);
        growth_add(growth, cell, zone_class, view);

        if (!guards) {
                int32_t node =
                        has_node_ratio(view, cell->block->node) ? cell->block->node : NODE_ANY;

                (void) growth_holds(growth, node, 0, &figures);
                guards = is_of_movable_device(cell) ? GUARD_WHOLE_DEVICE : 0;
        }
        for (int i = 0; i < view->n; i++) {
                const Planned *planned = view->cells[i].planned;

                if (is_same_group(&view->cells[i], cell))
                        REQUIRE(planned->decision.guards == guards &&
                                        figures_are_equal(&planned->decision.figures, &figures),
                                view->c->seed, "block %u of a unit, guards %x, not %x",
                                planned->block, planned->decision.guards, guards);
        }
}

static void check_growing(const View *before)
{
        View view = *before;
        Growth growth = { .view = &view };

        for (int i = 0; i < view.n; i++)
                growth.is_there[i] = is_lasting(&view.cells[i]);
        for (int i = 0; i < view.n; i++) {
                const Cell *cell = &view.cells[i];

                if (!growth.is_there[i])
                        check_unit(&growth, &view, cell);
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
        check_static(&view);
}

START_TEST(guards_hold_whenever_they_can_and_ask_for_no_more_than_that_takes)
{
        run((Kind) _i, check_all_guards);
}
END_TEST

static void check_all_units(const Case *c, Random *random)
{
        View view;

        (void) random;
        view_init(&view, c);
        check_growing(&view);
}

START_TEST(units_of_devices_that_grow_are_decided_one_after_another)
{
        run((Kind) _i, check_all_units);
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
        tcase_add_loop_test(tcase, units_of_devices_that_grow_are_decided_one_after_another,
                            KIND_GROWING, _KIND_MAX);
        tcase_add_loop_test(tcase, the_order_in_which_blocks_and_devices_came_does_not_matter, 0,
                            _KIND_MAX);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
