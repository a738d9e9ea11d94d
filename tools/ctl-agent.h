/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* polkit's agent for terminals, which asks for a password where one is needed. */
#pragma once

/* Nothing happens for root, without a terminal, or where there is no agent. */
void agent_open(void);
void agent_close(void);
