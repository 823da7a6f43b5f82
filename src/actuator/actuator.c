/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The process that writes below /sys, and the channel to it. */

#include "actuator/actuator.h"

#include "actuator/denial.h"
#include "base/confine.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

/* A signal that comes just before the write() starts is lost, so the timer repeats. */
#define INTERRUPT_AGAIN_MSEC 100

/* How long the main process waits for the end of the actuator. */
#define END_MSEC 1000

/* The highest number of an error, include/linux/err.h of the kernel. */
#define ERRNO_MAX 4095

/*
 * Shared with the signal handlers. Serials: of the current write, and of the last request to be
 * cancelled; 0: none.
 */
static volatile sig_atomic_t timed_out, is_writing;
static sigjmp_buf end_of_write;
static atomic_uint writing_serial, cancelled_serial;
static int cancelling_fd = -EBADF;

static void set_timer(uint32_t first_msec)
{
        const struct itimerval timer = {
                .it_value.tv_sec = first_msec / 1000,
                .it_value.tv_usec = first_msec % 1000 * 1000,
                .it_interval.tv_usec = first_msec > 0 ? INTERRUPT_AGAIN_MSEC * 1000 : 0,
        };

        setitimer(ITIMER_REAL, &timer, NULL);
}

/*
 * The first signal makes the kernel give up an offline. It does not end a write that waits for the kernel's
 * lock for memory hotplug while another process has it: the kernel then enters the system call again,
 * whatever the flags of the signal say (lock_device_hotplug_sysfs(), ERESTARTNOINTR). The second signal
 * leaves that write.
 */
static void on_alarm(int number)
{
        (void) number;
        if (timed_out && is_writing) {
                is_writing = 0;
                siglongjmp(end_of_write, 1);
        }
        timed_out = 1;
}

static void on_cancel(int number)
{
        int saved_errno = errno;
        uint32_t serial;

        (void) number;
        while (recv(cancelling_fd, &serial, sizeof(serial), MSG_DONTWAIT) == sizeof(serial))
                cancelled_serial = serial;
        if (writing_serial != 0 && writing_serial == cancelled_serial)
                set_timer(INTERRUPT_AGAIN_MSEC);
        errno = saved_errno;
}

static uint64_t now_usec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000;
}

static bool is_cancelled(const ActuatorRequest *request)
{
        return request->serial != 0 && cancelled_serial == request->serial;
}

/*
 * Once writing_serial is set, on_cancel() interrupts the write. An earlier cancellation is noticed
 * in the loop.
 */
static int write_until_signal(int fd, const char *word, const ActuatorRequest *request)
{
        int r;

        if (sigsetjmp(end_of_write, true) != 0)
                return -EINTR;
        is_writing = 1;
        do {
                r = is_cancelled(request)             ? -ECANCELED :
                    write(fd, word, strlen(word)) < 0 ? -errno :
                                                        0;
        } while (r == -EINTR && !timed_out); /* the signal may have been for another request */
        /* From here on, on_alarm() has nowhere to go. */
        is_writing = 0;
        return r;
}

static int write_word(int dir_fd, const char *path, const char *word,
                      const ActuatorRequest *request)
{
        _cleanup_close_ int fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
        int r;

        if (fd < 0)
                return -errno;
        timed_out = 0;
        set_timer(request->timeout_msec);
        writing_serial = request->serial;
        r = write_until_signal(fd, word, request);
        writing_serial = 0;
        set_timer(0);
        if (r != -EINTR)
                return r;
        return is_cancelled(request) ? -ECANCELED : -ETIMEDOUT;
}

/* Counts the pages of a block. Returns 0, or a negative errno with nothing counted. */
static int count_pages(const Sysfs *sysfs, const PageFiles *files, uint32_t block,
                       ActuatorReply *reply)
{
        uint64_t begin_usec = now_usec();
        int r = pages_count_block(files, sysfs, block, &reply->pages);

        reply->pages_usec = now_usec() - begin_usec;
        return r;
}

static void set_block(const Sysfs *sysfs, const PageFiles *files, const ActuatorRequest *request,
                      ActuatorReply *reply)
{
        char path[48];
        BlockState state = BLOCK_OFFLINE;

        snprintf(path, sizeof(path), "memory%u/state", request->block);
        reply->error = write_word(sysfs->memory_fd, path,
                                  online_word_to_string((OnlineWord) request->word), request);
        reply->read_error = sysfs_read_outcome(sysfs, request->block, &state, &reply->zones);
        reply->state = state;
        if (request->word != ONLINE_WORD_OFFLINE || reply->read_error < 0 ||
            state == BLOCK_OFFLINE || (reply->error != -EBUSY && reply->error != -ETIMEDOUT))
                return;
        if (count_pages(sysfs, files, request->block, reply) == 0)
                reply->pages.has_failed = true;
}

/* Only a block that is online has pages with a use. */
static void count_block(const Sysfs *sysfs, const PageFiles *files, const ActuatorRequest *request,
                        ActuatorReply *reply)
{
        BlockState state = BLOCK_OFFLINE;

        reply->read_error = sysfs_read_outcome(sysfs, request->block, &state, &reply->zones);
        reply->state = state;
        if (reply->read_error < 0 || state == BLOCK_OFFLINE)
                reply->error = -ENODATA;
        else
                reply->error = count_pages(sysfs, files, request->block, reply);
}

/*
 * Another process may have onlined a block since the request was made. Between this and the write, it still may.
 * Looks at the blocks that exist: a range of numbers could be so long that this takes an hour.
 */
static bool is_any_online(const Sysfs *sysfs, const ActuatorRequest *request)
{
        _cleanup_(closedirp) DIR *folder = sysfs_open_listing(sysfs, sysfs->memory_fd, ".");
        const struct dirent *entry;

        if (!folder)
                return true;
        while ((entry = readdir(folder))) {
                BlockState state = BLOCK_OFFLINE;
                ZoneList zones;
                uint32_t id;

                if (sysfs_parse_numbered(entry->d_name, "memory", &id) && id >= request->block &&
                    id <= request->last_block &&
                    sysfs_read_outcome(sysfs, id, &state, &zones) >= 0 && state != BLOCK_OFFLINE)
                        return true;
        }
        return false;
}

/* Whether memory that is added to a node stays offline, on a kernel with or without words of nodes. */
static bool added_stays_offline(const Sysfs *sysfs, int32_t node)
{
        char text[AUTO_ONLINE_WORD_MAX];

        if (node != NODE_NONE && sysfs_read_auto_online(sysfs, node, text) >= 0 &&
            online_word_onlines(online_word_from_string(text)))
                return false;
        return sysfs_read_auto_online(sysfs, NODE_NONE, text) >= 0 &&
               online_word_from_string(text) == ONLINE_WORD_OFFLINE;
}

/* The device has no memory until the write after "unplugged" is done, so nothing interrupts that. */
static const ActuatorRequest uninterrupted = {};

#define KMEM_PATH "bus/dax/drivers/kmem/"

static bool is_unplugged(const Sysfs *sysfs, const char *state_path)
{
        char state[32];

        return sysfs_read_text(sysfs, sysfs->sys_fd, state_path, state, sizeof(state)) >= 0 &&
               dax_state_from_string(state) == DAX_STATE_UNPLUGGED;
}

/*
 * Has the driver add the blocks of an unplugged device again, offline. A device that is plugged is left
 * alone: blocks that are online when its driver is unbound stay online until the machine is started again.
 */
static int bind_again(const Sysfs *sysfs, const ActuatorRequest *request, const char *state_path)
{
        /* faccessat() would ask for the rights of the real user, without the capability. */
        _cleanup_close_ int fd = openat(sysfs->sys_fd, KMEM_PATH "bind", O_WRONLY | O_CLOEXEC);
        char name[32];
        int r;

        if (fd < 0)
                return -errno;
        if (!is_unplugged(sysfs, state_path))
                return -EBUSY;
        snprintf(name, sizeof(name), "dax%u.%u", request->dax_region, request->dax_id);
        r = write_word(sysfs->sys_fd, KMEM_PATH "unbind", name, &uninterrupted);
        return r < 0 ? r : write_word(sysfs->sys_fd, KMEM_PATH "bind", name, &uninterrupted);
}

static int set_dax(const Sysfs *sysfs, const ActuatorRequest *request)
{
        /* The node may be gone with the memory. */
        bool stays_offline = added_stays_offline(sysfs, request->node), has_no_memory;
        char path[64];
        int r = 0;

        snprintf(path, sizeof(path), "bus/dax/devices/dax%u.%u/state", request->dax_region,
                 request->dax_id);
        if (is_any_online(sysfs, request))
                return -EBUSY;
        /*
         * A device says "unplugged" until its owner has onlined all of it. To write that again would take the
         * memory out as soon as it is online. A word alone is refused meanwhile.
         */
        has_no_memory = request->block > request->last_block || is_unplugged(sysfs, path);
        if (has_no_memory && request->word == ONLINE_WORD_OFFLINE)
                return -EBUSY;
        if (!has_no_memory)
                r = write_word(sysfs->sys_fd, path, dax_state_to_string(DAX_STATE_UNPLUGGED),
                               request);
        if (r < 0)
                return r;
        if (request->word == ONLINE_WORD_OFFLINE)
                return stays_offline ? bind_again(sysfs, request, path) : 0;
        return write_word(sysfs->sys_fd, path, online_word_to_string((OnlineWord) request->word),
                          &uninterrupted);
}

/* Another process can have the kernel's lock for memory hotplug for long. */
static const ActuatorRequest brief = { .timeout_msec = 5000 };

/*
 * Waits until the kernel has added what it is adding, for a while. A write to the state of a block takes the kernel's
 * lock for memory hotplug. This block is online already: such a write gives EINVAL, and does nothing.
 */
static void wait_for_hotplug(const Sysfs *sysfs)
{
        _cleanup_free_ Entry *entries = NULL;
        size_t n_entries = 0;

        (void) sysfs_list_numbered(sysfs, sysfs->memory_fd, ".", "memory", &entries, &n_entries);
        for (size_t i = 0; i < n_entries; i++) {
                char path[48], state[32];

                snprintf(path, sizeof(path), "memory%u/state", entries[i].id);
                if (sysfs_read_text(sysfs, sysfs->memory_fd, path, state, sizeof(state)) < 0 ||
                    strcmp(state, "online") != 0)
                        continue;
                (void) write_word(sysfs->memory_fd, path, "online", &brief);
                return;
        }
}

/*
 * While the kernel adds memory and onlines it as movable, the machine's word must not become "offline". The kernel
 * reads the word for each block, and onlines a block for which it reads "offline" as if it was "online", which mostly
 * makes kernel memory of it (online_memory_block() and memory_subsys_online(), seen on Linux 6.12).
 */
static int set_auto_online(const Sysfs *sysfs, const ActuatorRequest *request)
{
        int folder_fd = request->node == NODE_NONE ? sysfs->memory_fd : sysfs->node_fd;
        char path[AUTO_ONLINE_PATH_MAX], text[AUTO_ONLINE_WORD_MAX];

        if (request->node == NODE_NONE && request->word == ONLINE_WORD_OFFLINE &&
            sysfs_read_auto_online(sysfs, NODE_NONE, text) >= 0 &&
            online_word_from_string(text) == ONLINE_WORD_MOVABLE)
                wait_for_hotplug(sysfs);
        return write_word(folder_fd, sysfs_auto_online_path(request->node, path),
                          online_word_to_string((OnlineWord) request->word), request);
}

/* Refuses a request. The block is read as well: the main process takes over what the reply says. */
static void deny(const Sysfs *sysfs, Denial denial, const ActuatorRequest *request,
                 ActuatorReply *reply)
{
        BlockState state = BLOCK_OFFLINE;

        reply->error = denial_note(denial, request);
        if (denial == DENIAL_INVALID)
                return;
        reply->read_error = sysfs_read_outcome(sysfs, request->block, &state, &reply->zones);
        reply->state = state;
}

static void serve_request(const Sysfs *sysfs, const PageFiles *files,
                          const ActuatorRequest *request, ActuatorReply *reply)
{
        Denial denial = denial_find(sysfs, request);

        *reply = (ActuatorReply){ .request = *request };
        if (denial != DENIAL_NONE)
                deny(sysfs, denial, request, reply);
        else if (request->verb == ACTUATOR_SET_BLOCK)
                set_block(sysfs, files, request, reply);
        else if (request->verb == ACTUATOR_COUNT_PAGES)
                count_block(sysfs, files, request, reply);
        else if (request->verb == ACTUATOR_SET_DAX)
                reply->error = set_dax(sysfs, request);
        else
                reply->error = set_auto_online(sysfs, request);
}

int actuator_serve(int fd, const Sysfs *sysfs, const PageFiles *files)
{
        for (;;) {
                ActuatorRequest request;
                ActuatorReply reply;
                ssize_t n = recv(fd, &request, sizeof(request), MSG_TRUNC);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 && errno != ECONNRESET ? -errno : 0;
                if (n != sizeof(request))
                        return -EBADMSG;

                serve_request(sysfs, files, &request, &reply);
                while (send(fd, &reply, sizeof(reply), MSG_NOSIGNAL) < 0)
                        if (errno != EINTR)
                                return errno == EPIPE || errno == ECONNRESET ? 0 : -errno;
        }
}

/*
 * The main process decides when the actuator ends, by closing the channel. A signal that a terminal
 * or a service manager sends to the whole group must not end the actuator during a write.
 */
static void set_signals(void)
{
        /* No SA_RESTART: these signals are to interrupt a write. */
        const struct sigaction alarm_action = { .sa_handler = on_alarm };
        struct sigaction cancel_action = { .sa_handler = on_cancel };

        /* on_alarm() must not jump out of on_cancel(). */
        sigaddset(&cancel_action.sa_mask, SIGALRM);
        sigaction(SIGALRM, &alarm_action, NULL);
        sigaction(SIGIO, &cancel_action, NULL);
        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
}

/*
 * Makes the kernel send SIGIO when a serial arrives. Serials that arrived earlier caused no signal, so the
 * signal is raised once.
 */
static int listen_for_cancel(int fd)
{
        cancelling_fd = fd;
        if (fcntl(fd, F_SETOWN, getpid()) < 0 || fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK) < 0)
                return -errno;
        return raise(SIGIO) == 0 ? 0 : -errno;
}

/*
 * Leaves the actuator its two sockets, as descriptors 3 and 4, standard error for the log, the folders below /sys
 * and the files with the uses of pages. Of its capabilities it keeps what a user other than root needs to write files of root.
 */
static int confine(int fds[static 2], const char *root, Sysfs *ret_sysfs, PageFiles *ret_files)
{
        uint64_t needed = geteuid() == 0 ? 0 : UINT64_C(1) << CAP_DAC_OVERRIDE;
        /* Numbers that are out of the way of 3 and 4. */
        int fd = fcntl(fds[0], F_DUPFD, 5), cancel_fd = fcntl(fds[1], F_DUPFD, 5), r;

        if (fd < 0 || cancel_fd < 0 || dup2(fd, 3) < 0 || dup2(cancel_fd, 4) < 0)
                return -errno;
        fds[0] = 3;
        fds[1] = 4;
        r = close_from(5);
        if (r >= 0)
                r = sysfs_open(root, ret_sysfs);
        if (r < 0)
                return r;
        page_files_open(ret_sysfs, ret_files);
        closep(&ret_sysfs->proc_fd);
        closep(&ret_sysfs->iomem_fd);
        ret_sysfs->proc_fd = ret_sysfs->iomem_fd = -EBADF;
        return confine_capabilities(effective_capabilities() & needed);
}

static _Noreturn void actuator_main(int fd, int cancel_fd, const char *root)
{
        Sysfs sysfs = SYSFS_CLOSED;
        PageFiles files = PAGE_FILES_CLOSED;
        int fds[] = { fd, cancel_fd };
        uint64_t bytes;
        int r;

        prctl(PR_SET_NAME, "memoryd-write");
        set_signals();
        /*
         * While root still has all capabilities. Pages that have been used stay in memory. MCL_ONFAULT exists since
         * Linux 4.4.
         */
        if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0 && errno == EINVAL)
                (void) mlockall(MCL_CURRENT | MCL_FUTURE);
        r = confine(fds, root, &sysfs, &files);
        if (r >= 0)
                r = listen_for_cancel(fds[1]);
        if (r < 0)
                _exit(EXIT_FAILURE);

        /* Runs the code that reads a file once, so that it is in memory when memory is short. */
        (void) sysfs_read_block_size(&sysfs, &bytes);
        _exit(actuator_serve(fds[0], &sysfs, &files) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

void actuator_channel_close(ActuatorChannel *channel)
{
        struct pollfd peer = { .fd = channel->fd };

        /* The actuator reads the end of the requests, exits, and so closes its end. */
        if (channel->has_actuator && shutdown(channel->fd, SHUT_WR) == 0)
                (void) poll(&peer, 1, END_MSEC);
        closep(&channel->fd);
        closep(&channel->cancel_fd);
        *channel = ACTUATOR_CHANNEL_CLOSED;
}

/* Makes both ends of a socket. On failure, the caller closes those that were made. */
static int make_socket(int *ours, int *theirs)
{
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        *ours = fds[0];
        *theirs = fds[1];
        return fcntl(*ours, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

int actuator_start(const char *root, ActuatorChannel *ret)
{
        _cleanup_(actuator_channel_close) ActuatorChannel ours = ACTUATOR_CHANNEL_CLOSED,
                                                          theirs = ACTUATOR_CHANNEL_CLOSED;
        int r = make_socket(&ours.fd, &theirs.fd);
        pid_t pid;

        if (r >= 0)
                r = make_socket(&ours.cancel_fd, &theirs.cancel_fd);
        if (r < 0)
                return r;
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                actuator_channel_close(&ours);
                actuator_main(theirs.fd, theirs.cancel_fd, root);
        }
        ret->fd = TAKE_FD(ours.fd);
        ret->cancel_fd = TAKE_FD(ours.cancel_fd);
        ret->has_actuator = true;
        return 0;
}

static int send_packet(int fd, const void *packet, size_t size)
{
        if (send(fd, packet, size, MSG_NOSIGNAL) < 0)
                return errno == EAGAIN ? -EAGAIN : -EPIPE;
        return 0;
}

int actuator_cancel(int cancel_fd, uint32_t serial)
{
        return send_packet(cancel_fd, &serial, sizeof(serial));
}

int actuator_send(int fd, const ActuatorRequest *request)
{
        return send_packet(fd, request, sizeof(*request));
}

/* More than a count can take, and than a block can have of pages, so that sums of many have room. */
#define COUNT_USEC_MAX (3600 * USEC_PER_SEC)
#define COUNT_MAX (UINT64_C(1) << 32)
#define HUGE_BYTES_MAX (UINT64_C(1) << 40)

/* Whether a bool is 0 or 1: from the wire, it could be anything. */
static bool is_bool(const bool *value)
{
        uint8_t byte;

        memcpy(&byte, value, sizeof(byte));
        return byte <= 1;
}

/* The main process adds itself what the kernel's log says, and divides by the sizes of huge pages. */
static bool counts_are_sound(const PageCounts *counts)
{
        bool is_sound = counts->n_locked <= COUNT_MAX && counts->page_size_bytes <= COUNT_MAX &&
                        counts->n_pinned == 0 && is_bool(&counts->has_no_room) &&
                        !counts->has_no_room && is_bool(&counts->has_failed);

        for (size_t i = 0; i < _PAGE_KIND_MAX; i++)
                is_sound &= counts->n[i] <= COUNT_MAX;
        for (size_t i = 0; i < HUGE_SIZES_MAX; i++)
                is_sound &= counts->huge[i].n_pages <= COUNT_MAX &&
                            (counts->huge[i].n_pages == 0 || counts->huge[i].size_bytes > 0) &&
                            counts->huge[i].size_bytes <= HUGE_BYTES_MAX;
        return is_sound;
}

/* Whether all values that the main process uses are in their range. */
static bool is_sound(const ActuatorReply *reply)
{
        const ZoneList *zones = &reply->zones;

        if (reply->request.verb >= _ACTUATOR_VERB_MAX || reply->request.word >= _ONLINE_WORD_MAX ||
            reply->error > 0 || reply->error < -ERRNO_MAX || reply->read_error > 0 ||
            reply->read_error < -ERRNO_MAX || reply->state < 0 ||
            reply->state >= _BLOCK_STATE_MAX || reply->pages_usec > COUNT_USEC_MAX ||
            !counts_are_sound(&reply->pages) || zones->n_zones > ELEMENTSOF(zones->zones))
                return false;
        for (unsigned i = 0; i < zones->n_zones; i++)
                if (zones->zones[i] >= _ZONE_TYPE_MAX)
                        return false;
        return true;
}

int actuator_receive(int fd, ActuatorReply *ret)
{
        ActuatorReply reply;
        ssize_t n = recv(fd, &reply, sizeof(reply), MSG_TRUNC);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n != sizeof(reply) || !is_sound(&reply))
                return -EPIPE;
        *ret = reply;
        return 1;
}
