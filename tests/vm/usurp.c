/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/*
 * Plays a main process of memoryd that was taken over:
 *
 *   usurp ask MAIN ACTUATOR
 *   usurp send MAIN LENGTH
 *
 * stops the process MAIN and takes its ends of the channel to the actuator. At the end, MAIN goes on.
 *
 * `send` sends a request of this length. `ask` asks for all there is to ask for and more, while it watches all
 * filesystems that the process ACTUATOR can reach. It prints these lines:
 *
 *   watched PATH                     a filesystem is mounted here, and opens on it are seen
 *   open PATH                        the actuator opened this
 *   modify PATH                      a process wrote to this file of sysfs
 *   unseen ERROR                     a process opened or wrote to a file that cannot be opened to learn its name
 *   answer BLOCK MOVABLE_NODE ERROR  a request to take this block offline ended with this error, 0 for none
 *   offline BLOCK                    this block was online before a request, and is not any more
 *   requests NUMBER                  so many have been answered
 */

#include "actuator/actuator.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fanotify.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define DEADLINE_MSEC 300000
#define TIMEOUT_MSEC 300 /* the kernel may try for good to take a block offline */
#define BLOCKS_MAX 256
#define NO_BLOCK 24 /* in the hole below 4 GiB */
#define N_RANDOM 200

static pid_t main_pid, actuator_pid;
static ActuatorChannel channel = ACTUATOR_CHANNEL_CLOSED;
static int opens = -1, writes = -1; /* fanotify */
static unsigned n_asked;

static struct {
        uint32_t id;
        int fd; /* of its state, since another open would be one more event */
        bool is_online;
} blocks[BLOCKS_MAX];
static size_t n_blocks;

static _Noreturn void die(const char *what)
{
        fprintf(stderr, "usurp: %s: %m\n", what);
        exit(EXIT_FAILURE);
}

/* The channel */

static void let_go(void)
{
        kill(main_pid, SIGCONT);
}

/* The socket for requests has the lower number. */
static void take_over(void)
{
        int pidfd = (int) syscall(SYS_pidfd_open, main_pid, 0);

        if (pidfd < 0 || kill(main_pid, SIGSTOP) < 0)
                die("cannot stop the main process");
        atexit(let_go);
        for (int number = 0; number < 256 && channel.cancel_fd < 0; number++) {
                int fd = (int) syscall(SYS_pidfd_getfd, pidfd, number, 0), type = 0;
                socklen_t size = sizeof(type);

                if (fd < 0)
                        continue;
                if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_SEQPACKET)
                        close(fd);
                else if (channel.fd < 0)
                        channel.fd = fd;
                else
                        channel.cancel_fd = fd;
        }
        if (channel.cancel_fd < 0)
                die("the main process has no channel");
}

/* What the actuator does */

static void watch(void)
{
        char path[64], folder[1024], below[1200];
        FILE *mounts;

        opens = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE,
                              O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_LARGEFILE);
        /* Some files of sysfs can be written only. */
        writes = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE,
                               O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_LARGEFILE);
        if (opens < 0 || writes < 0 ||
            fanotify_mark(writes, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_MODIFY, AT_FDCWD,
                          "/sys") < 0)
                die("fanotify");
        snprintf(path, sizeof(path), "/proc/%d/mountinfo", actuator_pid);
        mounts = fopen(path, "re");
        if (!mounts)
                die(path);
        while (fscanf(mounts, "%*s %*s %*s %*s %1023s %*[^\n]", folder) == 1) {
                snprintf(below, sizeof(below), "/proc/%d/root%s", actuator_pid, folder);
                if (fanotify_mark(opens, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN | FAN_ONDIR,
                                  AT_FDCWD, below) >= 0)
                        close(open(below, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
                else if (errno != ENOENT) /* another filesystem may be mounted above */
                        die(below);
        }
        fclose(mounts);
}

/* Each read() takes one event: of several, it would tell no error but that of the first. */
static void print_events(int group)
{
        struct fanotify_event_metadata event;
        char link[64], path[PATH_MAX];
        ssize_t n;

        while ((n = read(group, &event, sizeof(event))) > 0 || errno != EAGAIN) {
                const char *what = n <= 0                    ? NULL :
                                   event.mask & FAN_MODIFY   ? "modify" :
                                   event.pid == actuator_pid ? "open" :
                                   event.pid == getpid()     ? "watched" :
                                                               "";

                if (!what) {
                        printf("unseen %s\n", strerrorname_np(errno));
                        continue;
                }
                snprintf(link, sizeof(link), "/proc/self/fd/%d", event.fd);
                n = readlink(link, path, sizeof(path) - 1);
                if (n < 0)
                        die("an event without a file");
                path[n] = 0;
                close(event.fd);
                if (*what)
                        printf("%s %s\n", what, path);
        }
}

static int is_block(const struct dirent *entry)
{
        return strncmp(entry->d_name, "memory", strlen("memory")) == 0;
}

/* The lowest first: on a node, that is kernel memory. */
static void open_blocks(void)
{
        struct dirent **entries;
        int n = scandir("/sys/devices/system/memory", &entries, is_block, versionsort);
        char path[320];

        if (n <= 0 || n > BLOCKS_MAX)
                die("cannot list the blocks");
        for (; n_blocks < (size_t) n; n_blocks++) {
                const char *name = entries[n_blocks]->d_name;

                snprintf(path, sizeof(path), "/sys/devices/system/memory/%s/state", name);
                blocks[n_blocks].id = (uint32_t) atoi(name + strlen("memory"));
                blocks[n_blocks].fd = open(path, O_RDONLY | O_CLOEXEC);
                if (blocks[n_blocks].fd < 0)
                        die(path);
        }
}

/* Also a block that is gone is not online. */
static void look_at_blocks(void)
{
        for (size_t i = 0; i < n_blocks; i++) {
                char state[16] = "";
                bool is_online = pread(blocks[i].fd, state, sizeof(state) - 1, 0) > 0 &&
                                 strcmp(state, "online\n") == 0;

                if (blocks[i].is_online && !is_online)
                        printf("offline %u\n", blocks[i].id);
                blocks[i].is_online = is_online;
        }
}

/* Requests */

static void ask(const ActuatorRequest *request)
{
        struct pollfd poller = { .fd = channel.fd, .events = POLLIN };
        ActuatorReply reply;

        if (send(channel.fd, request, sizeof(*request), MSG_NOSIGNAL) < 0 ||
            poll(&poller, 1, DEADLINE_MSEC) != 1 ||
            recv(channel.fd, &reply, sizeof(reply), 0) != sizeof(reply))
                die("no answer");
        n_asked++;
        if (request->verb == ACTUATOR_SET_BLOCK && request->word == ONLINE_WORD_OFFLINE)
                printf("answer %u %u %d\n", request->block, request->movable_node, reply.error);
        look_at_blocks();
        print_events(opens);
        print_events(writes);
}

/* Asks with a number for a block, a node and a dax device. */
static void ask_with(uint32_t number)
{
        for (uint32_t verb = 0; verb < _ACTUATOR_VERB_MAX; verb++)
                for (uint32_t word = 0; word < _ONLINE_WORD_MAX; word++)
                        ask(&(ActuatorRequest){
                                .verb = verb,
                                .word = word,
                                .block = number,
                                .last_block = number,
                                .node = verb == ACTUATOR_SET_DAX ? NODE_NONE : (int32_t) number,
                                .dax_id = number,
                                .timeout_msec = TIMEOUT_MSEC,
                                .movable_node = 1,
                        });
}

/*
 * Asks for the words of dax0.0 with a block that does not exist, so that the actuator finds none online. Where added
 * memory stays offline, it binds the driver again for the word "offline".
 */
static void ask_for_dax(void)
{
        ask(&(ActuatorRequest){ .verb = ACTUATOR_SET_AUTO_ONLINE,
                                .word = ONLINE_WORD_OFFLINE,
                                .node = NODE_NONE,
                                .timeout_msec = TIMEOUT_MSEC });
        for (uint32_t word = 0; word < _ONLINE_WORD_MAX; word++)
                ask(&(ActuatorRequest){ .verb = ACTUATOR_SET_DAX,
                                        .word = word,
                                        .block = NO_BLOCK,
                                        .last_block = NO_BLOCK,
                                        .node = NODE_NONE });
}

static uint32_t random_number(void)
{
        static uint32_t seed = 1;

        seed = seed * 1664525 + 1013904223;
        return seed >> 8;
}

/* A request in which each field is small, the number of a block, huge or negative. Cancels others before. */
static void ask_at_random(void)
{
        ActuatorRequest request;
        uint32_t *fields = (uint32_t *) &request, serials[4];

        for (size_t i = 0; i < sizeof(request) / sizeof(*fields); i++)
                switch (random_number() % 8) {
                case 0:
                        fields[i] = random_number() * 0x1001U;
                        break;
                case 1:
                        fields[i] = blocks[random_number() % n_blocks].id;
                        break;
                default:
                        fields[i] = random_number() % 4;
                }
        request.timeout_msec = TIMEOUT_MSEC;
        for (size_t i = 0; i < sizeof(serials) / sizeof(*serials); i++)
                serials[i] = random_number() % 8;
        (void) send(channel.cancel_fd, serials, random_number() % sizeof(serials), MSG_NOSIGNAL);
        ask(&request);
}

static void ask_for_all(void)
{
        static const uint32_t others[] = {
                24, 1000, NODE_MAX, ACTUATOR_RANGE_MAX, INT32_MAX, (uint32_t) INT32_MIN, UINT32_MAX
        };

        ask_for_dax();
        /* The last kernel memory of a node stays while the request does not claim that it may go. */
        for (size_t i = 0; i < n_blocks; i++)
                ask(&(ActuatorRequest){
                        .verb = ACTUATOR_SET_BLOCK,
                        .word = ONLINE_WORD_OFFLINE,
                        .block = blocks[i].id,
                        .timeout_msec = TIMEOUT_MSEC,
                });
        for (size_t i = 0; i < n_blocks; i++)
                ask_with(blocks[i].id);
        for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
                ask_with(others[i]);
        for (unsigned i = 0; i < N_RANDOM; i++)
                ask_at_random();
}

int main(int argc, char *argv[])
{
        static const char bytes[4096];
        long number = argc == 4 ? atol(argv[3]) : 0;

        if (number <= 0 || number > (long) sizeof(bytes)) {
                fprintf(stderr, "usage: usurp ask MAIN ACTUATOR\n"
                                "       usurp send MAIN LENGTH\n");
                return 2;
        }
        main_pid = atoi(argv[2]);
        take_over();
        if (strcmp(argv[1], "send") == 0) {
                if (send(channel.fd, bytes, (size_t) number, MSG_NOSIGNAL) != number)
                        die("cannot send");
                return EXIT_SUCCESS;
        }
        actuator_pid = (pid_t) number;
        open_blocks();
        watch();
        look_at_blocks();
        ask_for_all();
        printf("requests %u\n", n_asked);
        return EXIT_SUCCESS;
}
