// SPDX-License-Identifier: GPL-2.0
/*
 * Asynchronous mode: what was promised, power cuts, the schedule.
 *
 *	journal [--seed N] [--cuts N] [--bug NAME]
 *
 * P5: at every instant, whatever is cut off, the target can be brought to exactly
 * the image that the source had at the end of an epoch, which is not older than
 * the last one whose commit was answered. P6: it tells when that was.
 *
 * Ends with 1 and the seed when a promise is broken. With --bug a mistake is
 * planted, and it ends with 1 when no promise is broken.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "journal.h"

#define HISTORY_STEPS	9000
#define REST_STEPS	120000

enum bug bug;
struct rng rng;
const char *violation;
struct source *src;
struct applier app;
bool applier_at_source;
struct disk source[MEMBERS], target[MEMBERS], target_log;
bool intent[MEMBERS][BLOCKS];
u64 sizes[BLKREPL_MAX_MEMBERS] = { SECTORS, SECTORS, SECTORS };
struct image model;
u64 clock_us;
bool daring;
struct count count;

static const char *const bug_names[] = {
	[BUG_NONE] = "none",
	[BUG_COMMIT_NO_PREFLUSH] = "commit-no-preflush",
	[BUG_COMMIT_NO_FUA] = "commit-no-fua",
	[BUG_COMMIT_BEFORE_PAYLOAD] = "commit-before-payload",
	[BUG_COMMIT_OUT_OF_ORDER] = "commit-out-of-order",
	[BUG_APPLY_UNVERIFIED] = "apply-unverified",
	[BUG_APPLY_NO_LOG_FLUSH] = "apply-no-log-flush",
	[BUG_LOG_FLUSH_BEFORE_VERIFY] = "log-flush-before-verify",
	[BUG_APPLY_NO_BARRIER] = "apply-no-barrier",
	[BUG_MARK_BEFORE_FLUSH] = "mark-before-flush",
	[BUG_MARK_NOT_DURABLE] = "mark-not-durable",
	[BUG_OVERWRITE_UNAPPLIED] = "overwrite-unapplied",
	[BUG_RESTART_AT_MARK] = "restart-at-mark",
	[BUG_TRUST_WITHOUT_FLUSH] = "trust-without-flush",
	[BUG_LATE_WRITES] = "late-writes",
	[BUG_UNNOTICED_RESTART] = "unnoticed-restart",
	[BUG_FUZZY_EARLY] = "fuzzy-early",
	[BUG_FUZZY_FORGETS] = "fuzzy-forgets",
	[BUG_COPY_NO_LOCK] = "copy-no-lock",
	[BUG_INTENT_NO_FLUSH] = "intent-no-flush",
	[BUG_NO_INTENT] = "no-intent",
	[BUG_OLD_DATA_WIN] = "old-data-win",
};

/* Histories differ: how often they are cut, how late writes end, who is slow. */
static struct {
	unsigned int cuts, shown, applier;
} style;

/* ---- what was promised ---- */

struct epoch_image {
	struct image image;
	u64 us, generation;
};

static struct epoch_image *images[NR_IMAGES];
static u64 promised;

static struct epoch_image *image_of(u64 epoch)
{
	u64 i = epoch - BASE_EPOCH;

	if (epoch < BASE_EPOCH || i >= NR_IMAGES)
		return NULL;
	if (!images[i])
		images[i] = calloc(1, sizeof(*images[i]));
	return images[i];
}

/* An epoch ended. Its number may have been that of another, which was given up. */
void oracle_epoch(const struct ep *ep)
{
	struct epoch_image *e = image_of(ep->e.nr);

	if (!e)
		return;
	e->image = model;
	e->us = ep->us;
	e->generation = ep->generation;
}

/* An epoch is durable at the target. */
void promise(const struct blkrepl_point *p)
{
	if (p->epoch > promised)
		promised = p->epoch;
}

/* ---- requests ---- */

static bool is_target(const struct disk *d)
{
	return d == &target_log || (d >= target && d < target + MEMBERS);
}

struct req *submit(struct disk *d, enum req_op op, unsigned int block, unsigned int nr,
		   const void *data, bool fua, struct wait *w, void (*end)(struct req *q))
{
	struct req *q = req_submit(d, op, block, nr, data, fua);

	q->end = end;
	q->ctx = w;
	if (w)
		w->n++;
	/* A connection does not outlive the target: what is sent by it fails. */
	if (bug == BUG_UNNOTICED_RESTART || !is_target(d))
		return q;
	if (end == source_end)
		q->epoch = src->opened;
	else if (applier_at_source)
		q->epoch = app.opened;
	return q;
}

/* Whoever waited is gone. */
void forget_wait(const struct wait *w)
{
	struct req *q;

	for (q = all_reqs; q; q = q->next)
		if (q->ctx == w)
			q->ctx = NULL;
}

bool busy_with(void (*end)(struct req *q))
{
	struct req *q;

	for (q = all_reqs; q; q = q->next)
		if (q->end == end)
			return true;
	return false;
}

/* Whether something can be read that a power cut may take away, though it has FUA. */
static bool in_limbo(void)
{
	struct req *q;

	for (q = all_reqs; q; q = q->next)
		if (q->shown && q->fua)
			return true;
	return false;
}

static void end_some_request(void)
{
	struct req *q;
	unsigned int n = 0;

	for (q = all_reqs; q; q = q->next)
		n++;
	if (!n)
		return;
	n = rng_below(&rng, n);
	for (q = all_reqs; n; n--)
		q = q->next;
	/* What can be read already may end late, some of it very late. */
	if (style.shown && rng_chance(&rng, 20))
		req_show(q);
	else if (q->shown && !rng_chance(&rng, style.shown == 1 || q->shown % 4 ? 20 : 2))
		return;
	else if (q->end == source_end && !q->ctx && rng_chance(&rng, 90))
		return;
	else if (req_can_end(q))
		req_end(q, &rng);
}

/* ---- the log volume ---- */

int log_read(void *ctx, u64 n, void *block)
{
	memcpy(block, target_log.now + (AT_RING + n) * BLKREPL_BLOCK_SIZE, BLKREPL_BLOCK_SIZE);
	return 0;
}

int read_head(struct blkrepl_journal *j, const u8 *log)
{
	const u64 tag = 7;
	const void *b = blkrepl_block_pick(log, BLKREPL_BLOCK_JOURNAL, 0, &tag);

	return b ? blkrepl_journal_load(j, b, MAX_RING) : -EUCLEAN;
}

static void format(void)
{
	struct blkrepl_disk_journal d;
	struct blkrepl_journal j = {
		.tag = 1 + rng_below(&rng, 1000), .nr_blocks = target_log.nr - AT_RING,
		.base = { .epoch = BASE_EPOCH, .us = clock_us },
	};

	blkrepl_journal_store(&j, &d);
	blkrepl_block_seal(&d, BLKREPL_BLOCK_JOURNAL, 0, 7, 2);
	memcpy(target_log.now, &d, sizeof(d));
	memcpy(target_log.durable, &d, sizeof(d));
	image_of(BASE_EPOCH)->us = clock_us;
}

/* ---- recovery, on a copy of what a power cut could leave ---- */

static struct {
	u8 head[AT_RING * BLKREPL_BLOCK_SIZE];
	const u8 *ring[MAX_RING];
	struct image members;
	unsigned int budget;		/* writes until the next cut */
} world;

static const u8 *either(const struct disk *d, unsigned int block)
{
	return (rng_chance(&rng, 50) ? d->now : d->durable) + block * d->size;
}

static void take(u8 *to, const struct disk *d, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		memcpy(to + i * d->size, either(d, i), d->size);
}

static int world_read(void *ctx, u64 n, void *block)
{
	memcpy(block, world.ring[n], BLKREPL_BLOCK_SIZE);
	return 0;
}

static int world_apply(void *ctx, const struct blkrepl_write *w)
{
	u64 first = w->block * BLKREPL_BLOCK_SECTORS, value;
	u32 s;

	if (!world.budget)
		return -EIO;
	world.budget--;
	for (s = 0; s < w->nr * BLKREPL_BLOCK_SECTORS; s++) {
		if (!(w->sectors >> (s % BLKREPL_BLOCK_SECTORS) & 1))
			continue;
		value = 0;
		if (w->data)
			memcpy(&value, w->data + s * 512, sizeof(value));
		if (w->member >= MEMBERS || first + s >= SECTORS)
			violation = "P5: the replay writes outside of a member";
		else
			world.members.sector[w->member][first + s] = value;
	}
	return 0;
}

static const struct blkrepl_replay_ops world_ops = { .read = world_read, .apply = world_apply };

/* One replay from the mark on; whether it came to its end. */
static bool recover(struct blkrepl_point *reached)
{
	static u64 desc[BLKREPL_BLOCK_SIZE / 8], payload[BLKREPL_BLOCK_SIZE / 8];
	struct blkrepl_journal j;
	struct blkrepl_replay rp;
	struct blkrepl_point p;
	u64 seq;

	if (read_head(&j, world.head) ||
	    blkrepl_applied_load(&p, &seq, &j, world.head + 2 * BLKREPL_BLOCK_SIZE)) {
		violation = "P5: the journal cannot be read";
		return false;
	}
	blkrepl_replay_begin(&rp, &j, &p, sizes, &world_ops, NULL, desc, payload);
	while (blkrepl_replay_next(&rp) == 1)
		if (blkrepl_replay_apply(&rp))
			return false;
	if (rp.end == BLKREPL_END_DAMAGED)
		violation = "P5: a committed epoch is damaged";
	*reached = rp.last;
	return true;
}

static void check_now(void)
{
	struct blkrepl_point p = { 0 };
	const struct epoch_image *e;
	unsigned int m, i;

	if (violation)
		return;
	count.checks++;
	take(world.head, &target_log, AT_RING);
	for (i = 0; i < target_log.nr - AT_RING; i++)
		world.ring[i] = either(&target_log, AT_RING + i);
	for (m = 0; m < MEMBERS; m++)
		take((u8 *)world.members.sector[m], &target[m], SECTORS);
	/* cut in the middle, and once more from the beginning */
	world.budget = rng_below(&rng, 12);
	if (rng_chance(&rng, 50) && !recover(&p))
		count.interrupted++;
	world.budget = ~0u;
	if (violation || !recover(&p))
		return;
	e = image_of(p.epoch);
	if (p.epoch < promised)
		violation = "P5: an epoch whose commit was answered is gone";
	else if (!e || memcmp(&e->image, &world.members, sizeof(world.members)))
		violation = "P5: the target is not as the source was at the recovery point";
	else if (e->us != p.us || e->generation != p.generation)
		violation = "P6: the recovery point has a wrong time or generation";
}

/* ---- what happens ---- */

static void cut_source(void)
{
	struct req *q, *next;
	unsigned int m;

	count.source_cuts++;
	for (m = 0; m < MEMBERS; m++) {
		disk_power_cut(&source[m], &rng);
		memcpy(model.sector[m], source[m].now, sizeof(model.sector[m]));
	}
	for (q = all_reqs; q; q = next) {
		next = q->next;
		if (q->end == applier_end && !applier_at_source)
			continue;
		/* What was on its way to the target arrives or does not. */
		q->end = NULL;
		q->left = true;
		if (rng_chance(&rng, 50))
			req_end(q, &rng);
		else
			req_free(q);
	}
	source_free();
	if (applier_at_source)
		applier_reset();
}

static void set_target(bool down)
{
	unsigned int m;

	for (m = 0; m < MEMBERS; m++)
		target[m].down = down;
	target_log.down = down;
}

static void cut_target(void)
{
	unsigned int m;

	count.target_cuts++;
	for (m = 0; m < MEMBERS; m++)
		disk_power_cut(&target[m], &rng);
	disk_power_cut(&target_log, &rng);
	set_target(true);
	if (!applier_at_source)
		applier_reset();
}

static void some_cut(void)
{
	unsigned int which = rng_below(&rng, 3);

	check_now();
	if (which != 1 && src)
		cut_source();
	if (which != 0 && !target_log.down)
		cut_target();
	count.cuts++;
	check_now();
}

static void step(bool resting)
{
	count.steps++;
	if (target_log.down && rng_chance(&rng, 5))
		set_target(false);
	if (!src && rng_chance(&rng, 10))
		source_new();
	if (rng_chance(&rng, 45)) {
		end_some_request();
		return;
	}
	if (rng_chance(&rng, style.applier)) {
		if (src || !applier_at_source)
			applier_work();
		return;
	}
	if (!src)
		return;
	if (!resting && rng_chance(&rng, 15))
		submit_write();
	else
		source_work();
}

static bool at_rest(void)
{
	return src && source_idle() && app.applied.epoch + 1 == src->cur->e.nr &&
	       app.alive && !app.wait.n;
}

/* No more load and no more trouble: both sides become the same. */
static void come_to_rest(void)
{
	unsigned int i, m, slow = style.applier;

	style.applier = 25;
	for (i = 0; i < REST_STEPS && !violation && !at_rest(); i++)
		step(true);
	style.applier = slow;
	count.rests++;
	if (violation)
		return;
	if (i == REST_STEPS) {
		violation = "the target does not get everything";
		return;
	}
	for (m = 0; m < MEMBERS; m++)
		if (memcmp(source[m].now, target[m].now, sizeof(model.sector[m])))
			violation = "P5: at rest the sides differ";
	check_now();
}

static void begin_history(u64 seed)
{
	unsigned int m;

	rng = (struct rng){ seed };
	io_seq = 0;
	daring = false;
	app = (struct applier){ .action = app.action };
	for (m = 0; m < MEMBERS; m++) {
		disk_init(&source[m], "source", SECTORS, sizeof(u64));
		disk_init(&target[m], "target", SECTORS, sizeof(u64));
	}
	disk_init(&target_log, "target's log", AT_RING + 40 + rng_below(&rng, MAX_RING - 40),
		  BLKREPL_BLOCK_SIZE);
	memset(&model, 0, sizeof(model));
	memset(intent, 0, sizeof(intent));
	promised = BASE_EPOCH;
	applier_at_source = rng_chance(&rng, 30);
	style.cuts = 1 + rng_below(&rng, 8);
	style.shown = rng_below(&rng, 3);
	style.applier = rng_chance(&rng, 50) ? 25 : 5;
	applier_reset();
	format();
	source_new();
}

static void end_history(void)
{
	unsigned int i;

	if (src)
		count.laps += src->ring.head / (target_log.nr - AT_RING);
	while (all_reqs)
		req_free(all_reqs);
	source_free();
	for (i = 0; i < MEMBERS; i++) {
		disk_free(&source[i]);
		disk_free(&target[i]);
	}
	disk_free(&target_log);
	for (i = 0; i < NR_IMAGES; i++) {
		free(images[i]);
		images[i] = NULL;
	}
}

static const char *play(u64 seed)
{
	unsigned int i;
	u64 what;

	begin_history(seed);
	for (i = 0; i < HISTORY_STEPS && !violation; i++) {
		step(false);
		what = rng_below(&rng, 3000);
		/* The power likes to go while there is most to be lost. */
		if (what < style.cuts || (what >= 2980 && in_limbo()))
			some_cut();
		else if (what < 12 || (daring && rng_chance(&rng, 8)))
			check_now();
		else if (what < 14 && src) {
			connection_lost();
			count.losses++;
		} else if (what == 14 && rng_chance(&rng, 20)) {
			come_to_rest();
		}
		daring = false;
	}
	if (!violation)
		come_to_rest();
	end_history();
	count.histories++;
	return violation;
}

static int find_bug(const char *name)
{
	int i;

	for (i = 0; i < NR_BUGS; i++)
		if (!strcmp(name, bug_names[i]))
			return i;
	fprintf(stderr, "unknown: %s; there are:", name);
	for (i = 0; i < NR_BUGS; i++)
		fprintf(stderr, " %s", bug_names[i]);
	fprintf(stderr, "\n");
	exit(2);
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "cuts", required_argument, NULL, 'c' },
		{ "bug", required_argument, NULL, 'b' },
		{ 0 }
	};
	unsigned long cuts = 1000;
	const char *found = NULL;
	u64 seed = 1;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'c':
			cuts = strtoul(optarg, NULL, 0);
			break;
		case 'b':
			bug = find_bug(optarg);
			break;
		default:
			return 2;
		}
	for (; !found && count.cuts < cuts; seed += !found) {
		found = play(seed);
		/* A mistake has to break a promise; that nothing moves does not count. */
		if (found && bug && found[0] != 'P')
			found = NULL;
		violation = NULL;
	}
	printf("%lu histories, %lu cuts (%lu of the source, %lu of the target), %lu losses, %lu times at rest, "
	       "%lu writes, %lu steps, %lu commits, %lu fuzzy epochs (%lu given up), %lu folded, "
	       "%lu marks, %lu laps, %lu checks, %lu interrupted\n",
	       count.histories, count.cuts, count.source_cuts, count.target_cuts, count.losses,
	       count.rests, count.writes, count.steps, count.commits, count.fuzzy, count.abandoned,
	       count.folded, count.applied, count.laps, count.checks, count.interrupted);
	if (found)
		printf("%s (--seed %llu%s%s)\n", found, (unsigned long long)seed,
		       bug ? " --bug " : "", bug ? bug_names[bug] : "");
	else if (bug)
		printf("nobody noticed %s\n", bug_names[bug]);
	free(app.action);
	return !found == !bug ? 0 : 1;
}
