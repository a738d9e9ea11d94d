/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every operation in every state, with and without Force, driven for real: over
 * D-Bus, through the daemon, in the module. What is to happen comes from
 * kernel/state.c, what is to become of the data from the model in image.c.
 */
#ifndef BLKREPL_MATRIX_H
#define BLKREPL_MATRIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../kernel/names.h"
#include "../../kernel/state.h"

#define MEMBERS		2
#define BLOCK		4096
#define WAIT_SECONDS	60

/* Results; a complaint makes the present cell a failure. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fatal(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* rig.c: the volumes */

enum side { LEFT, RIGHT, SIDES };

static inline enum side other(enum side s)
{
	return s == LEFT ? RIGHT : LEFT;
}

extern const char *const side_group[SIDES];
extern const char *const member_name[MEMBERS];
extern const size_t member_blocks[MEMBERS];

void rig_up(void);
void rig_down(void);
const char *rig_volume(enum side s, unsigned int member);
const char *rig_log(enum side s);
int rig_raw(enum side s, unsigned int member);
void rig_lose(enum side s);
void rig_return(void);
void rig_return_unseen(void);

/* device.c: what can be done with the replica devices of a group */

enum access { ACCESS_GONE, ACCESS_REFUSED, ACCESS_WRITABLE };

enum access device_access(enum side s);
bool device_settled(enum side s, bool there);
int device_write(enum side s, unsigned int member, size_t block, const void *data);
void devices_quiet(void);

/* bus.c: the daemon */

struct answer {
	int code;
	char error[64], text[1024];	/* of an error: the name's last part, the message */
	char job[64];
	unsigned int ext_code;
	char ext_name[32], ext_state[32], ext_legal[512];
	uint64_t ext_revision;
};

struct picture {
	bool there;			/* the relationship exists */
	unsigned int state;
	char progress[32], requested[32], consistency[32], mode[32], legal[512], job[64], reason[256];
	uint64_t revision;
	enum side source;
	bool consistency_enabled;
};

void bus_open(void);
void bus_close(void);
void bus_operation(unsigned int op, bool force, enum side source, struct answer *a);
void bus_picture(struct picture *p);
bool bus_aspect(bool *consistent);
int bus_delete_aspect(void);
int bus_set_rate(uint64_t bytes_per_second);
int bus_wait_state(unsigned int state);
int bus_job_result(const char *job, char *buf, size_t size);
int bus_create(void);
int bus_delete_group(const char *name, bool force);
bool bus_group_state(const char *name, char *buf, size_t size);
const char *bus_last_error(void);

/* image.c: what is to be on each side */

void image_start(void);
void image_write(enum side s, bool reaches_other);
void image_copy(enum side from);
void image_unsettle(enum side s);
void image_settle(enum side from);
bool image_compare(void);
bool image_equal(void);

/* place.c: where things are, by what was done; check.c asks whether that is so */

struct place {
	bool known, related;
	bool dissolved;			/* what was related is remembered */
	unsigned int state;
	enum side source;
	bool back, restoring;		/* the target fails back, or the source is restored from it */
	bool consistent;		/* who is copied to is one point in time */
	bool first_copy;		/* it never was the same as the source */
	bool unordered;			/* consistency is off */
	bool lags;			/* the target lacks what the source has written */
	bool quiet;			/* nothing is written where that would make a difference */
	char job[64];			/* of the copy that runs */
};

extern struct place place;

bool open_for_writing(enum side s);
bool mirrored_from(enum side s);
enum side copy_source(void);
unsigned int copy_progress(void);
void place_copying(unsigned int op);
void place_copied(void);
void place_stay(unsigned int op);
void place_arrive(unsigned int op, struct blkrepl_cell c);

/* table.c: what the table promises */

struct expectation {
	int code;
	enum blkrepl_verdict verdict;
	struct blkrepl_cell cell;
	bool moves;			/* the situation is another afterwards */
};

struct expectation expect(unsigned int op, bool force);
unsigned int place_state(void);
void legal_operations(char *buf, size_t size);
void table_print(void);

/* check.c: whether all is as it should be at this place */

void check_place(void);
void check_answer(const struct answer *a, const struct expectation *e, unsigned int op);
void check_status(const struct answer *a);
void check_command_line(void);
void write_everywhere(void);

/* step.c: one operation */

bool step(unsigned int op, bool force);
bool step_begin(unsigned int op, bool force);
void release_copy(void);

/* situation.c: how each state is reached */

struct situation {
	const char *name;
	unsigned int state;
	bool (*reach)(void);
	uint32_t operations;
	bool beside;			/* not a column of the table of its own */
	bool quiet;
};

extern const struct situation situations[];
extern const size_t nr_situations;

bool situation_reach(const struct situation *s);
bool relationship_end(void);

#endif
