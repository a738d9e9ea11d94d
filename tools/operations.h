/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table of operations as text, from kernel/state.c: for blkreplctl, for the
 * documentation and for the unit test that compares it with the specification.
 */
#ifndef BLKREPL_OPERATIONS_H
#define BLKREPL_OPERATIONS_H

#include <stdio.h>

#include "../kernel/state.h"

#define OPERATIONS_NR_BESIDE	3
#define OPERATIONS_NR_STATES	(12 + OPERATIONS_NR_BESIDE)
#define OPERATIONS_NR		(BLKREPL_OP_LAST - BLKREPL_OP_FIRST + 1)
#define OPERATIONS_CELL_MAX	64

/*
 * The columns and the rows in the order in which a relationship is lived with. The last
 * columns, of a copy to the source and of what is left after Dissolve, are for mirrors alone.
 */
extern const unsigned short operations_state[OPERATIONS_NR_STATES];
extern const unsigned char operations_row[OPERATIONS_NR];

/* What the signs mean, one after the other; ends with an empty one. */
extern const struct operations_sign {
	const char *sign;
	const char *meaning;
} operations_signs[];

size_t operations_nr_states(unsigned int sync_type);
void operations_cell(struct blkrepl_cell c, char *buf, size_t size);

#endif
