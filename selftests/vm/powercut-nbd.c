// SPDX-License-Identifier: GPL-2.0
/*
 * powercut-nbd [-s SEED] [-m MODE] [-k PERCENT] [-t] SOCKET FILE...
 *
 * Disks that really lose what was not flushed: an NBD server on a unix socket that
 * keeps writes in memory until they are flushed (or written with FUA). Each file is
 * an export, named by its position: 0, 1, ... A client that goes away without saying
 * so (a killed QEMU), or SIGUSR1, cuts the power of all disks at once: the server
 * decides for each unflushed block of 4 KiB what was on its way to the medium, writes
 * that to the files and ends. When the last client disconnects as it should,
 * everything is written.
 *
 *  -m random  each block on its own keeps one of the contents that it had since the
 *             last flush with PERCENT probability, else what it was before (default)
 *  -m order   the writes up to a random one are kept: no reordering
 *  -m lost    nothing that was not flushed is kept
 *  -m kept    everything is kept
 *  -k PERCENT default 50
 *  -t         with random: a kept block may be torn at a boundary of 512 bytes
 *  -s SEED    the same seed and the same writes give the same cut
 */
#define _GNU_SOURCE
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BLOCK			4096u
#define SECTOR			512u
#define MAX_EXPORTS		16
#define MAX_CLIENTS		64
#define MAX_REQUEST		(32u << 20)
#define CACHE_BLOCKS		(512u << 20 >> 12)

#define OPT_MAGIC		0x49484156454F5054ULL
#define REPLY_MAGIC		0x3e889045565a9ULL
#define REQUEST_MAGIC		0x25609513u
#define SIMPLE_REPLY_MAGIC	0x67446698u

enum { FLAG_FIXED_NEWSTYLE = 1, FLAG_NO_ZEROES = 2 };
enum { OPT_EXPORT_NAME = 1, OPT_ABORT = 2, OPT_INFO = 6, OPT_GO = 7 };
enum { REP_ACK = 1, REP_INFO = 3 };
#define REP_ERR_UNSUP		0x80000001u
#define REP_ERR_UNKNOWN		0x80000006u
enum { INFO_EXPORT = 0, INFO_BLOCK_SIZE = 3 };
enum { CMD_READ, CMD_WRITE, CMD_DISC, CMD_FLUSH, CMD_TRIM, CMD_WRITE_ZEROES = 6 };
enum { CMD_FLAG_FUA = 1 };

/* has flags, flush, FUA, trim, write zeroes, several connections are one disk */
#define TRANSMISSION_FLAGS	(1 | 4 | 8 | 32 | 64 | 256)

/* One unflushed content of a block. data == NULL: zeroes. */
struct version {
	struct version *older;
	uint64_t sequence;
	unsigned char *data;
};

struct export {
	int fd;
	uint64_t size;
	struct version **blocks;	/* newest first; NULL: nothing unflushed */
	uint64_t *queue;		/* dirty blocks in the order they became so */
	size_t queue_start, queue_end, queue_space;
	uint64_t versions;
	uint64_t sequence;		/* of the last write */
	uint64_t flushed;		/* the last write before the last flush */
	uint64_t kept, lost, writes, flushes;
};

struct client {
	int fd;
	struct export *export;
};

static struct export exports[MAX_EXPORTS];
static unsigned int n_exports;
static struct client clients[MAX_CLIENTS];
static unsigned int n_clients;
static unsigned char buffer[MAX_REQUEST];

static enum { RANDOM, ORDER, LOST, KEPT } mode = RANDOM;
static unsigned int keep_percent = 50;
static bool tear;

static void *xalloc(void *old, size_t size)
{
	void *p = realloc(old, size);

	if (!p)
		err(1, "memory");
	return p;
}

/* The medium */

static void medium_read(const struct export *e, uint64_t block, unsigned char *data)
{
	ssize_t n = pread(e->fd, data, BLOCK, block * BLOCK);

	if (n < 0)
		err(1, "pread");
	memset(data + n, 0, BLOCK - n);
}

static void medium_write(const struct export *e, uint64_t block, const unsigned char *data,
			 size_t len)
{
	static const unsigned char zeroes[BLOCK];
	uint64_t left = e->size - block * BLOCK;

	if (len > left)
		len = left;
	if (pwrite(e->fd, data ? data : zeroes, len, block * BLOCK) != (ssize_t)len)
		err(1, "pwrite");
}

/* The volatile cache */

static void block_read(const struct export *e, uint64_t block, unsigned char *data)
{
	const struct version *v = e->blocks[block];

	if (!v)
		medium_read(e, block, data);
	else if (v->data)
		memcpy(data, v->data, BLOCK);
	else
		memset(data, 0, BLOCK);
}

static void block_forget(struct export *e, uint64_t block)
{
	struct version *v = e->blocks[block];

	while (v) {
		struct version *older = v->older;

		free(v->data);
		free(v);
		e->versions--;
		v = older;
	}
	e->blocks[block] = NULL;
}

static void block_write_back(struct export *e, uint64_t block)
{
	if (!e->blocks[block])
		return;
	medium_write(e, block, e->blocks[block]->data, BLOCK);
	block_forget(e, block);
}

static void queue_push(struct export *e, uint64_t block)
{
	if (e->queue_end == e->queue_space) {
		size_t used = e->queue_end - e->queue_start;

		memmove(e->queue, e->queue + e->queue_start, used * sizeof(*e->queue));
		e->queue_start = 0;
		e->queue_end = used;
		if (used > e->queue_space / 2) {
			e->queue_space *= 2;
			e->queue = xalloc(e->queue, e->queue_space * sizeof(*e->queue));
		}
	}
	e->queue[e->queue_end++] = block;
}

/* A full cache writes back its oldest blocks, as a disk's does. */
static void cache_shrink(struct export *e)
{
	while (e->versions > CACHE_BLOCKS)
		block_write_back(e, e->queue[e->queue_start++]);
}

static void cache_flush(struct export *e)
{
	while (e->queue_start < e->queue_end)
		block_write_back(e, e->queue[e->queue_start++]);
	e->flushed = e->sequence;
}

/* data == NULL: zeroes */
static void cache_store(struct export *e, uint64_t pos, const unsigned char *data, uint32_t len)
{
	e->sequence++;
	while (len) {
		uint64_t block = pos / BLOCK;
		uint32_t offset = pos % BLOCK;
		uint32_t n = BLOCK - offset < len ? BLOCK - offset : len;
		struct version *v = xalloc(NULL, sizeof(*v));

		v->sequence = e->sequence;
		v->older = e->blocks[block];
		v->data = NULL;
		if (data || n < BLOCK) {
			v->data = xalloc(NULL, BLOCK);
			block_read(e, block, v->data);
			if (data)
				memcpy(v->data + offset, data, n);
			else
				memset(v->data + offset, 0, n);
		}
		if (!e->blocks[block])
			queue_push(e, block);
		e->blocks[block] = v;
		e->versions++;
		pos += n;
		len -= n;
		if (data)
			data += n;
	}
	cache_shrink(e);
}

static void cache_write_through(struct export *e, uint64_t pos, uint32_t len)
{
	for (uint64_t block = pos / BLOCK; block * BLOCK < pos + len; block++)
		block_write_back(e, block);
}

/* The power cut */

/* What the medium has got of a block when only writes up to "last" count. */
static const struct version *survivor(const struct version *v, uint64_t last)
{
	switch (mode) {
	case LOST:
		return NULL;
	case KEPT:
		return v;
	case ORDER:
		while (v && v->sequence > last)
			v = v->older;
		return v;
	case RANDOM:
		break;
	}
	if (random() % 100 >= keep_percent)
		return NULL;
	while (v->older && random() % 4 == 0)
		v = v->older;
	return v;
}

static void export_cut(struct export *e)
{
	uint64_t unflushed = e->sequence - e->flushed;
	uint64_t last = e->flushed + (unflushed ? random() % (unflushed + 1) : 0);

	while (e->queue_start < e->queue_end) {
		uint64_t block = e->queue[e->queue_start++];
		const struct version *v = e->blocks[block];
		size_t len = BLOCK;

		if (!v)
			continue;
		v = survivor(v, last);
		if (v) {
			if (tear && random() % 4 == 0)
				len = SECTOR * (1 + random() % (BLOCK / SECTOR));
			medium_write(e, block, v->data, len);
			e->kept++;
		} else {
			e->lost++;
		}
		block_forget(e, block);
	}
}

static void finish(bool cut)
{
	for (unsigned int i = 0; i < n_exports; i++) {
		struct export *e = &exports[i];

		if (cut)
			export_cut(e);
		else
			cache_flush(e);
		if (fsync(e->fd))
			err(1, "fsync");
		printf("disk %u: %s: %ju writes, %ju flushes; unflushed blocks kept %ju, lost %ju\n",
		       i, cut ? "power cut" : "disconnected", (uintmax_t)e->writes,
		       (uintmax_t)e->flushes, (uintmax_t)e->kept, (uintmax_t)e->lost);
	}
	exit(0);
}

/* The wire. A client that vanishes is a power cut, wherever it happens. */

static void receive(int fd, void *data, size_t len)
{
	unsigned char *p = data;

	while (len) {
		ssize_t n = read(fd, p, len);

		if (n <= 0)
			finish(true);
		p += n;
		len -= n;
	}
}

static void transmit(int fd, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n <= 0)
			finish(true);
		p += n;
		len -= n;
	}
}

static void option_reply(int fd, uint32_t option, uint32_t type, const void *data, uint32_t len)
{
	struct {
		uint64_t magic;
		uint32_t option, type, length;
	} __attribute__((packed)) reply = {
		htobe64(REPLY_MAGIC), htobe32(option), htobe32(type), htobe32(len),
	};

	transmit(fd, &reply, sizeof(reply));
	transmit(fd, data, len);
}

static struct export *export_find(const unsigned char *name, uint32_t len)
{
	unsigned long index = 0;

	for (uint32_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9' || index >= MAX_EXPORTS)
			return NULL;
		index = index * 10 + name[i] - '0';
	}
	return index < n_exports ? &exports[index] : NULL;
}

static void reply_info(int fd, uint32_t option, const struct export *e)
{
	struct {
		uint16_t type;
		uint64_t size;
		uint16_t flags;
	} __attribute__((packed)) info = {
		htobe16(INFO_EXPORT), htobe64(e->size), htobe16(TRANSMISSION_FLAGS),
	};
	struct {
		uint16_t type;
		uint32_t minimum, preferred, maximum;
	} __attribute__((packed)) sizes = {
		htobe16(INFO_BLOCK_SIZE), htobe32(SECTOR), htobe32(BLOCK), htobe32(MAX_REQUEST),
	};

	option_reply(fd, option, REP_INFO, &info, sizeof(info));
	option_reply(fd, option, REP_INFO, &sizes, sizeof(sizes));
	option_reply(fd, option, REP_ACK, NULL, 0);
}

/* The export that the client has chosen; NULL when it has had enough. */
static struct export *negotiate(int fd)
{
	struct {
		char magic[8];
		uint64_t option_magic;
		uint16_t flags;
	} __attribute__((packed)) hello = {
		{ 'N', 'B', 'D', 'M', 'A', 'G', 'I', 'C' }, htobe64(OPT_MAGIC),
		htobe16(FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES),
	};
	uint32_t client_flags;

	transmit(fd, &hello, sizeof(hello));
	receive(fd, &client_flags, sizeof(client_flags));
	for (;;) {
		struct {
			uint64_t magic;
			uint32_t option, length;
		} __attribute__((packed)) head;
		uint32_t option, length, name_length;
		struct export *e;

		receive(fd, &head, sizeof(head));
		option = be32toh(head.option);
		length = be32toh(head.length);
		if (be64toh(head.magic) != OPT_MAGIC || length > sizeof(buffer))
			errx(1, "not an NBD client");
		receive(fd, buffer, length);
		switch (option) {
		case OPT_EXPORT_NAME: {
			struct {
				uint64_t size;
				uint16_t flags;
				char zeroes[124];
			} __attribute__((packed)) reply = { .flags = htobe16(TRANSMISSION_FLAGS) };

			e = export_find(buffer, length);
			if (!e)
				return NULL;
			reply.size = htobe64(e->size);
			transmit(fd, &reply, be32toh(client_flags) & FLAG_NO_ZEROES ?
				 sizeof(reply) - sizeof(reply.zeroes) : sizeof(reply));
			return e;
		}
		case OPT_INFO:
		case OPT_GO:
			memcpy(&name_length, buffer, sizeof(name_length));
			name_length = be32toh(name_length);
			e = length >= 6 && name_length <= length - 6 ?
				export_find(buffer + 4, name_length) : NULL;
			if (!e) {
				option_reply(fd, option, REP_ERR_UNKNOWN, NULL, 0);
				break;
			}
			reply_info(fd, option, e);
			if (option == OPT_GO)
				return e;
			break;
		case OPT_ABORT:
			option_reply(fd, option, REP_ACK, NULL, 0);
			return NULL;
		default:
			option_reply(fd, option, REP_ERR_UNSUP, NULL, 0);
		}
	}
}

static void read_range(const struct export *e, uint64_t pos, uint32_t len)
{
	unsigned char block[BLOCK];

	for (uint32_t done = 0; done < len;) {
		uint32_t offset = (pos + done) % BLOCK;
		uint32_t n = BLOCK - offset < len - done ? BLOCK - offset : len - done;

		block_read(e, (pos + done) / BLOCK, block);
		memcpy(buffer + done, block + offset, n);
		done += n;
	}
}

/* Serves one request; false: the client has said goodbye. */
static bool serve(const struct client *client)
{
	struct {
		uint32_t magic;
		uint16_t flags, type;
		uint64_t cookie, offset;
		uint32_t length;
	} __attribute__((packed)) request;
	struct {
		uint32_t magic, error;
		uint64_t cookie;
	} __attribute__((packed)) reply = { .magic = htobe32(SIMPLE_REPLY_MAGIC) };
	struct export *e = client->export;
	uint64_t pos;
	uint32_t len;
	int type, error = 0;
	bool fua;

	receive(client->fd, &request, sizeof(request));
	if (be32toh(request.magic) != REQUEST_MAGIC)
		errx(1, "not an NBD request");
	type = be16toh(request.type);
	fua = be16toh(request.flags) & CMD_FLAG_FUA;
	pos = be64toh(request.offset);
	len = be32toh(request.length);
	if (type == CMD_DISC)
		return false;
	if ((type == CMD_READ || type == CMD_WRITE) && len > sizeof(buffer))
		errx(1, "request of %u bytes", len);
	if (type == CMD_WRITE)
		receive(client->fd, buffer, len);

	if (pos > e->size || len > e->size - pos) {
		error = EINVAL;
	} else {
		switch (type) {
		case CMD_READ:
			read_range(e, pos, len);
			break;
		case CMD_WRITE:
		case CMD_WRITE_ZEROES:
			cache_store(e, pos, type == CMD_WRITE ? buffer : NULL, len);
			if (fua)
				cache_write_through(e, pos, len);
			e->writes++;
			break;
		case CMD_FLUSH:
			cache_flush(e);
			e->flushes++;
			break;
		case CMD_TRIM:
			break;
		default:
			error = EINVAL;
		}
	}
	reply.error = htobe32(error);
	reply.cookie = request.cookie;
	transmit(client->fd, &reply, sizeof(reply));
	if (type == CMD_READ && !error)
		transmit(client->fd, buffer, len);
	return true;
}

static void client_add(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct export *e;

	if (fd < 0)
		err(1, "accept");
	e = n_clients < MAX_CLIENTS ? negotiate(fd) : NULL;
	if (!e) {
		close(fd);
		return;
	}
	clients[n_clients++] = (struct client){ fd, e };
}

static void client_remove(unsigned int i)
{
	close(clients[i].fd);
	clients[i] = clients[--n_clients];
	if (!n_clients)
		finish(false);
}

static void export_add(const char *file)
{
	struct export *e = &exports[n_exports++];
	off_t size;

	e->fd = open(file, O_RDWR | O_CLOEXEC);
	if (e->fd < 0)
		err(1, "%s", file);
	size = lseek(e->fd, 0, SEEK_END);
	if (size < 0)
		err(1, "%s", file);
	e->size = size;
	e->blocks = calloc(size / BLOCK + 1, sizeof(*e->blocks));
	if (!e->blocks)
		err(1, "memory");
	e->queue_space = 1024;
	e->queue = xalloc(NULL, e->queue_space * sizeof(*e->queue));
}

static int listen_on(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		errx(1, "%s: too long", path);
	strcpy(address.sun_path, path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, MAX_CLIENTS))
		err(1, "%s", path);
	return fd;
}

static int cut_signal(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (fd < 0)
		err(1, "signalfd");
	return fd;
}

static void parse_options(int argc, char **argv)
{
	static const char * const modes[] = { "random", "order", "lost", "kept" };
	unsigned int i;
	int c;

	while ((c = getopt(argc, argv, "s:m:k:t")) != -1) {
		switch (c) {
		case 's':
			srandom(strtoul(optarg, NULL, 0));
			break;
		case 'm':
			for (i = 0; i < 4 && strcmp(optarg, modes[i]); i++)
				;
			if (i == 4)
				errx(2, "unknown mode %s", optarg);
			mode = i;
			break;
		case 'k':
			keep_percent = strtoul(optarg, NULL, 0);
			break;
		case 't':
			tear = true;
			break;
		default:
			exit(2);
		}
	}
	if (argc - optind < 2 || argc - optind - 1 > MAX_EXPORTS)
		errx(2, "usage: powercut-nbd [-s SEED] [-m MODE] [-k PERCENT] [-t] SOCKET FILE...");
}

int main(int argc, char **argv)
{
	struct pollfd fds[2 + MAX_CLIENTS];

	parse_options(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	for (int i = optind + 1; i < argc; i++)
		export_add(argv[i]);
	fds[0] = (struct pollfd){ .fd = cut_signal(), .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = listen_on(argv[optind]), .events = POLLIN };

	for (;;) {
		unsigned int n = n_clients;

		for (unsigned int i = 0; i < n; i++)
			fds[2 + i] = (struct pollfd){ .fd = clients[i].fd, .events = POLLIN };
		if (poll(fds, 2 + n, -1) < 0)
			err(1, "poll");
		if (fds[0].revents)
			finish(true);
		if (fds[1].revents)
			client_add(fds[1].fd);
		/* backwards: a removed client's place is taken by the last one */
		for (unsigned int i = n; i-- > 0;) {
			if (fds[2 + i].revents && !serve(&clients[i]))
				client_remove(i);
		}
	}
}
