/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The dictionaries of options: one table of keys, of which each method allows some. */
#pragma once

#include "errors.h"
#include "netlink.h"

enum option {
        OPTION_FORCE,
        OPTION_TIMEOUT,
        OPTION_EXPECTED_REVISION,
        OPTION_WAIT_STATE,
        OPTION_SEEDED,
        OPTION_INACTIVE,
        OPTION_REMOVE_VOLUMES,
        OPTION_RATE_LIMIT,
        OPTION_YIELD_RATE,
        OPTION_LEG_TIMEOUT,
        OPTION_RECOVERY_MODE,
        OPTION_STOPS_HOST_IO,
        OPTION_HEARTBEAT,
        OPTION_LOG_VOLUME,
        OPTION_LOG_SIZE,
        OPTION_MEMBER_NAMES,
        OPTION_HOLD_SOURCE_IO,
        OPTION_KEEP_SNAPSHOT,
        OPTION_LOG_POOL,
        OPTION_MEMBER_NAME,
        OPTION_TARGET_ELEMENT,
        OPTION_TARGET_POOL,
        OPTION_RELATIONSHIP_NAME,
        OPTION_TARGET_LOG_VOLUME,
        OPTION_TARGET_LOG_POOL,
        OPTION_RETENTION,
        OPTION_OBJECTIVE,
        N_OPTIONS,
};

#define OPTION_BIT(o) (1u << (o))
#define OPTIONS_OPERATION (OPTION_BIT(OPTION_FORCE) | OPTION_BIT(OPTION_TIMEOUT) | \
                           OPTION_BIT(OPTION_EXPECTED_REVISION) | OPTION_BIT(OPTION_WAIT_STATE))
#define OPTIONS_SETTINGS (OPTION_BIT(OPTION_RATE_LIMIT) | OPTION_BIT(OPTION_YIELD_RATE) | OPTION_BIT(OPTION_LEG_TIMEOUT) | \
                          OPTION_BIT(OPTION_RECOVERY_MODE) | OPTION_BIT(OPTION_STOPS_HOST_IO) | OPTION_BIT(OPTION_HEARTBEAT))
#define OPTIONS_SET (OPTIONS_SETTINGS | OPTION_BIT(OPTION_OBJECTIVE))
#define OPTIONS_CREATE (OPTIONS_SETTINGS | OPTION_BIT(OPTION_FORCE) | OPTION_BIT(OPTION_SEEDED) | OPTION_BIT(OPTION_INACTIVE))
#define OPTIONS_TARGET_GROUP (OPTION_BIT(OPTION_LOG_VOLUME) | OPTION_BIT(OPTION_LOG_SIZE) | OPTION_BIT(OPTION_LOG_POOL))
#define OPTIONS_REMOVE_PAIR (OPTION_BIT(OPTION_FORCE) | OPTION_BIT(OPTION_EXPECTED_REVISION) | OPTION_BIT(OPTION_RELATIONSHIP_NAME) | \
                             OPTION_BIT(OPTION_LOG_VOLUME) | OPTION_BIT(OPTION_LOG_POOL) | \
                             OPTION_BIT(OPTION_TARGET_LOG_VOLUME) | OPTION_BIT(OPTION_TARGET_LOG_POOL))
#define OPTIONS_SOURCE_GROUP (OPTIONS_TARGET_GROUP | OPTION_BIT(OPTION_MEMBER_NAMES))

struct options {
        uint32_t present;               /* OPTION_BIT() of those that were given */
        bool force, seeded, inactive, remove_volumes, stops_host_io, hold_source_io, keep_snapshot;
        uint64_t timeout, expected_revision, rate_limit, yield_rate, leg_timeout, heartbeat, log_size, retention;
        uint32_t objective;             /* seconds */
        uint16_t wait_state;
        char *recovery_mode, *log_volume, *log_pool, *member_name, *target_element, *target_pool,
             *relationship_name, *target_log_volume, *target_log_pool;
        char **member_names;
};

void options_done(struct options *o);
/* Reads an a{sv}. An unknown key or a wrong type is InvalidParameter. */
int options_read(sd_bus_message *m, uint32_t allowed, struct options *ret, sd_bus_error *e);
/* Whether a mode goes with an objective; remedy is another way out than to give another one, "" or ", or …". */
int options_check_objective(unsigned int mode, uint32_t seconds, const char *remedy, sd_bus_error *e);
/* The settings among them as attributes of a netlink request. */
int options_to_kernel(const struct options *o, struct kernel_relationship *k, sd_bus_error *e);

#define RECOVERY_MODE_NAME(mode) ((mode) == BLKREPL_RECOVERY_MODE_MANUAL ? "manual" : "automatic")
