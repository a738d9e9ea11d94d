/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings of a relationship, as KEY=VALUE. */
#pragma once

#include "ctl.h"

/* Appends them to an open a{sv}; returns an exit status. */
int append_settings(sd_bus_message *m, char *const *settings);
