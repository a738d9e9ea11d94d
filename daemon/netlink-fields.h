/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The objects of the netlink interface as C structures.
 *
 * Each list of fields below is written once. It gives the structure, the table
 * that builds and parses messages, and the keys under which blkrepl-setup
 * prints and accepts the values. Columns: attribute, member, kind, and for
 * enumerations the function that names a value.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <linux/blkrepl.h>
#include <systemd/sd-id128.h>

#include "../kernel/names.h"

struct nl_msg;
struct nlattr;

enum field_kind {
        FIELD_FLAG,
        FIELD_U8,
        FIELD_U16,
        FIELD_U32,
        FIELD_U64,
        FIELD_UUID,
        FIELD_STRING,
};

#define DEVICE_FIELDS(F)                                                \
        F(DEVICE, INDEX, index, U16, NULL)                              \
        F(DEVICE, UUID, uuid, UUID, NULL)                               \
        F(DEVICE, NAME, name, NAME, NULL)                               \
        F(DEVICE, PATH, path, PATH, NULL)

#define GROUP_FIELDS(F)                                                 \
        F(GROUP, NAME, name, NAME, NULL)                                \
        F(GROUP, UUID, uuid, UUID, NULL)                                \
        F(GROUP, LOG_PATH, log_path, PATH, NULL)                        \
        F(GROUP, CREATE, create, FLAG, NULL)                            \
        F(GROUP, FORCE, force, FLAG, NULL)                              \
        F(GROUP, FORGET, forget, UUID, NULL)                            \
        F(GROUP, TAKE_OVER, take_over, FLAG, NULL)                      \
        F(GROUP, ACCESS, access, U8, NULL)                              \
        F(GROUP, MEMBER_COUNT, member_count, U32, NULL)                 \
        F(GROUP, LOG_SIZE, log_size, U64, NULL)                         \
        F(GROUP, LOG_USED, log_used, U64, NULL)                         \
        F(GROUP, OPEN_COUNT, open_count, U32, NULL)                     \
        F(GROUP, CLEAN, clean, U8, NULL)                                \
        F(GROUP, LOG_FAILED, log_failed, U8, NULL)                      \
        F(GROUP, META_WRITES, meta_writes, U64, NULL)                   \
        F(GROUP, INTENT_COMMITS, intent_commits, U64, NULL)             \
        F(GROUP, INTENT_WAITS, intent_waits, U64, NULL)                 \
        F(GROUP, EVENT, event, U32, blkrepl_event_name)                 \
        F(GROUP, EVENT_SEQ, event_seq, U64, NULL)                       \
        F(GROUP, TO, to, UUID, NULL)

#define MEMBER_FIELDS(F)                                                \
        F(MEMBER, GROUP_UUID, group_uuid, UUID, NULL)                   \
        F(MEMBER, INDEX, index, U16, NULL)                              \
        F(MEMBER, UUID, uuid, UUID, NULL)                               \
        F(MEMBER, NAME, name, NAME, NULL)                               \
        F(MEMBER, PATH, path, PATH, NULL)                               \
        F(MEMBER, SIZE, size, U64, NULL)                                \
        F(MEMBER, DISK, disk, NAME, NULL)                               \
        F(MEMBER, MAJOR, major, U32, NULL)                              \
        F(MEMBER, MINOR, minor, U32, NULL)                              \
        F(MEMBER, SOURCE_MAJOR, source_major, U32, NULL)                \
        F(MEMBER, SOURCE_MINOR, source_minor, U32, NULL)                \
        F(MEMBER, OPEN_COUNT, open_count, U32, NULL)                    \
        F(MEMBER, HOT_EXTENTS, hot_extents, U32, NULL)                  \
        F(MEMBER, READ_REPAIRS, read_repairs, U64, NULL)                \
        F(MEMBER, SOURCE_ERRORS, source_errors, U64, NULL)              \
        F(MEMBER, FORCE, force, FLAG, NULL)

#define RELATIONSHIP_FIELDS(F)                                          \
        F(RELATIONSHIP, NAME, name, NAME, NULL)                         \
        F(RELATIONSHIP, UUID, uuid, UUID, NULL)                         \
        F(RELATIONSHIP, GROUP_UUID, group_uuid, UUID, NULL)             \
        F(RELATIONSHIP, ROLE, role, U8, NULL)                           \
        F(RELATIONSHIP, ACCESS, access, U8, NULL)                       \
        F(RELATIONSHIP, DISSOLVED, dissolved, U8, NULL)                 \
        F(RELATIONSHIP, PENDING, pending, U8, NULL)                     \
        F(RELATIONSHIP, PEER_BYTES_DIRTY, peer_bytes_dirty, U64, NULL)  \
        F(RELATIONSHIP, HOLD_SOURCE_IO, hold_source_io, FLAG, NULL)     \
        F(RELATIONSHIP, PUT_BACK, put_back, FLAG, NULL)                 \
        F(RELATIONSHIP, TARGET_GROUP_UUID, target_group_uuid, UUID, NULL) \
        F(RELATIONSHIP, TARGET_GROUP_NAME, target_group_name, NAME, NULL) \
        F(RELATIONSHIP, TARGET_LOG_PATH, target_log_path, PATH, NULL)   \
        F(RELATIONSHIP, PAIR_COUNT, pair_count, U32, NULL)              \
        F(RELATIONSHIP, FORCE, force, FLAG, NULL)                       \
        F(RELATIONSHIP, SEEDED, seeded, FLAG, NULL)                     \
        F(RELATIONSHIP, INACTIVE, inactive, FLAG, NULL)                 \
        F(RELATIONSHIP, SYNC_TYPE, sync_type, U16, NULL)                \
        F(RELATIONSHIP, MODE, mode, U16, NULL)                          \
        F(RELATIONSHIP, COPY_STATE, copy_state, U16, blkrepl_copy_state_name) \
        F(RELATIONSHIP, PROGRESS_STATUS, progress_status, U16, blkrepl_progress_name) \
        F(RELATIONSHIP, CONSISTENCY_STATE, consistency_state, U16, blkrepl_consistency_name) \
        F(RELATIONSHIP, CONSISTENCY_ENABLED, consistency_enabled, U8, NULL) \
        F(RELATIONSHIP, CONNECTED, connected, U8, NULL)                 \
        F(RELATIONSHIP, OPERATION, operation, U16, blkrepl_operation_name) \
        F(RELATIONSHIP, REVISION, revision, U64, NULL)                  \
        F(RELATIONSHIP, EXPECTED_REVISION, expected_revision, U64, NULL) \
        F(RELATIONSHIP, TIMEOUT_MS, timeout_ms, U32, NULL)              \
        F(RELATIONSHIP, RATE_LIMIT, rate_limit, U64, NULL)              \
        F(RELATIONSHIP, YIELD_RATE, yield_rate, U64, NULL)              \
        F(RELATIONSHIP, LEG_TIMEOUT_MS, leg_timeout_ms, U32, NULL)      \
        F(RELATIONSHIP, RECOVERY_MODE, recovery_mode, U8, NULL) \
        F(RELATIONSHIP, HOLD_ON_FAILURE, hold_on_failure, U8, NULL)     \
        F(RELATIONSHIP, HEARTBEAT_MS, heartbeat_ms, U32, NULL)          \
        F(RELATIONSHIP, BYTES_TOTAL, bytes_total, U64, NULL)            \
        F(RELATIONSHIP, BYTES_DIRTY, bytes_dirty, U64, NULL)            \
        F(RELATIONSHIP, COPY_TOTAL, copy_total, U64, NULL)              \
        F(RELATIONSHIP, COPY_DONE, copy_done, U64, NULL)                \
        F(RELATIONSHIP, COPY_WRITTEN, copy_written, U64, NULL)          \
        F(RELATIONSHIP, COPY_ELAPSED_MS, copy_elapsed_ms, U64, NULL)    \
        F(RELATIONSHIP, BYTES_MIRRORED, bytes_mirrored, U64, NULL)      \
        F(RELATIONSHIP, GENERATION, generation, U64, NULL)              \
        F(RELATIONSHIP, BASE_GENERATION, base_generation, U64, NULL)    \
        F(RELATIONSHIP, RECOVERY_POINT, recovery_point, U64, NULL)      \
        F(RELATIONSHIP, WHEN_SYNCED, when_synced, U64, NULL)            \
        F(RELATIONSHIP, WHEN_ACTIVATED, when_activated, U64, NULL)      \
        F(RELATIONSHIP, WHEN_SUSPENDED, when_suspended, U64, NULL)      \
        F(RELATIONSHIP, WHEN_BROKEN, when_broken, U64, NULL)            \
        F(RELATIONSHIP, IN_FLIGHT, in_flight, U32, NULL)                \
        F(RELATIONSHIP, ORPHANS, orphans, U32, NULL)                    \
        F(RELATIONSHIP, ERRNO, leg_errno, U32, NULL)                    \
        F(RELATIONSHIP, REASON, reason, TEXT, NULL)                     \
        F(RELATIONSHIP, EVENT, event, U32, blkrepl_event_name)          \
        F(RELATIONSHIP, EVENT_SEQ, event_seq, U64, NULL)                \
        F(RELATIONSHIP, EFFECTIVE_MODE, effective_mode, U16, NULL)      \
        F(RELATIONSHIP, RECOVERY_POINT_OBJECTIVE, recovery_point_objective, U32, NULL) \
        F(RELATIONSHIP, RPO_STATE, rpo_state, U8, blkrepl_rpo_state_name) \
        F(RELATIONSHIP, RECOVERY_POINT_AGE, recovery_point_age, U64, NULL) \
        F(RELATIONSHIP, RPO_VIOLATIONS, rpo_violations, U64, NULL)      \
        F(RELATIONSHIP, RPO_VIOLATED_MS, rpo_violated_ms, U64, NULL)    \
        F(RELATIONSHIP, RPO_WORST_AGE, rpo_worst_age, U64, NULL)        \
        F(RELATIONSHIP, BACKLOG_BYTES, backlog_bytes, U64, NULL)        \
        F(RELATIONSHIP, BACKLOG_WRITES, backlog_writes, U64, NULL)      \
        F(RELATIONSHIP, CATCH_UP_MS, catch_up_ms, U64, NULL)

#define RPO_FIGURES_FIELDS(F)                                           \
        F(RPO_FIGURES, SPAN, span, U32, NULL)                           \
        F(RPO_FIGURES, SAMPLES, samples, U32, NULL)                     \
        F(RPO_FIGURES, P50, p50, U32, NULL)                             \
        F(RPO_FIGURES, P95, p95, U32, NULL)                             \
        F(RPO_FIGURES, P99, p99, U32, NULL)                             \
        F(RPO_FIGURES, WORST, worst, U32, NULL)

#define PAIR_FIELDS(F)                                                  \
        F(PAIR, RELATIONSHIP_UUID, relationship_uuid, UUID, NULL)       \
        F(PAIR, GROUP_UUID, group_uuid, UUID, NULL)                     \
        F(PAIR, INDEX, index, U16, NULL)                                \
        F(PAIR, UUID, uuid, UUID, NULL)                                 \
        F(PAIR, NAME, name, NAME, NULL)                                 \
        F(PAIR, PATH, path, PATH, NULL)                                 \
        F(PAIR, SIZE, size, U64, NULL)                                  \
        F(PAIR, COPY_STATE, copy_state, U16, blkrepl_copy_state_name)   \
        F(PAIR, LEG_STATE, leg_state, U8, blkrepl_leg_state_name)       \
        F(PAIR, BYTES_DIRTY, bytes_dirty, U64, NULL)                    \
        F(PAIR, TARGET_MAJOR, target_major, U32, NULL)                  \
        F(PAIR, TARGET_MINOR, target_minor, U32, NULL)                  \
        F(PAIR, LEG_ERRORS, leg_errors, U64, NULL)

#define FIELD_DECLARE_FLAG(m) bool m
#define FIELD_DECLARE_U8(m) uint8_t m
#define FIELD_DECLARE_U16(m) uint16_t m
#define FIELD_DECLARE_U32(m) uint32_t m
#define FIELD_DECLARE_U64(m) uint64_t m
#define FIELD_DECLARE_UUID(m) sd_id128_t m
#define FIELD_DECLARE_NAME(m) char m[BLKREPL_NAME_MAX + 1]
#define FIELD_DECLARE_PATH(m) char m[BLKREPL_PATH_MAX + 1]
#define FIELD_DECLARE_TEXT(m) char m[256]
#define FIELD_DECLARE(set, attribute, member, kind, name) FIELD_DECLARE_##kind(member);

/* Bit N is set when attribute number N was, or is to be, in the message. */
typedef unsigned __int128 field_mask;

#define FIELD_BIT(attribute) ((field_mask)1 << (attribute))
#define PRESENT(attribute) FIELD_BIT(BLKREPL_A_##attribute)
#define KERNEL_FIGURES_MAX 3

struct kernel_device { field_mask present; DEVICE_FIELDS(FIELD_DECLARE) };
struct kernel_group { field_mask present; GROUP_FIELDS(FIELD_DECLARE) };
struct kernel_member { field_mask present; MEMBER_FIELDS(FIELD_DECLARE) };
struct kernel_rpo_figures { field_mask present; RPO_FIGURES_FIELDS(FIELD_DECLARE) };
struct kernel_relationship {
        field_mask present;
        RELATIONSHIP_FIELDS(FIELD_DECLARE)
        struct kernel_rpo_figures rpo_figures[KERNEL_FIGURES_MAX];      /* those that were not told are not present */
};
struct kernel_pair { field_mask present; PAIR_FIELDS(FIELD_DECLARE) };

struct field {
        uint16_t attribute;
        uint16_t offset;
        uint16_t size;
        enum field_kind kind;
        const char *key;
        const char *(*name)(unsigned int value);
};

struct field_table {
        const char *what;
        const struct field *fields;
        size_t n_fields;
        size_t size;
        uint16_t max_attribute;
        uint16_t device_attribute;      /* the nested list of devices in a request; 0: none */
        uint16_t figures_attribute;     /* the nested figures in an answer; 0: none */
        uint16_t figures_offset;
};

extern const struct field_table device_table, group_table, member_table, relationship_table, pair_table, rpo_figures_table;

int fields_put(struct nl_msg *message, const struct field_table *table, const void *object);
int fields_parse(const struct field_table *table, struct nlattr *head, int length, void *object);

const struct field *field_find(const struct field_table *table, const char *key);
uint64_t field_number(const struct field *f, const void *object);
/* The value as text; a number is given in decimal, an enumeration by its name. */
const char *field_text(const struct field *f, const void *object, char *buf, size_t size);
int field_set(const struct field *f, void *object, const char *text);
