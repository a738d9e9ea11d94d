/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl-objective.h"
#include "ctl-value.h"

static const char *short_mode(const char *mode)
{
        return streq(mode, "Synchronous") ? "sync" : streq(mode, "Asynchronous") ? "async" : mode;
}

const char *objective_mode(json_object *relationship, char buf[static FORMAT_MAX])
{
        const char *mode = member_string(relationship, "Mode"), *effective = member_string(relationship, "EffectiveMode");

        if (isempty(effective) || streq(mode, effective))
                return short_mode(mode);
        snprintf(buf, FORMAT_MAX, "%s (now %s)", short_mode(mode), short_mode(effective));
        return buf;
}

const char *objective_age(uint64_t usec, char buf[static FORMAT_MAX])
{
        if (usec == USEC_INFINITY)
                return "none";
        return format_span(usec < USEC_PER_SEC ? usec - usec % USEC_PER_MSEC : usec - usec % USEC_PER_SEC, buf);
}

const char *objective_describe(json_object *relationship, char buf[static 2 * FORMAT_MAX])
{
        uint64_t objective = member_u64(relationship, "RecoveryPointObjective");
        char age[FORMAT_MAX], limit[FORMAT_MAX];

        snprintf(buf, 2 * FORMAT_MAX, "%s%s%s%s%s", objective_age(member_u64(relationship, "RecoveryPointAge"), age),
                 objective ? " of " : "", objective ? format_span(objective * USEC_PER_SEC, limit) : "",
                 objective ? ", " : "", objective ? member_string(relationship, "RpoState") : "");
        return buf;
}

bool objective_is_missed(json_object *relationship)
{
        const char *state = member_string(relationship, "RpoState");

        return member_u64(relationship, "RecoveryPointObjective") > 0 && !isempty(state) && !streq(state, "met");
}
