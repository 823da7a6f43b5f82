/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Hears of writes to the kernel's auto_online_blocks. */

#include "daemon/watch.h"

#include <stdio.h>
#include <sys/inotify.h>

void word_watch_done(WordWatch *watch)
{
        for (size_t i = 0; i < watch->n_sources; i++)
                sd_event_source_disable_unref(watch->sources[i]);
        free(watch->sources);
        *watch = (WordWatch){};
}

int word_watch_set(WordWatch *watch, sd_event *event, const Sysfs *sysfs, const Machine *machine,
                   sd_event_inotify_handler_t handler, void *userdata)
{
        word_watch_done(watch);
        watch->sources = calloc(machine->n_nodes + 1, sizeof(sd_event_source *));
        if (!watch->sources)
                return -ENOMEM;
        for (size_t i = 0; i <= machine->n_nodes; i++) {
                int32_t node = i > 0 ? (int32_t) machine->nodes[i - 1].id : NODE_NONE;
                int folder_fd = node == NODE_NONE ? sysfs->memory_fd : sysfs->node_fd;
                char file[AUTO_ONLINE_PATH_MAX], path[AUTO_ONLINE_PATH_MAX + 32];

                snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", folder_fd,
                         sysfs_auto_online_path(node, file));
                if (sd_event_add_inotify(event, &watch->sources[watch->n_sources], path, IN_MODIFY,
                                         handler, userdata) >= 0)
                        watch->n_sources++;
        }
        return 0;
}
