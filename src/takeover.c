/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "takeover.h"

#include "statefile.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>

#define FILE_NAME "auto_online_blocks"
#define FILE_MAX 32
#define ABANDON_MSEC 10000

int takeover_load(const char *folder, OnlineWord current, OnlineWord *ret)
{
        _cleanup_free_ char *text = NULL;
        OnlineWord word;
        int r;

        /* Somebody set it since, or it is the first start: what the kernel says counts. */
        if (current != ONLINE_WORD_OFFLINE) {
                *ret = current;
                return 1;
        }

        r = statefile_read(folder, FILE_NAME, FILE_MAX, &text);
        if (r == -EFBIG)
                return -EBADMSG;
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        text[strcspn(text, "\n")] = 0;

        word = online_word_from_string(text);
        if (word < 0)
                return -EBADMSG;
        *ret = word;
        return word != ONLINE_WORD_OFFLINE;
}

int takeover_save(const char *folder, OnlineWord word)
{
        char text[FILE_MAX];

        snprintf(text, sizeof(text), "%s\n", online_word_to_string(word));
        return statefile_replace(folder, FILE_NAME, text, strlen(text));
}

int takeover_abandon(const char *folder, OnlineWord current, int actuator_fd)
{
        ActuatorRequest request = { .verb = ACTUATOR_SET_AUTO_ONLINE };
        struct pollfd pollfd = { .fd = actuator_fd, .events = POLLIN };
        ActuatorReply reply;
        OnlineWord word = _ONLINE_WORD_INVALID;
        int r;

        if (current != ONLINE_WORD_OFFLINE)
                return 0;
        r = takeover_load(folder, current, &word);
        if (r <= 0)
                return r;

        request.word = (uint32_t) word;
        r = actuator_send(actuator_fd, &request);
        if (r < 0)
                return r;
        if (poll(&pollfd, 1, ABANDON_MSEC) <= 0)
                return -ETIMEDOUT;
        r = actuator_receive(actuator_fd, &reply);
        if (r <= 0 || reply.error < 0)
                return r < 0 ? r : -EIO;
        takeover_forget(folder);
        return 1;
}

void takeover_forget(const char *folder)
{
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "%s/" FILE_NAME, folder);
        unlink(path);
}
