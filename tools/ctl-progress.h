/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A job's progress: one line that is rewritten on a terminal, else a line now and then. */
#pragma once

#include "ctl.h"

struct progress {
        bool shown;
        char line[256];                 /* on a terminal */
        int step;
        char phase[32];
};

void progress_show(struct progress *p, json_object *job);
/* Leaves the line. */
void progress_end(struct progress *p);

/* "430.1M of 1G  95.2M/s  6s left"; what is unknown is left out. Empty when total is 0. */
void progress_describe(uint64_t done, uint64_t total, uint64_t rate, char *buf, size_t size);
