/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "ctl.h"
#include "ctl-agent.h"

#define AGENT "/usr/bin/pkttyagent"

static pid_t agent_pid;

void agent_open(void)
{
        char fd[sizeof("2147483647")];
        int fds[2];

        if (opt.host || geteuid() == 0 || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO) || access(AGENT, X_OK) < 0)
                return;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return;
        agent_pid = fork();
        if (agent_pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGTERM);
                fcntl(fds[1], F_SETFD, 0);
                snprintf(fd, sizeof(fd), "%i", fds[1]);
                execl(AGENT, AGENT, "--notify-fd", fd, "--fallback", NULL);
                _exit(127);
        }
        close(fds[1]);
        /* It closes the pipe when it is registered, or by ending. */
        if (agent_pid > 0)
                poll(&(struct pollfd){ .fd = fds[0], .events = POLLIN }, 1, -1);
        close(fds[0]);
}

void agent_close(void)
{
        if (agent_pid <= 0)
                return;
        kill(agent_pid, SIGTERM);
        kill(agent_pid, SIGCONT);
        while (waitpid(agent_pid, NULL, 0) < 0 && errno == EINTR)
                ;
        agent_pid = 0;
}
