// SPDX-License-Identifier: GPL-2.0
/* The model's words and numbers, and what may be a name. Pure. */
#include "names.h"
#include "state.h"

static const char *const copy_states[] = {
	[BLKREPL_COPY_STATE_INITIALIZED]	= "Initialized",
	[BLKREPL_COPY_STATE_UNSYNCHRONIZED]	= "Unsynchronized",
	[BLKREPL_COPY_STATE_SYNCHRONIZED]	= "Synchronized",
	[BLKREPL_COPY_STATE_BROKEN]		= "Broken",
	[BLKREPL_COPY_STATE_FRACTURED]		= "Fractured",
	[BLKREPL_COPY_STATE_SPLIT]		= "Split",
	[BLKREPL_COPY_STATE_INACTIVE]		= "Inactive",
	[BLKREPL_COPY_STATE_SUSPENDED]		= "Suspended",
	[BLKREPL_COPY_STATE_FAILEDOVER]		= "Failedover",
	[BLKREPL_COPY_STATE_PREPARED]		= "Prepared",
	[BLKREPL_COPY_STATE_ABORTED]		= "Aborted",
	[BLKREPL_COPY_STATE_SKEWED]		= "Skewed",
	[BLKREPL_COPY_STATE_MIXED]		= "Mixed",
	[BLKREPL_COPY_STATE_NOT_APPLICABLE]	= "Not applicable",
	[BLKREPL_COPY_STATE_PARTITIONED]	= "Partitioned",
};

/* The title is the model's spelling, the name its lower-case form for the command line. */
static const struct {
	const char *name, *title;
} operations[] = {
	[BLKREPL_OPERATION_ABORT]		= { "abort", "Abort" },
	[BLKREPL_OPERATION_ACTIVATE_CONSISTENCY] = { "activate-consistency", "ActivateConsistency" },
	[BLKREPL_OPERATION_ACTIVATE]		= { "activate", "Activate" },
	[BLKREPL_OPERATION_ADD_SYNC_PAIR]	= { "add-sync-pair", "AddSyncPair" },
	[BLKREPL_OPERATION_DEACTIVATE_CONSISTENCY] = {
		"deactivate-consistency", "DeactivateConsistency" },
	[BLKREPL_OPERATION_DEACTIVATE]		= { "deactivate", "Deactivate" },
	[BLKREPL_OPERATION_DETACH]		= { "detach", "Detach" },
	[BLKREPL_OPERATION_DISSOLVE]		= { "dissolve", "Dissolve" },
	[BLKREPL_OPERATION_FAILOVER]		= { "failover", "Failover" },
	[BLKREPL_OPERATION_FAILBACK]		= { "failback", "Failback" },
	[BLKREPL_OPERATION_FRACTURE]		= { "fracture", "Fracture" },
	[BLKREPL_OPERATION_REMOVE_SYNC_PAIR]	= { "remove-sync-pair", "RemoveSyncPair" },
	[BLKREPL_OPERATION_RESYNC_REPLICA]	= { "resync-replica", "ResyncReplica" },
	[BLKREPL_OPERATION_RESTORE_FROM_REPLICA] = { "restore-from-replica", "RestoreFromReplica" },
	[BLKREPL_OPERATION_RESUME]		= { "resume", "Resume" },
	[BLKREPL_OPERATION_RESET_TO_SYNC]	= { "reset-to-sync", "ResetToSync" },
	[BLKREPL_OPERATION_RESET_TO_ASYNC]	= { "reset-to-async", "ResetToAsync" },
	[BLKREPL_OPERATION_RETURN_TO_RESOURCE_POOL] = {
		"return-to-resource-pool", "ReturnToResourcePool" },
	[BLKREPL_OPERATION_REVERSE_ROLES]	= { "reverse-roles", "ReverseRoles" },
	[BLKREPL_OPERATION_SPLIT]		= { "split", "Split" },
	[BLKREPL_OPERATION_SUSPEND]		= { "suspend", "Suspend" },
	[BLKREPL_OPERATION_UNPREPARE]		= { "unprepare", "Unprepare" },
};

static const char *const progress[] = {
	[BLKREPL_PROGRESS_STATUS_COMPLETED]	= "Completed",
	[BLKREPL_PROGRESS_STATUS_DORMANT]	= "Dormant",
	[BLKREPL_PROGRESS_STATUS_INITIALIZING]	= "Initializing",
	[BLKREPL_PROGRESS_STATUS_PREPARING]	= "Preparing",
	[BLKREPL_PROGRESS_STATUS_SYNCHRONIZING]	= "Synchronizing",
	[BLKREPL_PROGRESS_STATUS_RESYNCING]	= "Resyncing",
	[BLKREPL_PROGRESS_STATUS_RESTORING]	= "Restoring",
	[BLKREPL_PROGRESS_STATUS_FRACTURING]	= "Fracturing",
	[BLKREPL_PROGRESS_STATUS_SPLITTING]	= "Splitting",
	[BLKREPL_PROGRESS_STATUS_FAILING_OVER]	= "Failing over",
	[BLKREPL_PROGRESS_STATUS_FAILING_BACK]	= "Failing back",
	[BLKREPL_PROGRESS_STATUS_DETACHING]	= "Detaching",
	[BLKREPL_PROGRESS_STATUS_ABORTING]	= "Aborting",
	[BLKREPL_PROGRESS_STATUS_MIXED]		= "Mixed",
};

static const char *const consistency[] = {
	[BLKREPL_CONSISTENCY_STATE_NOT_APPLICABLE]	= "Not applicable",
	[BLKREPL_CONSISTENCY_STATE_CONSISTENT]		= "Consistent",
	[BLKREPL_CONSISTENCY_STATE_INCONSISTENT]	= "Inconsistent",
};

static const char *const sync_types[] = {
	[BLKREPL_SYNC_MIRROR]		= "Mirror",
	[BLKREPL_SYNC_SNAPSHOT]		= "Snapshot",
	[BLKREPL_SYNC_CLONE]		= "Clone",
	[BLKREPL_SYNC_TOKENIZED_CLONE]	= "TokenizedClone",
};

static const char *const modes[] = {
	[BLKREPL_MODE_SYSTEM]		= "System",
	[BLKREPL_MODE_SYNCHRONOUS]	= "Synchronous",
	[BLKREPL_MODE_ASYNCHRONOUS]	= "Asynchronous",
	[BLKREPL_MODE_ADAPTIVE]		= "Adaptive",
};

static const char *const leg_states[] = {
	[BLKREPL_LEG_STATE_ABSENT]	= "absent",
	[BLKREPL_LEG_STATE_UP]		= "up",
	[BLKREPL_LEG_STATE_STOPPED]	= "stopped",
	[BLKREPL_LEG_STATE_FAILED]	= "failed",
	[BLKREPL_LEG_STATE_ORPHANED]	= "orphaned",
};

static const char *const events[] = {
	[BLKREPL_EVENT_STATE]			= "state",
	[BLKREPL_EVENT_PROGRESS]		= "progress",
	[BLKREPL_EVENT_GROUP_NEW]		= "group-new",
	[BLKREPL_EVENT_GROUP_DEL]		= "group-del",
	[BLKREPL_EVENT_RELATIONSHIP_NEW]	= "relationship-new",
	[BLKREPL_EVENT_RELATIONSHIP_DEL]	= "relationship-del",
	[BLKREPL_EVENT_RESIZE]			= "resize",
	[BLKREPL_EVENT_LEG_FAILED]		= "leg-failed",
	[BLKREPL_EVENT_LEG_RETURNED]		= "leg-returned",
	[BLKREPL_EVENT_LOG_FAILED]		= "log-failed",
	[BLKREPL_EVENT_READ_REPAIRED]		= "read-repaired",
	[BLKREPL_EVENT_SOURCE_ERROR]		= "source-error",
	[BLKREPL_EVENT_MEMBERS]			= "members",
	[BLKREPL_EVENT_RENAMED]			= "renamed",
	[BLKREPL_EVENT_RPO_EXCEEDED]		= "rpo-exceeded",
	[BLKREPL_EVENT_RPO_MET]			= "rpo-met",
	[BLKREPL_EVENT_RPO_UNKNOWN]		= "rpo-unknown",
	[BLKREPL_EVENT_RPO_KNOWN]		= "rpo-known",
	[BLKREPL_EVENT_MODE]			= "mode",
};

static const char *const rpo_states[] = {
	[BLKREPL_RPO_STATE_UNKNOWN]	= "unknown",
	[BLKREPL_RPO_STATE_MET]		= "met",
	[BLKREPL_RPO_STATE_AT_RISK]	= "at-risk",
	[BLKREPL_RPO_STATE_EXCEEDED]	= "exceeded",
};

#define LOOK_UP(table, i) ((i) < ARRAY_SIZE(table) ? table[i] : NULL)

const char *blkrepl_copy_state_name(unsigned int state)
{
	return LOOK_UP(copy_states, state);
}

const char *blkrepl_operation_name(unsigned int op)
{
	return op < ARRAY_SIZE(operations) ? operations[op].name : NULL;
}

const char *blkrepl_operation_title(unsigned int op)
{
	return op < ARRAY_SIZE(operations) ? operations[op].title : NULL;
}

const char *blkrepl_progress_name(unsigned int status)
{
	return LOOK_UP(progress, status);
}

const char *blkrepl_consistency_name(unsigned int state)
{
	return LOOK_UP(consistency, state);
}

const char *blkrepl_sync_type_name(unsigned int type)
{
	return LOOK_UP(sync_types, type);
}

const char *blkrepl_mode_name(unsigned int mode)
{
	return LOOK_UP(modes, mode);
}

const char *blkrepl_leg_state_name(unsigned int state)
{
	return LOOK_UP(leg_states, state);
}

const char *blkrepl_event_name(unsigned int event)
{
	return LOOK_UP(events, event);
}

const char *blkrepl_rpo_state_name(unsigned int state)
{
	return LOOK_UP(rpo_states, state);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* Equal but for case, blanks and hyphens. */
static bool like(const char *a, const char *b)
{
	for (;;) {
		while (*a == '-' || *a == ' ')
			a++;
		while (*b == '-' || *b == ' ')
			b++;
		if (lower(*a) != lower(*b))
			return false;
		if (!*a)
			return true;
		a++;
		b++;
	}
}

/* A decimal number below 1000, or -1. */
static int number(const char *s)
{
	int n = 0;

	if (!*s)
		return -1;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || n > 99)
			return -1;
		n = n * 10 + *s - '0';
	}
	return n;
}

static int parse(const char *s, const char *(*name)(unsigned int), unsigned int end)
{
	unsigned int i;
	int n = number(s);

	if (n >= 0)
		return (unsigned int)n < end && name(n) ? n : -EINVAL;
	for (i = 0; i < end; i++)
		if (name(i) && like(s, name(i)))
			return i;
	return -EINVAL;
}

/**
 * blkrepl_copy_state_parse - a CopyState from its number or name
 * @s: what the user wrote; case, blanks and hyphens do not matter
 *
 * Return: the number, or -EINVAL. The same holds for the other parsers.
 */
int blkrepl_copy_state_parse(const char *s)
{
	return parse(s, blkrepl_copy_state_name, ARRAY_SIZE(copy_states));
}

int blkrepl_operation_parse(const char *s)
{
	return parse(s, blkrepl_operation_name, ARRAY_SIZE(operations));
}

int blkrepl_sync_type_parse(const char *s)
{
	return parse(s, blkrepl_sync_type_name, ARRAY_SIZE(sync_types));
}

int blkrepl_mode_parse(const char *s)
{
	return parse(s, blkrepl_mode_name, ARRAY_SIZE(modes));
}

/**
 * blkrepl_name_valid - whether a string may name a group, member or relationship
 * @s: the string
 *
 * Names become parts of paths in /dev, of unit names and of LVM names: letters,
 * digits and "_+.-", not first a dot or hyphen, at most BLKREPL_NAME_MAX bytes.
 */
bool blkrepl_name_valid(const char *s)
{
	size_t n = 0;

	if (*s == '.' || *s == '-')
		return false;
	for (; s[n]; n++) {
		char c = lower(s[n]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '_' && c != '+' && c != '.' && c != '-')
			return false;
	}
	return n >= 1 && n <= BLKREPL_NAME_MAX;
}
