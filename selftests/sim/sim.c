// SPDX-License-Identifier: GPL-2.0
/*
 * The schedule: load, faults, power cuts, recovery.
 *
 *	sim [--seed N] [--cuts N] [--apart] [--bug NAME]
 *
 * Plays one history after another, each from its seed, until so many cuts were
 * survived. Ends with 1 and the seed when a promise is broken. With --bug a
 * mistake is planted, and it ends with 1 when no promise is broken. With --apart
 * consistency is off: legs fail alone, and nothing is promised about their order.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

#define HISTORY_STEPS	6000
#define REST_STEPS	60000

struct module *mod;
struct disk source[MEMBERS], target[MEMBERS], source_log, target_log;
struct rng rng;
enum bug bug;
static bool apart;

static const char *const bug_names[NR_BUGS] = {
	[BUG_NONE] = "none",
	[BUG_SWEEP_NO_TARGET_FLUSH] = "sweep-no-target-flush",
	[BUG_SWEEP_NO_SOURCE_FLUSH] = "sweep-no-source-flush",
	[BUG_ACK_BEFORE_STALE] = "ack-before-stale",
	[BUG_CLEAR_BEFORE_COPY] = "clear-before-copy",
	[BUG_NO_RANGE_LOCK] = "no-range-lock",
	[BUG_COPY_NO_RANGE_LOCK] = "copy-no-range-lock",
	[BUG_INTENT_AFTER_DATA] = "intent-after-data",
	[BUG_NO_SUSPECTS] = "no-suspects",
	[BUG_STOP_ONE_PAIR] = "stop-one-pair",
	[BUG_REVIVE_WITH_ORPHANS] = "revive-with-orphans",
	[BUG_SYNCED_NO_FLUSH] = "synced-no-flush",
	[BUG_CLEAN_WHEN_STOPPED] = "clean-when-stopped",
	[BUG_FLOW_NO_HOLD] = "flow-no-hold",
	[BUG_FORK_ONCE] = "fork-once",
	[BUG_STALE_BY_STATE] = "stale-by-state",
	[BUG_STOP_NO_FORK] = "stop-no-fork",
	[BUG_COPIED_FORGOTTEN] = "copied-forgotten",
	[BUG_FLOW_NO_RECHECK] = "flow-no-recheck",
	[BUG_SWEEP_WITH_SUSPECTS] = "sweep-with-suspects",
	[BUG_NO_INCONSISTENT_MARK] = "no-inconsistent-mark",
	[BUG_APART_NO_MARK] = "apart-no-mark",
	[BUG_APART_NO_SUSPECTS] = "apart-no-suspects",
	[BUG_REJOIN_EARLY] = "rejoin-early",
	[BUG_OUT_FOR_EVER] = "out-for-ever",
};

static struct {
	unsigned long cuts, source_cuts, target_cuts, losses, rests, histories, steps, writes;
} count;

/* The load changes from time to time: how much, where, how often it is flushed. */
static struct {
	unsigned int percent, flushes, first, nr;
} load;

static void change_load(void)
{
	static const unsigned int percents[] = { 0, 0, 2, 8, 15 };

	load.percent = percents[rng_below(&rng, ARRAY_SIZE(percents))];
	load.flushes = rng_below(&rng, 3) * 10;
	load.first = rng_below(&rng, EXTENTS) * EXTENT;
	load.nr = rng_chance(&rng, 50) ? EXTENT : BLOCKS - load.first;
}

static void *block_alloc(void *ctx)
{
	/* Where it fails more is copied, never less. */
	return rng_chance(&rng, 5) ? NULL : calloc(1, BLKREPL_BLOCK_SIZE);
}

static void block_free(void *ctx, void *block)
{
	free(block);
}

static struct module *module_new(void)
{
	struct module *m = calloc(1, sizeof(*m));
	int i;

	for (i = 0; i < MEMBERS; i++)
		blkrepl_dirty_init(&m->vol[i].dirty, m->vol[i].chunk, NR_BITS, block_alloc,
				   block_free, NULL);
	return m;
}

static void module_free(void)
{
	int i;

	for (i = 0; mod && i < MEMBERS; i++)
		blkrepl_dirty_release(&mod->vol[i].dirty);
	free(mod);
	mod = NULL;
}

/* The source host starts, or starts again. */
static void bring_up(void)
{
	int m;

	mod = module_new();
	if (log_load()) {
		violation = "the group cannot be brought up";
		return;
	}
	mod->target_log = (struct log){ .disk = &target_log, .remote = true };
	for (m = 0; m < MEMBERS; m++)
		intent_suspect(m);
	/* Whether the log volumes tell it, whatever the state is. */
	mod->stale_durable = !blkrepl_state_flows(mod->state) &&
			     (mod->gens.base || bug == BUG_STALE_BY_STATE);
	if (blkrepl_state_flows(mod->state))
		mod->state = BLKREPL_COPY_STATE_BROKEN;
	mod->up = true;
}

static struct disk *const target_disks[] = { &target[0], &target[1], &target_log };

static void cut_source(void)
{
	struct req *q, *next;
	int m;

	count.source_cuts++;
	for (m = 0; m < MEMBERS; m++)
		disk_power_cut(&source[m], &rng);
	disk_power_cut(&source_log, &rng);
	/* What was on its way to the target arrives or does not. */
	for (q = all_reqs; q; q = next) {
		next = q->next;
		q->end = NULL;
		q->left = true;
		if (!q->done && rng_chance(&rng, 50))
			req_end(q, &rng);
		else
			req_free(q);
	}
	oracle_source_cut();
	module_free();
}

static void cut_target(void)
{
	unsigned int i;

	count.target_cuts++;
	for (i = 0; i < ARRAY_SIZE(target_disks); i++) {
		disk_power_cut(target_disks[i], &rng);
		target_disks[i]->down = true;
	}
	oracle_target_cut();
}

static void set_target(bool hung, bool down)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(target_disks); i++) {
		target_disks[i]->hung = hung;
		target_disks[i]->down = down;
	}
}

static void submit(void)
{
	unsigned int member = rng_below(&rng, MEMBERS), first, nr;
	struct io *io;

	if (rng_chance(&rng, load.flushes)) {
		io = io_new(IO_FLUSH, member, 0, 0);
	} else {
		first = load.first + rng_below(&rng, load.nr);
		nr = 1 + rng_below(&rng, 4);
		if (nr > EXTENT - first % EXTENT)
			nr = EXTENT - first % EXTENT;
		io = io_new(IO_WRITE, member, first, nr);
		if (io)
			io->fua = rng_chance(&rng, 10);
	}
	if (!io)
		return;
	count.writes++;
	io->record = oracle_submit(io);
}

/* Let one of the requests that can end do so. */
static bool end_some_request(void)
{
	struct req *q, *pick = NULL;
	unsigned int n = 0;

	for (q = all_reqs; q; q = q->next)
		/* What nobody waits for any more takes its time. */
		if (req_can_end(q) && (!q->late || rng_chance(&rng, 3)) && !rng_below(&rng, ++n))
			pick = q;
	if (pick)
		req_end(pick, &rng);
	return pick;
}

/* The module goes; what the target has not answered belongs to nobody. */
static void leave_orphans(void)
{
	struct req *q;

	for (q = all_reqs; q; q = q->next) {
		q->end = NULL;
		q->left = true;
	}
}

static bool intent_waiting(void)
{
	struct io *io;

	for (io = mod->io; io < mod->io + MAX_IOS; io++)
		if (io->phase == IO_INTENT)
			return true;
	return false;
}

/* Give one of the module's works its turn. */
static void some_work(void)
{
	unsigned int i = rng_below(&rng, MAX_IOS + 6 + SLOTS);

	if (i < MAX_IOS) {
		if (mod->io[i].phase != IO_FREE)
			io_step(&mod->io[i]);
		return;
	}
	switch (i -= MAX_IOS) {
	case 0:
		if (mod->commit.task.line || intent_waiting())
			commit_work(&mod->commit);
		return;
	case 1:
		if (mod->sweep.task.line || mod->sweep_wanted) {
			mod->sweep_wanted = false;
			sweep_work(&mod->sweep);
		}
		return;
	case 2:
		if (mod->stale.task.line || mod->stale_work)
			stale_work(&mod->stale);
		return;
	case 3:
		if (mod->synced.task.line || mod->synced_wanted)
			synced_work(&mod->synced);
		return;
	case 4:
	case 5:
		if (mod->conf.task.line || mod->conf.op)
			conf_work(&mod->conf);
		if (!mod->up) {
			leave_orphans();
			module_free();
		}
		return;
	default:
		if (mod->slot[i - 6].counted)
			copy_work(&mod->slot[i - 6]);
	}
}

/* The deadline finds what does not answer: the whole target, or a leg. */
static void deadline(void)
{
	bool whole = target_log.hung && disk_busy(&target_log);
	unsigned int m;

	for (m = 0; m < MEMBERS && !whole; m++) {
		if (!target[m].hung || !disk_busy(&target[m]))
			continue;
		whole = link_fail(m);
		if (!whole)
			abandon(m);
	}
	if (whole) {
		link_fail(-1);
		mod->alive = false;
		abandon_all();
	}
}

static void beat_end(struct req *q)
{
	mod->conn_refs--;
	mod->beating = false;
	if (q->error && !q->late)
		link_fail(-1);
}

/* While nothing is written this alone tells that the target is still the same. */
static void heartbeat(void)
{
	static struct blkrepl_disk_mark mark;
	struct req *q;

	if (mod->beating || !is_mirroring() || !conn_tryget())
		return;
	mod->beating = true;
	memset(&mark, 0, sizeof(mark));
	mod->target_log.mark_seq++;
	blkrepl_block_seal(&mark, BLKREPL_BLOCK_MARK, 0, mod->target_log.tag,
			   mod->target_log.mark_seq);
	q = req_submit(&target_log, REQ_WRITE, BLKREPL_AT_MARK + (mod->target_log.mark_seq & 1), 1,
		       &mark, false);
	q->epoch = mod->epoch;
	q->end = beat_end;
}

static bool may_suspend(void)
{
	const struct blkrepl_situation s = { 0 };

	return blkrepl_op_judge(BLKREPL_SYNC_MIRROR, BLKREPL_OPERATION_SUSPEND, mod->state, &s) ==
	       BLKREPL_VERDICT_GO;
}

/* Whether pairs have something to copy that are not out. */
static bool beside_lost(void)
{
	int m;

	for (m = 0; m < MEMBERS; m++)
		if (!mod->vol[m].out && mod->vol[m].dirty.weight)
			return true;
	return false;
}

/* What the module does from time to time, and what its operator asks for. */
static void tick(bool resting)
{
	bool idle = !mod->conf.op && !mod->conf.task.line;
	int m;

	if (rng_chance(&rng, 50) && !mod->sweep.task.line)
		mod->sweep_wanted = true;
	if (rng_chance(&rng, 30))
		deadline();
	/* A leg that lost its cache is not written in silence. */
	for (m = 0; m < MEMBERS; m++)
		if (mod->alive && mod->vol[m].mirror && mod->vol[m].epoch != target[m].epoch &&
		    rng_chance(&rng, 10))
			link_fail(m);
	if (mod->alive && (mod->state == BLKREPL_COPY_STATE_UNSYNCHRONIZED ? is_mirroring() :
			   mod->state == BLKREPL_COPY_STATE_MIXED && beside_lost()))
		copy_start();
	if (mod->state == BLKREPL_COPY_STATE_SYNCHRONIZED)
		heartbeat();
	if (!idle)
		return;
	if (!mod->alive && !target[0].down && rng_chance(&rng, resting ? 80 : 20))
		mod->conf.op = mod->connected ? CONF_REVIVE : CONF_CONNECT;
	else if (mod->state == BLKREPL_COPY_STATE_MIXED && mod->alive &&
		 rng_chance(&rng, resting ? 80 : 20))
		mod->conf.op = CONF_REJOIN;
	else if (mod->state == BLKREPL_COPY_STATE_SUSPENDED && mod->alive &&
		 rng_chance(&rng, resting ? 80 : 20))
		mod->conf.op = CONF_RESUME;
	else if (!resting && may_suspend() && rng_chance(&rng, 3))
		mod->conf.op = CONF_SUSPEND;
	else if (apart && rng_chance(&rng, 5))
		mod->conf.op = CONF_SWITCH;
	else if (!resting && rng_chance(&rng, 2))
		mod->conf.op = CONF_DOWN;
}

/* A leg is lost alone, with its cache or without. */
static void lose_leg(void)
{
	struct disk *d = &target[rng_below(&rng, MEMBERS)];

	if (rng_chance(&rng, 50)) {
		disk_power_cut(d, &rng);
		oracle_target_cut();
	}
	if (rng_chance(&rng, 70))
		d->fail = 1 + rng_below(&rng, 20);
	else
		d->hung = true;
	count.losses++;
}

/* The target fails in some way, or is well again. */
static void trouble(void)
{
	if (apart && !target[0].down && !target_log.hung && rng_chance(&rng, 60)) {
		lose_leg();
		return;
	}
	if (target[0].down || target[0].hung || target[1].hung) {
		if (rng_chance(&rng, 60))
			set_target(false, false);
		return;
	}
	switch (rng_below(&rng, 4)) {
	case 0:
		target[rng_below(&rng, MEMBERS)].fail = 1 + rng_below(&rng, 3);
		break;
	case 1:
		set_target(true, false);
		break;
	case 2:
		set_target(false, true);
		break;
	default:
		target_log.fail = 1;
	}
	count.losses++;
}

static bool target_is_marked(void)
{
	struct blkrepl_disk_link link;

	return !log_read_link(&target_log, true, &link) ||
	       le32_to_cpu(link.flags) & BLKREPL_LINK_INCONSISTENT;
}

static void check_now(void)
{
	oracle_check_cut();
	if (!apart && !target_is_marked())
		oracle_check_prefix();
}

static void some_cut(void)
{
	unsigned int which = rng_below(&rng, 3);

	check_now();
	if (which != 1 && mod) {
		cut_source();
		count.cuts++;
	}
	if (which != 0 && !target[0].down) {
		cut_target();
		count.cuts++;
	}
	check_now();
}

static void step(bool resting)
{
	bool draining = mod && mod->conf.op == CONF_DOWN;

	count.steps++;
	if (!mod) {
		if (rng_chance(&rng, 10))
			bring_up();
		end_some_request();
		return;
	}
	if (rng_chance(&rng, 40))
		end_some_request();
	else
		some_work();
	if (mod && rng_chance(&rng, 2))
		tick(resting);
	if (mod && !resting && !draining && rng_chance(&rng, load.percent))
		submit();
}

static bool at_rest(void)
{
	int i;

	if (!mod || all_reqs || mod->state != BLKREPL_COPY_STATE_SYNCHRONIZED || !is_mirroring() ||
	    mod->epoch != target_log.epoch || mod->copy_running || mod->conf.op || mod->conf.task.line || mod->stale_work ||
	    mod->stale.task.line || mod->sweep.task.line || mod->commit.task.line)
		return false;
	for (i = 0; i < MEMBERS; i++)
		if (mod->vol[i].epoch != target[i].epoch)
			return false;
	for (i = 0; i < MAX_IOS; i++)
		if (mod->io[i].phase != IO_FREE)
			return false;
	return true;
}

/* No more load and no more trouble: both sides become the same. */
static void come_to_rest(void)
{
	unsigned int i;

	set_target(false, false);
	for (i = 0; i < ARRAY_SIZE(target_disks); i++)
		target_disks[i]->fail = 0;
	for (i = 0; i < REST_STEPS && !violation && !at_rest(); i++)
		step(true);
	count.rests++;
	if (violation)
		return;
	if (i == REST_STEPS) {
		violation = "the pair does not become synchronized";
		return;
	}
	oracle_check_same();
	check_now();
}

static void begin_history(u64 seed)
{
	static struct blkrepl_disk_link link;
	int m;

	rng = (struct rng){ seed };
	oracle_reset();
	for (m = 0; m < MEMBERS; m++) {
		disk_init(&source[m], m ? "source 1" : "source 0", BLOCKS, sizeof(u64));
		disk_init(&target[m], m ? "target 1" : "target 0", BLOCKS, sizeof(u64));
	}
	disk_init(&source_log, "source's log", LOG_BLOCKS, BLKREPL_BLOCK_SIZE);
	disk_init(&target_log, "target's log", LOG_BLOCKS, BLKREPL_BLOCK_SIZE);
	change_load();
	mod = module_new();
	mod->flags = rng_chance(&rng, 30) ? BLKREPL_LINK_MANUAL_RECOVERY : 0;
	mod->flags |= apart ? 0 : BLKREPL_LINK_CONSISTENCY;
	log_format();
	log_read_link(&source_log, true, &link);
	module_free();
}

static void end_history(void)
{
	int m;

	while (all_reqs)
		req_free(all_reqs);
	module_free();
	for (m = 0; m < MEMBERS; m++) {
		disk_free(&source[m]);
		disk_free(&target[m]);
	}
	disk_free(&source_log);
	disk_free(&target_log);
}

static const char *play(u64 seed)
{
	unsigned int i;
	u64 what;

	begin_history(seed);
	for (i = 0; i < HISTORY_STEPS && !violation; i++) {
		step(false);
		what = rng_below(&rng, 1000);
		/* The power likes to go while there is most to be lost. */
		if (what < 3 || (mod && mod->copy_running && what > 985))
			some_cut();
		else if (what < 8)
			trouble();
		else if (what < 18)
			check_now();
		else if (what == 18)
			come_to_rest();
		else if (what < 24)
			change_load();
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
		{ "apart", no_argument, NULL, 'a' },
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
		case 'a':
			apart = true;
			break;
		case 'b':
			bug = find_bug(optarg);
			break;
		default:
			return 2;
		}
	for (; !found && count.cuts < cuts; seed += !found) {
		found = play(seed);
		/* A mistake has to break a promise; that nothing moves does not count, but for one. */
		if (found && bug && bug != BUG_OUT_FOR_EVER && found[0] != 'P')
			found = NULL;
	}
	printf("%lu histories, %lu cuts (%lu of the source, %lu of the target), %lu losses, %lu times at rest, "
	       "%lu writes, %lu steps, %lu promises, %lu checks\n", count.histories, count.cuts,
	       count.source_cuts, count.target_cuts, count.losses, count.rests, count.writes,
	       count.steps, promises, checks);
	if (found)
		printf("%s (--seed %llu%s%s%s)\n", found, (unsigned long long)seed,
		       apart ? " --apart" : "", bug ? " --bug " : "", bug ? bug_names[bug] : "");
	else if (bug)
		printf("nobody noticed %s\n", bug_names[bug]);
	oracle_reset();
	return !found == !bug ? 0 : 1;
}
