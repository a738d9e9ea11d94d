/* SPDX-License-Identifier: GPL-2.0 */
/* Generations: which side of a pair knows what the other one does not. */
#ifndef BLKREPL_GENERATION_H
#define BLKREPL_GENERATION_H

#include "format.h"

/**
 * struct blkrepl_gens - one side's generations; 0 means none
 * @latest: of the data as they are
 * @base: of the data as the other side had them last, 0 while both are the same
 * @history: earlier values of @latest, newest first
 */
struct blkrepl_gens {
	u64 latest;
	u64 base;
	u64 history[BLKREPL_HISTORY];
};

enum blkrepl_gen_relation {
	BLKREPL_GEN_SAME,	/* they differ in what the bitmaps tell at the most */
	BLKREPL_GEN_SOURCE,	/* mine went on from theirs */
	BLKREPL_GEN_TARGET,	/* theirs went on from mine */
	BLKREPL_GEN_DIVERGED,	/* both went on from a common ancestor */
	BLKREPL_GEN_UNRELATED,
};

enum blkrepl_gen_relation blkrepl_gens_compare(const struct blkrepl_gens *mine,
					       const struct blkrepl_gens *theirs);
bool blkrepl_gens_common(const struct blkrepl_gens *mine, const struct blkrepl_gens *theirs);
void blkrepl_gens_load(struct blkrepl_gens *g, const struct blkrepl_disk_link *l);
void blkrepl_gens_store(const struct blkrepl_gens *g, struct blkrepl_disk_link *l);
void blkrepl_gens_fork(struct blkrepl_gens *g, u64 fresh);
void blkrepl_gens_meet(struct blkrepl_gens *source, struct blkrepl_gens *target);

#endif
