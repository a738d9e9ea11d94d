// SPDX-License-Identifier: GPL-2.0
/*
 * The checker of dependent writes, selftests/guest/dependent.h: histories are
 * played, images of all kinds are made of them, and the checker's verdict is
 * compared with one that knows the whole history. So the checker is known to
 * find each violation, and nothing else.
 */
#include "unit.h"
#include "../guest/dependent.h"

#define HISTORIES	500
#define MAX_RECORDS	400
#define MAX_RUNS	4

struct history {
	unsigned int members;
	struct dep_record record[MAX_RECORDS];
	int parent[MAX_RECORDS][DEP_CHAINS];	/* last acknowledged of each chain, or -1 */
	unsigned int issued[MAX_RECORDS], acked[MAX_RECORDS];	/* times; 0: never */
	bool origin[MAX_RUNS + 1][MAX_RECORDS];	/* what a run went on from */
	unsigned int nr, now;
};

static struct history h;
static struct rng rng;
static struct dep_image image[DEP_MAX_MEMBERS];
static bool line[MAX_RECORDS];			/* not left behind by a failover */
static bool in[MAX_RECORDS];			/* the set that an image is made of */
static unsigned long good, bad;

static struct dep_record *place_of(const struct dep_record *r)
{
	return &image[dep_member(h.members, r->chain, r->number)].
		place[dep_place(h.members, r->chain, r->number)];
}

/* Each place has the newest record of the set; of two histories, the later one's. */
static void make_image(const bool *set)
{
	unsigned int i;

	memset(image, 0, sizeof(image));
	for (i = 0; i < h.nr; i++)
		if (set[i] && h.record[i].number >= place_of(&h.record[i])->number)
			*place_of(&h.record[i]) = h.record[i];
}

static bool check_image(struct dep_check *c)
{
	unsigned int m;

	memset(c, 0, sizeof(*c));
	c->members = h.members;
	for (m = 0; m < h.members; m++)
		c->image[m] = &image[m];
	return dep_check(c);
}

/* Add all that the records of a set depend on. */
static void close_set(bool *set)
{
	unsigned int k;
	int i;

	/* Parents stand before their children. */
	for (i = h.nr - 1; i >= 0; i--)
		for (k = 0; set[i] && k < DEP_CHAINS; k++)
			if (h.parent[i][k] >= 0)
				set[h.parent[i][k]] = true;
}

/* All records of a set are of the history of the last run among them. */
static bool is_one_history(const bool *set)
{
	uint64_t run = 0;
	unsigned int i;

	for (i = 0; i < h.nr; i++)
		if (set[i] && h.record[i].run > run)
			run = h.record[i].run;
	for (i = 0; i < h.nr; i++)
		if (set[i] && h.record[i].run < run && !h.origin[run][i])
			return false;
	return true;
}

/*
 * The truth: what is visible and all that it depends on is one history, and
 * would look like this.
 */
static bool is_prefix(void)
{
	static struct dep_image was[DEP_MAX_MEMBERS];
	bool set[MAX_RECORDS] = {};
	unsigned int i, m, b, seen = 0, visible = 0;
	bool same;

	for (i = 0; i < h.nr; i++) {
		set[i] = !memcmp(place_of(&h.record[i]), &h.record[i], DEP_BLOCK);
		seen += set[i];
	}
	for (m = 0; m < h.members; m++)
		for (b = 0; b < DEP_BLOCKS; b++)
			visible += !dep_is_blank(&image[m].place[b]);
	close_set(set);
	if (seen != visible || !is_one_history(set))
		return false;
	memcpy(was, image, sizeof(was));
	make_image(set);
	same = !memcmp(was, image, sizeof(was));
	memcpy(image, was, sizeof(was));
	return same;
}

/* A prefix as of a time: what was acknowledged, and any of what was in flight. */
static void cut_at(unsigned int time)
{
	unsigned int i;

	for (i = 0; i < h.nr; i++)
		in[i] = line[i] && ((h.acked[i] && h.acked[i] <= time) ||
				    (h.issued[i] <= time && rng_chance(&rng, 50)));
	close_set(in);
}

/* One run: chains issue and are acknowledged in any order; from the image on. */
static void play_run(uint64_t run, unsigned int steps)
{
	int last[DEP_CHAINS], flying[DEP_CHAINS];
	struct dep_record next[DEP_CHAINS];
	uint64_t acked[DEP_CHAINS];
	struct dep_check c;
	unsigned int i, k;

	assert_true(check_image(&c));
	for (k = 0; k < DEP_CHAINS; k++) {
		acked[k] = c.newest[k];
		last[k] = flying[k] = -1;
		for (i = 0; i < h.nr; i++)
			if (in[i] && h.record[i].chain == k && h.record[i].number == acked[k])
				last[k] = i;
		dep_begin(&c, k, run, &next[k]);
	}
	while (steps-- && h.nr < MAX_RECORDS) {
		k = rng_below(&rng, DEP_CHAINS);
		h.now++;
		if (flying[k] >= 0) {
			h.acked[flying[k]] = h.now;
			acked[k] = h.record[flying[k]].number;
			last[k] = flying[k];
			flying[k] = -1;
			continue;
		}
		dep_next(&next[k], acked);
		memcpy(h.parent[h.nr], last, sizeof(last));
		h.record[h.nr] = next[k];
		h.issued[h.nr] = h.now;
		line[h.nr] = true;
		flying[k] = h.nr++;
	}
}

/* Some runs, each from some prefix of the one before: what else there was is left behind. */
static void play_history(void)
{
	unsigned int runs = 1 + rng_below(&rng, MAX_RUNS), i;

	memset(&h, 0, sizeof(h));
	h.members = 1 + rng_below(&rng, 5);
	memset(image, 0, sizeof(image));
	memset(line, 0, sizeof(line));
	for (i = 1; i <= runs; i++) {
		play_run(i, 1 + rng_below(&rng, 2 * MAX_RECORDS / runs));
		if (i == runs)
			break;
		cut_at(h.now - rng_below(&rng, h.now / 2 + 1));
		make_image(in);
		memcpy(line, in, sizeof(line));
		memcpy(h.origin[i + 1], in, sizeof(in));
	}
}

static void compare(uint64_t seed)
{
	struct dep_check c;
	bool expected = is_prefix();

	if (check_image(&c) != expected)
		fail_msg("the checker says \"%s\", seed %llu", c.why, (unsigned long long)seed);
	*(expected ? &good : &bad) += 1;
}

/* The history that is told last: all that it descends from, and itself. */
static void take_last(void)
{
	memset(in, 0, sizeof(in));
	in[h.nr - 1] = true;
	close_set(in);
}

static void test_prefixes(void **state)
{
	uint64_t seed;

	good = bad = 0;
	for (seed = 0; seed < HISTORIES; seed++) {
		rng.state = seed;
		play_history();
		take_last();
		make_image(in);
		compare(seed);
		cut_at(rng_below(&rng, h.now + 1));
		make_image(in);
		compare(seed);
	}
	assert_int_equal(good, 2 * HISTORIES);
}

static void test_one_missing(void **state)
{
	uint64_t seed;

	good = bad = 0;
	for (seed = 0; seed < HISTORIES; seed++) {
		rng.state = seed;
		play_history();
		take_last();
		in[rng_below(&rng, h.nr)] = false;
		make_image(in);
		compare(seed);
	}
	print_message("%lu prefixes, %lu others\n", good, bad);
	assert_true(good > 50 && bad > 50);
}

/* What happens to a group whose pairs stop one by one. */
static void test_members_stop_apart(void **state)
{
	unsigned int time[DEP_MAX_MEMBERS], i, m;
	uint64_t seed;

	good = bad = 0;
	for (seed = 0; seed < HISTORIES; seed++) {
		rng.state = seed;
		play_history();
		for (m = 0; m < h.members; m++)
			time[m] = h.now - rng_below(&rng, 20);
		take_last();
		for (i = 0; i < h.nr; i++) {
			m = dep_member(h.members, h.record[i].chain, h.record[i].number);
			in[i] &= h.issued[i] <= time[m];
		}
		make_image(in);
		compare(seed);
	}
	print_message("%lu prefixes, %lu others\n", good, bad);
	assert_true(good > 50 && bad > 50);
}

/*
 * Whether a record that was left behind is to be there all the same: one block,
 * one chain, one member as they were before, or a chain up to where the last run
 * began.
 */
static bool is_kept(const struct dep_record *r, unsigned int kind, uint64_t chain,
		    unsigned int member)
{
	switch (kind) {
	case 0:
		return rng_chance(&rng, 5);
	case 1:
		return r->chain == chain;
	case 2:
		return dep_member(h.members, r->chain, r->number) == member;
	default:
		return r->chain == chain && r->number <= h.record[h.nr - 1].start[chain];
	}
}

static void test_other_history(void **state)
{
	unsigned int i, chain, member;
	uint64_t seed;

	good = bad = 0;
	for (seed = 0; seed < 4 * HISTORIES; seed++) {
		rng.state = seed;
		play_history();
		take_last();
		make_image(in);
		chain = rng_below(&rng, DEP_CHAINS);
		member = rng_below(&rng, h.members);
		for (i = 0; i < h.nr; i++)
			if (!line[i] && is_kept(&h.record[i], seed % 4, chain, member))
				*place_of(&h.record[i]) = h.record[i];
		compare(seed);
	}
	print_message("%lu prefixes, %lu others\n", good, bad);
	assert_true(good > 50 && bad > 50);
}

static void test_damage(void **state)
{
	struct dep_record *r;
	struct dep_check c;
	uint64_t seed;
	unsigned int bit;

	for (seed = 0; seed < HISTORIES; seed++) {
		rng.state = seed;
		play_history();
		take_last();
		make_image(in);
		r = &image[rng_below(&rng, h.members)].place[rng_below(&rng, DEP_BLOCKS)];
		bit = rng_below(&rng, DEP_BLOCK * 8);
		((unsigned char *)r)[bit / 8] ^= 1 << bit % 8;
		check_seed(!check_image(&c), seed);
	}
}

/* What it calls complete does not depend on anything that is not. */
static void test_complete(void **state)
{
	unsigned int i, k, cut = 0;
	struct dep_check c;
	uint64_t seed;

	for (seed = 0; seed < HISTORIES; seed++) {
		rng.state = seed;
		play_history();
		take_last();
		in[rng_below(&rng, h.nr)] = false;
		make_image(in);
		cut += !check_image(&c);
		for (i = 0; i < h.nr; i++) {
			const struct dep_record *r = &h.record[i];

			if (r->number > c.complete[r->chain] || memcmp(place_of(r), r, DEP_BLOCK))
				continue;
			for (k = 0; k < DEP_CHAINS; k++)
				check_seed(r->seen[k] <= c.complete[k], seed);
		}
	}
	assert_true(cut > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_one_missing),
		cmocka_unit_test(test_members_stop_apart),
		cmocka_unit_test(test_other_history),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
