/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LVM through its command. What is known is a snapshot: the last report. A
 * caller that needs the truth asks for a refresh and goes on in its callback.
 *
 * Our tags on logical volumes say all that is needed to find a group again
 * when the database is lost:
 *      blkrepl.group=UUID      group that the volume belongs to
 *      blkrepl.member=UUID     it is this member's data
 *      blkrepl.log             it is the group's log volume
 *      blkrepl.role=ROLE       source or target
 *      blkrepl.made            blkrepl made it, and removes it with the group
 * And on the snapshots that an operation takes before it overwrites a volume:
 *      blkrepl.kept=UUID       relationship whose operation it was; it stays
 *      blkrepl.passing=UUID    the same, and it goes when both sides are the same
 *      blkrepl.generation=N    the group's generation when it was taken
 */
#pragma once

#include <systemd/sd-event.h>

#include "util.h"

#define LVM_TAG_GROUP "blkrepl.group="
#define LVM_TAG_MEMBER "blkrepl.member="
#define LVM_TAG_LOG "blkrepl.log"
#define LVM_TAG_ROLE "blkrepl.role="
#define LVM_TAG_MADE "blkrepl.made"
#define LVM_TAG_KEPT "blkrepl.kept="
#define LVM_TAG_PASSING "blkrepl.passing="
#define LVM_TAG_GENERATION "blkrepl.generation="

struct lvm_vg {
        char *uuid, *name;
        uint64_t size, free, extent_size;
};

struct lvm_lv {
        char *uuid, *name, *vg, *path;
        uint64_t size;
        bool active;
        bool open;
        bool invalid;                   /* a snapshot that was too small */
        bool thin;
        char **tags;
};

struct lvm_report {
        struct lvm_vg *vgs;
        size_t n_vgs;
        struct lvm_lv *lvs;
        size_t n_lvs;
};

struct lvm;
struct child_result;

/* error is negative when lvm could not be asked; the old report stays then. */
typedef void (*lvm_handler)(int error, const char *message, void *userdata);

int lvm_new(sd_event *event, struct lvm **ret);
struct lvm *lvm_free(struct lvm *l);
const struct lvm_report *lvm_get_report(const struct lvm *l);
void lvm_set_changed_handler(struct lvm *l, void (*handler)(void *userdata), void *userdata);

/* A report that begins after this call; calls that come meanwhile share one. */
int lvm_refresh(struct lvm *l, lvm_handler handler, void *userdata);
void lvm_forget(struct lvm *l, const void *userdata);

/* A command that changes something; the report is not read anew by itself. */
int lvm_command(struct lvm *l, char **words, lvm_handler handler, void *userdata);

const struct lvm_vg *lvm_find_vg(const struct lvm *l, const char *name_or_uuid);
const struct lvm_lv *lvm_find_lv(const struct lvm *l, const char *vg, const char *name);
const struct lvm_lv *lvm_find_lv_by_path(const struct lvm *l, const char *path);
const struct lvm_lv *lvm_find_lv_by_tag(const struct lvm *l, const char *prefix, sd_id128_t id);
const char *lvm_lv_tag(const struct lvm_lv *lv, const char *prefix);
bool lvm_lv_has_tag_uuid(const struct lvm_lv *lv, const char *prefix, sd_id128_t id);

/* Parsing alone, for tests too. */
void lvm_report_done(struct lvm_report *r);
int lvm_report_parse_vgs(struct lvm_report *r, const char *json);
int lvm_report_parse_lvs(struct lvm_report *r, const char *json);

/* A name that LVM accepts for a new volume and that is free in the volume group. */
char *lvm_choose_name(const struct lvm_report *r, const char *vg, const char *group, const char *member, char *const *taken);
