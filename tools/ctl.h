/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * blkreplctl: what its files share.
 *
 * Every verb turns what the daemon says into JSON objects whose members are
 * the D-Bus properties, by their names; tables, property sheets and --json are
 * three ways of printing the same objects.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <json-c/json.h>
#include <systemd/sd-bus.h>

#include "../daemon/errors.h"
#include "../daemon/util.h"

#define BUS_NAME "org.blkrepl1"
#define BUS_PATH "/org/blkrepl1"
#define INTERFACE(name) "org.blkrepl1." name

/* The exit statuses are those of daemon/errors.h; and this one when ^C ended the waiting. */
#define STATUS_INTERRUPTED 130

enum json_mode {
        JSON_OFF,
        JSON_SHORT,
        JSON_PRETTY,
};

/* Where a group's metadata are to be; nothing given: the daemon chooses. */
struct log_place {
        const char *device;
        const char *pool;
        uint64_t size;                  /* 0: none was given */
};

/* What was given on the command line; see ctl-options.c. */
struct options {
        enum json_mode json;
        bool legend;
        bool pager;
        bool quiet;
        bool ask_password;
        bool block;
        bool force;
        bool wait;
        bool hold_source_io;
        bool show_call;
        bool now;
        bool once;
        bool seeded;
        bool inactive;
        bool remove_volumes;
        int keep_snapshot;              /* -1: not given */
        unsigned int wait_state;        /* 0: the one that the operation leads to */
        const char *host;
        uint64_t timeout_usec;          /* USEC_INFINITY: none was given */
        uint64_t retention_usec;        /* USEC_INFINITY: none was given */
        uint64_t revision;              /* USEC_INFINITY: none was given */
        const char *mode;
        uint32_t rpo;                   /* seconds */
        bool rpo_given;
        const char *source_group;
        const char *target_group;
        struct log_place source_place;
        struct log_place target_place;
        char **sources;
        char **member_names;
        char **targets;
        char **target_pools;
        char **settings;
};

extern struct options opt;

/* Which options a verb takes beside those that all of them take. */
enum {
        FOR_ALL         = 1 << 0,
        FOR_CHANGE      = 1 << 1,       /* whatever changes something */
        FOR_OPERATION   = 1 << 2,
        FOR_SET         = 1 << 3,
        FOR_CREATE      = 1 << 4,
        FOR_GROUP_CREATE = 1 << 5,
        FOR_MEMBER      = 1 << 6,       /* adding one */
        FOR_REMOVAL     = 1 << 7,       /* of a group or a member */
        FOR_FORCE       = 1 << 8,       /* takes --force and no more */
        FOR_JOB         = 1 << 9,
        FOR_WAIT        = 1 << 10,
        FOR_MONITOR     = 1 << 11,
        FOR_TOP         = 1 << 12,
};

/*
 * A verb gets what follows it on the command line and returns an exit status.
 *
 * Its arguments are words that say what each of them is, for the help, for
 * counting them and for the completion: "GROUP…", "NAME [STATE]".
 */
struct verb {
        const char *noun;               /* NULL: the verb stands alone */
        const char *name;
        const char *arguments;
        int (*run)(const struct verb *verb, char **args);
        unsigned int options;           /* FOR_* */
        const char *help;
        unsigned int operation;         /* of the model */
        bool paged;
};

/* Complains on standard error; returns STATUS_USAGE. */
int usage_error(const char *format, ...) _printf_(1, 2);
int out_of_memory(void);

#define _cleanup_json_ _cleanup_(json_putp)
static inline void json_putp(json_object **o)
{
        json_object_put(*o);
}

#define _cleanup_message_ _cleanup_(sd_bus_message_unrefp)
#define _cleanup_bus_ _cleanup_(sd_bus_flush_close_unrefp)
#define _cleanup_bus_error_ _cleanup_(sd_bus_error_free)

extern const struct verb relationship_verbs[];
extern struct verb operation_verbs[];
extern const struct verb aspect_verbs[];
extern const struct verb group_verbs[];
extern const struct verb volume_verbs[];
extern const struct verb job_verbs[];
extern const struct verb status_verbs[];
