/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells which 2 MiB of a task have an entry in its page table at all. Reads kernel memory only,
 * changes nothing. The iterator holds the task's mmap lock for reading, so no table of a mapping
 * goes away under the walk; what is told is more than there is where an entry is not understood.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "tables.h"

#define CO_RE __attribute__((preserve_access_index))

#define LEVELS 5
#define GIB    (1ULL << 30)

struct mm_struct {
	void *pgd;
} CO_RE;

struct vm_area_struct {
	struct mm_struct *vm_mm;
} CO_RE;

struct bpf_iter__task_vma {
	struct vm_area_struct *vma;
} CO_RE;

/* Not static: clang 14 splits static structs into one symbol per field, which BTF cannot follow. */
struct tables_walk walk;

static int stop(__u32 status)
{
	walk.status = status;
	return 1;
}

static long read_entry(__u64 *entry, __u64 table, __u32 shift)
{
	return bpf_probe_read_kernel(entry, sizeof(*entry),
				     (void *)(table + (walk.at >> (shift & 63) & 511) * 8));
}

/* Whether an entry leads to a table: physical memory is mapped in one piece up to its end only. */
static int leads_down(__u64 entry)
{
	return entry & TABLES_PRESENT && !(entry & TABLES_PSE) &&
	       (entry & TABLES_FRAME) < walk.memory_end;
}

/* The range [walk.at, next) has an entry. */
static void note(__u64 next)
{
	__u32 last = walk.count - 1;

	if (walk.count && last < TABLES_RANGES && walk.ranges[last].end == walk.at) {
		walk.ranges[last].end = next;
	} else if (walk.count < TABLES_RANGES) {
		walk.ranges[walk.count].start = walk.at;
		walk.ranges[walk.count].end = next;
		walk.count++;
	}
}

/* One step: down from the top to the entry that decides about walk.at, and on behind it. */
static long step(__u32 number, void *unused)
{
	__u64 table = walk.pgd, entry = 0, next;
	__u32 shift = walk.top;

	if (walk.last && !((walk.at ^ walk.last_at) >> TABLES_LAST_SHIFT)) {
		table = walk.last;
		shift = TABLES_LEAF_SHIFT;
	}
	if (walk.at >= walk.end)
		return stop(TABLES_DONE);
	if (walk.count >= TABLES_RANGES)
		return stop(TABLES_MORE);
	for (int level = 0; level < LEVELS; level++) {
		if (read_entry(&entry, table, shift))
			return stop(TABLES_BROKEN);
		entry &= ~(__u64)TABLES_ERRATUM;
		if (shift <= TABLES_LEAF_SHIFT || !leads_down(entry))
			break;
		table = walk.base + (entry & TABLES_FRAME);
		shift -= 9;
		if (shift == TABLES_LEAF_SHIFT) {
			walk.last = table;
			walk.last_at = walk.at;
		}
	}
	next = (walk.at >> (shift & 63) << (shift & 63)) + (1ULL << (shift & 63));
	if (next > walk.end)
		next = walk.end;
	if (entry)
		note(next);
	walk.at = next;
	return 0;
}

/* The bit of a huge page is another one in an entry of the last level. */
static __u64 pat(__u32 shift)
{
	return shift == 12 ? TABLES_PSE : 0;
}

/*
 * Whether the tables lead to the magic word when physical memory is mapped here. Tried upwards, so
 * that a wrong place leads below physical memory, where nothing is mapped, and never beyond it,
 * where devices may be.
 */
static long try_base(__u32 number, void *unused)
{
	__u64 base = walk.base + number * GIB, table = walk.pgd, entry = 0, word = 0;
	__u32 shift = walk.top;

	if (number >= walk.tries)
		return 1;
	for (int level = 0; level < LEVELS; level++) {
		if (read_entry(&entry, table, shift) || !leads_down(entry & ~pat(shift)))
			return 0;
		table = base + (entry & TABLES_FRAME);
		if (shift == 12)
			break;
		shift -= 9;
	}
	if (bpf_probe_read_kernel(&word, sizeof(word), (void *)(table + (walk.at & 4095))) ||
	    word != walk.magic)
		return 0;
	walk.base = base;
	return stop(TABLES_LEARNT);
}

/* Called for the first mapping of the task; one of them is as good as another. */
SEC("iter/task_vma")
int walk_tables(struct bpf_iter__task_vma *ctx)
{
	struct vm_area_struct *vma = ctx->vma;

	if (!vma)
		return 0;
	/* By this helper: it is a number then, with which one may calculate. */
	if (bpf_core_read(&walk.pgd, sizeof(walk.pgd), &vma->vm_mm->pgd))
		return stop(TABLES_BROKEN);
	walk.count = 0;
	walk.last = 0; /* the lock was let go */
	if (walk.tries) {
		walk.base = (walk.pgd & ~(GIB - 1)) - (walk.tries - 1) * GIB;
		bpf_loop(TABLES_TRIES, try_base, 0, 0);
		return 1;
	}
	bpf_loop(TABLES_STEPS, step, 0, 0);
	if (walk.status == TABLES_NOT_RUN)
		walk.status = walk.at >= walk.end ? TABLES_DONE : TABLES_MORE;
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
