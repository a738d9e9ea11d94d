/* SPDX-License-Identifier: GPL-2.0 */
/* Functions that wait: they return false until they are through. */
#ifndef BLKREPL_SIM_TASK_H
#define BLKREPL_SIM_TASK_H

struct task {
	int line;
};

#define TASK_BEGIN(t)	switch ((t)->line) { case 0:
#define TASK_WAIT(t, condition) do {					\
	(t)->line = __LINE__;						\
	__attribute__((fallthrough));					\
	case __LINE__:							\
	if (!(condition))						\
		return false;						\
} while (0)
#define TASK_END(t)	} (t)->line = 0; return true

#endif
