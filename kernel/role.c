// SPDX-License-Identifier: GPL-2.0
/* The two halves of a relationship. Pure. */
#include "role.h"
#include "state.h"

/**
 * blkrepl_half_access - what a half lets its own side do
 * @state: its CopyState
 * @flags: its BLKREPL_LINK_*
 *
 * Never do both halves that one operation leaves behind, at any step of it, let
 * both sides be written, but in the states in which the two stand apart.
 */
enum blkrepl_half blkrepl_half_access(unsigned int state, u32 flags)
{
	bool target = flags & BLKREPL_LINK_TARGET_SIDE;

	if (flags & BLKREPL_LINK_PENDING)
		return BLKREPL_HALF_HIDDEN;
	if (flags & BLKREPL_LINK_RESTORING)
		return target ? BLKREPL_HALF_CLOSED : BLKREPL_HALF_HIDDEN;
	if (flags & BLKREPL_LINK_TORN)
		return BLKREPL_HALF_CLOSED;
	if (flags & BLKREPL_LINK_FAILING_BACK)
		return target ? BLKREPL_HALF_OPEN : BLKREPL_HALF_CLOSED;
	switch (state) {
	case BLKREPL_COPY_STATE_FRACTURED:
	case BLKREPL_COPY_STATE_SPLIT:
	case BLKREPL_COPY_STATE_SKEWED:
		return BLKREPL_HALF_OPEN;
	case BLKREPL_COPY_STATE_FAILEDOVER:
		return target ? BLKREPL_HALF_OPEN : BLKREPL_HALF_CLOSED;
	default:
		return target ? BLKREPL_HALF_CLOSED : BLKREPL_HALF_OPEN;
	}
}

/**
 * blkrepl_half_explain - why a half is closed
 * @state: its CopyState
 * @flags: its BLKREPL_LINK_*
 *
 * Return: a sentence.
 */
const char *blkrepl_half_explain(unsigned int state, u32 flags)
{
	if (flags & BLKREPL_LINK_DISSOLVED)
		return "the group was the target of a relationship that was dissolved before it was complete; detach it to take the data as they are";
	if (flags & BLKREPL_LINK_TARGET_SIDE)
		return flags & BLKREPL_LINK_TORN ?
		       "the group is the target of a relationship and inconsistent; let the copy finish" :
		       "the group is the target of a relationship, which is closed in its present state; use Failover, Split or Fracture";
	if (state == BLKREPL_COPY_STATE_FAILEDOVER)
		return "the group is failed over: its target serves; use Failback or ReverseRoles";
	return "the group is being overwritten by its target, which serves; let the copy finish";
}

/**
 * blkrepl_half_ordered - whether the other side is write-order consistent, as far
 * as that is promised
 * @flags: of this half
 */
bool blkrepl_half_ordered(u32 flags)
{
	const u32 apart = BLKREPL_LINK_CONSISTENCY | BLKREPL_LINK_APART;

	return !(flags & (BLKREPL_LINK_INCONSISTENT | BLKREPL_LINK_FIRST_COPY)) &&
	       (flags & apart) != apart;
}

/**
 * blkrepl_half_mirror - the flags that the other half is to have
 * @flags: of this half
 */
u32 blkrepl_half_mirror(u32 flags)
{
	const u32 both = BLKREPL_LINK_USED | BLKREPL_LINK_CONSISTENCY |
			 BLKREPL_LINK_HOLD_ON_FAILURE | BLKREPL_LINK_MANUAL_RECOVERY |
			 BLKREPL_LINK_FAILING_BACK | BLKREPL_LINK_RESTORING |
			 BLKREPL_LINK_APART | BLKREPL_LINK_DISSOLVED;
	u32 other = flags & both;

	if (!(flags & BLKREPL_LINK_TARGET_SIDE))
		other |= BLKREPL_LINK_TARGET_SIDE;
	if (!blkrepl_half_ordered(flags))
		other |= BLKREPL_LINK_TORN;
	if (flags & BLKREPL_LINK_TORN)
		other |= BLKREPL_LINK_INCONSISTENT;
	return other;
}

/**
 * blkrepl_half_replays - whether what is in the journal belongs on the members
 * @state: CopyState of the half whose log volume it is on
 * @flags: BLKREPL_LINK_* of it
 *
 * Not once it has been written by itself, nor in the middle of a copy.
 */
bool blkrepl_half_replays(unsigned int state, u32 flags)
{
	return (flags & BLKREPL_LINK_TARGET_SIDE) &&
	       !(flags & (BLKREPL_LINK_TORN | BLKREPL_LINK_INCONSISTENT)) &&
	       !blkrepl_state_parted(state);
}

/**
 * blkrepl_half_told - whether the other half knows what this one gave away
 * @state: CopyState of this half
 * @flags: of this half
 * @peer_state: CopyState on the other half
 * @peer_flags: of the other half
 */
bool blkrepl_half_told(unsigned int state, u32 flags, unsigned int peer_state, u32 peer_flags)
{
	if (!((flags ^ peer_flags) & BLKREPL_LINK_TARGET_SIDE))
		return false;
	if ((flags ^ peer_flags) & (BLKREPL_LINK_FAILING_BACK | BLKREPL_LINK_DISSOLVED))
		return false;
	switch (state) {
	case BLKREPL_COPY_STATE_FRACTURED:
	case BLKREPL_COPY_STATE_SPLIT:
		return peer_state == state || peer_state == BLKREPL_COPY_STATE_SKEWED ||
		       peer_state == BLKREPL_COPY_STATE_FAILEDOVER;
	case BLKREPL_COPY_STATE_FAILEDOVER:
		return peer_state == BLKREPL_COPY_STATE_FAILEDOVER;
	default:
		return true;
	}
}
