/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "bringup.h"
#include "child.h"
#include "create.h"
#include "import.h"
#include "relationship.h"

#define RETRY_USEC (30 * USEC_PER_SEC)

struct attempt {
        struct manager *manager;
        sd_id128_t group;
        bringup_handler handler;
        void *userdata;
};

static void on_group(const struct child_result *result, void *userdata)
{
        _cleanup_free_ struct attempt *a = userdata;
        struct group *g = group_by_uuid(a->manager, a->group);
        struct relationship *q;

        if (g) {
                g->busy = false;
                if (result->error < 0)
                        group_set_reason(g, true, result->fault.message);
                else
                        log_info("The group %s is up.", g->name);
                group_refresh(g);
                q = group_relationship(g);
                if (q && result->error >= 0) {
                        relationship_refresh(q, true);
                        relationship_connect(q);
                        create_resume_jobs(a->manager);
                }
        }
        if (a->handler)
                a->handler(g, result->error, result->fault.message, a->userdata);
}

int bringup_group(struct group *g, bringup_handler handler, void *userdata)
{
        _cleanup_free_ struct kernel_device *devices = group_devices(g);
        struct kernel_group k = {
                .present = PRESENT(GROUP_UUID) | PRESENT(GROUP_NAME) | PRESENT(GROUP_LOG_PATH),
                .uuid = g->uuid,
        };
        struct attempt *a = malloc(sizeof(*a));
        int r;

        if (!a || !devices) {
                free(a);
                return -ENOMEM;
        }
        *a = (struct attempt){ .manager = g->manager, .group = g->uuid, .handler = handler, .userdata = userdata };
        memcpy(k.name, g->name, sizeof(k.name));
        memcpy(k.log_path, g->log_path, sizeof(k.log_path));
        r = child_netlink(g->manager->event, &(struct netlink_request){
                .command = BLKREPL_CMD_GROUP_NEW, .table = &group_table, .object = &k,
                .devices = devices, .n_devices = g->n_members }, on_group, a, NULL);
        if (r < 0) {
                free(a);
                return r;
        }
        g->busy = true;
        return 0;
}

static const char *missing_device(const struct group *g)
{
        struct stat st;

        if (stat(g->log_path, &st) < 0)
                return g->log_path;
        for (size_t i = 0; i < g->n_members; i++)
                if (stat(g->members[i].path, &st) < 0)
                        return g->members[i].path;
        return NULL;
}

static void try_group(struct group *g)
{
        const char *missing;
        char reason[1200];

        if (g->role != GROUP_SOURCE || g->up || !g->wanted || g->busy || g->hidden)
                return;
        missing = missing_device(g);
        if (missing) {
                snprintf(reason, sizeof(reason), "The volume %.200s is not there.", missing);
                group_set_reason(g, true, reason);
                return;
        }
        if (bringup_group(g, NULL, NULL) < 0)
                log_oom();
}

void bringup_all(struct manager *m)
{
        bool incomplete = false;

        if (!manager_module_loaded(m))
                return;
        manager_refresh_all(m);
        for (struct group *g = m->groups; g; g = g->next) {
                try_group(g);
                incomplete |= g->role == GROUP_SOURCE && g->wanted && !g->up && !g->hidden;
        }
        for (struct relationship *q = m->relationships; q; q = q->next) {
                relationship_connect(q);
                incomplete |= q->up && !q->kernel.connected;
        }
        create_resume_jobs(m);
        if (incomplete)
                bringup_schedule(m, RETRY_USEC);
}

static void on_report(_unused_ int error, _unused_ const char *message, void *userdata)
{
        struct manager *m = userdata;

        import_all(m);
        bringup_all(m);
}

static int on_timer(sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
        struct manager *m = userdata;

        sd_event_source_set_enabled(s, SD_EVENT_OFF);
        if (create_is_preparing(m)) {
                bringup_schedule(m, USEC_PER_SEC);
                return 0;
        }
        if (lvm_refresh(m->lvm, on_report, m) < 0)
                log_warning("LVM's state cannot be read.");
        return 0;
}

/* An earlier time wins. */
void bringup_schedule(struct manager *m, uint64_t usec)
{
        uint64_t at = now_monotonic() + usec, planned;
        int enabled = 0;

        if (!m->retry_source) {
                if (sd_event_add_time(m->event, &m->retry_source, CLOCK_MONOTONIC, at, 0, on_timer, m) < 0)
                        log_oom();
                return;
        }
        sd_event_source_get_enabled(m->retry_source, &enabled);
        if (enabled && sd_event_source_get_time(m->retry_source, &planned) >= 0 && planned <= at)
                return;
        sd_event_source_set_time(m->retry_source, at);
        sd_event_source_set_enabled(m->retry_source, SD_EVENT_ONESHOT);
}

static char *mark_path(const struct group *g)
{
        char *path = NULL;

        return asprintf(&path, "%s/stopped-%s", getenv("RUNTIME_DIRECTORY") ?: RUNTIME_DIRECTORY, UUID_TEXT(g->uuid)) < 0 ? NULL : path;
}

int bringup_set_wanted(struct group *g, bool wanted)
{
        _cleanup_free_ char *path = mark_path(g);
        _cleanup_close_ int fd = -1;

        if (!path)
                return -ENOMEM;
        g->wanted = wanted;
        if (wanted)
                return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        return fd < 0 ? -errno : 0;
}

void bringup_load_wanted(struct manager *m)
{
        for (struct group *g = m->groups; g; g = g->next) {
                _cleanup_free_ char *path = mark_path(g);

                g->wanted = !path || access(path, F_OK) < 0;
        }
}
