/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "ctl.h"
#include "ctl-pager.h"

static pid_t pager_pid;

static const char *choose_pager(void)
{
        const char *p = getenv("SYSTEMD_PAGER");

        if (!p)
                p = getenv("PAGER");
        return p ?: "less";
}

static void run_pager(int input, const char *pager)
{
        dup2(input, STDIN_FILENO);
        /* Quit when it fits the screen, keep colours, cut no lines off. */
        setenv("LESS", "FRSXMK", 1);
        execlp("sh", "sh", "-c", pager, NULL);
        _exit(127);
}

void pager_open(void)
{
        const char *pager = choose_pager();
        int fds[2];

        if (!isatty(STDOUT_FILENO) || isempty(pager) || streq(pager, "cat"))
                return;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return;
        fflush(stdout);
        pager_pid = fork();
        if (pager_pid == 0)
                run_pager(fds[0], pager);
        if (pager_pid > 0) {
                dup2(fds[1], STDOUT_FILENO);
                /* A pager that is left early ends us quietly. */
                signal(SIGPIPE, SIG_DFL);
        }
        close(fds[0]);
        close(fds[1]);
}

void pager_close(void)
{
        if (pager_pid <= 0)
                return;
        fflush(stdout);
        fclose(stdout);
        while (waitpid(pager_pid, NULL, 0) < 0 && errno == EINTR)
                ;
        pager_pid = 0;
}
