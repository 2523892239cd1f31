// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <linux/btf.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "kernel/pagemap.h"
#include "kernel/swap_limit.h"
#include "model/classify.h"

/* BTF as pahole writes it, with the type that matters between others. */
struct btf {
	struct btf_header header;
	struct btf_type number;
	uint32_t number_bits;
	struct btf_type info;
	struct btf_member member;
	struct btf_type pointer, orders;
	struct btf_array orders_of;
	struct btf_type areas;
	struct btf_array areas_of;
	char strings[32];
} __attribute__((packed));

#define INFO(kind, count) ((uint32_t)(kind) << 24 | (count))

static struct btf make(uint32_t areas)
{
	struct btf b = {
		.header = { .magic = BTF_MAGIC, .version = 1, .hdr_len = sizeof(b.header) },
		.number = { 0, INFO(BTF_KIND_INT, 0), { 4 } }, /* 1 */
		.number_bits = 32,
		.info = { 1, INFO(BTF_KIND_STRUCT, 1), { 4 } }, /* 2 */
		.member = { 0, 1, 0 },
		.pointer = { 0, INFO(BTF_KIND_PTR, 0), { 2 } }, /* 3 */
		.orders = { 0, INFO(BTF_KIND_ARRAY, 0), { 0 } },
		.orders_of = { 3, 1, 10 },
		.areas = { 0, INFO(BTF_KIND_ARRAY, 0), { 0 } },
		.areas_of = { 3, 1, areas },
		.strings = "\0swap_info_struct",
	};

	b.header.type_len = (uint32_t)(offsetof(struct btf, strings) - sizeof(b.header));
	b.header.str_off = b.header.type_len;
	b.header.str_len = sizeof(b.strings);
	return b;
}

static void test_parse(void **state)
{
	struct btf b = make(28);

	(void)state;
	assert_int_equal(swap_limit_parse((unsigned char *)&b, sizeof(b)), 28);
	b = make(22);
	assert_int_equal(swap_limit_parse((unsigned char *)&b, sizeof(b)), 22);
	/* No such array is left: nothing is guessed. */
	b = make(32);
	assert_int_equal(swap_limit_parse((unsigned char *)&b, sizeof(b)), -ENODATA);
	b = make(28);
	b.strings[1] = 'x';
	assert_int_equal(swap_limit_parse((unsigned char *)&b, sizeof(b)), -ENODATA);
}

static void test_parse_broken(void **state)
{
	struct btf b = make(28);

	(void)state;
	for (size_t size = 0; size < sizeof(b); size++)
		assert_true(swap_limit_parse((unsigned char *)&b, size) < 0);
	for (size_t i = 0; i < sizeof(b); i++) {
		struct btf broken = b;

		((unsigned char *)&broken)[i] ^= 0xff;
		(void)swap_limit_parse((unsigned char *)&broken, sizeof(broken));
	}
}

/* What this kernel says fits the marker that it makes in one's own memory. */
static void test_this_kernel(void **state)
{
	struct probe probe;

	(void)state;
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0) {
		print_message("skipped: this kernel has no BTF that may be read\n");
		skip();
	}
	probe_run(&probe);
	assert_in_range(swap_limit_read(), 16, 31);
	if (!probe.has[PROBE_PFN] || probe.marker_swap_type < 0)
		return;
	assert_true(probe.swap_areas <= probe.marker_swap_type);
	assert_int_equal(probe_swap_type(&probe, (uint32_t)probe.swap_areas - 1, 4),
			 SWAP_TYPE_AREA);
	assert_int_not_equal(probe_swap_type(&probe, (uint32_t)probe.swap_areas, 4),
			     SWAP_TYPE_AREA);
}

static void test_meanings(void **state)
{
	static const struct {
		int areas, hwpoison, marker; /* of the kernel */
		uint32_t type;
		uint64_t offset;
		int meaning;
	} rows[] = {
		/* Nothing configured but migration: areas 0 to 27. */
		{ 28, 0, 31, 23, 4, SWAP_TYPE_AREA },
		{ 28, 0, 31, 27, 4, SWAP_TYPE_AREA },
		{ 28, 0, 31, 28, 4, SWAP_TYPE_MIGRATION },
		{ 28, 0, 31, 30, 4, SWAP_TYPE_MIGRATION },
		{ 28, 0, 31, 31, 4, SWAP_TYPE_MARKER_GUARD },
		{ 28, 0, 31, 31, 2, SWAP_TYPE_MARKER_POISON },
		{ 28, 0, 31, 31, 1, SWAP_TYPE_MARKER_WP },
		/* Broken memory and devices as well: 32 - 1 - 3 - 4 - 1 - 1, as on 6.1. */
		{ 22, 1, 30, 21, 4, SWAP_TYPE_AREA },
		{ 22, 1, 30, 22, 4, SWAP_TYPE_HWPOISON },
		{ 22, 1, 30, 23, 4, SWAP_TYPE_MIGRATION },
		{ 22, 1, 30, 25, 4, SWAP_TYPE_MIGRATION },
		{ 22, 1, 30, 26, 4, SWAP_TYPE_SPECIAL },
		{ 22, 1, 30, 30, 1, SWAP_TYPE_MARKER_WP },
		/* The kernel does not tell. */
		{ -1, 0, 31, 21, 4, SWAP_TYPE_AREA },
		{ -1, 0, 31, 22, 4, SWAP_TYPE_UNDECIDED },
		{ -1, 0, 31, 27, 4, SWAP_TYPE_UNDECIDED },
		{ -1, 0, 31, 31, 4, SWAP_TYPE_MARKER_GUARD },
		/* No markers, before 5.19. */
		{ 28, 1, -1, 28, 4, SWAP_TYPE_HWPOISON },
		{ 28, 1, -1, 31, 4, SWAP_TYPE_MIGRATION },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct probe probe = { .has = { [PROBE_PFN] = true },
				       .swap_areas = rows[i].areas,
				       .hwpoison_swap_types = rows[i].hwpoison,
				       .marker_swap_type = rows[i].marker };

		assert_int_equal(probe_swap_type(&probe, rows[i].type, rows[i].offset),
				 rows[i].meaning);
		probe.has[PROBE_PFN] = false;
		assert_int_equal(probe_swap_type(&probe, rows[i].type, rows[i].offset),
				 SWAP_TYPE_HIDDEN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_broken),
		cmocka_unit_test(test_this_kernel),
		cmocka_unit_test(test_meanings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
