/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "polkit.h"

struct polkit_query {
        struct manager *manager;
        struct polkit_query *next;
        sd_bus_message *request, *reply;
        char *action;
        char **details;
        sd_bus_slot *slot;
        sd_event_source *expiry;        /* after the second dispatch */
};

static void query_free(struct polkit_query *q)
{
        struct polkit_query **p;

        for (p = &q->manager->polkit; *p && *p != q; p = &(*p)->next)
                ;
        if (*p)
                *p = q->next;
        sd_event_source_disable_unref(q->expiry);
        sd_bus_slot_unref(q->slot);
        sd_bus_message_unref(q->request);
        sd_bus_message_unref(q->reply);
        strv_free(q->details);
        free(q->action);
        free(q);
}

void polkit_done(struct manager *m)
{
        while (m->polkit)
                query_free(m->polkit);
}

static int on_expiry(_unused_ sd_event_source *s, void *userdata)
{
        query_free(userdata);
        return 0;
}

static int on_answer(sd_bus_message *reply, void *userdata, _unused_ sd_bus_error *e)
{
        struct polkit_query *q = userdata;
        int r;

        q->reply = sd_bus_message_ref(reply);
        r = sd_event_add_defer(q->manager->event, &q->expiry, on_expiry, q);
        if (r >= 0)
                r = sd_event_source_set_priority(q->expiry, SD_EVENT_PRIORITY_IDLE);
        if (r >= 0)
                r = sd_bus_message_rewind(q->request, true);
        if (r >= 0)
                r = sd_bus_enqueue_for_read(sd_bus_message_get_bus(q->request), q->request);
        if (r < 0) {
                sd_bus_reply_method_errno(q->request, r, NULL);
                query_free(q);
        }
        return 1;
}

static bool same_details(char *const *a, const char *const *b)
{
        size_t i = 0;

        for (; a && a[i] && b && b[i]; i++)
                if (!streq(a[i], b[i]))
                        return false;
        return !(a && a[i]) && !(b && b[i]);
}

static int denied(const char *action, sd_bus_error *e)
{
        return error_set(e, CODE_ACCESS_DENIED, "You are not authorized: polkit's action %s is needed. Run it as root, or have a rule grant it.", action);
}

static int take_answer(const struct polkit_query *q, const char *action, const char *const *details, sd_bus_error *e)
{
        int authorized, challenge, r;

        if (!streq(q->action, action) || !same_details(q->details, details))
                return error_set(e, CODE_CACHE_OUT_OF_DATE, "The object changed while authorization was asked for; try again.");
        if (sd_bus_message_is_method_error(q->reply, NULL)) {
                log_warning("polkit did not answer: %s", sd_bus_message_get_error(q->reply)->message);
                return denied(action, e);
        }
        r = sd_bus_message_rewind(q->reply, true);
        if (r >= 0)
                r = sd_bus_message_enter_container(q->reply, 'r', "bba{ss}");
        if (r >= 0)
                r = sd_bus_message_read(q->reply, "bb", &authorized, &challenge);
        if (r < 0)
                return r;
        if (authorized)
                return 1;
        if (challenge)
                return error_set(e, CODE_ACCESS_DENIED, "Authorization for %s must be given interactively; allow that, or run it as root.", action);
        return denied(action, e);
}

int polkit_check(struct manager *m, sd_bus_message *call, const char *action, const char *const *details, sd_bus_error *e)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *ask = NULL;
        struct polkit_query *q;
        int r;

        for (q = m->polkit; q; q = q->next)
                if (q->request == call && q->reply)
                        return take_answer(q, action, details, e);

        r = sd_bus_query_sender_privilege(call, -1);
        if (r != 0)
                return r;

        r = sd_bus_message_new_method_call(m->bus, &ask, "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority",
                                           "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(ask, "(sa{sv})s", "system-bus-name", 1, "name", "s", sd_bus_message_get_sender(call), action);
        if (r >= 0)
                r = sd_bus_message_open_container(ask, 'a', "{ss}");
        for (size_t i = 0; r >= 0 && details && details[i]; i += 2)
                r = sd_bus_message_append(ask, "{ss}", details[i], details[i + 1]);
        if (r >= 0)
                r = sd_bus_message_close_container(ask);
        if (r >= 0)
                r = sd_bus_message_append(ask, "us", sd_bus_message_get_allow_interactive_authorization(call) > 0 ? 1 : 0, "");
        if (r < 0)
                return r;

        q = calloc(1, sizeof(*q));
        if (!q)
                return -ENOMEM;
        q->manager = m;
        q->request = sd_bus_message_ref(call);
        q->action = strdup(action);
        for (size_t i = 0; r >= 0 && details && details[i]; i++)
                r = strv_extend(&q->details, details[i]);
        q->next = m->polkit;
        m->polkit = q;
        if (r >= 0 && q->action)
                r = sd_bus_call_async(m->bus, &q->slot, ask, on_answer, q, USEC_INFINITY);
        if (r < 0 || !q->action) {
                query_free(q);
                return r < 0 ? r : -ENOMEM;
        }
        return 0;
}
