/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Asks systemd which machine this is. */

#include "kernel/host.h"

#include "policy/policy.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#define DETECT_MSEC 2000
#define WORDS "abcdefghijklmnopqrstuvwxyz0123456789-"

/*
 * Finds the architecture in a line of uname(1): the last word that is the name of one. After it,
 * `uname -a` has the operating system, and before it the name of the host, which can be any word.
 */
static const char *find_architecture(const char *line)
{
        size_t n_skipped = strncmp(line, "Linux ", 6) == 0 ? 2 : 0, n = 0;
        const char *found, *name = NULL;
        char copy[UNAME_TEXT_MAX], *rest = NULL;

        if (strlen(line) >= sizeof(copy))
                return NULL;
        strcpy(copy, line);
        for (char *word = strtok_r(copy, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
                found = n++ < n_skipped ? NULL : architecture_from_uname(word);
                if (found)
                        name = found;
        }
        return name;
}

void host_set(Machine *machine, const char *uname, const char *virtualization)
{
        const char *name = uname ? find_architecture(uname) : NULL;
        size_t n = virtualization ? strspn(virtualization, WORDS) : 0;

        machine->architecture[0] = machine->virtualization[0] = 0;
        if (name)
                strcpy(machine->architecture, name);
        if (n > 0 && !virtualization[n] && n < sizeof(machine->virtualization))
                strcpy(machine->virtualization, virtualization);
}

/* Reads a line of output, which is written at once. Waits for at most DETECT_MSEC. */
static void read_line(int fd, char *text, size_t size)
{
        struct pollfd waited = { .fd = fd, .events = POLLIN };
        ssize_t n = 0;

        if (poll(&waited, 1, DETECT_MSEC) > 0)
                n = read(fd, text, size - 1);
        text[MAX(n, 0)] = 0;
        text[strcspn(text, "\n")] = 0;
}

HostQuestion host_ask(void)
{
        HostQuestion question = HOST_QUESTION_NONE;
        sigset_t none;
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return question;
        question.pid = fork();
        if (question.pid == 0) {
                int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

                dup2(null_fd, STDIN_FILENO);
                dup2(fds[1], STDOUT_FILENO);
                dup2(null_fd, STDERR_FILENO);
                sigemptyset(&none);
                sigprocmask(SIG_SETMASK, &none, NULL);
                execlp("systemd-detect-virt", "systemd-detect-virt", NULL);
                _exit(EXIT_FAILURE);
        }
        if (question.pid > 0)
                question.fd = fds[0];
        else
                close(fds[0]);
        close(fds[1]);
        return question;
}

void host_take(HostQuestion *question, Machine *machine)
{
        struct utsname name;
        char text[64] = "";

        if (question->fd >= 0) {
                /* The exit status does not count: it is 1 if the answer is "none". */
                read_line(question->fd, text, sizeof(text));
                /* This has no effect on a process that has ended. */
                kill(question->pid, SIGKILL);
                while (waitpid(question->pid, NULL, 0) < 0 && errno == EINTR)
                        ;
                close(question->fd);
                *question = HOST_QUESTION_NONE;
        }
        host_set(machine, uname(&name) >= 0 ? name.machine : NULL, text);
}
