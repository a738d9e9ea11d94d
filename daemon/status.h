/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a call that changes something replies: return value, job, ExtendedStatus. */
#pragma once

#include "job.h"

struct status {
        const struct relationship *relationship;        /* NULL: it is about none, or it has ended */
        const struct job *job;                          /* NULL: nothing goes on */
        char *const *snapshots;                         /* made by the call */
        const char *message;                            /* a sentence; NULL: none */
        bool point_given;                               /* the recovery point is that of a moment before */
        uint64_t recovery_point, recovery_point_age;
};

/* The dictionary alone */
int status_append(sd_bus_message *reply, const struct status *status);
/* (u, o, a{sv}) */
int status_reply(sd_bus_message *message, const struct status *status);
