/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <signal.h>

#include <systemd/sd-event.h>

#include "ctl-bus.h"
#include "ctl-job.h"
#include "ctl-objects.h"
#include "ctl-print.h"
#include "ctl-progress.h"
#include "ctl-value.h"

#define POLL_USEC (250 * USEC_PER_MSEC)

struct follow {
        sd_bus *bus;
        sd_event *event;
        const char *path;
        json_object *result;
        struct progress progress;
        int status;
        bool over;
};

/* Not by sd_event_exit(), which would close the bus. */
static int end_following(struct follow *f, int status)
{
        f->status = status;
        f->over = true;
        return 0;
}

const char *job_number(const char *path)
{
        const char *s = strrchr(path, '/');

        return s && s[1] == '_' ? s + 2 : path;
}

/* Where it cannot be read there is nothing to show; how the job ends is told otherwise. */
static void look(struct follow *f)
{
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_json_ json_object *job = NULL;

        if (sd_bus_call_method(f->bus, BUS_NAME, f->path, "org.freedesktop.DBus.Properties", "GetAll", NULL, &reply,
                               "s", INTERFACE("Job")) >= 0 &&
            value_read(reply, &job) >= 0)
                progress_show(&f->progress, job);
}

static int on_over(sd_bus_message *reply, void *userdata, sd_bus_error *e _unused_)
{
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        struct follow *f = userdata;
        const char *result, *message;
        int32_t code;
        int r;

        if (!error)
                look(f);
        progress_end(&f->progress);
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY)) {
                fputs("blkreplctl: the daemon went away; when it is back, see: blkreplctl job list\n", stderr);
                return end_following(f, STATUS_ERROR);
        }
        if (error)
                return end_following(f, complain("job", error, -EIO));
        r = sd_bus_message_read(reply, "sis", &result, &code, &message);
        if (r < 0)
                return end_following(f, complain("job", NULL, r));

        if (f->result) {
                json_object_object_add(f->result, "Result", json_object_new_string(result));
                json_object_object_add(f->result, "Code", json_object_new_int(code));
                json_object_object_add(f->result, "Message", json_object_new_string(message));
        }
        if (code == CODE_DONE && streq(result, "done"))
                return end_following(f, STATUS_OK);
        fprintf(stderr, "blkreplctl: job %s was %s%s%s\n", job_number(f->path),
                streq(result, "failed") ? "given up" : result, isempty(message) ? "" : ": ", message);
        return end_following(f, code == CODE_DONE ? STATUS_ERROR : (int)error_by_code((enum return_code)code)->status);
}

static int on_poll(sd_event_source *s, uint64_t usec, void *userdata)
{
        int r;

        look(userdata);
        r = sd_event_source_set_time(s, usec + POLL_USEC);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

static int stop_following(struct follow *f, const char *why, int status)
{
        progress_end(&f->progress);
        fprintf(stderr,
                "%s; the job goes on in the background.\n"
                "Follow it with:  blkreplctl job wait %s\n"
                "Cancel it with:  blkreplctl job cancel %s\n",
                why, job_number(f->path), job_number(f->path));
        return end_following(f, status);
}

static int on_signal(sd_event_source *s _unused_, const struct signalfd_siginfo *si _unused_, void *userdata)
{
        return stop_following(userdata, "Interrupted", STATUS_INTERRUPTED);
}

static int on_timeout(sd_event_source *s _unused_, uint64_t usec _unused_, void *userdata)
{
        return stop_following(userdata, "The time is over", STATUS_TIMEOUT);
}

static int prepare(struct follow *f)
{
        _cleanup_message_ sd_bus_message *call = NULL;
        sigset_t set;
        int r;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        sigprocmask(SIG_BLOCK, &set, NULL);
        r = sd_event_add_signal(f->event, NULL, SIGINT, on_signal, f);
        if (r < 0)
                return r;
        r = sd_event_add_signal(f->event, NULL, SIGTERM, on_signal, f);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(f->bus, f->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(f->event, NULL, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_poll, f);
        if (r < 0)
                return r;
        if (opt.timeout_usec != USEC_INFINITY) {
                r = sd_event_add_time_relative(f->event, NULL, CLOCK_MONOTONIC, opt.timeout_usec, USEC_PER_MSEC,
                                               on_timeout, f);
                if (r < 0)
                        return r;
        }
        r = sd_bus_message_new_method_call(f->bus, &call, BUS_NAME, f->path, INTERFACE("Job"), "Wait");
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "t", UINT64_C(0));
        if (r < 0)
                return r;
        return sd_bus_call_async(f->bus, NULL, call, on_over, f, USEC_INFINITY);
}

int follow_job(sd_bus *bus, const char *path, json_object *result)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        struct follow f = { .bus = bus, .path = path, .result = result };
        int r;

        r = sd_event_new(&event);
        if (r < 0)
                return complain("job", NULL, r);
        f.event = event;
        r = prepare(&f);
        if (r < 0)
                return complain("job", NULL, r);
        while (r >= 0 && !f.over)
                r = sd_event_run(event, UINT64_MAX);
        sd_bus_detach_event(bus);
        return r < 0 ? complain("job", NULL, r) : f.status;
}

static int find_job(sd_bus *bus, const char *id, char **ret)
{
        uint64_t n;

        if (parse_u64(id, &n) < 0)
                return usage_error("\"%s\" is not the number of a job; see: blkreplctl job list", id);
        return resolve(bus, "GetJob", id, ret);
}

static int verb_cancel(const struct verb *verb _unused_, char **args)
{
        _cleanup_bus_ sd_bus *bus = NULL;
        int r;

        r = bus_connect(&bus);
        if (r != STATUS_OK)
                return r;
        STRV_FOREACH(id, args) {
                _cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
                _cleanup_free_ char *path = NULL;

                r = find_job(bus, *id, &path);
                if (r != STATUS_OK)
                        return r;
                r = call_new(bus, path, INTERFACE("Job"), "Cancel", &call);
                if (r != STATUS_OK)
                        return r;
                r = sd_bus_message_append(call, "a{sv}", 0);
                if (r < 0)
                        return append_failed(r);
                r = call_act(bus, call, *id, &reply);
                if (r != STATUS_OK)
                        return r;
        }
        return STATUS_OK;
}

static int verb_wait(const struct verb *verb _unused_, char **args)
{
        _cleanup_json_ json_object *result = json_object_new_object();
        _cleanup_free_ char *path = NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        int r, status;

        r = bus_connect(&bus);
        if (r != STATUS_OK)
                return r;
        r = find_job(bus, args[0], &path);
        if (r != STATUS_OK)
                return r;
        status = follow_job(bus, path, result);
        if (opt.json != JSON_OFF && json_object_object_length(result) > 0)
                print_json(result);
        return status;
}

const struct verb job_verbs[] = {
        { "job", "list", "", verb_list, 0, "Jobs that run or ended lately", .paged = true },
        { "job", "show", "JOB…", verb_show, 0, "Properties of jobs", .paged = true },
        { "job", "wait", "JOB", verb_wait, FOR_JOB, "Wait for the end of a job and show its progress" },
        { "job", "cancel", "JOB…", verb_cancel, FOR_CHANGE, "Cancel jobs; a creation is undone" },
        {}
};
