/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Finds out which kernel features are there. */

#include "verify/feature.h"

#include <fcntl.h>
#include <stdio.h>

#define PARAMETERS "module/memory_hotplug/parameters/"
#define GUARD "module/memoryd_guard"

static const char *const feature_table[] = {
        [FEATURE_ONLINE_TYPES] = "online-types",
        [FEATURE_HOT_REMOVE] = "hot-remove",
        [FEATURE_AUTO_ONLINE] = "auto-online",
        [FEATURE_PRESSURE] = "pressure",
        [FEATURE_GROUPS] = "groups",
        [FEATURE_UEVENTS] = "uevents",
        [FEATURE_NODE_AUTO_ONLINE] = "node-auto-online",
        [FEATURE_ZONE_RULES] = "zone-rules",
};
DEFINE_STRING_TABLE(feature, Feature)

/* The patches are those of kernel/. */
static const char *const sources[] = {
        [FEATURE_ONLINE_TYPES] = "Linux 3.8 (commit 511c2aba8f07)",
        [FEATURE_HOT_REMOVE] = "CONFIG_MEMORY_HOTREMOVE, Linux 3.18",
        [FEATURE_AUTO_ONLINE] = "Linux 4.7",
        [FEATURE_PRESSURE] = "CONFIG_PSI and psi=1, Linux 6.5",
        [FEATURE_GROUPS] = "memoryd's patch 2",
        [FEATURE_UEVENTS] = "memoryd's patch 3",
        [FEATURE_NODE_AUTO_ONLINE] = "memoryd's patch 4",
        [FEATURE_ZONE_RULES] = "memoryd's patch 5 or memoryd_guard",
};

static const char *const losses[] = {
        [FEATURE_ONLINE_TYPES] =
                "The kernel does not know the words online_movable and online_kernel: every block "
                "becomes what the kernel chooses.",
        [FEATURE_HOT_REMOVE] =
                "Blocks have no file valid_zones: memoryd cannot tell which zone they are in, and "
                "they cannot be taken offline.",
        [FEATURE_AUTO_ONLINE] = "The kernel cannot be told whether to put memory online by itself.",
        [FEATURE_PRESSURE] = "A shortage of kernel memory is seen only when memory changes.",
        [FEATURE_GROUPS] =
                "Which blocks are one device has to be worked out from /proc/iomem and sysfs.",
        [FEATURE_UEVENTS] = "The node of a new block is not known before its link is in sysfs.",
        [FEATURE_NODE_AUTO_ONLINE] =
                "The kernel has one answer for all nodes: where the policy has several, memoryd "
                "has to put each block online itself.",
        [FEATURE_ZONE_RULES] =
                "Whoever else writes to sysfs can put movable memory below kernel memory, or on a "
                "node that has no kernel memory.",
};

const char *feature_brought_by(Feature feature)
{
        return sources[feature];
}

const char *feature_loss(Feature feature)
{
        return losses[feature];
}

bool release_is_before(const char *release, unsigned major, unsigned minor)
{
        unsigned own_major, own_minor;

        return sscanf(release, "%u.%u", &own_major, &own_minor) == 2 &&
               (own_major < major || (own_major == major && own_minor < minor));
}

static bool has_file(int folder_fd, const char *path)
{
        return folder_fd >= 0 && faccessat(folder_fd, path, F_OK, 0) >= 0;
}

static bool block_has_file(const VerifyInput *input, uint32_t block, const char *name)
{
        char path[48];

        snprintf(path, sizeof(path), "memory%u/%s", block, name);
        return has_file(input->sysfs->memory_fd, path);
}

/* Returns the first block that still exists, or NULL. */
static const Block *find_block(const VerifyInput *input)
{
        for (size_t i = 0; i < input->machine->n_blocks; i++)
                if (block_has_file(input, input->machine->blocks[i].id, "state"))
                        return &input->machine->blocks[i];
        return NULL;
}

/* The kernel shows in a file of each block, also of boot memory, what it would tell in an event. */
static bool has_uevents(const VerifyInput *input, const Block *block)
{
        char path[48], text[ATTRIBUTE_MAX];

        snprintf(path, sizeof(path), "memory%u/uevent", block->id);
        if (sysfs_read_text(input->sysfs, input->sysfs->memory_fd, path, text, sizeof(text)) < 0)
                return false;
        return strncmp(text, "MEMORY_STATE=", 13) == 0 || strstr(text, "\nMEMORY_STATE=");
}

/* Checks one block of each device, starting with the highest, since memory is added at the top. */
static bool has_groups(const VerifyInput *input)
{
        const Machine *machine = input->machine;

        for (size_t i = machine->n_blocks; i-- > 0;) {
                const Block *block = &machine->blocks[i];

                if (i + 1 < machine->n_blocks && block[1].device == block->device)
                        continue;
                if (machine_origin(machine, block) != ORIGIN_BOOT &&
                    block_has_file(input, block->id, "group_id"))
                        return true;
        }
        return false;
}

static bool has_node_auto_online(const VerifyInput *input)
{
        char path[AUTO_ONLINE_PATH_MAX];

        for (size_t i = 0; i < input->machine->n_nodes; i++)
                if (has_file(input->sysfs->node_fd,
                             sysfs_auto_online_path((int32_t) input->machine->nodes[i].id, path)))
                        return true;
        return false;
}

static bool has_zone_rules(const VerifyInput *input)
{
        int sys_fd = input->sysfs->sys_fd;

        return (has_file(sys_fd, PARAMETERS "strict_zone_order") &&
                has_file(sys_fd, PARAMETERS "require_kernel_zone")) ||
               has_file(sys_fd, GUARD);
}

void features_find(const VerifyInput *input, bool ret_has[static _FEATURE_MAX])
{
        const Block *block = find_block(input);

        ret_has[FEATURE_ONLINE_TYPES] = !release_is_before(input->release, 3, 8);
        /* Only checks that the file exists, and does not read it: see sysfs.h. */
        ret_has[FEATURE_HOT_REMOVE] = !block || block_has_file(input, block->id, "valid_zones");
        ret_has[FEATURE_AUTO_ONLINE] = has_file(input->sysfs->memory_fd, "auto_online_blocks");
        ret_has[FEATURE_PRESSURE] = input->hears_pressure;
        ret_has[FEATURE_UEVENTS] = block && has_uevents(input, block);
        /* The events of patch 3 contain the group id, which patch 2 introduces. */
        ret_has[FEATURE_GROUPS] = ret_has[FEATURE_UEVENTS] || has_groups(input);
        ret_has[FEATURE_NODE_AUTO_ONLINE] = has_node_auto_online(input);
        ret_has[FEATURE_ZONE_RULES] = has_zone_rules(input);
}
