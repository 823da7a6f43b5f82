/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/manager-private.h"
#include "policy/offload.h"

static void manager_keep(Manager *manager)
{
        int r = takeover_save(manager->runtime_folder, &manager->takeover);

        if (r < 0)
                log_warning("Cannot keep what auto_online_blocks was below %s: %s, ignoring",
                            manager->runtime_folder, strerror(-r));
}

static bool manager_gives_back(const Manager *manager)
{
        return manager->stopping ||
               manager->conf.kernel_auto_online != KERNEL_AUTO_ONLINE_TAKE_OVER;
}

/* The word to write into a file now, _ONLINE_WORD_INVALID when it says what it shall. */
static OnlineWord manager_next_word(Manager *manager, int32_t node, OnlineWord current,
                                    OnlineWord wanted)
{
        int r;

        if (current < 0)
                return _ONLINE_WORD_INVALID;
        if (manager_gives_back(manager))
                return takeover_release(&manager->takeover, node, current);
        r = takeover_take(&manager->takeover, node, current, wanted);
        if (r < 0)
                manager_fail(manager, "Cannot note what auto_online_blocks was", r);
        return r > 0 ? wanted : _ONLINE_WORD_INVALID;
}

/* The first file that says what it shall not, and what to write. */
static OnlineWord manager_find_word(Manager *manager, int32_t *ret_node)
{
        const Machine *machine = &manager->machine;
        const Policy *policy = &manager->conf.policy;
        bool uniform = manager->conf.offload == OFFLOAD_UNIFORM;
        OnlineWord of_machine = offload_machine_word(machine, policy, uniform);
        OnlineWord word = manager_next_word(
                manager, NODE_NONE, online_word_from_string(manager->auto_online), of_machine);

        *ret_node = NODE_NONE;
        for (size_t i = 0; word < 0 && i < machine->n_nodes; i++) {
                const Node *node = &machine->nodes[i];

                *ret_node = (int32_t) node->id;
                word = manager_next_word(
                        manager, *ret_node, node->auto_online,
                        offload_node_word(machine, policy, uniform, of_machine, node));
        }
        return word;
}

bool manager_take_over(Manager *manager)
{
        OnlineWord word;
        int32_t node;

        if (manager->writer.n_setting > 0)
                return true;
        word = manager_find_word(manager, &node);
        if (word < 0 && manager_gives_back(manager))
                takeover_end(&manager->takeover, &manager->machine);
        manager_keep(manager);
        if (word < 0)
                return false;
        if (writer_set_auto_online(&manager->writer, node, word) < 0)
                manager_fail(manager, "Cannot reach the actuator", -EPIPE);
        return true;
}

static void manager_read_word(Manager *manager, int32_t node)
{
        Node *found =
                node == NODE_NONE ? NULL : machine_find_node(&manager->machine, (uint32_t) node);

        if (node == NODE_NONE &&
            sysfs_read_auto_online(&manager->sysfs, NODE_NONE, manager->auto_online) < 0)
                manager->auto_online[0] = 0;
        if (found && sysfs_read_online_word(&manager->sysfs, node, &found->auto_online) < 0)
                found->auto_online = _ONLINE_WORD_INVALID;
}

void manager_on_auto_online_reply(Manager *manager, const ActuatorReply *reply)
{
        OnlineWord word = (OnlineWord) reply->request.word;
        char file[AUTO_ONLINE_PATH_MAX];

        (void) sysfs_auto_online_path(reply->request.node, file);
        if (reply->error < 0)
                log_warning("Cannot set %s to '%s': %s, ignoring", file,
                            online_word_to_string(word), strerror(-reply->error));
        else
                log_info("Set %s to '%s'", file, online_word_to_string(word));

        takeover_written(&manager->takeover, reply->request.node, word, reply->error);
        manager_read_word(manager, reply->request.node);
        manager->changes.config = true;
        manager->changes.nodes = true;
        if (!manager_take_over(manager) && manager->stopping && manager->n_jobs == 0)
                (void) sd_event_exit(manager->event, EXIT_SUCCESS);
}

/* What a memoryd before this one left to be put back. */
void manager_load_takeover(Manager *manager)
{
        int r = takeover_load(manager->runtime_folder, &manager->takeover);

        if (r < 0)
                log_warning("Cannot read what auto_online_blocks was before: %s, ignoring",
                            strerror(-r));
}
