/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * blkreplctl complete WORD…: what the last word can become, a line each; for
 * the shells' completion. The words come as bash has them, with "=" as a word
 * of its own. ":files" and ":hosts" leave it to the shell.
 */
#pragma once

#include "ctl.h"

int complete(int n, char **words);
