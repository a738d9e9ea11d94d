// SPDX-License-Identifier: GPL-2.0
/* The module: what all groups share. */
#include <linux/module.h>
#include <linux/slab.h>

#include "blkrepl.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

struct workqueue_struct *blkrepl_meta_wq;
struct workqueue_struct *blkrepl_state_wq;
struct workqueue_struct *blkrepl_io_wq;
struct workqueue_struct *blkrepl_copy_wq;
struct workqueue_struct *blkrepl_conf_wq;
struct workqueue_struct *blkrepl_target_wq;
struct workqueue_struct *blkrepl_zero_wq;
struct workqueue_struct *blkrepl_async_wq;
struct kmem_cache *blkrepl_io_cache;
struct kmem_cache *blkrepl_vec_cache;
/*
 * A number and a name of our own: LVM leaves alone what it does not know by
 * name, so no scan opens a replica device or takes its content for a second
 * copy of the volume below.
 */
int blkrepl_major;

unsigned int blkrepl_sweep_ms = 5000;
module_param_named(sweep_ms, blkrepl_sweep_ms, uint, 0644);
MODULE_PARM_DESC(sweep_ms, "period of the write-intent sweeper; an extent is cleared when two periods saw no write");

/*
 * Each of these may wait for another: a commit never waits for a copy, and
 * neither for a stale mark. What a dead target may block has its own.
 */
static const struct {
	struct workqueue_struct **wq;
	const char *name;
} queues[] = {
	{ &blkrepl_meta_wq,	"blkrepl_meta" },
	{ &blkrepl_state_wq,	"blkrepl_state" },
	{ &blkrepl_io_wq,	"blkrepl_io" },
	{ &blkrepl_copy_wq,	"blkrepl_copy" },
	{ &blkrepl_conf_wq,	"blkrepl_conf" },
	{ &blkrepl_target_wq,	"blkrepl_target" },
	{ &blkrepl_zero_wq,	"blkrepl_zero" },
	{ &blkrepl_async_wq,	"blkrepl_async" },
};

static void destroy_queues(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(queues); i++)
		if (*queues[i].wq)
			destroy_workqueue(*queues[i].wq);
}

static int __init create_queues(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(queues); i++) {
		*queues[i].wq = alloc_workqueue("%s", WQ_UNBOUND | WQ_MEM_RECLAIM, 0,
						queues[i].name);
		if (!*queues[i].wq)
			return -ENOMEM;
	}
	return 0;
}

static int __init blkrepl_init(void)
{
	int r = -ENOMEM;

	blkrepl_io_cache = kmem_cache_create("blkrepl_io", sizeof(struct blkrepl_io), 0,
					     SLAB_HWCACHE_ALIGN, NULL);
	blkrepl_vec_cache = kmem_cache_create("blkrepl_vec", sizeof(struct bio_vec) *
					      BLKREPL_IO_VECS, 0, 0, NULL);
	if (!blkrepl_io_cache || !blkrepl_vec_cache)
		goto err;
	r = create_queues();
	if (r)
		goto err;
	blkrepl_major = register_blkdev(0, "blkrepl");
	if (blkrepl_major < 0) {
		r = blkrepl_major;
		goto err;
	}
	blkrepl_debugfs_init();
	r = blkrepl_netlink_init();
	if (r)
		goto err_debugfs;
	return 0;

err_debugfs:
	blkrepl_debugfs_exit();
	unregister_blkdev(blkrepl_major, "blkrepl");
err:
	destroy_queues();
	kmem_cache_destroy(blkrepl_vec_cache);
	kmem_cache_destroy(blkrepl_io_cache);
	return r;
}

/* Every group holds a reference of the module: there are none. */
static void __exit blkrepl_exit(void)
{
	blkrepl_netlink_exit();
	blkrepl_debugfs_exit();
	unregister_blkdev(blkrepl_major, "blkrepl");
	/* Works first: they may hand out what the grace period frees. */
	destroy_queues();
	rcu_barrier();
	kmem_cache_destroy(blkrepl_vec_cache);
	kmem_cache_destroy(blkrepl_io_cache);
}

module_init(blkrepl_init);
module_exit(blkrepl_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Replication groups of block volumes");
MODULE_VERSION("0.1.0");
MODULE_ALIAS("net-pf-16-proto-16-family-" BLKREPL_FAMILY_NAME);
