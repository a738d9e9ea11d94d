/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the daemon adds to its answers, for people. */
#pragma once

#include "ctl.h"

/* ["suspend", "detach!"] → "suspend, detach --force"; to be freed. */
char *explain_legal(json_object *legal);

/* The lines that follow on an outcome: whatever an extended status has beside the state. */
int explain_status(FILE *f, json_object *status);

/*
 * After an operation was refused: how the relationship stands, what each side
 * has that the other one lacks, and what can be done.
 */
void explain_refusal(sd_bus *bus, const char *path);
