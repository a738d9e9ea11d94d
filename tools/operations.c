// SPDX-License-Identifier: GPL-2.0
#include "operations.h"

const unsigned short operations_state[OPERATIONS_NR_STATES] = {
	2, 11, 8, 3, 4, 9, 6, 7, 10, 12, 13, 5,
	3 | BLKREPL_STATE_FAILING_BACK, 3 | BLKREPL_STATE_RESTORING,
	7 | BLKREPL_STATE_DISSOLVED,
};

const unsigned char operations_row[OPERATIONS_NR] = {
	4, 7, 22, 16, 12, 21, 14, 15, 10, 11, 20, 2, 23, 8, 9, 17, 18, 3, 6, 5, 13, 19,
};

const struct operations_sign operations_signs[] = {
	{ "a number", "the state that follows" },
	{ "a▸b", "it passes through a and ends in b" },
	{ "drain▸", "what is in flight is completed first" },
	{ "=", "nothing is left to do" },
	{ "·", "the state stays" },
	{ "–", "refused" },
	{ "'", "source and target change places" },
	{ "del", "the relationship is removed" },
	{ "F", "only with Force" },
	{ "†", "only if the target is consistent" },
	{ "†F", "with Force if it is not" },
	{ "§", "likewise, and with Force, if the target lags or may lag" },
	{ "‡", "not before both sides were the same once" },
	{ "‖", "with Force if one side has changes that would be lost" },
	{ "◦", "only when nothing is left to be copied" },
	{ "¶", "only while a copy runs or is unfinished" },
	{ "*", "only to a consistent point that was kept" },
	{}
};

/**
 * operations_nr_states - how many of the columns a kind of relationship has
 * @sync_type: the kind
 */
size_t operations_nr_states(unsigned int sync_type)
{
	return sync_type == BLKREPL_SYNC_MIRROR ? OPERATIONS_NR_STATES :
						   OPERATIONS_NR_STATES - OPERATIONS_NR_BESIDE;
}

/**
 * operations_cell - a cell as the table shows it
 * @c: the cell
 * @buf: filled
 * @size: its size; OPERATIONS_CELL_MAX is enough
 */
void operations_cell(struct blkrepl_cell c, char *buf, size_t size)
{
	const char *swap = c.flags & BLKREPL_CELL_SWAP ? "'" : "";
	char via[16] = "";

	if (c.via)
		snprintf(via, sizeof(via), "%u%s▸", c.via, swap);
	else if (c.flags & BLKREPL_CELL_DRAIN)
		snprintf(via, sizeof(via), "drain▸");
	if (!(c.flags & BLKREPL_CELL_LEGAL))
		snprintf(buf, size, "–%s", c.flags & BLKREPL_CELL_KEPT ? " *" : "");
	else if (c.flags & BLKREPL_CELL_SAME)
		snprintf(buf, size, "=");
	else if (c.flags & BLKREPL_CELL_STAY)
		snprintf(buf, size, "·");
	else if (c.flags & BLKREPL_CELL_REMOVE)
		snprintf(buf, size, "del%s%s%s", c.flags & BLKREPL_CELL_FORCE ? " F" : "",
			 c.flags & BLKREPL_CELL_SOUND ? " †F" : "",
			 c.flags & BLKREPL_CELL_WHOLE ? " ◦" : "");
	else
		snprintf(buf, size, "%s%u%s%s%s%s%s", via, c.to, swap,
			 c.flags & BLKREPL_CELL_FORCE ? " F" : "",
			 c.flags & BLKREPL_CELL_LAG ? " §" :
			 c.flags & BLKREPL_CELL_CONSISTENT ? " †" : "",
			 c.flags & BLKREPL_CELL_ONCE ? " ‡" :
			 c.flags & BLKREPL_CELL_UNIQUE ? " ‖" : "",
			 c.flags & BLKREPL_CELL_RUNNING ? " ¶" : "");
}
