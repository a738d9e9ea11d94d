// SPDX-License-Identifier: GPL-2.0
/* The daemon, over D-Bus. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "../../daemon/errors.h"
#include "matrix.h"

#define NAME		"org.blkrepl1"
#define ROOT		"/org/blkrepl1"
#define RELATIONSHIP	ROOT "/relationship/matrix"
#define ASPECT		ROOT "/aspect/matrix"
#define SECOND		1000000ULL

static sd_bus *bus;
static char last_error[1100];

static void forget(sd_bus_error *e)
{
	sd_bus_error_free(e);
}

#define ERROR(e) __attribute__((cleanup(forget))) sd_bus_error e = SD_BUS_ERROR_NULL

static void unref(sd_bus_message **m)
{
	sd_bus_message_unref(*m);
}

#define MESSAGE(m) __attribute__((cleanup(unref))) sd_bus_message *m = NULL

static int keep_error(int r, const sd_bus_error *e)
{
	if (r < 0)
		snprintf(last_error, sizeof(last_error), "%s", e->message ?: strerror(-r));
	return r;
}

const char *bus_last_error(void)
{
	return last_error;
}

void bus_open(void)
{
	int r = sd_bus_open_system(&bus);

	if (r >= 0)
		r = sd_bus_set_method_call_timeout(bus, 2 * WAIT_SECONDS * SECOND);
	if (r < 0)
		fatal("no bus: %s", strerror(-r));
}

void bus_close(void)
{
	bus = sd_bus_flush_close_unref(bus);
}

static void need(int r, const char *what)
{
	if (r < 0)
		fatal("%s cannot be read: %s", what, strerror(-r));
}

static void take_string(sd_bus_message *m, const char *type, char *buf, size_t size)
{
	const char *s;

	need(sd_bus_message_read(m, "v", type, &s), "a string");
	snprintf(buf, size, "%s", s);
}

static void take_strings(sd_bus_message *m, char *buf, size_t size)
{
	size_t n = 0;
	const char *s;
	int r;

	*buf = 0;
	need(sd_bus_message_enter_container(m, 'v', "as"), "a list");
	need(sd_bus_message_enter_container(m, 'a', "s"), "a list");
	while ((r = sd_bus_message_read(m, "s", &s)) > 0 && n < size)
		n += snprintf(buf + n, size - n, "%s%s", n ? " " : "", s);
	need(r, "a list");
	need(sd_bus_message_exit_container(m), "a list");
	need(sd_bus_message_exit_container(m), "a list");
}

/* Calls @take with each key; what that does not take is skipped. */
static void each_entry(sd_bus_message *m, bool (*take)(sd_bus_message *m, const char *key, void *to), void *to)
{
	const char *key;
	int r;

	need(sd_bus_message_enter_container(m, 'a', "{sv}"), "a dictionary");
	while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		need(sd_bus_message_read(m, "s", &key), "a key");
		if (!take(m, key, to))
			need(sd_bus_message_skip(m, "v"), key);
		need(sd_bus_message_exit_container(m), "an entry");
	}
	need(r, "a dictionary");
	need(sd_bus_message_exit_container(m), "a dictionary");
}

static bool take_status(sd_bus_message *m, const char *key, void *to)
{
	struct answer *a = to;

	if (!strcmp(key, "Code"))
		need(sd_bus_message_read(m, "v", "u", &a->ext_code), key);
	else if (!strcmp(key, "Revision"))
		need(sd_bus_message_read(m, "v", "t", &a->ext_revision), key);
	else if (!strcmp(key, "Name"))
		take_string(m, "s", a->ext_name, sizeof(a->ext_name));
	else if (!strcmp(key, "CopyState"))
		take_string(m, "s", a->ext_state, sizeof(a->ext_state));
	else if (!strcmp(key, "LegalOperations"))
		take_strings(m, a->ext_legal, sizeof(a->ext_legal));
	else
		return false;
	return true;
}

static void take_answer(int r, const sd_bus_error *e, sd_bus_message *reply, struct answer *a)
{
	const char *job;
	uint32_t code;

	*a = (struct answer){};
	if (r < 0) {
		const char *dot = e->name ? strrchr(e->name, '.') : NULL;

		a->code = error_by_name(e->name)->code;
		snprintf(a->error, sizeof(a->error), "%s", dot ? dot + 1 : "");
		snprintf(a->text, sizeof(a->text), "%s", e->message ?: strerror(-r));
		return;
	}
	need(sd_bus_message_read(reply, "uo", &code, &job), "the reply");
	a->code = code;
	snprintf(a->job, sizeof(a->job), "%s", job);
	each_entry(reply, take_status, a);
}

/* The two ways to say the same: by the operation's own method, or by its number. */
void bus_operation(unsigned int op, bool force, enum side source, struct answer *a)
{
	bool pairs = op == BLKREPL_OPERATION_ADD_SYNC_PAIR || op == BLKREPL_OPERATION_REMOVE_SYNC_PAIR;
	char group[128];
	MESSAGE(reply);
	ERROR(e);
	int r;

	snprintf(group, sizeof(group), ROOT "/group/%s", side_group[source]);
	if (force)
		r = sd_bus_call_method(bus, NAME, group, NAME ".Group", "SetReplicationRelationship",
				       &e, &reply, "qoaoaoaoa{sv}", (uint16_t)op, "/", 0, 0, 0, 1, "Force", "b", 1);
	else if (pairs)
		r = sd_bus_call_method(bus, NAME, RELATIONSHIP, NAME ".Relationship", blkrepl_operation_title(op),
				       &e, &reply, "aoa{sv}", 0, 0);
	else
		r = sd_bus_call_method(bus, NAME, RELATIONSHIP, NAME ".Relationship", blkrepl_operation_title(op),
				       &e, &reply, "a{sv}", 0);
	take_answer(r, &e, reply, a);
}

static bool take_property(sd_bus_message *m, const char *key, void *to)
{
	struct picture *p = to;
	char text[64];
	int b;

	if (!strcmp(key, "CopyState")) {
		take_string(m, "s", text, sizeof(text));
		p->state = blkrepl_copy_state_parse(text);
	} else if (!strcmp(key, "SourceGroupName")) {
		take_string(m, "s", text, sizeof(text));
		p->source = strcmp(text, side_group[LEFT]) ? RIGHT : LEFT;
	} else if (!strcmp(key, "Revision")) {
		need(sd_bus_message_read(m, "v", "t", &p->revision), key);
	} else if (!strcmp(key, "ConsistencyEnabled")) {
		need(sd_bus_message_read(m, "v", "b", &b), key);
		p->consistency_enabled = b;
	} else if (!strcmp(key, "LegalOperations")) {
		take_strings(m, p->legal, sizeof(p->legal));
	} else if (!strcmp(key, "ProgressStatus")) {
		take_string(m, "s", p->progress, sizeof(p->progress));
	} else if (!strcmp(key, "RequestedCopyState")) {
		take_string(m, "s", p->requested, sizeof(p->requested));
	} else if (!strcmp(key, "ConsistencyState")) {
		take_string(m, "s", p->consistency, sizeof(p->consistency));
	} else if (!strcmp(key, "Mode")) {
		take_string(m, "s", p->mode, sizeof(p->mode));
	} else if (!strcmp(key, "Reason")) {
		take_string(m, "s", p->reason, sizeof(p->reason));
	} else if (!strcmp(key, "Job")) {
		take_string(m, "o", p->job, sizeof(p->job));
	} else {
		return false;
	}
	return true;
}

void bus_picture(struct picture *p)
{
	MESSAGE(reply);
	ERROR(e);
	int r = sd_bus_call_method(bus, NAME, RELATIONSHIP, "org.freedesktop.DBus.Properties", "GetAll",
				   &e, &reply, "s", NAME ".Relationship");

	*p = (struct picture){};
	if (r < 0) {
		if (!sd_bus_error_has_name(&e, SD_BUS_ERROR_UNKNOWN_OBJECT))
			fatal("no properties: %s", e.message ?: strerror(-r));
		return;
	}
	p->there = true;
	each_entry(reply, take_property, p);
}

/* Whether the point in time of a dissolved relationship is remembered, and whether as consistent */
bool bus_aspect(bool *consistent)
{
	ERROR(e);
	int b, r;

	r = sd_bus_get_property_trivial(bus, NAME, ASPECT, NAME ".SynchronizationAspect", "Consistent", &e, 'b', &b);
	if (r < 0 && !sd_bus_error_has_name(&e, SD_BUS_ERROR_UNKNOWN_OBJECT))
		fatal("no aspect: %s", e.message ?: strerror(-r));
	*consistent = r >= 0 && b;
	return r >= 0;
}

int bus_delete_aspect(void)
{
	ERROR(e);

	return keep_error(sd_bus_call_method(bus, NAME, ASPECT, NAME ".SynchronizationAspect", "Delete", &e, NULL,
					     "a{sv}", 1, "Force", "b", 1), &e);
}

int bus_set_rate(uint64_t rate)
{
	ERROR(e);

	return keep_error(sd_bus_call_method(bus, NAME, RELATIONSHIP, NAME ".Relationship", "Set", &e, NULL,
					     "a{sv}", 1, "RateLimit", "t", rate), &e);
}

int bus_wait_state(unsigned int state)
{
	ERROR(e);

	return keep_error(sd_bus_call_method(bus, NAME, RELATIONSHIP, NAME ".Relationship", "WaitState", &e, NULL,
					     "qt", (uint16_t)state, WAIT_SECONDS * SECOND), &e);
}

int bus_job_result(const char *job, char *buf, size_t size)
{
	const char *result, *text;
	MESSAGE(reply);
	ERROR(e);
	int r, code;

	r = sd_bus_call_method(bus, NAME, job, NAME ".Job", "Wait", &e, &reply, "t", WAIT_SECONDS * SECOND);
	if (r < 0)
		return keep_error(r, &e);
	need(sd_bus_message_read(reply, "sis", &result, &code, &text), "a job's result");
	snprintf(buf, size, "%s%s%s", result, *text ? ": " : "", text);
	return 0;
}

static int volume(const char *path, char *buf, size_t size)
{
	const char *object;
	MESSAGE(reply);
	ERROR(e);
	int r = sd_bus_call_method(bus, NAME, ROOT, NAME ".System", "GetVolume", &e, &reply, "s", path);

	if (r < 0)
		return keep_error(r, &e);
	need(sd_bus_message_read(reply, "o", &object), "a volume");
	snprintf(buf, size, "%s", object);
	return 0;
}

static int append_volumes(sd_bus_message *m, enum side s)
{
	char object[256];
	unsigned int i;
	int r;

	r = sd_bus_message_open_container(m, 'a', "o");
	for (i = 0; r >= 0 && i < MEMBERS; i++) {
		r = volume(rig_volume(s, i), object, sizeof(object));
		if (r >= 0)
			r = sd_bus_message_append(m, "o", object);
	}
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* The relationship, Initialized, over volumes that have data. */
int bus_create(void)
{
	MESSAGE(m);
	ERROR(e);
	int r;

	r = sd_bus_message_new_method_call(bus, &m, NAME, ROOT, NAME ".System", "CreateReplicationRelationship");
	if (r >= 0)
		r = sd_bus_message_append(m, "sqqos", "matrix", BLKREPL_SYNC_MIRROR, BLKREPL_MODE_SYSTEM, "/", side_group[LEFT]);
	if (r >= 0)
		r = append_volumes(m, LEFT);
	if (r >= 0)
		r = sd_bus_message_append(m, "a{sv}s", 2, "LogVolume", "s", rig_log(LEFT), "MemberNames", "as",
					  MEMBERS, member_name[0], member_name[1], side_group[RIGHT]);
	if (r >= 0)
		r = append_volumes(m, RIGHT);
	if (r >= 0)
		r = sd_bus_message_append(m, "aoa{sv}uooa{sv}", 0, 1, "LogVolume", "s", rig_log(RIGHT), 0, "/", "/",
					  3, "Force", "b", 1, "Inactive", "b", 1, "RecoveryMode", "s", "automatic");
	if (r >= 0)
		r = sd_bus_call(bus, m, 0, &e, NULL);
	return keep_error(r, &e);
}

int bus_delete_group(const char *name, bool force)
{
	char path[128];
	ERROR(e);

	snprintf(path, sizeof(path), ROOT "/group/%s", name);
	return keep_error(sd_bus_call_method(bus, NAME, path, NAME ".Group", "Delete", &e, NULL,
					     "a{sv}", force ? 1 : 0, "Force", "b", 1), &e);
}

/* Its state; false when there is no such group. */
bool bus_group_state(const char *name, char *buf, size_t size)
{
	char path[128], *state = NULL;
	ERROR(e);
	int r;

	snprintf(path, sizeof(path), ROOT "/group/%s", name);
	r = sd_bus_get_property_string(bus, NAME, path, NAME ".Group", "State", &e, &state);
	if (r < 0) {
		if (!sd_bus_error_has_name(&e, SD_BUS_ERROR_UNKNOWN_OBJECT))
			fatal("no state of the group %s: %s", name, e.message ?: strerror(-r));
		return false;
	}
	snprintf(buf, size, "%s", state);
	free(state);
	return true;
}
