/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Requests that the actuator refuses. */

#include "actuator/denial.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>

/* What an address of 32 bits reaches. */
#define LOW_BYTES (UINT64_C(1) << 32)

/* Whether the fields have values that the main process uses. Only a node can inherit a word. */
static bool is_valid(const ActuatorRequest *request)
{
        bool is_word_file = request->verb == ACTUATOR_SET_AUTO_ONLINE;

        if (request->verb >= _ACTUATOR_VERB_MAX || request->word >= _ONLINE_WORD_MAX ||
            request->movable_node > 1)
                return false;
        if (request->verb == ACTUATOR_SET_DAX && request->block <= request->last_block &&
            request->last_block - request->block >= ACTUATOR_RANGE_MAX)
                return false;
        if (request->verb != ACTUATOR_SET_BLOCK && request->node != NODE_NONE &&
            (request->node < 0 || request->node >= NODE_MAX))
                return false;
        return request->word != ONLINE_WORD_INHERIT || (is_word_file && request->node >= 0);
}

/* Reads the class of a block, ZONE_CLASS_NONE if it is not online. */
static ZoneClass read_class(const Sysfs *sysfs, uint32_t id, ZoneList *ret_zones)
{
        Block block = { .state = BLOCK_OFFLINE };

        if (sysfs_read_outcome(sysfs, id, &block.state, &block.zones) < 0 ||
            block.state != BLOCK_ONLINE)
                return ZONE_CLASS_NONE;
        *ret_zones = block.zones;
        return block_class(&block);
}

/* What is online besides a block. */
typedef struct Rest {
        bool has_kernel;
        bool has_movable;
} Rest;

/* Looks at the blocks of a folder until it finds kernel memory. */
static Rest look_at_rest(const Sysfs *sysfs, int dir_fd, const char *path, uint32_t block)
{
        _cleanup_free_ Entry *entries = NULL;
        size_t n_entries = 0;
        Rest rest = {};

        (void) sysfs_list_numbered(sysfs, dir_fd, path, "memory", &entries, &n_entries);
        for (size_t i = 0; i < n_entries && !rest.has_kernel; i++) {
                ZoneList zones;
                ZoneClass class = entries[i].id == block ? ZONE_CLASS_NONE :
                                                           read_class(sysfs, entries[i].id, &zones);

                rest.has_kernel |= class == ZONE_CLASS_KERNEL;
                rest.has_movable |= class == ZONE_CLASS_MOVABLE;
        }
        return rest;
}

/* To be called for a block that is kernel memory. */
static Denial deny_last(const Sysfs *sysfs, const ActuatorRequest *request)
{
        int32_t node = NODE_NONE;
        char path[24];
        Rest rest = {};

        if (sysfs->node_fd >= 0 && sysfs_read_node(sysfs, request->block, &node) >= 0 &&
            node != NODE_NONE) {
                snprintf(path, sizeof(path), "node%d", node);
                rest = look_at_rest(sysfs, sysfs->node_fd, path, request->block);
        }
        if (rest.has_kernel)
                return DENIAL_NONE;
        if (rest.has_movable && request->movable_node == 0)
                return DENIAL_LAST_OF_NODE;
        rest = look_at_rest(sysfs, sysfs->memory_fd, ".", request->block);
        return rest.has_kernel ? DENIAL_NONE : DENIAL_LAST_OF_MACHINE;
}

/*
 * Whether a block is memory that firmware and devices with short addresses need. The zones alone do not tell: on
 * arm64 without such devices, and on ppc64 before 5.0, all memory is in the zone DMA.
 */
static bool is_low(const Sysfs *sysfs, uint32_t id, const ZoneList *zones)
{
        uint64_t block_bytes;

        if (sysfs_read_block_size(sysfs, &block_bytes) >= 0 && id >= LOW_BYTES / block_bytes)
                return false;
        for (unsigned i = 0; i < zones->n_zones; i++)
                if (zones->zones[i] == ZONE_DMA || zones->zones[i] == ZONE_DMA32)
                        return true;
        return false;
}

Denial denial_find(const Sysfs *sysfs, const ActuatorRequest *request)
{
        ZoneList zones = {};

        if (!is_valid(request))
                return DENIAL_INVALID;
        if (request->verb != ACTUATOR_SET_BLOCK || request->word != ONLINE_WORD_OFFLINE ||
            read_class(sysfs, request->block, &zones) != ZONE_CLASS_KERNEL)
                return DENIAL_NONE;
        if (is_low(sysfs, request->block, &zones))
                return DENIAL_LOW;
        return deny_last(sysfs, request);
}

int denial_note(Denial denial, const ActuatorRequest *request)
{
        static const char *const reasons[_DENIAL_MAX] = {
                [DENIAL_INVALID] = "a value is out of range",
                [DENIAL_LOW] = "firmware and devices need memory of low addresses",
                [DENIAL_LAST_OF_NODE] = "it is the last kernel memory of its node",
                [DENIAL_LAST_OF_MACHINE] = "it is the last kernel memory of the machine",
        };
        static const int errors[_DENIAL_MAX] = {
                [DENIAL_INVALID] = -EINVAL,
                [DENIAL_LOW] = -EADDRNOTAVAIL,
                [DENIAL_LAST_OF_NODE] = -EPERM,
                [DENIAL_LAST_OF_MACHINE] = -EDEADLK,
        };
        static uint64_t counts[_DENIAL_MAX];
        uint64_t n = ++counts[denial];

        if ((n & (n - 1)) == 0 && denial == DENIAL_INVALID)
                log_warning("The actuator refused a request: %s (%" PRIu64 " so far)",
                            reasons[denial], n);
        else if ((n & (n - 1)) == 0)
                log_warning("The actuator refused to take memory%u offline: %s (%" PRIu64
                            " so far)",
                            request->block, reasons[denial], n);
        return errors[denial];
}
