// SPDX-License-Identifier: GPL-2.0
/*
 * operations-matrix [-v] [-s SITUATION]... [-o OPERATION]...
 * operations-matrix -t
 *
 * Runs every operation in every situation, plain and with Force, and prints KTAP: a
 * result for each situation. -s and -o choose some, by name or number; -v prints each
 * cell; -t prints the table for scripts.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "matrix.h"

#define NR_OPERATIONS (BLKREPL_OP_LAST - BLKREPL_OP_FIRST + 1)

static bool verbose;
static uint32_t chosen_operations;
static uint64_t chosen_situations;

static char context[128];
static unsigned int complaints, bad_ways;

void complain(const char *format, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	printf("# %s: %s\n", context, text);
	fflush(stdout);
	complaints++;
}

void fatal(const char *format, ...)
{
	va_list ap;

	printf("Bail out! %s: ", context);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	printf("\n");
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

struct count {
	unsigned int cells, right;
};

/* Whether the cell is as the table says. */
static bool run_cell(const struct situation *s, unsigned int op, bool force, bool *there)
{
	unsigned int before;
	double begin = now();

	if (!*there) {
		snprintf(context, sizeof(context), "on the way to %s", s->name);
		before = complaints;
		*there = situation_reach(s);
		if (*there)
			check_command_line();
		bad_ways += complaints != before;
		if (!*there) {
			printf("# %s, %s%s: not tried\n", s->name, blkrepl_operation_title(op), force ? ", Force" : "");
			place.known = false;
			return false;
		}
	}
	snprintf(context, sizeof(context), "%s, %s%s", s->name, blkrepl_operation_title(op), force ? ", Force" : "");
	before = complaints;
	if (expect(op, force).moves)
		*there = false;
	step(op, force);
	if (complaints != before) {
		place.known = false;
		*there = false;
	}
	if (verbose)
		printf("# %s: %s, %.2f s\n", context, complaints == before ? "ok" : "NOT OK", now() - begin);
	fflush(stdout);
	return complaints == before;
}

/* Those that leave the situation as it is come first: they can follow each other. */
static struct count run_situation(const struct situation *s)
{
	struct count n = {};
	bool there = false;
	unsigned int op;
	int moves, force;

	for (moves = 0; moves < 2; moves++)
		for (op = BLKREPL_OP_FIRST; op <= BLKREPL_OP_LAST; op++)
			for (force = 0; force < 2; force++) {
				struct blkrepl_cell c = blkrepl_op_cell(BLKREPL_SYNC_MIRROR, op, s->state);
				bool may_move = blkrepl_op_built(BLKREPL_SYNC_MIRROR, op) &&
					(c.to || c.flags & BLKREPL_CELL_REMOVE);

				if (!(chosen_operations & s->operations & 1u << op) || may_move != moves)
					continue;
				n.cells++;
				n.right += run_cell(s, op, force, &there);
			}
	return n;
}

/* A blank in a name may be given as a hyphen. */
static void choose_situation(char *word)
{
	size_t i;

	for (i = 0; word[i]; i++)
		if (word[i] == '-')
			word[i] = ' ';

	for (i = 0; i < nr_situations; i++)
		if (!strcasecmp(word, situations[i].name) ||
		    (!situations[i].beside && (unsigned int)atoi(word) == situations[i].state)) {
			chosen_situations |= 1ull << i;
			return;
		}
	fatal("no situation '%s'", word);
}

static void parse(int argc, char **argv)
{
	int c, op;

	while ((c = getopt(argc, argv, "vts:o:")) >= 0)
		switch (c) {
		case 'v':
			verbose = true;
			break;
		case 't':
			table_print();
			exit(0);
		case 's':
			choose_situation(optarg);
			break;
		case 'o':
			op = blkrepl_operation_parse(optarg);
			if (op < 0)
				fatal("no operation '%s'", optarg);
			chosen_operations |= 1u << op;
			break;
		default:
			exit(2);
		}
	if (!chosen_operations)
		chosen_operations = ~0u;
	if (!chosen_situations)
		chosen_situations = ~0ull;
}

int main(int argc, char **argv)
{
	struct count all[2] = {}, n;
	unsigned int number = 0, run[2] = {}, planned = 0, failed = 0, operations;
	double begin;
	bool right;
	size_t i;

	strcpy(context, "start");
	parse(argc, argv);
	for (i = 0; i < nr_situations; i++)
		planned += chosen_situations >> i & 1;
	printf("KTAP version 1\n1..%u\n", planned + 1);
	rig_up();
	image_start();
	bus_open();
	for (i = 0; i < nr_situations; i++) {
		const struct situation *s = &situations[i];

		if (!(chosen_situations >> i & 1))
			continue;
		begin = now();
		bad_ways = 0;
		n = run_situation(s);
		all[s->beside].cells += n.cells;
		all[s->beside].right += n.right;
		run[s->beside]++;
		right = n.right == n.cells && !bad_ways;
		failed += !right;
		if (bad_ways)
			printf("# %s: something was wrong on %u ways there\n", s->name, bad_ways);
		printf("%sok %u %s: %u of %u cells as the table says # %.1f s\n", right ? "" : "not ",
		       ++number, s->name, n.right, n.cells, now() - begin);
		fflush(stdout);
	}
	strcpy(context, "end");
	complaints = 0;
	if (relationship_end())
		rig_down();
	failed += complaints > 0;
	printf("%sok %u everything is taken apart\n", complaints ? "not " : "", ++number);
	operations = __builtin_popcount(chosen_operations & ((1u << NR_OPERATIONS) - 1) << BLKREPL_OP_FIRST);
	printf("# cells: %u states x %u operations x 2 = %u, %u as the table says\n",
	       run[0], operations, all[0].cells, all[0].right);
	if (run[1])
		printf("# beside them: %u situations, %u cells, %u as the table says\n",
		       run[1], all[1].cells, all[1].right);
	bus_close();
	return failed > 0;
}
