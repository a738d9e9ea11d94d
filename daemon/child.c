/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "child.h"

enum { OUTPUT, ERRORS, N_STREAMS };
#define STREAM_MAX (16 * 1024 * 1024)

struct stream {
        sd_event_source *source;
        char *data;
        size_t size;
};

struct child {
        sd_event_source *source;
        struct stream streams[N_STREAMS];
        unsigned int open;              /* streams, and the process itself */
        enum { CHILD_PROGRAM, CHILD_NETLINK, CHILD_FUNCTION } kind;
        struct child_result result;
        child_handler handler;
        void *userdata;
};

static int lock_fd = -1;

/*
 * The daemon keeps the file open with a shared lock; a child inherits the
 * descriptor and with it the lock. Exclusive means: no child is left.
 */
int children_lock(const char *path, uint64_t timeout_usec)
{
        uint64_t deadline = now_monotonic() + timeout_usec;
        int fd, r = 0;

        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK || now_monotonic() >= deadline) {
                        r = -errno;
                        break;
                }
                usleep(50 * 1000);
        }
        flock(fd, LOCK_SH);
        lock_fd = fd;
        return r;
}

static void child_free(struct child *c)
{
        for (int i = 0; i < N_STREAMS; i++) {
                sd_event_source_disable_unref(c->streams[i].source);
                free(c->streams[i].data);
        }
        sd_event_source_disable_unref(c->source);
        free(c);
}

static void part_ended(struct child *c)
{
        if (--c->open > 0)
                return;

        c->result.output = c->streams[OUTPUT].data ?: (char *)"";
        c->result.errors = c->streams[ERRORS].data ?: (char *)"";
        if (c->kind == CHILD_NETLINK && c->result.error >= 0) {
                if (c->streams[OUTPUT].size == sizeof(c->result.fault))
                        memcpy(&c->result.fault, c->streams[OUTPUT].data, sizeof(c->result.fault));
                else
                        c->result.fault = (struct netlink_fault){ .error = -EIO, .message = "The child that sent the request died." };
                c->result.error = c->result.fault.error;
        } else if (c->kind == CHILD_FUNCTION && c->result.error >= 0)
                c->result.error = -c->result.status;
        c->result.output_size = c->streams[OUTPUT].size;
        if (c->handler)
                c->handler(&c->result, c->userdata);
        child_free(c);
}

static int on_ended(_unused_ sd_event_source *s, const siginfo_t *si, void *userdata)
{
        struct child *c = userdata;

        if (si->si_code == CLD_EXITED)
                c->result.status = si->si_status;
        else
                c->result.error = -EINTR;
        part_ended(c);
        return 0;
}

static int on_readable(sd_event_source *s, int fd, _unused_ uint32_t events, void *userdata)
{
        struct child *c = userdata;
        struct stream *st = c->streams[OUTPUT].source == s ? c->streams + OUTPUT : c->streams + ERRORS;
        char buf[16384];
        ssize_t n = read(fd, buf, sizeof(buf));
        char *d;

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n > 0 && st->size + n < STREAM_MAX) {
                d = realloc(st->data, st->size + n + 1);
                if (d) {
                        memcpy(d + st->size, buf, n);
                        st->data = d;
                        st->size += n;
                        d[st->size] = 0;
                        return 0;
                }
                c->result.error = -ENOMEM;
        }
        st->source = sd_event_source_disable_unref(st->source);
        part_ended(c);
        return 0;
}

/* In the child: only the three standard streams and the lock stay open. */
static void become_child(const int fds[N_STREAMS])
{
        int null = open("/dev/null", O_RDONLY), lock = -1;
        sigset_t none;

        if (lock_fd >= 0)
                lock = fcntl(lock_fd, F_DUPFD, 10);
        dup2(null, STDIN_FILENO);
        dup2(fds[OUTPUT], STDOUT_FILENO);
        dup2(fds[ERRORS], STDERR_FILENO);
        if (lock >= 0) {
                dup2(lock, 3);
                close_range(4, ~0U, 0);
        } else
                close_range(3, ~0U, 0);

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGPIPE, SIG_DFL);
}

/* Gives 0 in the child, 1 in the parent. */
static int spawn(sd_event *event, child_handler handler, void *userdata, struct child **ret)
{
        int pipes[N_STREAMS][2] = { { -1, -1 }, { -1, -1 } };
        struct child *c;
        pid_t pid;
        int r = 0;

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->handler = handler;
        c->userdata = userdata;

        for (int i = 0; i < N_STREAMS; i++)
                if (pipe2(pipes[i], O_CLOEXEC) < 0) {
                        r = -errno;
                        goto fail;
                }
        pid = fork();
        if (pid < 0) {
                r = -errno;
                goto fail;
        }
        if (pid == 0) {
                become_child((int[]){ pipes[OUTPUT][1], pipes[ERRORS][1] });
                return 0;
        }

        for (int i = 0; i < N_STREAMS; i++) {
                close(pipes[i][1]);
                pipes[i][1] = -1;
                fcntl(pipes[i][0], F_SETFL, O_NONBLOCK);
                r = sd_event_add_io(event, &c->streams[i].source, pipes[i][0], EPOLLIN, on_readable, c);
                if (r < 0)
                        goto fail;
                sd_event_source_set_io_fd_own(c->streams[i].source, true);
                pipes[i][0] = -1;
        }
        r = sd_event_add_child(event, &c->source, pid, WEXITED, on_ended, c);
        if (r < 0)
                goto fail;
        c->open = N_STREAMS + 1;
        *ret = c;
        return 1;
fail:
        for (int i = 0; i < N_STREAMS; i++) {
                closep(&pipes[i][0]);
                closep(&pipes[i][1]);
        }
        child_free(c);
        return r;
}

/*
 * lvm closes every descriptor that it does not know, and so would drop the
 * lock: a process of ours keeps it as long as the program runs.
 */
static int run_program(const char *const *argv)
{
        pid_t pid = fork();
        const char *file;
        int status;

        if (pid < 0)
                return 126;
        if (pid == 0) {
                close_range(3, ~0U, 0);
                setenv("LC_ALL", "C", 1);
                file = strrchr(argv[0], '/');
                file = argv[0][0] == '@' && file ? file + 1 : argv[0];
                execvp(file, (char **)argv);
                fprintf(stderr, "Cannot run %s: %m\n", file);
                _exit(127);
        }
        close(STDOUT_FILENO);
        close(STDERR_FILENO);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return 126;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

int child_exec(sd_event *event, const char *const *argv, child_handler handler, void *userdata, struct child **ret)
{
        struct child *c = NULL;
        int r;

        r = spawn(event, handler, userdata, &c);
        if (r == 0)
                _exit(run_program(argv));
        if (r > 0 && ret)
                *ret = c;
        return r < 0 ? r : 0;
}

int child_netlink(sd_event *event, const struct netlink_request *request, child_handler handler, void *userdata, struct child **ret)
{
        struct child *c = NULL;
        int r;

        r = spawn(event, handler, userdata, &c);
        if (r == 0) {
                struct netlink_fault fault = {};
                struct netlink *nl = NULL;

                fault.error = netlink_open(&nl);
                if (fault.error < 0)
                        snprintf(fault.message, sizeof(fault.message), "The kernel module is not loaded; run 'modprobe blkrepl'.");
                else
                        netlink_call(nl, request, &fault);
                _exit(write(STDOUT_FILENO, &fault, sizeof(fault)) == (ssize_t)sizeof(fault) ? 0 : 1);
        }
        if (r > 0)
                c->kind = CHILD_NETLINK;
        if (r > 0 && ret)
                *ret = c;
        return r < 0 ? r : 0;
}

int child_call(sd_event *event, int (*function)(void *argument), void *argument, child_handler handler, void *userdata, struct child **ret)
{
        struct child *c = NULL;
        int r;

        r = spawn(event, handler, userdata, &c);
        if (r == 0)
                _exit(-function(argument));
        if (r > 0)
                c->kind = CHILD_FUNCTION;
        if (r > 0 && ret)
                *ret = c;
        return r < 0 ? r : 0;
}

struct child *child_forget(struct child *c)
{
        if (c)
                c->handler = NULL;
        return NULL;
}
