/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Dependent writes: what is written, and whether a set of images is a prefix of
 * the order in which it was written.
 *
 * Several chains of records run over all members. Record n + 1 of a chain is
 * issued when record n was acknowledged, and goes to the next member; different
 * chains run side by side. Each record names, for every chain, the last record
 * that had been acknowledged when it was issued. So it tells all that it depends
 * on, over chains and members, and images are a prefix of the write order
 * exactly if with each record they have all that it names, or what followed it
 * at its place.
 *
 * A chain has DEP_SLOTS places on each member and uses them in turn: its last
 * members * DEP_SLOTS records can be seen. Each carries the sum of the one
 * before, so none can be of another history, one that a failover has left
 * behind; and it carries where each chain was when its run began, so a whole
 * chain cannot be of another history either.
 */
#ifndef BLKREPL_DEPENDENT_H
#define BLKREPL_DEPENDENT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define DEP_BLOCK	4096
#define DEP_CHAINS	8
#define DEP_SLOTS	4
#define DEP_MAX_MEMBERS	16
#define DEP_BLOCKS	(DEP_CHAINS * DEP_SLOTS)	/* of a member */
#define DEP_BYTES	(DEP_BLOCKS * DEP_BLOCK)
#define DEP_MAGIC	0x70646e65706564ULL

struct dep_record {
	uint64_t magic;
	uint64_t sum;			/* of the whole block with this field zero */
	uint64_t chain;
	uint64_t number;		/* from 1 on */
	uint64_t run;			/* of the writer; rises */
	uint64_t prev;			/* sum of the record before, 0 for the first */
	uint64_t start[DEP_CHAINS];	/* where each chain was when the run began */
	uint64_t start_sum[DEP_CHAINS];	/* sum of the record there, or 0 */
	uint64_t seen[DEP_CHAINS];	/* what had been acknowledged */
	uint64_t fill[DEP_BLOCK / 8 - 6 - 3 * DEP_CHAINS];
};

_Static_assert(sizeof(struct dep_record) == DEP_BLOCK, "a record is a block");

/* A member's places, as they were read. */
struct dep_image {
	struct dep_record place[DEP_BLOCKS];
};

static inline unsigned int dep_member(unsigned int members, uint64_t chain, uint64_t number)
{
	return (chain + number - 1) % members;
}

static inline unsigned int dep_place(unsigned int members, uint64_t chain, uint64_t number)
{
	return chain * DEP_SLOTS + (number - 1) / members % DEP_SLOTS;
}

static inline uint64_t dep_sum(const struct dep_record *r)
{
	const uint64_t *word = (const uint64_t *)r;
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < DEP_BLOCK / 8; i++) {
		sum ^= &word[i] == &r->sum ? 0 : word[i];
		sum = (sum << 29 | sum >> 35) * 0x9e3779b97f4a7c15ULL + i;
	}
	return sum;
}

/* Complete a record: everything but fill and sum is set. */
static inline void dep_seal(struct dep_record *r)
{
	uint64_t x = r->run << 48 ^ r->chain << 40 ^ r->number;
	unsigned int i;

	r->magic = DEP_MAGIC;
	for (i = 0; i < sizeof(r->fill) / 8; i++)
		r->fill[i] = x += 0x9e3779b97f4a7c15ULL;
	r->sum = dep_sum(r);
}

static inline bool dep_is_blank(const struct dep_record *r)
{
	const uint64_t *word = (const uint64_t *)r;
	unsigned int i;

	for (i = 0; i < DEP_BLOCK / 8; i++)
		if (word[i])
			return false;
	return true;
}

/**
 * struct dep_check - the images and what was found
 * @members: how many
 * @image: of each
 * @newest: number of the newest record that was found, for each chain
 * @complete: the longest prefix that the images have, for each chain
 * @why: the first violation, or empty
 */
struct dep_check {
	unsigned int members;
	const struct dep_image *image[DEP_MAX_MEMBERS];
	uint64_t newest[DEP_CHAINS];
	uint64_t complete[DEP_CHAINS];
	char why[256];
};

#define dep_say(check, ...) do {						\
	if (!(check)->why[0])							\
		snprintf((check)->why, sizeof((check)->why), __VA_ARGS__);	\
} while (0)

/* What the place of a record holds. */
static inline const struct dep_record *dep_at(const struct dep_check *c, uint64_t chain,
					      uint64_t number)
{
	return &c->image[dep_member(c->members, chain, number)]->
		place[dep_place(c->members, chain, number)];
}

/* Number of the oldest record of a chain that is to be seen. */
static inline uint64_t dep_oldest(const struct dep_check *c, unsigned int chain)
{
	uint64_t ring = c->members * DEP_SLOTS;

	return c->newest[chain] > ring ? c->newest[chain] - ring + 1 : 1;
}

/* Each block is blank or a record at its place. */
static inline void dep_find_newest(struct dep_check *c)
{
	unsigned int m, b;

	for (m = 0; m < c->members; m++) {
		for (b = 0; b < DEP_BLOCKS; b++) {
			const struct dep_record *r = &c->image[m]->place[b];

			if (dep_is_blank(r))
				continue;
			if (r->magic != DEP_MAGIC || r->sum != dep_sum(r) ||
			    r->chain >= DEP_CHAINS || !r->number ||
			    dep_member(c->members, r->chain, r->number) != m ||
			    dep_place(c->members, r->chain, r->number) != b)
				dep_say(c, "block %u of member %u is damaged or misplaced", b, m);
			else if (r->number > c->newest[r->chain])
				c->newest[r->chain] = r->number;
		}
	}
}

/* The last records of a chain, one following the other; to where they do. */
static inline void dep_follow(struct dep_check *c, unsigned int chain)
{
	const struct dep_record *r, *prev = NULL;
	uint64_t n;

	c->complete[chain] = dep_oldest(c, chain) - 1;
	for (n = c->complete[chain] + 1; n <= c->newest[chain]; n++, prev = r) {
		r = dep_at(c, chain, n);
		if (r->number != n) {
			dep_say(c, "chain %u: record %llu is missing, its place has %llu; %llu is there",
				chain, (unsigned long long)n, (unsigned long long)r->number,
				(unsigned long long)c->newest[chain]);
			return;
		}
		if (prev ? r->prev != prev->sum : n == 1 && r->prev) {
			dep_say(c, "chain %u: record %llu did not follow the %llu that is there",
				chain, (unsigned long long)n, (unsigned long long)n - 1);
			return;
		}
		c->complete[chain] = n;
	}
}

/* A record of the last run, if there is any. */
static inline const struct dep_record *dep_last_run(const struct dep_check *c)
{
	const struct dep_record *last = NULL;
	unsigned int i;
	uint64_t n;

	for (i = 0; i < DEP_CHAINS; i++) {
		for (n = dep_oldest(c, i); n <= c->complete[i]; n++) {
			const struct dep_record *r = dep_at(c, i, n);

			if (!last || r->run > last->run)
				last = r;
		}
	}
	return last;
}

/* What is not of the history of the last run, a failover has left behind. */
static inline void dep_check_run(struct dep_check *c)
{
	const struct dep_record *last = dep_last_run(c), *r;
	unsigned int i;
	uint64_t n;

	for (i = 0; last && i < DEP_CHAINS; i++) {
		for (n = dep_oldest(c, i); n <= c->complete[i]; n++) {
			r = dep_at(c, i, n);
			if ((n > last->start[i]) == (r->run == last->run) &&
			    (n != last->start[i] || r->sum == last->start_sum[i]))
				continue;
			dep_say(c, "chain %u: record %llu, of run %llu, is not of the history of run %llu, which began at %llu",
				i, (unsigned long long)n, (unsigned long long)r->run,
				(unsigned long long)last->run, (unsigned long long)last->start[i]);
			c->complete[i] = n - 1;
			break;
		}
	}
}

/* Cut each chain back to where all that its records depend on is there. */
static inline bool dep_cut(struct dep_check *c)
{
	unsigned int i, k;
	bool cut = false;
	uint64_t n;

	for (i = 0; i < DEP_CHAINS; i++) {
		for (n = dep_oldest(c, i); n <= c->complete[i]; n++) {
			const struct dep_record *r = dep_at(c, i, n);

			for (k = 0; k < DEP_CHAINS; k++)
				if (r->seen[k] > c->complete[k])
					break;
			if (k == DEP_CHAINS)
				continue;
			dep_say(c, "chain %u: record %llu is there; it was issued after record %llu of chain %u was acknowledged, which is complete up to %llu",
				i, (unsigned long long)n, (unsigned long long)r->seen[k], k,
				(unsigned long long)c->complete[k]);
			c->complete[i] = n - 1;
			cut = true;
		}
	}
	return cut;
}

/**
 * dep_begin - the record that a chain of a run follows
 * @c: good images
 * @chain: the chain
 * @run: the run's number
 * @r: set so that the first record of the run is the next one
 */
static inline void dep_begin(const struct dep_check *c, unsigned int chain, uint64_t run,
			     struct dep_record *r)
{
	unsigned int i;

	memset(r, 0, sizeof(*r));
	r->chain = chain;
	r->number = c->newest[chain];
	r->run = run;
	for (i = 0; i < DEP_CHAINS; i++) {
		r->start[i] = c->newest[i];
		if (r->start[i])
			r->start_sum[i] = dep_at(c, i, r->start[i])->sum;
	}
	r->sum = r->start_sum[chain];
}

/**
 * dep_next - the next record of a chain
 * @r: the record before, or what dep_begin() made
 * @acked: of each chain the last record that was acknowledged
 */
static inline void dep_next(struct dep_record *r, const uint64_t *acked)
{
	unsigned int i;

	r->number++;
	r->prev = r->sum;
	for (i = 0; i < DEP_CHAINS; i++)
		r->seen[i] = __atomic_load_n(&acked[i], __ATOMIC_ACQUIRE);
	dep_seal(r);
}

/**
 * dep_check - whether images are a prefix of the write order
 * @c: its members and images are set
 *
 * Return: whether they are; otherwise @c->why tells the first violation.
 */
static inline bool dep_check(struct dep_check *c)
{
	unsigned int i;

	memset(c->newest, 0, sizeof(c->newest));
	c->why[0] = 0;
	dep_find_newest(c);
	for (i = 0; i < DEP_CHAINS; i++)
		dep_follow(c, i);
	dep_check_run(c);
	while (dep_cut(c))
		;
	return !c->why[0];
}

#endif
