/* SPDX-License-Identifier: GPL-2.0 */
/* The model's words and numbers, and what may be a name. */
#ifndef BLKREPL_NAMES_H
#define BLKREPL_NAMES_H

#include "shim.h"

const char *blkrepl_copy_state_name(unsigned int state);
const char *blkrepl_operation_name(unsigned int op);
const char *blkrepl_operation_title(unsigned int op);
const char *blkrepl_progress_name(unsigned int status);
const char *blkrepl_consistency_name(unsigned int state);
const char *blkrepl_sync_type_name(unsigned int type);
const char *blkrepl_mode_name(unsigned int mode);
const char *blkrepl_leg_state_name(unsigned int state);
const char *blkrepl_event_name(unsigned int event);
const char *blkrepl_rpo_state_name(unsigned int state);

int blkrepl_copy_state_parse(const char *s);
int blkrepl_operation_parse(const char *s);
int blkrepl_sync_type_parse(const char *s);
int blkrepl_mode_parse(const char *s);

bool blkrepl_name_valid(const char *s);

#endif
