/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding groups that the database does not know: those that the module has,
 * and those whose log volumes and members carry our tags.
 */
#pragma once

#include "manager.h"

void import_from_module(struct manager *m);
/* Both; reads the unknown log volumes in children. */
void import_all(struct manager *m);
