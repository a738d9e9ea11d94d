/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl-act.h"
#include "ctl-bus.h"
#include "ctl-explain.h"
#include "ctl-job.h"
#include "ctl-print.h"
#include "ctl-value.h"

/* The CopyState that a relationship has after all; empty when it is gone. */
static char *copy_state_now(sd_bus *bus, const char *path)
{
        char *state = NULL;

        if (!path || sd_bus_get_property_string(bus, BUS_NAME, path, INTERFACE("Relationship"), "CopyState", NULL,
                                                &state) < 0)
                return strdup("");
        return state;
}

/* What the daemon says, else the state; then what it adds. */
static int print_outcome(sd_bus *bus, const char *subject, const char *relationship, json_object *status)
{
        _cleanup_free_ char *state = copy_state_now(bus, relationship);
        const char *message = member_string(status, "Message");

        printf("%s: %s\n", subject, !isempty(message) ? message : !isempty(state) ? state : "done");
        return opt.legend && explain_status(stdout, status) < 0 ? out_of_memory() : STATUS_OK;
}

/* What was said when the job began does not hold at its end. */
static int follow(sd_bus *bus, const char *subject, const char *job, json_object *status, json_object *result)
{
        static const char *const passed[] = { "Message", "CopyState", "RecoveryPoint", "LegalOperations" };
        const char *message = member_string(status, "Message");

        if (!opt.quiet && !isempty(message))
                fprintf(stderr, "%s: %s\n", subject, message);
        if (opt.json == JSON_OFF)
                for (size_t i = 0; i < ELEMENTSOF(passed); i++)
                        json_object_object_del(status, passed[i]);
        return follow_job(bus, job, result);
}

int act_outcome(sd_bus *bus, const char *subject, const char *relationship, uint32_t return_value, const char *job,
                json_object *status)
{
        _cleanup_json_ json_object *result = json_object_new_object();
        int r = STATUS_OK;

        json_object_object_add(result, "ReturnValue", json_object_new_uint64(return_value));
        json_object_object_add(result, "Job", json_object_new_string(job));
        json_object_object_add(result, "ExtendedStatus", json_object_get(status));

        if (return_value == CODE_JOB_STARTED && opt.block)
                r = follow(bus, subject, job, status, result);

        if (opt.json != JSON_OFF)
                print_json(result);
        else if (return_value == CODE_JOB_STARTED && !opt.block)
                printf("%s\n", job_number(job));
        else if (r == STATUS_OK && !opt.quiet)
                r = print_outcome(bus, subject, relationship, status);
        return r;
}

int act(sd_bus *bus, sd_bus_message *call, const char *subject)
{
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_json_ json_object *status = NULL;
        const char *relationship, *job;
        uint32_t value;
        int r;

        r = call_act(bus, call, subject, &reply);
        relationship = streq(sd_bus_message_get_interface(call), INTERFACE("Relationship")) ?
                sd_bus_message_get_path(call) : NULL;
        if (r == STATUS_WRONG_STATE && relationship && opt.legend && !opt.quiet)
                explain_refusal(bus, relationship);
        if (r != STATUS_OK)
                return r;
        r = sd_bus_message_read(reply, "uo", &value, &job);
        if (r < 0)
                return complain(subject, NULL, r);
        r = value_read(reply, &status);
        if (r < 0)
                return complain(subject, NULL, r);
        return act_outcome(bus, subject, relationship, value, job, status);
}

int act_on_each(const struct verb *verb, char **names,
                int (*function)(sd_bus *bus, const struct verb *verb, const char *name))
{
        _cleanup_bus_ sd_bus *bus = NULL;
        int r, worst = STATUS_OK;

        r = bus_connect(&bus);
        if (r != STATUS_OK)
                return r;
        STRV_FOREACH(name, names) {
                r = function(bus, verb, *name);
                if (r == STATUS_INTERRUPTED)
                        return r;
                if (r != STATUS_OK)
                        worst = r;
        }
        return worst;
}
