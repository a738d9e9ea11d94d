// SPDX-License-Identifier: GPL-2.0
/* The table of operations as Markdown, from kernel/state.c. */
#include "operations.h"
#include "../../kernel/names.h"

const unsigned char operations_state[OPERATIONS_NR_STATES] = {
	2, 11, 8, 3, 4, 9, 6, 7, 10, 12, 13, 5,
};

/* In the order in which a relationship is lived with. */
static const unsigned char rows[] = {
	4, 7, 22, 16, 12, 21, 14, 15, 10, 11, 20, 2, 23, 8, 9, 17, 18, 3, 6, 5, 13, 19,
};

/**
 * operations_cell - a cell as the table shows it
 * @c: the cell
 * @buf: filled
 * @size: its size; 32 is enough
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
		snprintf(buf, size, "del%s", c.flags & BLKREPL_CELL_FORCE ? " F" : "");
	else
		snprintf(buf, size, "%s%u%s%s%s%s%s", via, c.to, swap,
			 c.flags & BLKREPL_CELL_FORCE ? " F" : "",
			 c.flags & BLKREPL_CELL_LAG ? " §" :
			 c.flags & BLKREPL_CELL_CONSISTENT ? " †" : "",
			 c.flags & BLKREPL_CELL_ONCE ? " ‡" :
			 c.flags & BLKREPL_CELL_UNIQUE ? " ‖" : "",
			 c.flags & BLKREPL_CELL_RUNNING ? " ¶" : "");
}

/**
 * operations_print - the whole table
 * @f: where to
 */
void operations_print(FILE *f)
{
	unsigned int i, k;
	char text[32];

	fprintf(f, "| Operation |");
	for (i = 0; i < OPERATIONS_NR_STATES; i++)
		fprintf(f, " %u %s |", operations_state[i],
			blkrepl_copy_state_name(operations_state[i]));
	fprintf(f, "\n|---|");
	for (i = 0; i < OPERATIONS_NR_STATES; i++)
		fprintf(f, "---|");
	for (k = 0; k < ARRAY_SIZE(rows); k++) {
		fprintf(f, "\n| %s %u%s |", blkrepl_operation_title(rows[k]), rows[k],
			blkrepl_op_built(BLKREPL_SYNC_MIRROR, rows[k]) ? "" : " ¹");
		for (i = 0; i < OPERATIONS_NR_STATES; i++) {
			operations_cell(blkrepl_op_cell(BLKREPL_SYNC_MIRROR, rows[k],
							operations_state[i]), text, sizeof(text));
			fprintf(f, " %s |", text);
		}
	}
	fprintf(f, "\n");
}
