/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "takeover.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

#define FILE_NAME "auto_online_blocks"
#define ABANDON_MSEC 10000

static const char *file_path(const char *folder, const char *suffix, char buffer[static PATH_MAX])
{
        snprintf(buffer, PATH_MAX, "%s/" FILE_NAME "%s", folder, suffix);
        return buffer;
}

int takeover_load(const char *folder, OnlineWord current, OnlineWord *ret)
{
        char path[PATH_MAX], text[32];
        _cleanup_close_ int fd = -EBADF;
        OnlineWord word;
        ssize_t n;

        /* Somebody set it since, or it is the first start: what the kernel says counts. */
        if (current != ONLINE_WORD_OFFLINE) {
                *ret = current;
                return 1;
        }

        fd = open(file_path(folder, "", path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        n = read(fd, text, sizeof(text) - 1);
        if (n < 0)
                return -errno;
        text[n] = 0;
        text[strcspn(text, "\n")] = 0;

        word = online_word_from_string(text);
        if (word < 0)
                return -EBADMSG;
        *ret = word;
        return word != ONLINE_WORD_OFFLINE;
}

int takeover_save(const char *folder, OnlineWord word)
{
        char path[PATH_MAX], temporary[PATH_MAX];
        _cleanup_close_ int fd = -EBADF;
        const char *text = online_word_to_string(word);

        file_path(folder, ".new", temporary);
        fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
                return -errno;
        /* systemd gives the folder and what is in it to root again before each start. */
        if (fchmod(fd, 0644) < 0 || dprintf(fd, "%s\n", text) < 0 ||
            rename(temporary, file_path(folder, "", path)) < 0) {
                int r = -errno;

                unlink(temporary);
                return r;
        }
        return 0;
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

        unlink(file_path(folder, "", path));
}
