/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Finds what the plan waits for. */

#include "daemon/await.h"

#include "kernel/identify.h"

/*
 * A burst is over if no block came for this long: drivers may add blocks one by one. virtio-mem asks its host
 * for each block. It does not wait for blocks to come online as long as no more than 1 GiB is offline (6.12).
 */
#define QUIET_USEC (15 * USEC_PER_MSEC)
#define QUIET_VIRTIO_MEM_USEC (100 * USEC_PER_MSEC)

bool await_is_left_to_kernel(const Block *block)
{
        return block->kernel_due && block->decision.verdict == VERDICT_NONE && !block->given_up &&
               !block->held;
}

static bool is_undecided(const Block *block)
{
        return block->status == BLOCK_STATUS_PENDING && block->decision.verdict == VERDICT_NONE &&
               !block->in_dax_write;
}

/*
 * Notes which devices lack the node of a block. Returns whether blocks without a device do. A block whose
 * files make no sense may never have a node.
 */
static bool note_nodeless(Machine *machine)
{
        bool lacks_nodes = false;

        for (size_t i = 0; i < machine->n_devices; i++)
                machine->devices[i].lacks_nodes = false;
        for (size_t i = 0; i < machine->n_blocks; i++) {
                const Block *block = &machine->blocks[i];

                if (block->status != BLOCK_STATUS_WAITING || block->error != 0)
                        continue;
                if (block->device >= 0)
                        machine->devices[block->device].lacks_nodes = true;
                else
                        lacks_nodes = true;
        }
        return lacks_nodes;
}

/* Whether a block waits for the nodes of the rest of its device, however long that takes. */
static bool waits_for_rest(const Awaiting *awaiting, const Machine *machine, const Block *block)
{
        const Device *device = machine_device(machine, block);

        return is_undecided(block) && block->state == BLOCK_OFFLINE &&
               (device ? device->lacks_nodes && device_is_static(device) : awaiting->lacks_nodes);
}

/* Whether a block waits for its ACPI device when the time is up. */
static bool waits_for_device(const Awaiting *awaiting, const Block *block)
{
        return is_undecided(block) && block->state == BLOCK_OFFLINE &&
               block->device == DEVICE_NONE && awaiting->needs.origin;
}

static uint64_t quiet_usec(Origin origin)
{
        if (origin == ORIGIN_VIRTIO_MEM)
                return QUIET_VIRTIO_MEM_USEC;
        return origin == ORIGIN_UNKNOWN ? QUIET_USEC : 0;
}

/* Counts what the plan waits for about a block that was read, but not decided on yet. */
static void count_undecided(Awaiting *awaiting, const Machine *machine, Block *block)
{
        Origin origin = machine_origin(machine, block);
        bool is_unknown = origin == ORIGIN_UNKNOWN;
        bool is_incomplete = identify_awaits(machine, block);
        bool is_unannounced = awaiting->needs.udev && !block->announced;
        /* Only the link, not a node told by an event, shows that an add_memory() is complete: see pass.h. */
        bool is_unlinked =
                !is_incomplete && is_unknown && block->told_node != NODE_NONE && !block->given_up;

        awaiting->any_incomplete |= is_incomplete;
        awaiting->any_unknown |= is_unknown;
        awaiting->quiet_usec = MAX(awaiting->quiet_usec, quiet_usec(origin));
        block->stale |= is_unlinked;
        awaiting->n_blocks += is_incomplete || is_unlinked || is_unannounced;
        awaiting->n_missing += (unsigned) is_incomplete + is_unlinked + is_unannounced;
}

Awaiting awaiting_find(Machine *machine, AwaitNeeds needs)
{
        Awaiting awaiting = { .needs = needs, .lacks_nodes = note_nodeless(machine) };

        for (size_t i = 0; i < machine->n_blocks; i++) {
                Block *block = &machine->blocks[i];

                block->held = waits_for_rest(&awaiting, machine, block) ||
                              (block->held && waits_for_device(&awaiting, block));
                awaiting.any_given_up |= block->held;
                if (is_undecided(block) && !block->held)
                        count_undecided(&awaiting, machine, block);
                awaiting.n_due += await_is_left_to_kernel(block);
                if (block->status != BLOCK_STATUS_WAITING)
                        continue;
                block->stale |= !block->given_up;
                awaiting.n_blocks += !block->given_up;
                /* After its node, the block may lack its device. */
                awaiting.n_missing += 2;
                awaiting.any_given_up |= block->given_up;
        }
        return awaiting;
}

static void count(const Block *block, GivenUp *given_up)
{
        if (given_up->n++ == 0)
                given_up->first = block->id;
}

void await_give_up(Block *block, GivenUp *given_up)
{
        block->given_up = true;
        count(block, given_up);
}

void awaiting_give_up(const Awaiting *awaiting, Block *block, GivenUp *nodeless, GivenUp *held)
{
        block->announced = true;
        if (block->held)
                return;
        if (waits_for_device(awaiting, block)) {
                block->held = true;
                count(block, held);
                return;
        }
        block->given_up |= is_undecided(block);
        if (block->status == BLOCK_STATUS_WAITING && !block->given_up) {
                block->stale = false;
                await_give_up(block, nodeless);
        }
}
