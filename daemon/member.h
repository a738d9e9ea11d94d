/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What changes a group by itself: its members, its names, its settings. */
#pragma once

#include "options.h"
#include "group.h"

#define OPTIONS_ADD_MEMBER (OPTION_BIT(OPTION_FORCE) | OPTION_BIT(OPTION_MEMBER_NAME) | OPTION_BIT(OPTION_TARGET_ELEMENT) | OPTION_BIT(OPTION_TARGET_POOL))
#define OPTIONS_REMOVE_MEMBER (OPTION_BIT(OPTION_FORCE) | OPTION_BIT(OPTION_REMOVE_VOLUMES))
#define OPTIONS_GROUP_SETTINGS (OPTION_BIT(OPTION_LOG_SIZE) | OPTION_BIT(OPTION_MEMBER_NAMES))

/* They check, begin, and reply to the message when it is done. The options are taken over. */
int member_add(struct group *g, const char *element, struct options *o, sd_bus_message *message, sd_bus_error *e);
int member_remove(struct group *g, const char *uuid_or_name, struct options *o, sd_bus_message *message, sd_bus_error *e);
int group_rename(struct group *g, const char *name, bool force, sd_bus_message *message, sd_bus_error *e);
int group_set(struct group *g, const struct options *settings, bool force, sd_bus_message *message, sd_bus_error *e);

/* Nothing else is going on, and the module may be asked; "verb" is for the sentence. */
int member_check_ready(struct group *g, const char *verb, sd_bus_error *e);
