/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The two halves of a relationship.
 *
 * Each side's log volume holds one half: the link block, with a role, a state
 * and flags. What a side's own replica devices may do follows from its own half
 * alone, so that it holds whether or not the other side can be reached.
 */
#ifndef BLKREPL_ROLE_H
#define BLKREPL_ROLE_H

#include "format.h"

enum blkrepl_half {
	BLKREPL_HALF_CLOSED,	/* its group does not come up */
	BLKREPL_HALF_HIDDEN,	/* it comes up without replica devices */
	BLKREPL_HALF_OPEN,	/* they can be read and written */
};

enum blkrepl_half blkrepl_half_access(unsigned int state, u32 flags);
const char *blkrepl_half_explain(unsigned int state, u32 flags);
bool blkrepl_half_ordered(u32 flags);
u32 blkrepl_half_mirror(u32 flags);
bool blkrepl_half_replays(unsigned int state, u32 flags);
bool blkrepl_half_told(unsigned int state, u32 flags, unsigned int peer_state, u32 peer_flags);

#endif
