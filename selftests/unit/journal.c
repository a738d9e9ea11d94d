// SPDX-License-Identifier: GPL-2.0
/* The journal: head, applied mark, room, writing and replaying: kernel/journal.c, replay.c. */
#include "unit.h"
#include "journal.h"

static struct memory_journal m;
static u8 desc[BLKREPL_BLOCK_SIZE] __attribute__((aligned(8))), payload[BLKREPL_BLOCK_SIZE];
static u8 data[BLKREPL_BLOCK_SIZE];

static struct blkrepl_journal good_journal(void)
{
	return (struct blkrepl_journal){
		.link_uuid = { 1, 2, 3 }, .tag = 77, .nr_blocks = 100, .created_us = 9,
		.base = { .epoch = 5, .generation = 6, .us = 7 },
	};
}

static void head_of_the_journal(void **state)
{
	struct blkrepl_journal j = good_journal(), k;
	struct blkrepl_disk_journal d;
	unsigned int bit;

#define HEAD(expected, change) do {						\
	blkrepl_journal_store(&j, &d);						\
	change;									\
	assert_int_equal(blkrepl_journal_load(&k, &d, 100), expected);		\
} while (0)
	HEAD(0, );
	assert_memory_equal(&j, &k, sizeof(j));
	HEAD(0, d.compat = cpu_to_le32(~0u));
	for (bit = 0; bit < 32; bit++) {
		HEAD(-EOPNOTSUPP, d.incompat = cpu_to_le32(1u << bit));
		HEAD(-EROFS, d.ro_compat = cpu_to_le32(1u << bit));
		assert_int_equal(k.nr_blocks, 100);
	}
	HEAD(-EUCLEAN, d.ring_tag = 0);
	HEAD(-EUCLEAN, d.ring_blocks = cpu_to_le64(BLKREPL_RING_MIN - 1));
	HEAD(-EUCLEAN, d.ring_blocks = cpu_to_le64(~0ULL));
	HEAD(-EUCLEAN, d.base_epoch = cpu_to_le64(~0ULL));
	HEAD(-ERANGE, d.ring_blocks = cpu_to_le64(101));
}

static void applied_mark(void **state)
{
	static u8 slots[2][BLKREPL_BLOCK_SIZE];
	struct blkrepl_journal j = good_journal();
	struct blkrepl_point p, q = { .epoch = 9, .pos = 90, .generation = 3, .us = 4 };
	u64 seq;

#define MARK(number, point) blkrepl_applied_store(point, &j, number, (void *)slots[(number) & 1])
	memset(slots, 0, sizeof(slots));
	assert_int_equal(blkrepl_applied_load(&p, &seq, &j, slots), 0);
	assert_memory_equal(&p, &j.base, sizeof(p));
	assert_int_equal(seq, 0);
	MARK(1, &q);
	assert_int_equal(blkrepl_applied_load(&p, &seq, &j, slots), 0);
	assert_memory_equal(&p, &q, sizeof(p));
	assert_int_equal(seq, 1);
	/* the first one was cut off: nothing had been applied yet */
	slots[1][100] ^= 1;
	assert_int_equal(blkrepl_applied_load(&p, &seq, &j, slots), 0);
	assert_memory_equal(&p, &j.base, sizeof(p));
	slots[1][100] ^= 1;
	q.epoch = 12;
	MARK(2, &q);
	assert_int_equal(blkrepl_applied_load(&p, &seq, &j, slots), 0);
	assert_int_equal(p.epoch, 12);
	/* torn: the other slot counts; both: nobody may guess */
	slots[0][100] ^= 1;
	assert_int_equal(blkrepl_applied_load(&p, &seq, &j, slots), 0);
	assert_int_equal(p.epoch, 9);
	slots[1][100] ^= 1;
	assert_int_equal(blkrepl_applied_load(&p, &seq, &j, slots), -EUCLEAN);
	/* of another format: as if there was none */
	MARK(3, &q);
	j.tag++;
	assert_int_equal(blkrepl_applied_load(&p, &seq, &j, slots), 0);
	assert_memory_equal(&p, &j.base, sizeof(p));
	/* what no applier writes */
#define BAD_MARK(change) do {							\
	q = (struct blkrepl_point){ .epoch = 9, .pos = 90 };			\
	change;									\
	MARK(4, &q);								\
	assert_int_equal(blkrepl_applied_load(&p, &seq, &j, slots), -EUCLEAN);	\
} while (0)
	BAD_MARK(q.epoch = 4);
	BAD_MARK(q.epoch = ~0ULL);
	BAD_MARK(q.pos = ~0ULL);
	BAD_MARK(q.pos = 3);
}

static void room_in_the_ring(void **state)
{
	struct blkrepl_ring r = { .nr_blocks = 10, .tail = 95, .head = 95 };

	assert_int_equal(blkrepl_ring_free(&r), 10);
	assert_int_equal(blkrepl_ring_judge(&r, 11), BLKREPL_ROOM_NEVER);
	assert_int_equal(blkrepl_ring_reserve(&r, 7), BLKREPL_ROOM_NOW);
	assert_int_equal(blkrepl_ring_free(&r), 3);
	assert_int_equal(blkrepl_ring_reserve(&r, 4), BLKREPL_ROOM_LATER);
	assert_int_equal(r.reserved, 7);
	/* it took less than it had */
	assert_int_equal(blkrepl_ring_committed(&r, 7, 95), -EUCLEAN);
	assert_int_equal(blkrepl_ring_committed(&r, 7, 103), -EUCLEAN);
	assert_int_equal(blkrepl_ring_committed(&r, 8, 100), -EUCLEAN);
	assert_int_equal(blkrepl_ring_committed(&r, 7, 100), 0);
	assert_int_equal(blkrepl_ring_free(&r), 5);
	assert_int_equal(blkrepl_ring_reserve(&r, 5), BLKREPL_ROOM_NOW);
	assert_int_equal(blkrepl_ring_free(&r), 0);
	/* an old mark frees nothing, one from the future is refused */
	assert_int_equal(blkrepl_ring_applied(&r, 90), 0);
	assert_int_equal(blkrepl_ring_free(&r), 0);
	assert_int_equal(blkrepl_ring_applied(&r, 101), -EUCLEAN);
	assert_int_equal(blkrepl_ring_applied(&r, 100), 0);
	assert_int_equal(blkrepl_ring_free(&r), 5);
	blkrepl_ring_release(&r, 5);
	assert_int_equal(blkrepl_ring_free(&r), 10);
	blkrepl_ring_release(&r, 1);
	assert_int_equal(blkrepl_ring_free(&r), 10);
}

static void add(struct blkrepl_writer *w, u8 member, u64 block, u32 version)
{
	struct blkrepl_write r = { .block = block, .nr = 1, .member = member, .data = data,
				   .kind = BLKREPL_KIND_DATA, .sectors = BLKREPL_SECTORS_ALL };
	u32 s;

	for (s = 0; s < BLKREPL_BLOCK_SECTORS; s++)
		fill_sector(data + s * 512, version);
	assert_int_equal(blkrepl_writer_add(w, &r), 0);
}

static void begin(struct blkrepl_writer *w, const struct blkrepl_point *p, u64 room)
{
	blkrepl_writer_begin(w, &m.j, p->epoch + 1, p->pos, room, memory_alloc, memory_put, &m);
}

static void commit(struct blkrepl_writer *w, struct blkrepl_point *p)
{
	static struct blkrepl_disk_commit c;

	assert_int_equal(blkrepl_writer_commit(w, &c, 70 + w->epoch, 5000 + w->epoch, p), 0);
	memory_put(&m, p->pos - 1, &c, false);
}

static void replay_from(struct blkrepl_replay *rp, const struct blkrepl_point *p)
{
	blkrepl_replay_begin(rp, &m.j, p, m.sectors, &memory_ops, &m, desc, payload);
}

/* Apply all there is; the epoch that was reached. */
static u64 replay_all(struct blkrepl_replay *rp, const struct blkrepl_point *p)
{
	int r;

	replay_from(rp, p);
	while ((r = blkrepl_replay_next(rp)) == 1)
		assert_int_equal(blkrepl_replay_apply(rp), 0);
	assert_int_equal(r, 0);
	return rp->last.epoch;
}

/* Three epochs: data that merge, zeroes, an empty one. */
static struct blkrepl_point write_three(void)
{
	struct blkrepl_write z = { .block = 3, .nr = 4, .member = 2, .kind = BLKREPL_KIND_DISCARD,
				   .sectors = BLKREPL_SECTORS_ALL };
	struct blkrepl_point p;
	struct blkrepl_writer w;

	memory_init(&m, 32);
	p = m.j.base;
	begin(&w, &p, 32);
	add(&w, 0, 4, 1);
	add(&w, 0, 5, 2);
	add(&w, 1, 0, 3);
	add(&w, 1, 2, 4);
	assert_int_equal(blkrepl_writer_add(&w, &z), 0);
	commit(&w, &p);
	assert_int_equal(p.pos, 6);
	assert_int_equal(w.nr_records, 4);
	begin(&w, &p, 32);
	commit(&w, &p);
	assert_int_equal(p.pos, 7);
	begin(&w, &p, 32);
	add(&w, 0, 5, 5);
	add(&w, 0, 4, 6);	/* not in order: a descriptor of its own */
	commit(&w, &p);
	assert_int_equal(p.pos, 12);
	assert_int_equal(m.blocks, 0);
	return p;
}

static void three_epochs(void **state)
{
	struct blkrepl_point end = write_three();
	struct blkrepl_replay rp;
	struct image once;

	memset(&m.members, 0xee, sizeof(m.members));
	replay_from(&rp, &m.j.base);
	assert_int_equal(blkrepl_replay_apply(&rp), -EINVAL);
	assert_int_equal(blkrepl_replay_next(&rp), 1);
	assert_int_equal(m.emitted, 0);
	assert_int_equal(blkrepl_replay_next(&rp), -EINVAL);
	assert_int_equal(rp.last.epoch, 42);
	assert_int_equal(rp.last.generation, 112);
	assert_int_equal(rp.last.us, 5042);
	assert_int_equal(blkrepl_replay_apply(&rp), 0);
	assert_int_equal(blkrepl_replay_apply(&rp), -EINVAL);
	assert_int_equal(m.emitted, 5);
	assert_int_equal(m.members.sector[0][4 * 8], 1);
	assert_int_equal(m.members.sector[0][5 * 8 + 7], 2);
	assert_int_equal(m.members.sector[0][6 * 8], 0xeeeeeeee);
	assert_int_equal(m.members.sector[2][3 * 8], 0);
	assert_int_equal(m.members.sector[2][7 * 8], 0xeeeeeeee);
	assert_int_equal(blkrepl_replay_next(&rp), 1);
	blkrepl_replay_skip(&rp);
	assert_int_equal(blkrepl_replay_next(&rp), 1);
	assert_int_equal(blkrepl_replay_apply(&rp), 0);
	assert_int_equal(blkrepl_replay_next(&rp), 0);
	assert_int_equal(rp.end, BLKREPL_END_TAIL);
	assert_memory_equal(&rp.last, &end, sizeof(end));
	assert_int_equal(m.members.sector[0][4 * 8], 6);
	assert_int_equal(m.members.sector[0][5 * 8], 5);
	/* again, from the beginning: the same image */
	once = m.members;
	assert_int_equal(replay_all(&rp, &m.j.base), 44);
	assert_memory_equal(&once, &m.members, sizeof(once));
	/* from the end there is nothing */
	m.emitted = 0;
	assert_int_equal(replay_all(&rp, &end), 44);
	assert_int_equal(m.emitted, 0);
}

/* Every single byte of the journal is changed: no epoch is half there, ever. */
static void every_byte_counts(void **state)
{
	const u64 end = write_three().pos, want[] = { 41, 42, 43, 44 };
	struct blkrepl_replay rp;
	struct image image[4];
	u64 at, got, epochs = 0;
	unsigned int i;

	replay_from(&rp, &m.j.base);
	for (i = 0; i < 4; i++) {
		image[i] = m.members;
		if (blkrepl_replay_next(&rp) == 1)
			blkrepl_replay_apply(&rp);
	}
	for (at = 0; at < end * BLKREPL_BLOCK_SIZE; at += at % BLKREPL_BLOCK_SIZE < 160 ? 1 : 61) {
		u64 block = at / BLKREPL_BLOCK_SIZE;

		m.ring[block][at % BLKREPL_BLOCK_SIZE] ^= 0x10;
		memset(&m.members, 0, sizeof(m.members));
		got = replay_all(&rp, &m.j.base);
		assert_int_equal(got, block < 6 ? 41 : block < 7 ? 42 : 43);
		for (i = 0; want[i] != got; i++)
			;
		assert_memory_equal(&m.members, &image[i], sizeof(m.members));
		m.ring[block][at % BLKREPL_BLOCK_SIZE] ^= 0x10;
		epochs += got - 41;
	}
	assert_int_equal(replay_all(&rp, &m.j.base), 44);
	assert_true(epochs);
}

/* The end tells damage from a tail where the commit block is there to tell. */
static void damage_or_tail(void **state)
{
	const struct { unsigned int block; enum blkrepl_replay_end end; } cases[] = {
		{ 0, BLKREPL_END_TAIL },	/* a descriptor */
		{ 1, BLKREPL_END_DAMAGED },	/* payload */
		{ 4, BLKREPL_END_DAMAGED },
		{ 5, BLKREPL_END_TAIL },	/* commit */
		{ 8, BLKREPL_END_DAMAGED },
		{ 11, BLKREPL_END_TAIL },
	};
	struct blkrepl_replay rp;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		write_three();
		m.ring[cases[i].block][200] ^= 1;
		replay_all(&rp, &m.j.base);
		assert_int_equal(rp.end, cases[i].end);
		assert_int_equal(blkrepl_replay_next(&rp), 0);
	}
}

/* A read that fails is no tail: nothing is known, and nothing was emitted. */
static void failing_reads(void **state)
{
	struct blkrepl_replay rp;
	u64 k, reads;
	int r;

	write_three();
	replay_all(&rp, &m.j.base);
	reads = m.reads;
	for (k = 1; k <= reads; k++) {
		m.reads = 0;
		m.fail_read = k;
		replay_from(&rp, &m.j.base);
		while ((r = blkrepl_replay_next(&rp)) == 1 && !(r = blkrepl_replay_apply(&rp)))
			;
		assert_int_equal(r, -EIO);
		/* it can be asked again */
		if (!rp.pending && m.reads == 1) {
			assert_int_equal(rp.last.epoch, 41);
			assert_int_equal(blkrepl_replay_next(&rp), 1);
		}
	}
	m.fail_read = 0;
}

/* Sealed nonsense, as from a journal that someone wrote by hand. */
static void nonsense(void **state)
{
	struct blkrepl_disk_desc *d;
	struct blkrepl_disk_commit *c;
	struct blkrepl_replay rp;
	unsigned int i;

#define NONSENSE(change) do {							\
	write_three();								\
	d = (void *)m.ring[0];							\
	c = (void *)m.ring[5];							\
	change;									\
	blkrepl_block_seal(d, BLKREPL_BLOCK_DESC, 0, m.j.tag, 0);		\
	c->digest = cpu_to_le32(blkrepl_digest_add(blkrepl_digest_begin(42), d));	\
	blkrepl_block_seal(c, BLKREPL_BLOCK_COMMIT, 1, m.j.tag, 5);		\
	assert_int_equal(replay_all(&rp, &m.j.base), 41);			\
	assert_int_equal(m.emitted, 0);						\
} while (0)
#define RECORD(i, field, value) NONSENSE(d->record[i].field = value)
	RECORD(0, block, cpu_to_le64(MEMBER_BLOCKS - 1));
	RECORD(0, block, cpu_to_le64(~0ULL));
	RECORD(0, block, cpu_to_le64(1ULL << 61));
	RECORD(0, nr, 0);
	RECORD(0, nr, cpu_to_le32(~0u));
	RECORD(0, nr, cpu_to_le32(3));
	RECORD(0, kind, 0);
	RECORD(0, kind, 4);
	RECORD(0, kind, BLKREPL_KIND_ZEROES);
	RECORD(0, member, 3);
	RECORD(0, member, 200);
	RECORD(0, member, 1);
	RECORD(0, sectors, 0);
	RECORD(0, sectors, 0x7f);
	RECORD(1, block, cpu_to_le64(2));
	RECORD(2, block, cpu_to_le64(0));
	/* the last block of this member has six sectors */
	RECORD(3, block, cpu_to_le64(MEMBER_BLOCKS - 4));
	NONSENSE(d->nr_records = cpu_to_le16(3));
	NONSENSE(d->nr_records = 0);
	NONSENSE(d->nr_records = cpu_to_le16(0xffff));
	NONSENSE(d->nr_payload = cpu_to_le16(3));
	NONSENSE(d->nr_payload = cpu_to_le16(0xffff));
	NONSENSE(d->epoch = cpu_to_le64(43));
	NONSENSE(c->epoch = cpu_to_le64(43));
	NONSENSE(c->first = cpu_to_le64(1));
	NONSENSE(c->nr_records = 0);
	NONSENSE(c->nr_payload = cpu_to_le64(5));
	for (i = 0; i < NR_MEMBERS; i++)
		NONSENSE(m.sectors[i] = 0);
}

/* A part of the last block can be written where the whole does not exist. */
static void last_block(void **state)
{
	struct blkrepl_write r = { .block = MEMBER_BLOCKS - 1, .nr = 1, .member = 2, .data = data,
				   .kind = BLKREPL_KIND_DATA };
	struct blkrepl_replay rp;
	struct blkrepl_writer w;
	struct blkrepl_point p;
	unsigned int mask;

	fill_sector(data, 1);
	for (mask = 1; mask < 256; mask++) {
		memory_init(&m, 16);
		p = m.j.base;
		begin(&w, &p, 16);
		r.sectors = mask;
		assert_int_equal(blkrepl_writer_add(&w, &r), 0);
		commit(&w, &p);
		assert_int_equal(replay_all(&rp, &m.j.base), mask < 64 ? 42 : 41);
		assert_int_equal(m.outside, 0);
	}
}

/* A writer keeps to its room, and can always commit within it. */
static void writer_keeps_to_its_room(void **state)
{
	struct blkrepl_write r = { .nr = 1, .member = 0, .data = data,
				   .kind = BLKREPL_KIND_DATA, .sectors = BLKREPL_SECTORS_ALL };
	struct blkrepl_writer w;
	struct blkrepl_point p;
	u64 room;
	int ret;

	for (room = 1; room < 12; room++) {
		memory_init(&m, 32);
		p = m.j.base;
		begin(&w, &p, room);
		r.block = 0;
		while (!(ret = blkrepl_writer_add(&w, &r)))
			r.block++;
		assert_int_equal(ret, -ENOSPC);
		assert_int_equal(r.block, room < 3 ? 0 : room - 2);
		commit(&w, &p);
		assert_true(p.pos <= room);
	}
}

static void *no_memory(void *ctx)
{
	return NULL;
}

static void no_memory_for_descriptors(void **state)
{
	struct blkrepl_write r = { .nr = 1, .kind = BLKREPL_KIND_ZEROES,
				   .sectors = BLKREPL_SECTORS_ALL };
	struct blkrepl_writer w;

	memory_init(&m, 32);
	blkrepl_writer_begin(&w, &m.j, 42, 0, 32, no_memory, memory_put, &m);
	assert_int_equal(blkrepl_writer_add(&w, &r), -ENOMEM);
	assert_null(w.desc);
}

static int drop(void *ctx, u64 pos, const void *block, bool is_desc)
{
	if (is_desc)
		free((void *)block);
	return 0;
}

/* What blkrepl_ring_need() says is enough, whatever the records are. */
static void need_suffices(void **state)
{
	struct rng rng = { 3 };
	unsigned int round;

	memory_init(&m, 16);
	for (round = 0; round < 300; round++) {
		u64 blocks = rng_below(&rng, 1500), ranges = rng_below(&rng, 600), pos = 0, b, z;
		u64 need = blkrepl_ring_need(blocks, ranges);
		unsigned int style = rng_below(&rng, 3);
		struct blkrepl_disk_commit c;
		struct blkrepl_writer w;
		struct blkrepl_point p;

		blkrepl_writer_begin(&w, &m.j, 42, 0, need, memory_alloc, drop, &m);
		for (b = 0, z = 0; b < blocks || z < blocks + ranges;) {
			bool zero = b == blocks || (z < blocks + ranges && rng_chance(&rng, 50));
			struct blkrepl_write r = {
				.block = pos, .nr = 1, .data = zero ? NULL : data,
				.kind = zero ? BLKREPL_KIND_ZEROES : BLKREPL_KIND_DATA,
				.sectors = style == 1 ? 1 : BLKREPL_SECTORS_ALL,
			};

			pos += style == 0 ? 1 : 1 + rng_below(&rng, 2);
			if (zero)
				z++;
			else
				b++;
			assert_int_equal(blkrepl_writer_add(&w, &r), 0);
		}
		assert_int_equal(blkrepl_writer_commit(&w, &c, 0, 0, &p), 0);
		assert_true(p.pos <= need);
	}
}

/* Many laps of random epochs; what a crash leaves of the next one never counts. */
static void laps(void **state)
{
	u64 seed;

	for (seed = 1; seed < 60; seed++) {
		struct rng rng = { seed };
		struct blkrepl_replay rp;
		struct blkrepl_point applied, head;
		struct blkrepl_ring ring;
		struct image now;
		unsigned int i;
		u32 version = 1;

		memory_init(&m, 11 + rng_below(&rng, RING_MAX - 11));
		memset(&now, 0, sizeof(now));
		ring = (struct blkrepl_ring){ .nr_blocks = m.j.nr_blocks };
		applied = m.j.base;
		head = m.j.base;
		for (i = 0; i < 150; i++) {
			u64 n = rng_below(&rng, 9), b = 0, need = blkrepl_ring_need(n, 0);
			bool crash = rng_chance(&rng, 30);
			struct blkrepl_writer w;

			if (blkrepl_ring_reserve(&ring, need) != BLKREPL_ROOM_NOW) {
				check_seed(need <= m.j.nr_blocks, seed);
				check_seed(replay_all(&rp, &applied) == head.epoch, seed);
				check_seed(!memcmp(&now, &m.members, sizeof(now)), seed);
				applied = rp.last;
				check_seed(!blkrepl_ring_applied(&ring, applied.pos), seed);
				check_seed(blkrepl_ring_reserve(&ring, need) == BLKREPL_ROOM_NOW, seed);
			}
			begin(&w, &head, need);
			while (n--) {
				u32 s;

				add(&w, 0, b, version);
				for (s = 0; s < 8 && !crash; s++)
					now.sector[0][b * 8 + s] = version;
				version++;
				b += 1 + rng_below(&rng, 2);
			}
			if (crash) {
				check_seed(!blkrepl_writer_break(&w), seed);
				blkrepl_ring_release(&ring, need);
				replay_from(&rp, &applied);
				while (blkrepl_replay_next(&rp) == 1)
					blkrepl_replay_skip(&rp);
				check_seed(!memcmp(&rp.last, &head, sizeof(head)), seed);
				continue;
			}
			commit(&w, &head);
			check_seed(!blkrepl_ring_committed(&ring, need, head.pos), seed);
		}
		check_seed(replay_all(&rp, &applied) == head.epoch, seed);
		check_seed(!memcmp(&now, &m.members, sizeof(now)), seed);
		check_seed(head.pos > 3 * m.j.nr_blocks, seed);
		/* formatted anew, nothing of it is left */
		m.j.tag++;
		check_seed(replay_all(&rp, &m.j.base) == m.j.base.epoch, seed);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_of_the_journal),
		cmocka_unit_test(applied_mark),
		cmocka_unit_test(room_in_the_ring),
		cmocka_unit_test(three_epochs),
		cmocka_unit_test(every_byte_counts),
		cmocka_unit_test(damage_or_tail),
		cmocka_unit_test(failing_reads),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(last_block),
		cmocka_unit_test(writer_keeps_to_its_room),
		cmocka_unit_test(no_memory_for_descriptors),
		cmocka_unit_test(need_suffices),
		cmocka_unit_test(laps),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
