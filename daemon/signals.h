/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signals on the bus, lines in the journal, messages to the service manager. */
#pragma once

#include "relationship.h"

/* PropertiesChanged of all that is marked as changed. */
void signals_send_changes(struct manager *m);
void signals_send_group_event(struct group *g, const char *name);
void signals_module_changed(struct manager *m);
void signals_log_state(const struct relationship *q);
/* After an event about the recovery-point objective */
void signals_log_objective(const struct relationship *q, unsigned int event);
void signals_ready(struct manager *m);
