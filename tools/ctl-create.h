/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ctl.h"

int verb_create(const struct verb *verb, char **args);
