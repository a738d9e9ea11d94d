/* SPDX-License-Identifier: GPL-2.0 */
/* The table of operations as text, from kernel/state.c. */
#ifndef BLKREPL_TEST_OPERATIONS_H
#define BLKREPL_TEST_OPERATIONS_H

#include <stdio.h>

#include "../../kernel/state.h"

#define OPERATIONS_NR_STATES 12

extern const unsigned char operations_state[OPERATIONS_NR_STATES];

void operations_cell(struct blkrepl_cell c, char *buf, size_t size);
void operations_print(FILE *f);

#endif
