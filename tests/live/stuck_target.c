// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stuck_target DIR COUNT: COUNT processes that hold their memory lock until standard input ends,
 * each with a name of its own. In a mount namespace of its own it serves a file by FUSE that fails
 * once and then never answers: a second fault on the same page waits with the lock held
 * (filemap_fault() gives it up only for the first try), and an mmap() behind it wants to write.
 * When this process ends, so does the connection, and with it all of them. 77: no FUSE here.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Any of the faults that waits with the lock held is enough: not each comes to that. */
#define PAGES	  8
#define FILE_SIZE (PAGES * 4096)
#define FAULTS	  2048
#define SKIPPED	  77

static void answer(int fuse, const struct fuse_in_header *in, int error, const void *data,
		   size_t size)
{
	char out[sizeof(struct fuse_out_header) + 256] = { 0 };
	struct fuse_out_header header = { (uint32_t)(sizeof(header) + size), error, in->unique };

	memcpy(out, &header, sizeof(header));
	if (size)
		memcpy(out + sizeof(header), data, size);
	(void)!write(fuse, out, header.len);
}

static struct fuse_attr attributes(uint64_t node)
{
	struct fuse_attr a = { .ino = node, .nlink = 1, .blksize = 4096 };

	a.mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644;
	a.size = node == FUSE_ROOT_ID ? 0 : FILE_SIZE;
	return a;
}

/* Every name is a file of its own, so that each process gets its one error. */
static void serve_one(int fuse, const struct fuse_in_header *in, bool *failed)
{
	static uint64_t nodes = FUSE_ROOT_ID;
	struct fuse_init_out init = { .major = 7, .minor = 31, .max_write = 4096 };
	struct fuse_entry_out entry = { .nodeid = nodes + 1 };
	struct fuse_attr_out attr = { .attr = attributes(in->nodeid) };
	struct fuse_open_out open = { 0 };
	const struct fuse_read_in *read = (const void *)(in + 1);
	uint64_t page;

	switch (in->opcode) {
	case FUSE_INIT:
		answer(fuse, in, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		entry.attr = attributes(++nodes);
		answer(fuse, in, 0, &entry, sizeof(entry));
		break;
	case FUSE_GETATTR:
		answer(fuse, in, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
		answer(fuse, in, 0, &open, sizeof(open));
		break;
	case FUSE_READ:
		page = (in->nodeid * PAGES + read->offset / 4096) % FAULTS;
		if (!failed[page])
			answer(fuse, in, -EIO, NULL, 0);
		failed[page] = true;
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		answer(fuse, in, -ENOSYS, NULL, 0);
	}
}

static void *serve(void *context)
{
	static char request[1 << 17] __attribute__((aligned(8)));
	bool failed[FAULTS] = { false };
	int fuse = *(int *)context;
	ssize_t n;

	while ((n = read(fuse, request, sizeof(request))) > 0 || errno == EINTR || errno == ENOENT)
		if (n > 0)
			serve_one(fuse, (struct fuse_in_header *)(void *)request, failed);
	return NULL;
}

static void *touch(void *page)
{
	return (void *)(intptr_t) * (volatile char *)page;
}

/* Whenever the fault has come so far: the next mmap() waits for it, and all others for that. */
static void *map_others(void *unused)
{
	for (;; usleep(10000))
		munmap(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096);
	return NULL;
}

static void be_stuck(const char *directory, int number, int fuse)
{
	pthread_t thread;
	char path[512], name[32];
	void *page, *shared;
	int fd;

	close(fuse); /* so that the end of the server, also by SIGKILL, is that of the connection */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(name, sizeof(name), "stuck-%d", number);
	prctl(PR_SET_NAME, name);
	snprintf(path, sizeof(path), "%s/%d", directory, number);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	page = mmap(NULL, FILE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	shared = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || page == MAP_FAILED || shared == MAP_FAILED)
		_exit(1);
	memset(shared, 1, 1 << 20);
	madvise(page, FILE_SIZE, MADV_RANDOM);
	for (int i = 0; i < PAGES; i++)
		pthread_create(&thread, NULL, touch, (char *)page + i * 4096L);
	pthread_create(&thread, NULL, map_others, NULL);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC), count = argc > 2 ? atoi(argv[2]) : 0;
	char options[128];
	pthread_t server;

	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
	if (fuse < 0 || !count || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("stuck", argv[1], "fuse.stuck", MS_NOSUID | MS_NODEV, options) < 0)
		return SKIPPED;
	pthread_create(&server, NULL, serve, &fuse);
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (!pid)
			be_stuck(argv[1], i, fuse);
		printf("%d\n", (int)pid);
	}
	fflush(stdout);
	(void)!getchar();
	umount2(argv[1], MNT_FORCE);
	umount2(argv[1], MNT_DETACH);
	return 0;
}
