/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Starts polkit's agent, which asks for a password in the terminal. */

#include "ctl/ctl.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define AGENT "pkttyagent"

/* How long the agent may take to register with polkit. */
#define AGENT_TIMEOUT_MSEC 10000

/* polkit does not ask root, and an agent on this machine cannot answer for another machine. */
static bool agent_is_wanted(void)
{
        return arg_ask_password && !arg_host && !arg_machine && geteuid() != 0 &&
               isatty(STDIN_FILENO);
}

/* Runs the agent in the child, with no signals blocked. The agent ends when its parent does. */
_Noreturn static void agent_exec(int ready, pid_t parent)
{
        char process[24], fd[16];
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        fcntl(ready, F_SETFD, 0);
        snprintf(process, sizeof(process), "%d", (int) parent);
        snprintf(fd, sizeof(fd), "%d", ready);
        if (getppid() == parent)
                execlp(AGENT, AGENT, "--process", process, "--fallback", "--notify-fd", fd, NULL);
        _exit(EXIT_FAILURE);
}

void agent_start(Agent *agent)
{
        struct pollfd ready = { .events = POLLIN };
        pid_t parent = getpid(), pid;
        int ends[2];

        if (agent->pid > 0 || !agent_is_wanted() || pipe2(ends, O_CLOEXEC) < 0)
                return;
        pid = fork();
        if (pid == 0)
                agent_exec(ends[1], parent);
        close(ends[1]);
        /* The agent closes its end of the pipe when it is ready, or when it dies. */
        ready.fd = ends[0];
        if (pid > 0) {
                agent->pid = pid;
                (void) poll(&ready, 1, AGENT_TIMEOUT_MSEC);
        }
        close(ends[0]);
}

void agent_stop(Agent *agent)
{
        if (agent->pid <= 0)
                return;
        kill(agent->pid, SIGTERM);
        kill(agent->pid, SIGCONT);
        while (waitpid(agent->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        agent->pid = 0;
}
