// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: blkrepl/groups shows every group with its requests in flight;
 * blkrepl/fault sets the fault points of the tests.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "blkrepl.h"

static struct dentry *dir;

static const char *const fault_names[BLKREPL_NR_FAULTS] = {
	[BLKREPL_FAULT_LOG_WRITE]	= "log-write",
	[BLKREPL_FAULT_LOG_STOP]	= "log-stop",
	[BLKREPL_FAULT_SOURCE_READ]	= "source-read",
	[BLKREPL_FAULT_NO_PAGES]	= "no-pages",
	[BLKREPL_FAULT_NO_CHUNK]	= "no-chunk",
	[BLKREPL_FAULT_NO_PROBE]	= "no-probe",
	[BLKREPL_FAULT_NO_APPLY]	= "no-apply",
	[BLKREPL_FAULT_STOP]		= "stop",
};

static atomic_t faults[BLKREPL_NR_FAULTS];

/**
 * blkrepl_fault - whether a fault is to be made here
 * @point: where
 *
 * Context: any.
 */
bool blkrepl_fault(enum blkrepl_fault_point point)
{
	if (likely(!atomic_read(&faults[point])))
		return false;
	return atomic_dec_if_positive(&faults[point]) >= 0;
}

/**
 * blkrepl_fault_step - a step of an operation is durable
 *
 * With "stop N" the Nth of them is the last: whoever comes there stays, and the
 * test that waits for the message cuts the power.
 *
 * Context: may sleep.
 */
void blkrepl_fault_step(void)
{
	atomic_t *n = &faults[BLKREPL_FAULT_STOP];

	if (likely(!atomic_read(n)) || !atomic_dec_and_test(n))
		return;
	pr_emerg("blkrepl: stopped after a step\n");
	for (;;)
		msleep(MSEC_PER_SEC);
}

/**
 * blkrepl_fault_from - whether a fault is to be made here, and from now on
 * @point: where
 *
 * Context: any.
 */
bool blkrepl_fault_from(enum blkrepl_fault_point point)
{
	int n = atomic_read(&faults[point]);

	while (unlikely(n > 1))
		if (atomic_try_cmpxchg(&faults[point], &n, n - 1))
			return false;
	return n;
}

static const char *const kinds[] = {
	[BLKREPL_IO_READ] = "read", [BLKREPL_IO_WRITE] = "write", [BLKREPL_IO_FLUSH] = "flush",
	[BLKREPL_IO_COPY] = "copy", [BLKREPL_IO_REPAIR] = "repair",
};

static const char *const tgt_states[] = {
	[BLKREPL_TGT_NONE] = "none", [BLKREPL_TGT_PENDING] = "pending",
	[BLKREPL_TGT_DONE] = "done", [BLKREPL_TGT_ABANDONED] = "abandoned",
};

static void show_vol(struct seq_file *m, struct blkrepl_vol *vol)
{
	unsigned int i;

	seq_printf(m, "  member %u %s blkrepl%d %s sectors=%llu hot=%d repairs=%lld errors=%lld\n",
		   vol->index, vol->name, vol->minor, vol->path, (u64)vol->sectors,
		   atomic_read(&vol->intent.hot), (s64)atomic64_read(&vol->repairs),
		   (s64)atomic64_read(&vol->source_errors));
	for (i = 0; i < BLKREPL_SHARDS; i++) {
		struct blkrepl_shard *shard = &vol->shard[i];
		struct rb_node *rb;

		spin_lock_irq(&shard->lock);
		for (rb = rb_first_cached(&shard->tree); rb; rb = rb_next(rb)) {
			struct blkrepl_io *io = rb_entry(rb, struct blkrepl_io, node.rb);
			int tgt = atomic_read(&io->tgt_state);

			seq_printf(m, "    %s %lu+%lu pending=%d target=%s", kinds[io->kind],
				   io->node.start, io->node.last - io->node.start + 1,
				   atomic_read(&io->pending), tgt_states[tgt]);
			if (tgt != BLKREPL_TGT_NONE)
				seq_printf(m, " age=%ums",
					   jiffies_to_msecs(jiffies - io->tgt_jiffies));
			seq_putc(m, '\n');
		}
		spin_unlock_irq(&shard->lock);
	}
}

static void show_link(struct seq_file *m, struct blkrepl_link *link)
{
	struct blkrepl_conn *conn;

	seq_printf(m, "  relationship %s %s revision=%llu flags=%#x dirty=%llu stale-durable=%d copying=%d generations=%016llx,%016llx\n",
		   link->name, blkrepl_copy_state_name(link->state), link->revision, link->flags,
		   blkrepl_link_dirty_blocks(link), link->stale_durable, link->copy_running,
		   link->gens.latest, link->gens.base);
	blkrepl_capture_show(m, link);
	rcu_read_lock();
	conn = rcu_dereference(link->conn);
	if (conn)
		seq_printf(m, "    target connected dying=%d idle=%d orphans=%d\n",
			   percpu_ref_is_dying(&conn->ref),
			   !!(atomic_read(&conn->state) & BLKREPL_CONN_IDLE),
			   atomic_read(&conn->orphans));
	rcu_read_unlock();
}

static int groups_show(struct seq_file *m, void *unused)
{
	struct blkrepl_group *g;
	unsigned int i;

	mutex_lock(&blkrepl_groups_lock);
	list_for_each_entry(g, &blkrepl_groups, node) {
		struct blkrepl_link *link;
		struct blkrepl_vol *vol;

		seq_printf(m, "group %s %pUb up=%d opens=%u holding=%d commits=%lld\n", g->name,
			   g->uuid, g->up, g->opens, g->holding, (s64)atomic64_read(&g->commits));
		if (!READ_ONCE(g->up) || READ_ONCE(g->dying))
			continue;
		for (i = 0; (vol = blkrepl_vol_get(g, i)); i++) {
			show_vol(m, vol);
			blkrepl_vol_put(vol);
		}
		link = blkrepl_link_get(g);
		if (link) {
			show_link(m, link);
			blkrepl_link_put(link);
		}
	}
	mutex_unlock(&blkrepl_groups_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(groups);

static int fault_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	for (i = 0; i < BLKREPL_NR_FAULTS; i++)
		seq_printf(m, "%s %d\n", fault_names[i], atomic_read(&faults[i]));
	return 0;
}

static int fault_open(struct inode *inode, struct file *file)
{
	return single_open(file, fault_show, NULL);
}

/* "NAME COUNT": the next COUNT times; for log-stop all but the next COUNT - 1 */
static ssize_t fault_write(struct file *file, const char __user *ubuf, size_t len, loff_t *pos)
{
	char buf[40], name[24];
	unsigned int i, n;

	if (len >= sizeof(buf))
		return -EINVAL;
	if (copy_from_user(buf, ubuf, len))
		return -EFAULT;
	buf[len] = 0;
	if (sscanf(buf, "%23s %u", name, &n) != 2 || n > INT_MAX)
		return -EINVAL;
	for (i = 0; i < BLKREPL_NR_FAULTS; i++)
		if (!strcmp(name, fault_names[i])) {
			atomic_set(&faults[i], n);
			return len;
		}
	return -EINVAL;
}

static const struct file_operations fault_fops = {
	.owner		= THIS_MODULE,
	.open		= fault_open,
	.read		= seq_read,
	.write		= fault_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

/**
 * blkrepl_debugfs_init - make the files; it does not matter if that fails
 *
 * Context: may sleep.
 */
void blkrepl_debugfs_init(void)
{
	dir = debugfs_create_dir("blkrepl", NULL);
	debugfs_create_file("groups", 0400, dir, NULL, &groups_fops);
	debugfs_create_file("fault", 0600, dir, NULL, &fault_fops);
}

/**
 * blkrepl_debugfs_exit - remove them
 *
 * Context: may sleep.
 */
void blkrepl_debugfs_exit(void)
{
	debugfs_remove(dir);
}
