// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/*
 * target MIB TOUCHES_PER_TURN TURN_MS [restless]: a process for the tests to record. It writes to
 * random pages of shared and private memory; a restless one also maps, unmaps, moves and grows.
 * MIB 0 touches nothing after the start. Prints "ready" when all is mapped.
 */

static unsigned int seed = 12345;

static unsigned int pick(unsigned int below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % below;
}

static void be_restless(void)
{
	static char *maps[16];
	static size_t sizes[16];
	unsigned int i = pick(16);
	size_t size = (1 + pick(700)) * 4096;

	if (!maps[i]) {
		maps[i] = mmap(NULL, size, PROT_READ | PROT_WRITE,
			       (i % 2 ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
		sizes[i] = size;
		memset(maps[i], 1, pick((unsigned int)size));
		return;
	}
	switch (pick(4)) {
	case 0:
		munmap(maps[i], sizes[i]);
		maps[i] = NULL;
		break;
	case 1:
		maps[i] = mremap(maps[i], sizes[i], size, MREMAP_MAYMOVE);
		sizes[i] = size;
		break;
	case 2:
		mprotect(maps[i], 4096, pick(2) ? PROT_READ : PROT_READ | PROT_WRITE);
		break;
	default:
		madvise(maps[i], sizes[i], i % 2 ? MADV_REMOVE : MADV_DONTNEED);
	}
}

int main(int argc, char **argv)
{
	size_t pages = (argc > 1 ? strtoul(argv[1], NULL, 10) : 1) * 256;
	unsigned int touches = argc > 2 ? (unsigned int)atoi(argv[2]) : 10;
	long ms = argc > 3 ? atol(argv[3]) : 10;
	const struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };
	int restless = argc > 4;
	char *shared, *private;

	shared = mmap(NULL, (pages + 1) * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	private = mmap(NULL, (pages + 1) * 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || private == MAP_FAILED)
		return 1;
	madvise(private, (pages + 1) * 4096, MADV_NOHUGEPAGE);
	puts("ready");
	fflush(stdout);
	for (;;) {
		for (unsigned int i = 0; pages && i < touches; i++) {
			shared[(size_t)pick((unsigned int)pages) * 4096] = 1;
			if (pick(4) == 0)
			private[(size_t)pick((unsigned int)pages) * 4096] = 1;
		}
		if (restless)
			be_restless();
		nanosleep(&pause, NULL);
	}
}
