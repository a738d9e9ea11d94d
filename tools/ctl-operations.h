/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ctl.h"

int table_state(json_object *properties);
int verb_operations(const struct verb *verb, char **args);
int verb_legal_operations(const struct verb *verb, char **args);
