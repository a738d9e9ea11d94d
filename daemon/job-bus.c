/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "bus.h"
#include "job.h"
#include "operation.h"
#include "polkit.h"
#include "queue.h"

#define OBJECT struct job
#define PREFIX BUS_ROOT "/job"

char *job_path(const struct job *j)
{
        char *path = NULL;

        return asprintf(&path, PREFIX "/_%llu", (unsigned long long)j->id) < 0 ? NULL : path;
}

int job_find_object(sd_bus *bus, const char *path, const char *interface, void *userdata, void **found, sd_bus_error *e)
{
        struct job *j;

        if (strncmp(path, PREFIX "/_", sizeof(PREFIX "/_") - 1) != 0)
                return 0;
        j = job_find(userdata, path + sizeof(PREFIX "/") - 1);
        if (!j)
                return 0;
        if (j->relationship && !job_is_over(j))
                relationship_refresh(j->relationship, false);
        *found = j;
        return 1;
}

int job_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e)
{
        struct manager *m = userdata;
        int r = 0;

        for (struct job *j = m->jobs; r >= 0 && j; j = j->next)
                r = strv_consume(ret, job_path(j));
        return r;
}

void job_announce(struct job *j, bool added)
{
        _cleanup_free_ char *path = job_path(j);

        if (path)
                bus_announce(j->manager, path, added);
}

void job_send_new(struct job *j)
{
        _cleanup_free_ char *path = job_path(j);

        if (path && j->manager->bus)
                sd_bus_emit_signal(j->manager->bus, BUS_ROOT, "org.blkrepl1.System", "JobNew", "to", j->id, path);
}

void job_send_removed(struct job *j)
{
        _cleanup_free_ char *path = job_path(j);

        if (path && j->manager->bus)
                sd_bus_emit_signal(j->manager->bus, BUS_ROOT, "org.blkrepl1.System", "JobRemoved", "tosis",
                                   j->id, path, job_state_name(j->state), (int)j->code, strempty(j->message));
}

GETTER(get_id, "t", o->id)
GETTER(get_type, "s", o->type)
GETTER(get_relationship, "o", o->relationship_path)
GETTER(get_relationship_name, "s", o->relationship_name)
GETTER(get_group, "o", o->group_path)
GETTER(get_state, "s", job_state_name(o->state))
GETTER(get_phase, "s", o->phase)
GETTER(get_progress, "d", job_progress(o))
GETTER(get_done, "t", o->relationship ? o->relationship->kernel.copy_done : (uint64_t)0)
GETTER(get_total, "t", o->relationship ? o->relationship->kernel.copy_total : (uint64_t)0)
GETTER(get_rate, "t", o->relationship && !job_is_over(o) ? o->relationship->rate : (uint64_t)0)
GETTER(get_expected_end, "t", job_expected_end(o))
GETTER(get_started, "t", o->when_started)
GETTER(get_ended, "t", o->when_ended)
GETTER(get_cancelable, "b", o->cancelable && o->state == JOB_RUNNING)
GETTER(get_code, "i", (int)o->code)
GETTER(get_error_name, "s", strempty(o->error_name))
GETTER(get_message, "s", strempty(o->message))

METHOD(method_cancel)
{
        _cleanup_(options_done) struct options o = {};
        struct job *j = userdata;
        const char *details[] = { "job", j->type, "relationship", j->relationship_name, NULL };
        int r;

        r = options_read(m, 0, &o, e);
        if (r >= 0)
                r = polkit_check(j->manager, m, ACTION_CANCEL_JOB, details, e);
        if (r <= 0)
                return r < 0 ? r : 1;
        if (job_is_over(j))
                return error_set(e, CODE_FAILED, "Job %llu is over.", (unsigned long long)j->id);
        if (j->state == JOB_CANCELING)
                return sd_bus_reply_method_return(m, NULL);
        if (!j->cancelable || !j->cancel)
                return error_set(e, CODE_FAILED, "Job %llu cannot be canceled in phase %s; wait for its end.", (unsigned long long)j->id, j->phase);
        if (j->cancel == operation_cancel_copy && j->relationship) {
                r = queue_call(j->relationship->source, m);
                if (r != 0)
                        return r;
        }
        /* First, so that whatever comes from the cancellation finds it so. */
        j->state = JOB_CANCELING;
        j->changed = true;
        manager_changed(j->manager);
        r = j->cancel(j, e);
        if (r < 0) {
                j->state = JOB_RUNNING;
                return r;
        }
        return sd_bus_reply_method_return(m, NULL);
}

METHOD(method_wait)
{
        uint64_t timeout;
        int r = sd_bus_message_read(m, "t", &timeout);

        if (r >= 0)
                r = job_wait(userdata, m, timeout);
        return r < 0 ? r : 1;
}

const sd_bus_vtable job_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_ARGS("a{sv}", options), SD_BUS_NO_RESULT, method_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Wait", SD_BUS_ARGS("t", timeout_usec), SD_BUS_RESULT("s", result, "i", code, "s", message), method_wait, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Id", "t", get_id, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("Type", "s", get_type, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("Relationship", "o", get_relationship, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("RelationshipName", "s", get_relationship_name, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("Group", "o", get_group, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("State", "s", get_state, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Phase", "s", get_phase, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Progress", "d", get_progress, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("BytesDone", "t", get_done, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("BytesTotal", "t", get_total, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("Rate", "t", get_rate, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("ExpectedEnd", "t", get_expected_end, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("WhenStarted", "t", get_started, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("WhenEnded", "t", get_ended, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Cancelable", "b", get_cancelable, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Code", "i", get_code, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("ErrorName", "s", get_error_name, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Message", "s", get_message, 0, PROPERTY_CHANGES),
        SD_BUS_VTABLE_END
};
