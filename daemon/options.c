/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <strings.h>

#include "../kernel/names.h"
#include "../kernel/state.h"
#include "options.h"

static const struct {
        const char *key, *type;
        size_t offset;
} keys[N_OPTIONS] = {
        [OPTION_FORCE] = { "Force", "b", offsetof(struct options, force) },
        [OPTION_TIMEOUT] = { "TimeoutUSec", "t", offsetof(struct options, timeout) },
        [OPTION_EXPECTED_REVISION] = { "ExpectedRevision", "t", offsetof(struct options, expected_revision) },
        [OPTION_WAIT_STATE] = { "WaitForCopyState", "q", offsetof(struct options, wait_state) },
        [OPTION_SEEDED] = { "Seeded", "b", offsetof(struct options, seeded) },
        [OPTION_INACTIVE] = { "Inactive", "b", offsetof(struct options, inactive) },
        [OPTION_REMOVE_VOLUMES] = { "RemoveVolumes", "b", offsetof(struct options, remove_volumes) },
        [OPTION_RATE_LIMIT] = { "RateLimit", "t", offsetof(struct options, rate_limit) },
        [OPTION_YIELD_RATE] = { "YieldRate", "t", offsetof(struct options, yield_rate) },
        [OPTION_LEG_TIMEOUT] = { "LegTimeoutUSec", "t", offsetof(struct options, leg_timeout) },
        [OPTION_RECOVERY_MODE] = { "RecoveryMode", "s", offsetof(struct options, recovery_mode) },
        [OPTION_STOPS_HOST_IO] = { "FailedCopyStopsHostIO", "b", offsetof(struct options, stops_host_io) },
        [OPTION_HEARTBEAT] = { "HeartbeatUSec", "t", offsetof(struct options, heartbeat) },
        [OPTION_LOG_VOLUME] = { "LogVolume", "s", offsetof(struct options, log_volume) },
        [OPTION_LOG_SIZE] = { "LogSize", "t", offsetof(struct options, log_size) },
        [OPTION_MEMBER_NAMES] = { "MemberNames", "as", offsetof(struct options, member_names) },
        [OPTION_HOLD_SOURCE_IO] = { "HoldSourceIO", "b", offsetof(struct options, hold_source_io) },
        [OPTION_LOG_POOL] = { "LogPool", "o", offsetof(struct options, log_pool) },
        [OPTION_MEMBER_NAME] = { "MemberName", "s", offsetof(struct options, member_name) },
        [OPTION_TARGET_ELEMENT] = { "TargetElement", "o", offsetof(struct options, target_element) },
        [OPTION_TARGET_POOL] = { "TargetPool", "o", offsetof(struct options, target_pool) },
        [OPTION_RELATIONSHIP_NAME] = { "RelationshipName", "s", offsetof(struct options, relationship_name) },
        [OPTION_TARGET_LOG_VOLUME] = { "TargetLogVolume", "s", offsetof(struct options, target_log_volume) },
        [OPTION_TARGET_LOG_POOL] = { "TargetLogPool", "o", offsetof(struct options, target_log_pool) },
        [OPTION_RETENTION] = { "RetentionUSec", "t", offsetof(struct options, retention) },
        [OPTION_OBJECTIVE] = { "RecoveryPointObjective", "u", offsetof(struct options, objective) },
        [OPTION_KEEP_SNAPSHOT] = { "KeepSnapshot", "b", offsetof(struct options, keep_snapshot) },
};

void options_done(struct options *o)
{
        free(o->recovery_mode);
        free(o->log_volume);
        free(o->log_pool);
        free(o->member_name);
        free(o->target_element);
        free(o->target_pool);
        free(o->relationship_name);
        free(o->target_log_volume);
        free(o->target_log_pool);
        strv_free(o->member_names);
        *o = (struct options){};
}

static int read_value(sd_bus_message *m, const char *type, void *v)
{
        const char *s;
        int b, r;

        switch (*type) {
        case 'b':
                r = sd_bus_message_read(m, "v", "b", &b);
                if (r >= 0)
                        *(bool *)v = b;
                return r;
        case 's':
        case 'o':
                r = sd_bus_message_read(m, "v", type, &s);
                if (r >= 0) {
                        free(*(char **)v);
                        *(char **)v = strdup(s);
                        r = *(char **)v ? 1 : -ENOMEM;
                }
                return r;
        case 'a':
                r = sd_bus_message_enter_container(m, 'v', "as");
                if (r >= 0)
                        r = sd_bus_message_read_strv(m, v);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                return r;
        default:
                return sd_bus_message_read(m, "v", type, v);
        }
}

static int list_keys(uint32_t allowed, char *buf, size_t size)
{
        size_t n = 0;

        *buf = 0;
        for (int i = 0; i < N_OPTIONS; i++)
                if (allowed & OPTION_BIT(i)) {
                        size_t k = strlen(keys[i].key);

                        if (n + k + 3 > size)
                                break;
                        if (n) {
                                memcpy(buf + n, ", ", 2);
                                n += 2;
                        }
                        memcpy(buf + n, keys[i].key, k + 1);
                        n += k;
                }
        return n;
}

int options_read(sd_bus_message *m, uint32_t allowed, struct options *o, sd_bus_error *e)
{
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                const char *key, *contents;
                char legal[512], type;
                int i;

                r = sd_bus_message_read(m, "s", &key);
                if (r < 0)
                        return r;
                for (i = 0; i < N_OPTIONS; i++)
                        if ((allowed & OPTION_BIT(i)) && streq(keys[i].key, key))
                                break;
                if (i == N_OPTIONS) {
                        if (list_keys(allowed, legal, sizeof(legal)) == 0)
                                return error_set(e, CODE_INVALID_PARAMETER, "Unknown option '%s'; there are no options here.", key);
                        return error_set(e, CODE_INVALID_PARAMETER, "Unknown option '%s'; the options here are: %s.", key, legal);
                }
                if (o->present & OPTION_BIT(i))
                        return error_set(e, CODE_INVALID_PARAMETER, "The option '%s' is given twice; give it once.", key);
                r = sd_bus_message_peek_type(m, &type, &contents);
                if (r < 0)
                        return r;
                if (!streq(contents, keys[i].type))
                        return error_set(e, CODE_INVALID_PARAMETER, "The option '%s' has type '%s', not '%s'.", key, keys[i].type, contents);
                r = read_value(m, keys[i].type, (char *)o + keys[i].offset);
                if (r < 0)
                        return r;
                o->present |= OPTION_BIT(i);
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        return sd_bus_message_exit_container(m);
}

int options_check_objective(unsigned int mode, uint32_t seconds, const char *remedy, sd_bus_error *e)
{
        if (mode == BLKREPL_MODE_SYNCHRONOUS && seconds > 0)
                return error_set(e, CODE_INVALID_PARAMETER, "Mode Synchronous needs a RecoveryPointObjective of 0, not %u; give 0%s.", seconds, remedy);
        if ((mode == BLKREPL_MODE_ASYNCHRONOUS || mode == BLKREPL_MODE_ADAPTIVE) && seconds == 0)
                return error_set(e, CODE_INVALID_PARAMETER, "Mode %s needs a RecoveryPointObjective of at least 1 second; give one%s.",
                                 blkrepl_mode_name(mode), remedy);
        return 0;
}

static int to_milliseconds(const char *key, uint64_t usec, uint32_t *ret, sd_bus_error *e)
{
        uint64_t ms = usec / USEC_PER_MSEC + !!(usec % USEC_PER_MSEC);

        if (ms > UINT32_MAX)
                return error_set(e, CODE_INVALID_PARAMETER, "%s is too long; the longest is %u s.", key, UINT32_MAX / 1000);
        *ret = ms;
        return 0;
}

int options_to_kernel(const struct options *o, struct kernel_relationship *k, sd_bus_error *e)
{
        int r = 0;

        if (o->present & OPTION_BIT(OPTION_RATE_LIMIT)) {
                k->rate_limit = o->rate_limit;
                k->present |= PRESENT(RELATIONSHIP_RATE_LIMIT);
        }
        if (o->present & OPTION_BIT(OPTION_YIELD_RATE)) {
                k->yield_rate = o->yield_rate;
                k->present |= PRESENT(RELATIONSHIP_YIELD_RATE);
        }
        if (o->present & OPTION_BIT(OPTION_LEG_TIMEOUT)) {
                r = to_milliseconds("LegTimeoutUSec", o->leg_timeout, &k->leg_timeout_ms, e);
                k->present |= PRESENT(RELATIONSHIP_LEG_TIMEOUT_MS);
        }
        if (r >= 0 && (o->present & OPTION_BIT(OPTION_HEARTBEAT))) {
                r = to_milliseconds("HeartbeatUSec", o->heartbeat, &k->heartbeat_ms, e);
                k->present |= PRESENT(RELATIONSHIP_HEARTBEAT_MS);
        }
        if (r >= 0 && (o->present & OPTION_BIT(OPTION_TIMEOUT))) {
                r = to_milliseconds("TimeoutUSec", o->timeout, &k->timeout_ms, e);
                k->present |= PRESENT(RELATIONSHIP_TIMEOUT_MS);
        }
        if (r >= 0 && (o->present & OPTION_BIT(OPTION_RECOVERY_MODE))) {
                if (strcasecmp(o->recovery_mode, "automatic") == 0)
                        k->recovery_mode = BLKREPL_RECOVERY_MODE_AUTOMATIC;
                else if (strcasecmp(o->recovery_mode, "manual") == 0)
                        k->recovery_mode = BLKREPL_RECOVERY_MODE_MANUAL;
                else
                        return error_set(e, CODE_INVALID_PARAMETER, "RecoveryMode is 'automatic' or 'manual', not '%s'.", o->recovery_mode);
                k->present |= PRESENT(RELATIONSHIP_RECOVERY_MODE);
        }
        if (o->present & OPTION_BIT(OPTION_STOPS_HOST_IO)) {
                k->hold_on_failure = o->stops_host_io;
                k->present |= PRESENT(RELATIONSHIP_HOLD_ON_FAILURE);
        }
        if (o->present & OPTION_BIT(OPTION_OBJECTIVE)) {
                k->recovery_point_objective = o->objective;
                k->present |= PRESENT(RELATIONSHIP_RECOVERY_POINT_OBJECTIVE);
        }
        if (o->present & OPTION_BIT(OPTION_EXPECTED_REVISION)) {
                k->expected_revision = o->expected_revision;
                k->present |= PRESENT(RELATIONSHIP_EXPECTED_REVISION);
        }
        return r;
}
