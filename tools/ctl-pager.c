/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "ctl.h"
#include "ctl-pager.h"

static pid_t pager_pid;

/* Whether the first word of a command is a program that can be run. */
static bool is_program(const char *command)
{
        size_t n = strcspn(command, " ");
        const char *path = getenv("PATH") ?: "/usr/bin:/bin";

        if (memchr(command, '/', n)) {
                _cleanup_free_ char *file = strndup(command, n);

                return file && access(file, X_OK) == 0;
        }
        for (size_t k; *path; path += k + (path[k] == ':')) {
                _cleanup_free_ char *file = NULL;

                k = strcspn(path, ":");
                if (asprintf(&file, "%.*s/%.*s", (int)k, path, (int)n, command) < 0)
                        return false;
                if (access(file, X_OK) == 0)
                        return true;
        }
        return false;
}

/* NULL where none is wanted or there is none. Only less goes by itself when all fits the screen. */
static const char *choose_pager(void)
{
        const char *term = getenv("TERM"), *p = getenv("SYSTEMD_PAGER");

        if (isempty(term) || streq(term, "dumb"))
                return NULL;
        if (!p)
                p = getenv("PAGER");
        if (!p)
                p = "less";
        return isempty(p) || streq(p, "cat") || !is_program(p) ? NULL : p;
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

        if (!isatty(STDOUT_FILENO) || !pager)
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
