/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Logical volumes that groups do not need any more. */
#pragma once

#include "lvm.h"

typedef bool (*volumes_match)(const struct lvm_lv *lv, void *userdata);

/*
 * One command for all volumes that match: removes them, or takes our tags away.
 * 1: the handler is called. 0: there is none.
 */
int volumes_release(struct lvm *lvm, bool remove, volumes_match match, lvm_handler handler, void *userdata);
