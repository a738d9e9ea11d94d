/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CreateReplicationRelationship, and CreateReplicationGroup, which is the first
 * half of it: parameters are checked first (create-check.c, create-plan.c), then
 * everything is made step by step (create.c). A failure or a cancellation at any
 * step takes apart again what there is; groups that were there before stay.
 */
#pragma once

#include "dismantle.h"
#include "job.h"
#include "options.h"

struct create_params {
        bool group_only;                /* a source group without a relationship; name is its name */
        char *name;
        uint16_t sync_type, mode;
        char *target_system;
        char *source_group_name, *target_group_name;
        char **source_elements, **target_elements, **target_pools;      /* object paths */
        struct options source_settings, target_settings, options;
        uint32_t rpo;
        char *source_group, *target_group;                              /* object paths */
};

struct create {
        struct manager *manager;
        struct create *next;
        sd_bus_message *message;        /* the call, until it is replied to */
        void (*handler)(struct relationship *q, const sd_bus_error *e, void *userdata);
        void *userdata;                 /* of the handler, which stands for a call */
        struct create_params params;
        struct relationship *relationship;      /* NULL: a group alone is made, the source */
        struct group *source, *target;
        bool keep_source, keep_target;  /* they were there before */
        struct job *job;
        int step;
        size_t index;                   /* within a step that is done for each member */
        char **probe;                   /* devices to look at for signatures */
        bool committed;
        bool canceled;
        bool undoing;
        sd_bus_error error;
};

void create_params_done(struct create_params *p);
int create_params_read(sd_bus_message *m, struct create_params *p, sd_bus_error *e);
int create_group_params_read(sd_bus_message *m, struct create_params *p, sd_bus_error *e);

/* What can be judged by the parameters alone. */
/* What a log volume that is made gets beside, for a journal. The module takes half of what is free for its ring. */
uint64_t create_journal_room(unsigned int mode, uint64_t members_size);
int create_check_model(const struct create_params *p, sd_bus_error *e);
/* The group of an object path; NULL: there is none. */
struct group *create_named_group(struct manager *m, const char *path);
/* Against what there is; makes the groups and the relationship, hidden still. */
int create_plan(struct create *c, sd_bus_error *e);

/* Parts of it, of use for a member that comes later; the remedy ends the sentence on a volume in use. */
struct volume;
int create_find_volume(struct manager *m, const char *object_path, struct volume *v, sd_bus_error *e);
int create_check_free(const struct volume *v, const char *what, const char *remedy, sd_bus_error *e);
/* A path of the volume that stays the same over reboots */
int create_set_path(char *dest, size_t size, const struct volume *v);

/* lvm's words that make the volume of a member, or with NULL the log volume; that tag one which is there. */
int create_words_make(const struct group *g, const struct member *m, char ***words);
int create_words_tag(const struct group *g, const struct member *m, const struct lvm_lv *lv, char ***words);

/* Takes the parameters over. The reply comes later. */
int create_start(struct manager *m, sd_bus_message *message, struct create_params *p, sd_bus_error *e);
/* The same without volumes; the handler gets the relationship, or NULL and why there is none. */
typedef void (*create_handler)(struct relationship *q, const sd_bus_error *e, void *userdata);
int create_start_empty(struct manager *m, struct create_params *p, create_handler handler, void *userdata);
/* What an earlier instance of the daemon left unfinished */
int create_recover_intents(struct manager *m);
void create_undo_intents(struct manager *m);
void create_resume_jobs(struct manager *m);
int create_reply(sd_bus_message *message, const struct relationship *q, const struct job *job);
int create_group_reply(sd_bus_message *message, const struct group *g);
void creations_free(struct manager *m);
/* Volumes are being made: news of devices are of no interest yet. */
bool create_is_preparing(const struct manager *m);
