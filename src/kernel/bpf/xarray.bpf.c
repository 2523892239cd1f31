/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walks the xarray of the shmem file behind a mapping and copies its nodes out, raw. Reads kernel
 * memory only, changes nothing. Runs under RCU, so that no node that it can reach is reused while
 * it runs; the target's mmap lock is held for reading meanwhile, hence the bounded runs.
 *
 * Types are written by hand: only the fields that are read, found by CO-RE on each kernel.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "xarray.h"

#define TMPFS_MAGIC	0x01021994
#define HUGETLBFS_MAGIC 0x958458f6
#define S_IFMT		0170000
#define S_IFREG		0100000

#define CO_RE __attribute__((preserve_access_index))

struct xarray {
	void *xa_head;
} CO_RE;

struct xa_node {
	unsigned char shift;
	void *slots[XARRAY_SLOTS];
} CO_RE;

struct super_block {
	unsigned int s_dev;
	unsigned long s_magic;
} CO_RE;

struct inode {
	unsigned short i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
	long long i_size;
} CO_RE;

struct shmem_inode_info {
	unsigned long swapped;
	struct inode vfs_inode;
} CO_RE;

struct address_space {
	struct inode *host;
	struct xarray i_pages;
} CO_RE;

struct file {
	struct address_space *f_mapping;
} CO_RE;

struct vm_area_struct {
	unsigned long vm_start, vm_end, vm_pgoff;
	struct file *vm_file;
} CO_RE;

struct page {
	unsigned long private;
} CO_RE;

/* Flags were a bare word, and are a struct since 6.18: two flavours of one type. */
struct folio___word {
	unsigned long flags;
} CO_RE;

struct memdesc_flags___struct {
	unsigned long f;
} CO_RE;

struct folio___struct {
	struct memdesc_flags___struct flags;
} CO_RE;

enum pageflags {
	PG_uptodate,
	PG_dirty,
	PG_writeback,
};

struct bpf_iter__task_vma {
	struct vm_area_struct *vma;
} CO_RE;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, XARRAY_RECORDS);
	__type(key, __u32);
	__type(value, struct xarray_record);
} records SEC(".maps");

/* Not static: clang 14 splits static structs into one symbol per field, which BTF cannot follow. */
const volatile __u32 page_shift = 12;
struct xarray_walk walk;

/*
 * Since 6.2: folios are then read by plain loads instead of a call for each. Weak: else it is 0.
 * libbpf declares it as well since 1.4, exactly so.
 */
extern void *bpf_rdonly_cast(const void *object, __u32 type) __ksym __weak;

static __u64 folio_flags(__u64 folio)
{
	__u64 flags = 0;
	__u32 offset;

	if (bpf_rdonly_cast) {
		void *object = bpf_rdonly_cast((void *)folio,
					       bpf_core_type_id_kernel(struct folio___struct));

		if (bpf_core_field_exists(((struct folio___struct *)0)->flags.f))
			return ((struct folio___struct *)object)->flags.f;
		return ((struct folio___word *)object)->flags;
	}
	if (bpf_core_field_exists(((struct folio___struct *)0)->flags.f))
		offset = bpf_core_field_offset(((struct folio___struct *)0)->flags.f);
	else
		offset = bpf_core_field_offset(((struct folio___word *)0)->flags);
	bpf_probe_read_kernel(&flags, sizeof(flags), (void *)(folio + offset));
	return flags;
}

/* Global functions are verified once, on their own, whatever state their callers are in. */
__noinline int note_flags(__u32 number)
{
	struct xarray_record *record = bpf_map_lookup_elem(&records, &number);
	__u64 uptodate = 0, dirty = 0, writeback = 0;

	if (!record)
		return 0;
	for (__u32 s = 0; s < XARRAY_SLOTS; s++) {
		__u64 entry = record->slots[s], flags;

		if (!entry || (entry & 3))
			continue;
		flags = folio_flags(entry);
		uptodate |= (flags >> bpf_core_enum_value(enum pageflags, PG_uptodate) & 1) << s;
		dirty |= (flags >> bpf_core_enum_value(enum pageflags, PG_dirty) & 1) << s;
		writeback |= (flags >> bpf_core_enum_value(enum pageflags, PG_writeback) & 1) << s;
	}
	record->uptodate = uptodate;
	record->dirty = dirty;
	record->writeback = writeback;
	return 0;
}

/*
 * 1 if the entry leads further down. Without a branch, which the verifier would follow 2^64 ways.
 */
static __u64 node_bit(__u64 entry)
{
	__u64 high = 0 - (entry >> 13); /* negative, but for 0 */

	barrier_var(high);
	return high >> 63 & entry >> 1 & ~entry & 1;
}

/* The number of the lowest bit; 64 for 0. clang 14 breaks down on the builtin for this target. */
static __u32 lowest_bit(__u64 bits)
{
	__u32 number = 0;

	if (!bits)
		return 64;
	for (__u32 half = 32; half; half >>= 1)
		if (!(bits & ((1ULL << half) - 1))) {
			bits >>= half;
			number += half;
		}
	return number;
}

/* A record ends at the first slot at or after its start that leads further down. */
__noinline int find_end(__u32 number)
{
	struct xarray_record *record = bpf_map_lookup_elem(&records, &number);
	__u64 nodes = 0;

	if (!record)
		return 0;
	for (__u32 s = 0; s < XARRAY_SLOTS; s++)
		nodes |= node_bit(record->slots[s]) << s;
	record->to = lowest_bit(nodes & ~0ULL << (record->from & 63));
	return 0;
}

static int stop(__u32 status)
{
	walk.status = status;
	return 1;
}

/* Copies a node into the next record, from the slot of walk.index on, and moves behind it. */
static int emit(struct xarray_record *record, __u64 node, __u32 shift)
{
	__u64 index = walk.index, covers = 64ULL << shift;

	record->base = index & ~(covers - 1);
	record->shift = shift;
	record->from = index >> shift & 63;
	record->to = XARRAY_SLOTS;
	if (bpf_probe_read_kernel(record->slots, sizeof(record->slots),
				  (void *)(node + bpf_core_field_offset(struct xa_node, slots))))
		return stop(XARRAY_BROKEN);
	if (shift)
		find_end(walk.records);
	if (walk.want_flags)
		note_flags(walk.records);
	walk.index = record->base + ((__u64)record->to << shift);
	walk.records++;
	return 0;
}

/* A tree of height 0: the head itself is the entry of index 0. */
static int emit_head(struct xarray_record *record)
{
	record->base = 0;
	record->shift = 0;
	record->from = 0;
	record->to = 1;
	record->slots[0] = walk.head;
	record->uptodate = record->dirty = record->writeback = 0;
	if (walk.want_flags && walk.head && !(walk.head & 3)) {
		__u64 flags = folio_flags(walk.head);

		record->uptodate = flags >> bpf_core_enum_value(enum pageflags, PG_uptodate) & 1;
		record->dirty = flags >> bpf_core_enum_value(enum pageflags, PG_dirty) & 1;
		record->writeback = flags >> bpf_core_enum_value(enum pageflags, PG_writeback) & 1;
	}
	walk.records++;
	return stop(XARRAY_DONE);
}

/* One step: down from the head (or the node above the last leaf) to walk.index, and one record. */
static long step(__u32 number, void *unused)
{
	__u64 node, entry, index = walk.index;
	struct xarray_record *record;
	__u8 shift = 0;

	if (index > walk.last)
		return stop(XARRAY_DONE);
	if (walk.records >= walk.max_records)
		return stop(XARRAY_MORE);
	record = bpf_map_lookup_elem(&records, &walk.records);
	if (!record)
		return stop(XARRAY_MORE);

	if (!XARRAY_IS_NODE(walk.head)) {
		if (index || !walk.head)
			return stop(XARRAY_DONE);
		return emit_head(record);
	}
	if (walk.parent && index >> 12 == walk.parent_base >> 12) {
		node = walk.parent;
		shift = 6;
	} else {
		node = walk.head - 2;
		if (bpf_probe_read_kernel(
			    &shift, 1,
			    (void *)(node + bpf_core_field_offset(struct xa_node, shift))))
			return stop(XARRAY_BROKEN);
		if (shift > 60 || shift % 6)
			return stop(XARRAY_BROKEN);
		if (index >> shift > 63)
			return stop(XARRAY_DONE);
	}
	for (int level = 0; level < 11; level++) {
		__u32 offset = bpf_core_field_offset(struct xa_node, slots);

		if (!shift)
			return emit(record, node, 0);
		if (shift == 6) {
			walk.parent = node;
			walk.parent_base = index;
		}
		offset += (index >> (shift & 63) & 63) * sizeof(void *);
		if (bpf_probe_read_kernel(&entry, sizeof(entry), (void *)(node + offset)))
			return stop(XARRAY_BROKEN);
		if (!XARRAY_IS_NODE(entry))
			return emit(record, node, shift & 63);
		node = entry - 2;
		shift -= 6;
	}
	return stop(XARRAY_BROKEN);
}

/* False unless this is a file of shmem, or of hugetlbfs: elsewhere a value is no swap entry. */
static int begin_file(struct address_space *mapping)
{
	struct inode *inode = mapping->host;
	struct super_block *sb;
	__u64 info;

	if (!inode)
		return 0;
	sb = inode->i_sb;
	if (!sb || (inode->i_mode & S_IFMT) != S_IFREG)
		return 0;
	if (sb->s_magic != TMPFS_MAGIC && sb->s_magic != HUGETLBFS_MAGIC)
		return 0;
	walk.inode = inode->i_ino;
	walk.size = inode->i_size;
	walk.device = sb->s_dev;
	info = (__u64)inode - bpf_core_field_offset(struct shmem_inode_info, vfs_inode);
	info += bpf_core_field_offset(struct shmem_inode_info, swapped);
	bpf_probe_read_kernel(&walk.swapped, sizeof(walk.swapped), (void *)info);
	walk.head = (__u64)mapping->i_pages.xa_head;
	walk.parent = 0;
	walk.parent_base = 0;
	return 1;
}

static void run(void)
{
	walk.records = 0;
	bpf_loop(XARRAY_RECORDS + 1, step, 0, 0);
	if (walk.status == XARRAY_NOT_RUN)
		walk.status = XARRAY_MORE;
	walk.stop = walk.last + 1;
	if (walk.status == XARRAY_MORE && walk.index < walk.stop)
		walk.stop = walk.index;
}

/*
 * Called for each mapping of the task in turn. Returning 1 ends the read with EAGAIN; the next read
 * comes to the same mapping again.
 */
SEC("iter/task_vma")
int walk_vma(struct bpf_iter__task_vma *ctx)
{
	struct vm_area_struct *vma = ctx->vma;
	struct address_space *mapping;
	struct file *file;
	__u64 end;

	if (!vma || vma->vm_end <= walk.addr)
		return 0;
	walk.vm_start = vma->vm_start;
	walk.vm_end = vma->vm_end;
	walk.vm_pgoff = vma->vm_pgoff;
	if (walk.vm_start > walk.addr)
		return stop(XARRAY_NO_MAPPING);
	walk.page_struct_size = bpf_core_type_size(struct page);
	if (bpf_core_field_size(struct xa_node, slots) != XARRAY_SLOTS * sizeof(void *))
		return stop(XARRAY_LAYOUT);
	file = vma->vm_file;
	if (!file)
		return stop(XARRAY_NOT_SHMEM);
	mapping = file->f_mapping;
	if (!mapping || !begin_file(mapping))
		return stop(XARRAY_NOT_SHMEM);

	end = walk.end < walk.vm_end ? walk.end : walk.vm_end;
	walk.first = walk.vm_pgoff + ((walk.addr - walk.vm_start) >> page_shift);
	walk.index = walk.first;
	walk.last = walk.first + ((end - walk.addr) >> page_shift) - 1;
	run();
	walk.addr += (walk.stop - walk.first) << page_shift;
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
