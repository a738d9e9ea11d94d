/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parameters of CreateReplicationRelationship and CreateReplicationGroup by themselves. */
#include <stdio.h>

#include "../kernel/format.h"
#include "../kernel/names.h"
#include "../kernel/state.h"
#include "bus.h"
#include "create.h"

void create_params_done(struct create_params *p)
{
        free(p->name);
        free(p->target_system);
        free(p->source_group_name);
        free(p->target_group_name);
        strv_free(p->source_elements);
        strv_free(p->target_elements);
        strv_free(p->target_pools);
        options_done(&p->source_settings);
        options_done(&p->target_settings);
        options_done(&p->options);
        free(p->source_group);
        free(p->target_group);
        *p = (struct create_params){};
}

static int read_string(sd_bus_message *m, char type, char **ret)
{
        const char *s;
        int r = sd_bus_message_read_basic(m, type, &s);

        if (r < 0)
                return r;
        *ret = strdup(s);
        return *ret ? 0 : -ENOMEM;
}

int create_params_read(sd_bus_message *m, struct create_params *p, sd_bus_error *e)
{
        int r;

        if ((r = read_string(m, 's', &p->name)) < 0 ||
            (r = sd_bus_message_read(m, "qq", &p->sync_type, &p->mode)) < 0 ||
            (r = read_string(m, 'o', &p->target_system)) < 0 ||
            (r = read_string(m, 's', &p->source_group_name)) < 0 ||
            (r = bus_read_paths(m, &p->source_elements)) < 0 ||
            (r = options_read(m, OPTIONS_SOURCE_GROUP, &p->source_settings, e)) < 0 ||
            (r = read_string(m, 's', &p->target_group_name)) < 0 ||
            (r = bus_read_paths(m, &p->target_elements)) < 0 ||
            (r = bus_read_paths(m, &p->target_pools)) < 0 ||
            (r = options_read(m, OPTIONS_TARGET_GROUP, &p->target_settings, e)) < 0 ||
            (r = sd_bus_message_read(m, "u", &p->rpo)) < 0 ||
            (r = read_string(m, 'o', &p->source_group)) < 0 ||
            (r = read_string(m, 'o', &p->target_group)) < 0)
                return r;
        return options_read(m, OPTIONS_CREATE, &p->options, e);
}

int create_group_params_read(sd_bus_message *m, struct create_params *p, sd_bus_error *e)
{
        int r;

        p->group_only = true;
        if ((r = read_string(m, 's', &p->name)) < 0 ||
            (r = bus_read_paths(m, &p->source_elements)) < 0 ||
            (r = options_read(m, OPTIONS_SOURCE_GROUP, &p->source_settings, e)) < 0)
                return r;
        return options_read(m, OPTION_BIT(OPTION_FORCE), &p->options, e);
}

static int check_kind(const struct create_params *p, sd_bus_error *e)
{
        int r;

        if (!blkrepl_sync_type_name(p->sync_type))
                return error_set(e, CODE_INVALID_PARAMETER, "%u is no SyncType; use 6 (Mirror).", p->sync_type);
        if (p->sync_type != BLKREPL_SYNC_MIRROR)
                return error_set(e, CODE_NOT_SUPPORTED, "This version does not offer %s relationships; use 6 (Mirror).",
                                 blkrepl_sync_type_name(p->sync_type));
        if (!blkrepl_mode_name(p->mode))
                return error_set(e, CODE_INVALID_PARAMETER, "%u is no Mode; use 2 (Synchronous), 3 (Asynchronous), or 0 to let the system choose.", p->mode);
        r = options_check_objective(p->mode, p->rpo, p->mode == BLKREPL_MODE_SYNCHRONOUS ? ", or Mode 3 (Asynchronous)" : ", or Mode 2 (Synchronous)", e);
        if (r < 0)
                return r;
        if (p->mode == BLKREPL_MODE_SYSTEM && p->rpo > 0)
                return error_set(e, CODE_NOT_SUPPORTED, "With a RecoveryPointObjective of %u the mode would be Adaptive, which this version does not offer; give 0 for Synchronous, or Mode 3 (Asynchronous).",
                                 p->rpo);
        if (p->mode == BLKREPL_MODE_ADAPTIVE)
                return error_set(e, CODE_NOT_SUPPORTED, "This version does not offer Mode Adaptive; use 3 (Asynchronous), or 2 (Synchronous) with a RecoveryPointObjective of 0.");
        return 0;
}

static int check_name(const char *what, const char *name, sd_bus_error *e)
{
        if (blkrepl_name_valid(name))
                return 0;
        return error_set(e, CODE_INVALID_PARAMETER,
                         "'%.80s' cannot be the name of the %s: use 1 to %u letters, digits and '_+.-', not beginning with '.' or '-'.",
                         name, what, BLKREPL_NAME_MAX);
}

static int check_duplicates(const char *what, char *const *paths, sd_bus_error *e)
{
        STRV_FOREACH(a, paths)
                for (char *const *b = a + 1; *b; b++)
                        if (streq(*a, *b))
                                return error_set(e, CODE_INVALID_PARAMETER, "%s is given twice among the %s; give each once.", *a, what);
        return 0;
}

static int check_members(const struct create_params *p, size_t n, sd_bus_error *e)
{
        size_t names = strv_length(p->source_settings.member_names);

        if (n > BLKREPL_MAX_MEMBERS)
                return error_set(e, CODE_INVALID_PARAMETER, "A group has at most %u members, not %zu; make several groups.", BLKREPL_MAX_MEMBERS, n);
        if (n > 0 && (p->source_settings.present & OPTION_BIT(OPTION_MEMBER_NAMES)) && names != n)
                return error_set(e, CODE_INVALID_PARAMETER, "There are %zu sources but %zu MemberNames; give one for each source.", n, names);
        return check_duplicates("sources", p->source_elements, e);
}

/* It brings its members, its log volume and its name. */
static int check_target_group(const struct create_params *p, sd_bus_error *e)
{
        if (streq(p->target_group, p->source_group))
                return error_set(e, CODE_INVALID_PARAMETER, "SourceGroup and TargetGroup are the same; give two groups.");
        if (strv_length(p->target_elements) > 0 || strv_length(p->target_pools) > 0)
                return error_set(e, CODE_INVALID_PARAMETER, "Both TargetGroup and TargetStorageElements or a pool are given; give one of them.");
        if (*p->target_group_name)
                return error_set(e, CODE_INVALID_PARAMETER, "The existing TargetGroup has a name; leave TargetReplicationGroupFriendlyName empty.");
        if (p->target_settings.present & OPTIONS_TARGET_GROUP)
                return error_set(e, CODE_INVALID_PARAMETER, "The existing TargetGroup has a log volume; leave LogVolume, LogSize and LogPool out.");
        return 0;
}

static int check_elements(const struct create_params *p, sd_bus_error *e)
{
        size_t n = strv_length(p->source_elements), t = strv_length(p->target_elements);
        bool have_group = !streq(p->source_group, "/");
        int r;

        if (have_group && n > 0)
                return error_set(e, CODE_INVALID_PARAMETER, "Both SourceGroup and SourceStorageElements are given; give one of them.");
        if (!have_group && n == 0)
                return error_set(e, CODE_INVALID_PARAMETER, "No source is given; give SourceStorageElements or a SourceGroup.");
        if ((r = check_members(p, n, e)) < 0)
                return r;
        if (have_group && (p->source_settings.present & OPTION_BIT(OPTION_MEMBER_NAMES)))
                return error_set(e, CODE_INVALID_PARAMETER, "MemberNames cannot be given for an existing SourceGroup; leave them out.");
        if (have_group && (p->source_settings.present & OPTIONS_TARGET_GROUP))
                return error_set(e, CODE_INVALID_PARAMETER, "The existing SourceGroup has a log volume; leave LogVolume, LogSize and LogPool out.");
        if (!streq(p->target_group, "/"))
                return check_target_group(p, e);
        if (t == 0 && strv_length(p->target_pools) == 0)
                return error_set(e, CODE_INVALID_PARAMETER, "No target is given; give TargetStorageElements, a pool to carve them from, or a TargetGroup.");
        if (t > 0 && strv_length(p->target_pools) > 0)
                return error_set(e, CODE_INVALID_PARAMETER, "Both TargetStorageElements and a pool are given; give one of them.");
        if (!have_group && t > 0 && t != n)
                return error_set(e, CODE_INVALID_PARAMETER, "There are %zu sources but %zu targets; give one target for each source, in the same order.", n, t);
        if ((r = check_duplicates("targets", p->target_elements, e)) < 0 ||
            (r = check_duplicates("pools", p->target_pools, e)) < 0)
                return r;
        STRV_FOREACH(s, p->source_elements)
                if (strv_contains(p->target_elements, *s))
                        return error_set(e, CODE_INVALID_PARAMETER, "%s is both source and target; give another target.", *s);
        return 0;
}

static int check_log(const struct options *o, sd_bus_error *e)
{
        if ((o->present & OPTION_BIT(OPTION_LOG_VOLUME)) && (o->present & (OPTION_BIT(OPTION_LOG_SIZE) | OPTION_BIT(OPTION_LOG_POOL))))
                return error_set(e, CODE_INVALID_PARAMETER, "LogSize and LogPool are for a log volume that is made; leave them out where LogVolume is given.");
        if ((o->present & OPTION_BIT(OPTION_LOG_VOLUME)) && strncmp(o->log_volume, "/dev/", 5) != 0)
                return error_set(e, CODE_INVALID_PARAMETER, "LogVolume '%.200s' is no path below /dev; give that of a block device.", o->log_volume);
        return 0;
}

static int check_group(const struct create_params *p, sd_bus_error *e)
{
        size_t n = strv_length(p->source_elements);

        if (n == 0)
                return error_set(e, CODE_INVALID_PARAMETER, "No volume is given; give the members of the group.");
        return check_members(p, n, e);
}

int create_check_model(const struct create_params *p, sd_bus_error *e)
{
        struct kernel_relationship settings = {};
        int r;

        if (!p->group_only && (r = check_kind(p, e)) < 0)
                return r;
        if ((r = check_name(p->group_only ? "group" : "relationship", p->name, e)) < 0)
                return r;
        if (!isempty(p->source_group_name) && (r = check_name("source group", p->source_group_name, e)) < 0)
                return r;
        if (!isempty(p->target_group_name) && (r = check_name("target group", p->target_group_name, e)) < 0)
                return r;
        if ((r = p->group_only ? check_group(p, e) : check_elements(p, e)) < 0 ||
            (r = check_log(&p->source_settings, e)) < 0 ||
            (r = check_log(&p->target_settings, e)) < 0 ||
            (r = options_to_kernel(&p->options, &settings, e)) < 0)
                return r;
        STRV_FOREACH(s, p->source_settings.member_names)
                if ((r = check_name("member", *s, e)) < 0)
                        return r;
        return check_duplicates("MemberNames", p->source_settings.member_names, e);
}
