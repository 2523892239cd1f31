// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "kernel/smaps.h"

/* Laid out as Linux 6.18 prints it; the second name is as long as a path can be. */
static const char first[] = "55d0c8a00000-55d0c8a08000 r-xp 00001000 08:01 1234    /usr/bin/a: b\n"
			    "Size:                 32 kB\n"
			    "KernelPageSize:        4 kB\n"
			    "Rss:                  28 kB\n"
			    "Pss:                   8 kB\n"
			    "Anonymous:             4 kB\n"
			    "Swap:                 12 kB\n"
			    "SwapPss:               0 kB\n"
			    "THPeligible:           0\n"
			    "ProtectionKey:         0\n"
			    "VmFlags: rd ex mr mw me sd \n";
static const char second[] = "7ffd0a2e0000-7ffd0a301000 rw-p 00000000 00:00 0 %s\n"
			     "Rss:                   0 kB\n"
			     "Swap:         8589934592 kB\n";

static char *make_text(void)
{
	char name[4097];
	char *text = malloc(sizeof(first) + sizeof(second) + sizeof(name));

	memset(name, ':', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memcpy(text, first, sizeof(first));
	sprintf(text + strlen(text), second, name);
	return text;
}

static int collect(void *context, const struct smaps_entry *entry)
{
	struct smaps_list *list = context;

	assert_true(list->count < list->room);
	list->entries[list->count++] = *entry;
	return 0;
}

static void check(const struct smaps_list *list)
{
	assert_int_equal(list->count, 2);
	assert_int_equal(list->entries[0].start, 0x55d0c8a00000);
	assert_int_equal(list->entries[0].end, 0x55d0c8a08000);
	assert_int_equal(list->entries[0].sums.pages[VERIFY_RSS], 7);
	assert_int_equal(list->entries[0].sums.pages[VERIFY_ANONYMOUS], 1);
	assert_int_equal(list->entries[0].sums.pages[VERIFY_SWAP], 3);
	assert_int_equal(list->entries[1].end, 0x7ffd0a301000);
	assert_int_equal(list->entries[1].sums.pages[VERIFY_SWAP], 2147483648);
	assert_ptr_equal(smaps_list_find(list, 0x7ffd0a2e0000, 0x7ffd0a301000), &list->entries[1]);
	assert_null(smaps_list_find(list, 0x7ffd0a2e0000, 0x7ffd0a300000));
	assert_null(smaps_list_find(list, 0x1000, 0x2000));
}

/* However the text is cut into pieces, the entries are the same. */
static void test_pieces(void **state)
{
	static const size_t sizes[] = { 1, 2, 3, 7, 64, 191, 192, 193, 4096, 100000 };
	char *text = make_text();
	size_t length = strlen(text);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct smaps_entry room[4];
		struct smaps_list list = { .room = 4, .entries = room };
		struct smaps_parser *parser = smaps_parser_new(collect, &list);

		for (size_t at = 0; at < length; at += sizes[i]) {
			size_t n = length - at < sizes[i] ? length - at : sizes[i];

			assert_int_equal(smaps_parser_feed(parser, text + at, n), 0);
		}
		assert_int_equal(smaps_parser_end(parser), 0);
		check(&list);
		smaps_parser_free(parser);
	}
	free(text);
}

static void test_refused(void **state)
{
	static const char *const texts[] = {
		"Rss: 4 kB\n", /* no header yet */
		"\n",
		"1000-1000 r--p\n", /* empty */
		"2000-1000 r--p\n",
		"10000000000000000-20000000000000000 r--p\n", /* 65 bits */
		"-1000 r--p\n",
		"1000- r--p\n",
		"1000-20g0 r--p\n",
		"1000-2000 r--p 0 0:0 0\nSwap: kB\n",
		"1000-2000 r--p 0 0:0 0\nSwap: 4 MB\n",
		"1000-2000 r--p 0 0:0 0\nSwap: 99999999999999999999 kB\n",
		"1000-2000 r--p 0 0:0 0\nSwap: 4", /* cut */
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct smaps_entry room[4];
		struct smaps_list list = { .room = 4, .entries = room };
		struct smaps_parser *parser = smaps_parser_new(collect, &list);
		int result = smaps_parser_feed(parser, texts[i], strlen(texts[i]));

		if (!result)
			result = smaps_parser_end(parser);
		assert_int_equal(result, -EPROTO);
		smaps_parser_free(parser);
	}
}

static int refuse(void *context, const struct smaps_entry *entry)
{
	return -ECANCELED;
}

static void test_callback_ends(void **state)
{
	struct smaps_parser *parser = smaps_parser_new(refuse, NULL);

	assert_int_equal(smaps_parser_feed(parser, first, strlen(first)), 0);
	assert_int_equal(smaps_parser_end(parser), -ECANCELED);
	smaps_parser_free(parser);
}

/* Against the kernel: eight pages of this very process. */
static void test_self(void **state)
{
	int fd = open("/proc/self", O_DIRECTORY | O_CLOEXEC);
	size_t length = 8 * 4096;
	char *area = mmap(NULL, length + 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	struct smaps_list list;
	const struct smaps_entry *entry;

	/* Other rights on both sides keep the kernel from merging it with a neighbour. */
	mprotect(area, 4096, PROT_NONE);
	mprotect(area + 4096 + length, 4096, PROT_NONE);
	area += 4096;
	area[0] = area[4096] = 1;
	assert_int_equal(smaps_read(fd, &list), 0);
	entry = smaps_list_find(&list, (uintptr_t)area, (uintptr_t)area + length);
	assert_non_null(entry);
	assert_in_range(entry->sums.pages[VERIFY_RSS] + entry->sums.pages[VERIFY_SWAP], 2, 8);
	smaps_list_free(&list);
	munmap(area - 4096, length + 8192);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_callback_ends),
		cmocka_unit_test(test_self),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
