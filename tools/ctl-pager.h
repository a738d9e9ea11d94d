/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A pager between us and the terminal, as systemd's tools have it. */
#pragma once

/* From here on standard output goes through the pager; nothing happens without a terminal. */
void pager_open(void);
/* Waits for the pager to end. */
void pager_close(void);
