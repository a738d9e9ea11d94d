/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings of relationships and of groups, as KEY=VALUE. */
#pragma once

#include "ctl.h"

/* Appends them to an open a{sv}; returns an exit status. */
int append_settings(sd_bus_message *m, const char *noun, char *const *settings);

/* For the completion: the keys that a noun has, NULL after the last; and what a value can be. */
const char *setting_name(const char *noun, size_t number);
const char *setting_words(const char *name);
