/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A relationship's mode and recovery-point objective in a few words. */
#pragma once

#include "ctl-format.h"

/* "async", "async (now sync)" */
const char *objective_mode(json_object *relationship, char buf[static FORMAT_MAX]);
/* "12s", "none"; to the second where it is more than that */
const char *objective_age(uint64_t usec, char buf[static FORMAT_MAX]);
/* "12s of 30s, met"; without an objective the age alone */
const char *objective_describe(json_object *relationship, char buf[static 2 * FORMAT_MAX]);
/* Whether it needs attention. */
bool objective_is_missed(json_object *relationship);
