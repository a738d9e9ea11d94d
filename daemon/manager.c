/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <stdio.h>

#include <systemd/sd-device.h>

#include "aspect.h"
#include "bringup.h"
#include "bus.h"
#include "child.h"
#include "create.h"
#include "import.h"
#include "job.h"
#include "manager.h"
#include "polkit.h"
#include "queue.h"
#include "relationship.h"
#include "sequence.h"
#include "signals.h"
#include "snapshot.h"
#include "store.h"

#define CHILDREN_WAIT_USEC (30 * USEC_PER_SEC)

bool manager_module_loaded(const struct manager *m)
{
        return m->events && netlink_events_module_loaded(m->events);
}

int manager_ask(struct manager *m, const struct netlink_request *request)
{
        int r;

        if (!m->netlink) {
                if (!manager_module_loaded(m))
                        return -EPROTONOSUPPORT;
                r = netlink_open(&m->netlink);
                if (r < 0)
                        return r;
        }
        r = netlink_call(m->netlink, request, NULL);
        /* The module was loaded anew: its family has another number. */
        if (r == -ENOENT && !manager_module_loaded(m)) {
                m->netlink = netlink_close(m->netlink);
                return -EPROTONOSUPPORT;
        }
        return r;
}

int manager_refresh_all(struct manager *m)
{
        int r, result = 0;

        for (struct group *g = m->groups; g; g = g->next) {
                r = group_refresh(g);
                if (r < 0)
                        result = r;
        }
        for (struct relationship *q = m->relationships; q; q = q->next) {
                r = relationship_refresh(q, true);
                if (r < 0)
                        result = r;
        }
        return result;
}

static void on_group_event(struct manager *m, const struct kernel_group *k)
{
        struct group *g = group_by_uuid(m, k->uuid);
        struct relationship *q;

        /* One that others brought up may be unknown, or lack its target. */
        if (k->event == BLKREPL_EVENT_GROUP_NEW)
                bringup_schedule(m, g ? DEVICE_SETTLE_USEC : 0);
        if (!g)
                return;
        if (k->event == BLKREPL_EVENT_GROUP_DEL) {
                group_refresh(g);
                q = group_relationship(g);
                if (q && !q->busy)
                        relationship_refresh(q, true);
        } else {
                group_apply_kernel(g, k);
                if (k->event == BLKREPL_EVENT_RESIZE || k->event == BLKREPL_EVENT_GROUP_NEW)
                        group_refresh(g);
        }
        if (k->event != BLKREPL_EVENT_GROUP_NEW && k->event != BLKREPL_EVENT_GROUP_DEL)
                signals_send_group_event(g, blkrepl_event_name(k->event));
}

static void on_relationship_event(struct manager *m, const struct kernel_relationship *k)
{
        struct relationship *q = relationship_by_uuid(m, k->uuid);
        unsigned int before;

        if (!q)
                return;
        if (k->event == BLKREPL_EVENT_RELATIONSHIP_DEL) {
                relationship_refresh(q, true);
                return;
        }
        before = relationship_state(q);
        relationship_apply_kernel(q, k);
        if (before != relationship_state(q)) {
                if (!q->dissolved)
                        signals_log_state(q);
                snapshot_drop_passing(q);
        }
        if (k->event == BLKREPL_EVENT_PROGRESS || k->event == BLKREPL_EVENT_RELATIONSHIP_NEW)
                return;
        relationship_refresh(q, true);
        if (!q->dissolved)
                signals_log_objective(q, k->event);
        relationship_send_event(q, blkrepl_event_name(k->event));
        bringup_event(q, before != relationship_state(q));
}

static void on_netlink_event(enum netlink_event_kind kind, const void *object, void *userdata)
{
        struct manager *m = userdata;

        switch (kind) {
        case NETLINK_EVENT_GROUP:
                on_group_event(m, object);
                break;
        case NETLINK_EVENT_RELATIONSHIP:
                on_relationship_event(m, object);
                break;
        case NETLINK_EVENT_MODULE_LOADED:
                log_info("The kernel module is loaded.");
                m->netlink = netlink_close(m->netlink);
                signals_module_changed(m);
                bringup_schedule(m, 0);
                break;
        case NETLINK_EVENT_MODULE_UNLOADED:
                log_info("The kernel module is gone.");
                m->netlink = netlink_close(m->netlink);
                signals_module_changed(m);
                manager_refresh_all(m);
                break;
        case NETLINK_EVENT_LOST:
                log_debug("Events were lost, everything is read anew.");
                manager_refresh_all(m);
                break;
        }
}

static int on_netlink_readable(_unused_ sd_event_source *s, _unused_ int fd, _unused_ uint32_t events, void *userdata)
{
        struct manager *m = userdata;
        int r = netlink_events_dispatch(m->events);

        return r < 0 ? log_error_errno(r, "The kernel's events cannot be read: %m") : 0;
}

static int on_change(sd_event_source *s, void *userdata)
{
        sd_event_source_set_enabled(s, SD_EVENT_OFF);
        signals_send_changes(userdata);
        return 0;
}

void manager_changed(struct manager *m)
{
        if (m->change_source)
                sd_event_source_set_enabled(m->change_source, SD_EVENT_ONESHOT);
}

/* Of replica devices the module tells; no volume comes with them. */
static int on_device(_unused_ sd_device_monitor *monitor, sd_device *device, void *userdata)
{
        const char *name;

        if (sd_device_get_sysname(device, &name) >= 0 && strncmp(name, "blkrepl", 7) == 0)
                return 0;
        bringup_schedule(userdata, DEVICE_SETTLE_USEC);
        return 0;
}

/* Without udev there is no news of devices; what is missing is still tried again from time to time. */
static void watch_devices(struct manager *m)
{
        int r;

        r = sd_device_monitor_new(&m->udev);
        if (r >= 0)
                r = sd_device_monitor_filter_add_match_subsystem_devtype(m->udev, "block", NULL);
        if (r >= 0)
                r = sd_device_monitor_attach_event(m->udev, m->event);
        if (r >= 0)
                r = sd_device_monitor_start(m->udev, on_device, m);
        if (r < 0)
                log_warning("Devices cannot be watched: %s", strerror(-r));
}

static int on_signal(sd_event_source *s, _unused_ const struct signalfd_siginfo *si, _unused_ void *userdata)
{
        return sd_event_exit(sd_event_source_get_event(s), 0);
}

int manager_new(struct manager **ret)
{
        _cleanup_(manager_freep) struct manager *m = NULL;
        sigset_t mask;
        int r;

        m = calloc(1, sizeof(*m));
        if (!m)
                return -ENOMEM;
        sigemptyset(&mask);
        sigaddset(&mask, SIGCHLD);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGINT);
        sigprocmask(SIG_BLOCK, &mask, NULL);

        r = sd_event_default(&m->event);
        if (r >= 0)
                r = sd_event_add_signal(m->event, NULL, SIGTERM, on_signal, m);
        if (r >= 0)
                r = sd_event_add_signal(m->event, NULL, SIGINT, on_signal, m);
        if (r >= 0)
                r = sd_event_set_watchdog(m->event, true);
        if (r >= 0)
                r = sd_event_add_defer(m->event, &m->change_source, on_change, m);
        if (r >= 0)
                r = sd_event_source_set_priority(m->change_source, SD_EVENT_PRIORITY_IDLE);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->change_source, SD_EVENT_OFF);
        if (r >= 0)
                r = lvm_new(m->event, &m->lvm);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

struct manager *manager_free(struct manager *m)
{
        if (!m)
                return NULL;
        polkit_done(m);
        queue_free(m);
        creations_free(m);
        while (m->moves)
                move_free(m->moves);
        while (m->jobs)
                job_free(m->jobs);
        while (m->relationships)
                relationship_free(m->relationships);
        while (m->groups)
                group_free(m->groups);
        sd_device_monitor_unref(m->udev);
        sd_event_source_disable_unref(m->retry_source);
        sd_event_source_disable_unref(m->aspect_source);
        sd_event_source_disable_unref(m->change_source);
        sd_event_source_disable_unref(m->events_source);
        netlink_events_close(m->events);
        netlink_close(m->netlink);
        lvm_free(m->lvm);
        store_close(m->store);
        sd_bus_flush_close_unref(m->bus);
        sd_event_unref(m->event);
        free(m);
        return NULL;
}

static void on_first_look(_unused_ int error, _unused_ const char *message, void *userdata)
{
        struct manager *m = userdata;

        import_all(m);
        bringup_all(m);
        create_undo_intents(m);
        aspects_schedule(m);
        /* Whoever finds the name on the bus finds everything there. */
        if (bus_request_name(m) < 0) {
                sd_event_exit(m->event, 1);
                return;
        }
        signals_ready(m);
}

static void on_lvm_changed(void *userdata)
{
        struct manager *m = userdata;

        m->pools_changed = true;
        manager_changed(m);
}

int manager_start(struct manager *m)
{
        const char *state = getenv("STATE_DIRECTORY") ?: STATE_DIRECTORY, *runtime = getenv("RUNTIME_DIRECTORY") ?: RUNTIME_DIRECTORY;
        _cleanup_free_ char *database = NULL, *lock = NULL;
        int r;

        if (asprintf(&database, "%s/blkrepl.db", state) < 0 || asprintf(&lock, "%s/children.lock", runtime) < 0)
                return log_oom();
        r = children_lock(lock, CHILDREN_WAIT_USEC);
        if (r < 0)
                log_warning("Children of an earlier instance do not end, going on: %s", strerror(-r));
        r = store_open(database, &m->store);
        if (r < 0)
                return log_error_errno(r, "The database %s cannot be opened: %m", database);
        r = store_load(m->store, m);
        if (r >= 0)
                r = sequence_recover_intents(m);
        if (r >= 0)
                r = create_recover_intents(m);
        if (r < 0)
                return log_error_errno(r, "The database %s cannot be read: %m", database);
        bringup_load_wanted(m);

        r = netlink_events_open(&m->events, on_netlink_event, m);
        if (r < 0)
                return log_error_errno(r, "The kernel's events cannot be listened to: %m");
        r = sd_event_add_io(m->event, &m->events_source, netlink_events_fd(m->events), EPOLLIN, on_netlink_readable, m);
        if (r >= 0)
                r = sd_event_source_set_priority(m->events_source, SD_EVENT_PRIORITY_IMPORTANT);
        if (r < 0)
                return log_error_errno(r, "The kernel's events cannot be listened to: %m");
        watch_devices(m);

        if (manager_module_loaded(m))
                manager_refresh_all(m);
        lvm_set_changed_handler(m->lvm, on_lvm_changed, m);
        r = lvm_refresh(m->lvm, on_first_look, m);
        if (r < 0)
                return log_error_errno(r, "LVM's state cannot be read: %m");
        return 0;
}
