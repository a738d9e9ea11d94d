/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ctl.h"

int verb_top(const struct verb *verb, char **args);
