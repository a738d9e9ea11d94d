/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What each operation and each event does in each state: the one table.
 *
 * The module's decisions, GetSupportedOperations, error messages, blkreplctl's
 * listing, the documentation and the exhaustive test all come from here.
 */
#ifndef BLKREPL_STATE_H
#define BLKREPL_STATE_H

#include "shim.h"
#include "../uapi/linux/blkrepl.h"

enum blkrepl_sync_type {
	BLKREPL_SYNC_MIRROR		= 6,
	BLKREPL_SYNC_SNAPSHOT		= 7,
	BLKREPL_SYNC_CLONE		= 8,
	BLKREPL_SYNC_TOKENIZED_CLONE	= 9,
};

enum blkrepl_mode {
	BLKREPL_MODE_SYSTEM		= 0,
	BLKREPL_MODE_SYNCHRONOUS	= 2,
	BLKREPL_MODE_ASYNCHRONOUS	= 3,
	BLKREPL_MODE_ADAPTIVE		= 4,
};

#define BLKREPL_STATE_FIRST	BLKREPL_COPY_STATE_INITIALIZED
#define BLKREPL_STATE_LAST	BLKREPL_COPY_STATE_PARTITIONED
#define BLKREPL_OP_FIRST	BLKREPL_OPERATION_ABORT
#define BLKREPL_OP_LAST		BLKREPL_OPERATION_UNPREPARE

/*
 * Where a mirror's state is asked for, one of these may be added to the CopyState: there
 * is a copy to the source, which is under way or was interrupted, or the relationship has
 * ended and what it tracks is kept, the aspect.
 */
#define BLKREPL_STATE_FAILING_BACK	BIT(8)	/* the target serves */
#define BLKREPL_STATE_RESTORING		BIT(9)	/* both are closed */
#define BLKREPL_STATE_DISSOLVED		BIT(10)

/* struct blkrepl_cell.flags */
#define BLKREPL_CELL_LEGAL	BIT(0)	/* the operation may be tried */
#define BLKREPL_CELL_SAME	BIT(1)	/* the result already holds */
#define BLKREPL_CELL_FORCE	BIT(2)	/* only with Force */
#define BLKREPL_CELL_CONSISTENT	BIT(3)	/* only if the target is consistent */
#define BLKREPL_CELL_LAG	BIT(4)	/* with Force if the target lags or may lag */
#define BLKREPL_CELL_RUNNING	BIT(5)	/* only while a copy runs or is unfinished */
#define BLKREPL_CELL_SWAP	BIT(6)	/* source and target change places */
#define BLKREPL_CELL_REMOVE	BIT(7)	/* the relationship is removed */
#define BLKREPL_CELL_DRAIN	BIT(8)	/* what is in flight is completed first */
#define BLKREPL_CELL_KEPT	BIT(9)	/* only to a consistent point that was kept */
#define BLKREPL_CELL_STAY	BIT(10)	/* the state is unchanged */
#define BLKREPL_CELL_UNIQUE	BIT(11)	/* with Force if a side has changes that would be lost */
#define BLKREPL_CELL_ONCE	BIT(12)	/* only if both sides were the same once */
#define BLKREPL_CELL_WHOLE	BIT(13)	/* only when nothing is left to be copied */
#define BLKREPL_CELL_OWN	BIT(14)	/* as without the copy to the source */
#define BLKREPL_CELL_SOUND	BIT(15)	/* with Force if the target is inconsistent */

/**
 * struct blkrepl_cell - one operation in one state
 * @flags: BLKREPL_CELL_*
 * @via: state passed through, or 0
 * @to: resulting state, or 0
 */
struct blkrepl_cell {
	u16 flags;
	u8 via;
	u8 to;
};

/**
 * struct blkrepl_situation - what a decision depends on beside the state
 * @force: the caller gave Force
 * @consistent: the target is write-order consistent
 * @unfinished: a copy runs or was interrupted
 * @first_copy: the target never was the same as the source
 * @lags: the target lacks writes of the source, or may
 * @unordered: consistency is off: members may be of different instants
 * @unique: one side, or both, have changes that the operation would lose
 */
struct blkrepl_situation {
	bool force;
	bool consistent;
	bool unfinished;
	bool first_copy;
	bool lags;
	bool unordered;
	bool unique;
};

enum blkrepl_verdict {
	BLKREPL_VERDICT_GO,
	BLKREPL_VERDICT_DONE,		/* nothing to do */
	BLKREPL_VERDICT_WRONG_STATE,
	BLKREPL_VERDICT_NEEDS_FORCE,
	BLKREPL_VERDICT_LOSES,		/* the same, for changes would be lost */
	BLKREPL_VERDICT_INCONSISTENT,
	BLKREPL_VERDICT_NOT_SUPPORTED,	/* this kind of relationship never has it */
	BLKREPL_VERDICT_NOT_BUILT,	/* the model has it, this version does not */
};

enum blkrepl_state_event {
	BLKREPL_EV_TARGET_LOST,
	BLKREPL_EV_PAIR_LOST,		/* a part of it, while others go on */
	BLKREPL_EV_TARGET_BACK,		/* recovery mode automatic */
	BLKREPL_EV_TARGET_BACK_MANUAL,
	BLKREPL_EV_COPY_DONE,
	BLKREPL_EV_GREW,
	BLKREPL_EV_TARGET_WRITTEN,	/* while it stood apart */
	BLKREPL_NR_EVENTS,
};

/* What a change of state asks for; blkrepl_state_actions() */
#define BLKREPL_ACT_MIRROR	BIT(0)	/* begin to send writes to the target */
#define BLKREPL_ACT_STOP	BIT(1)	/* cease to */
#define BLKREPL_ACT_COPY	BIT(2)	/* start the copy engine */
#define BLKREPL_ACT_STALE	BIT(3)	/* a new generation: the source goes on alone */

bool blkrepl_state_valid(unsigned int state);
unsigned int blkrepl_state_plain(unsigned int state);
const char *blkrepl_state_title(unsigned int state);
bool blkrepl_state_flows(unsigned int state);
bool blkrepl_state_parted(unsigned int state);
bool blkrepl_op_valid(unsigned int op);
bool blkrepl_op_known(unsigned int sync_type, unsigned int op);
bool blkrepl_op_built(unsigned int sync_type, unsigned int op);
struct blkrepl_cell blkrepl_op_cell(unsigned int sync_type, unsigned int op, unsigned int state);
enum blkrepl_verdict blkrepl_cell_judge(struct blkrepl_cell c, const struct blkrepl_situation *s);
enum blkrepl_verdict blkrepl_op_judge(unsigned int sync_type, unsigned int op,
				      unsigned int state, const struct blkrepl_situation *s);
int blkrepl_op_explain(char *buf, size_t size, unsigned int sync_type, unsigned int op,
		       unsigned int state, enum blkrepl_verdict v);
int blkrepl_op_list_legal(char *buf, size_t size, unsigned int sync_type, unsigned int state);
int blkrepl_event_next(enum blkrepl_state_event ev, unsigned int state);
unsigned int blkrepl_state_actions(unsigned int from, unsigned int to);
enum blkrepl_access blkrepl_state_target_access(unsigned int state);

#endif
