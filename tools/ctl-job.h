/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Following a job. */
#pragma once

#include "ctl.h"

/*
 * Waits for the end of a job and shows its progress on standard error. ^C and
 * --timeout end the waiting, not the job. With result, the job's result is put
 * there for --json.
 */
int follow_job(sd_bus *bus, const char *path, json_object *result);
/* "/org/blkrepl1/job/_7" → "7" */
const char *job_number(const char *path);
