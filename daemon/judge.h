/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* May an operation go ahead? From the one table, with what is known of both halves. */
#pragma once

#include "../kernel/state.h"
#include "errors.h"
#include "relationship.h"

enum blkrepl_verdict judge(const struct relationship *q, unsigned int operation, bool force);
/* RestoreFromReplica was aborted: the source is neither what it was nor what the target is. */
bool judge_half_restored(const struct relationship *q);
/* The error that goes with a verdict: what is wrong, what would be lost, what to do. */
int judge_refuse(const struct relationship *q, unsigned int operation, enum blkrepl_verdict v, sd_bus_error *e);
/* The same for what the module said, which may know more than the daemon did. */
void judge_explain_fault(const struct relationship *q, unsigned int operation, bool force, int error, const char *sentence, char *buf, size_t size);
/* The CopyState with what the table distinguishes beside it */
unsigned int judge_state(const struct relationship *q);
/* Those of the state, by the table; what always needs Force ends in "!". */
char **judge_list_legal(const struct relationship *q);
