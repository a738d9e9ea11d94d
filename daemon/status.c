/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../kernel/names.h"
#include "bus.h"
#include "judge.h"
#include "status.h"

static int append_list(sd_bus_message *reply, const char *key, const char *type, char *const *list)
{
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', streq(type, "o") ? "ao" : "as");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', type);
        STRV_FOREACH(s, list)
                if (r >= 0)
                        r = sd_bus_message_append_basic(reply, *type, *s);
        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_relationship(sd_bus_message *reply, const struct status *status)
{
        const struct relationship *q = status->relationship;
        _cleanup_strv_ char **legal = judge_list_legal(q), **pairs = NULL;
        uint64_t point = status->point_given ? status->recovery_point : relationship_recovery_point(q),
                age = status->point_given ? status->recovery_point_age : relationship_recovery_point_age(q);
        int r;

        if (!legal)
                return -ENOMEM;
        r = sd_bus_message_append(reply, "{sv}{sv}", "CopyState", "s", blkrepl_copy_state_name(relationship_state(q)),
                                  "Revision", "t", q->kernel.revision);
        if (r >= 0)
                r = append_list(reply, "LegalOperations", "s", legal);
        for (size_t i = 0; r >= 0 && i < q->target->n_members; i++)
                r = strv_consume(&pairs, pair_path(q->target->members[i].uuid));
        if (r >= 0)
                r = append_list(reply, "Pairs", "o", pairs);
        if (r >= 0 && point)
                r = sd_bus_message_append(reply, "{sv}{sv}", "RecoveryPoint", "t", point, "RecoveryPointAge", "t", age);
        return r;
}

int status_append(sd_bus_message *reply, const struct status *status)
{
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}", "Code", "u", status->job ? (uint32_t)CODE_JOB_STARTED : (uint32_t)CODE_DONE,
                                          "Name", "s", status->job ? "JobStarted" : "Done");
        if (r >= 0 && status->message)
                r = sd_bus_message_append(reply, "{sv}", "Message", "s", status->message);
        if (r >= 0 && status->relationship)
                r = append_relationship(reply, status);
        if (r >= 0 && status->snapshots)
                r = append_list(reply, "Snapshots", "s", status->snapshots);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int status_reply(sd_bus_message *message, const struct status *status)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_free_ char *path = status->job ? job_path(status->job) : strdup("/");
        int r;

        if (!path)
                return -ENOMEM;
        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "uo", status->job ? (uint32_t)CODE_JOB_STARTED : (uint32_t)CODE_DONE, path);
        if (r >= 0)
                r = status_append(reply, status);
        return r < 0 ? r : sd_bus_message_send(reply);
}
