/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a volume carries something that would be lost. */
#pragma once

#include <systemd/sd-event.h>

#include "errors.h"

/* NULL: nothing was found. Otherwise the sentence tells what, and the remedy. */
typedef void (*probe_handler)(const sd_bus_error *e, void *userdata);

int probe_device(sd_event *event, const char *path, probe_handler handler, void *userdata);
