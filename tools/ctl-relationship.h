/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Fills in operation_verbs[] from the model's names. */
void operation_verbs_prepare(void);
