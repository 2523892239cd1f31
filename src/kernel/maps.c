// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/maps.h"
#include "kernel/object_open.h"
#include "kernel/pagemap_scan_abi.h"

/* A path of 4 KiB whose every byte is escaped still fits; the kernel gives about 4 KiB a read. */
#define BUFFER_SIZE 65536u

static void maps_find_kind(struct mapping *mapping, const struct target *target,
			   const struct probe *probe, struct filesystems *filesystems);

void mapping_list_release(struct mapping_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		mapping_unref(list->items[i]);
	free(list->items);
	*list = (struct mapping_list){ 0 };
}

/* A cursor over one line; each step is false at the first byte that does not fit. */
struct cursor {
	const char *at, *end;
};

static bool maps_take_hex(struct cursor *c, uint64_t *ret_value)
{
	const char *start = c->at;
	uint64_t value = 0;

	for (; c->at < c->end; c->at++) {
		unsigned int digit = (unsigned char)*c->at;

		if (digit - '0' < 10)
			digit -= '0';
		else if (digit - 'a' < 6)
			digit -= 'a' - 10;
		else
			break;
		if (value >> 60)
			return false;
		value = value << 4 | digit;
	}
	*ret_value = value;
	return c->at > start;
}

static bool maps_take_decimal(struct cursor *c, uint64_t *ret_value)
{
	const char *start = c->at;
	uint64_t value = 0;

	for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (unsigned int)(*c->at - '0'), &value))
			return false;
	}
	*ret_value = value;
	return c->at > start;
}

static bool maps_take_char(struct cursor *c, char wanted)
{
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

static bool maps_take_perms(struct cursor *c, char perms[5])
{
	static const char *const allowed[4] = { "r-", "w-", "x-", "sp" };

	if (c->end - c->at < 4)
		return false;
	for (int i = 0; i < 4; i++)
		if (c->at[i] != allowed[i][0] && c->at[i] != allowed[i][1])
			return false;
	memcpy(perms, c->at, 4);
	perms[4] = '\0';
	c->at += 4;
	return true;
}

bool maps_parse_line(const char *line, size_t length, struct mapping *ret_mapping,
		     const char **ret_name, size_t *ret_name_length)
{
	struct cursor c = { line, line + length };
	struct mapping m;
	uint64_t major, minor;

	memset(&m, 0, sizeof(m));
	if (!maps_take_hex(&c, &m.start) || !maps_take_char(&c, '-') ||
	    !maps_take_hex(&c, &m.end) || !maps_take_char(&c, ' ') ||
	    !maps_take_perms(&c, m.perms) || !maps_take_char(&c, ' ') ||
	    !maps_take_hex(&c, &m.offset) || !maps_take_char(&c, ' ') ||
	    !maps_take_hex(&c, &major) || !maps_take_char(&c, ':') || !maps_take_hex(&c, &minor) ||
	    !maps_take_char(&c, ' ') || !maps_take_decimal(&c, &m.inode))
		return false;
	if (m.start >= m.end || (m.start | m.end) & (PMTOP_PAGE_SIZE - 1))
		return false;
	m.dev_major = (uint32_t)major;
	m.dev_minor = (uint32_t)minor;
	while (c.at < c.end && *c.at == ' ')
		c.at++;
	*ret_name = c.at;
	*ret_name_length = (size_t)(c.end - c.at);
	if (*ret_name_length > UINT16_MAX)
		return false;
	memcpy(ret_mapping, &m, sizeof(m));
	return true;
}

static uint64_t maps_hash_bytes(uint64_t hash, const char *bytes, size_t length)
{
	/* Eight bytes at a time, mixed as splitmix64 does; it only has to notice a change. */
	for (; length >= 8; bytes += 8, length -= 8) {
		uint64_t word;

		memcpy(&word, bytes, 8);
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	for (; length; bytes++, length--)
		hash = (hash ^ (unsigned char)*bytes) * UINT64_C(0x100000001b3);
	return hash;
}

typedef int line_sink(void *context, const char *line, size_t length);

/* Gives every line of the maps file to the sink (may be NULL) and hashes them. */
static int maps_read_lines(const struct target *target, line_sink *sink, void *context,
			   uint64_t *ret_hash)
{
	CLEANUP(cleanup_close) int fd = target_openat(target, "maps");
	CLEANUP(cleanup_free) char *buffer = malloc(BUFFER_SIZE);
	uint64_t hash = 0;
	size_t kept = 0;
	ssize_t n;

	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	if (!buffer)
		return -ENOMEM;
	while ((n = read(fd, buffer + kept, BUFFER_SIZE - kept)) > 0) {
		char *line = buffer, *end = buffer + kept + n, *newline;

		while ((newline = memchr(line, '\n', (size_t)(end - line)))) {
			int error;

			hash = maps_hash_bytes(hash, line, (size_t)(newline - line) + 1);
			error = sink ? sink(context, line, (size_t)(newline - line)) : 0;
			if (error)
				return error;
			line = newline + 1;
		}
		kept = (size_t)(end - line);
		if (kept == BUFFER_SIZE)
			return -EPROTO;
		memmove(buffer, line, kept);
	}
	if (n < 0)
		return -errno;
	*ret_hash = hash;
	return 0;
}

struct reading {
	const struct target *target;
	const struct probe *probe;
	struct filesystems *filesystems;
	const struct mapping_list *before;
	size_t before_at;
	struct mapping_list *list;
};

/* The same mapping of the list before; its kind needs no second look. */
static struct mapping *maps_reuse(struct reading *r, struct mapping *m, const char *name,
				  size_t length)
{
	const struct mapping_list *before = r->before;
	struct mapping *old;

	while (before && r->before_at < before->count &&
	       before->items[r->before_at]->start < m->start)
		r->before_at++;
	if (!before || r->before_at == before->count)
		return NULL;
	old = before->items[r->before_at];
	if (old->start != m->start || old->end != m->end || old->offset != m->offset ||
	    old->inode != m->inode || old->dev_major != m->dev_major ||
	    old->dev_minor != m->dev_minor || old->name_length != length ||
	    memcmp(old->perms, m->perms, 4) != 0 || memcmp(old->name, name, length) != 0)
		return NULL;
	return mapping_ref(old);
}

/*
 * The text comes some 4 KiB at a time, and the kernel goes on with the mapping that holds the
 * address where it stopped (m_start() in fs/proc/task_mmu.c). When that one has grown downwards
 * meanwhile, by a merge with one that was told before, the same addresses are told twice: the newer
 * line counts. False when nothing is left of this one.
 */
static bool maps_make_way(struct mapping_list *list, struct mapping *m)
{
	const struct mapping *last;
	uint64_t told;

	while (list->count && list->items[list->count - 1]->start >= m->start)
		mapping_unref(list->items[--list->count]);
	last = list->count ? list->items[list->count - 1] : NULL;
	if (!last || last->end <= m->start)
		return true;
	told = last->end - m->start;
	if (last->end >= m->end)
		return false;
	m->start += told;
	m->offset += m->inode ? told : 0;
	return true;
}

static int maps_take_line(void *context, const char *line, size_t length)
{
	struct reading *r = context;
	struct mapping_list *list = r->list;
	struct mapping m, *made;
	const char *name;
	size_t name_length;

	if (!maps_parse_line(line, length, &m, &name, &name_length))
		return -EPROTO;
	if (!maps_make_way(list, &m))
		return 0;
	made = maps_reuse(r, &m, name, name_length);
	if (!made) {
		made = mapping_new(&m, name, name_length);
		if (!made)
			return -ENOMEM;
		maps_find_kind(made, r->target, r->probe, r->filesystems);
	}
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 128;
		struct mapping **grown = reallocarray(list->items, room, sizeof(struct mapping *));

		if (!grown) {
			mapping_unref(made);
			return -ENOMEM;
		}
		list->items = grown;
		list->room = room;
	}
	list->items[list->count++] = made;
	return 0;
}

int maps_read(const struct target *target, const struct probe *probe,
	      struct filesystems *filesystems, const struct mapping_list *before,
	      struct mapping_list *list)
{
	struct reading r = { .target = target,
			     .probe = probe,
			     .filesystems = filesystems,
			     .before = before,
			     .list = list };
	int error;

	mapping_list_release(list);
	error = maps_read_lines(target, maps_take_line, &r, &list->hash);
	if (error)
		mapping_list_release(list);
	return error;
}

struct each {
	maps_callback *callback;
	void *context;
	uint64_t told; /* addresses below have been given */
};

static int maps_give_line(void *context, const char *line, size_t length)
{
	struct each *e = context;
	const char *name;
	size_t name_length;
	struct mapping m;

	if (!maps_parse_line(line, length, &m, &name, &name_length))
		return -EPROTO;
	/* See make_way(); what was given cannot be taken back. */
	if (m.end <= e->told)
		return 0;
	if (m.start < e->told) {
		m.offset += m.inode ? e->told - m.start : 0;
		m.start = e->told;
	}
	e->told = m.end;
	return e->callback(e->context, &m, name, name_length);
}

int maps_each(const struct target *target, maps_callback *callback, void *context)
{
	struct each e = { callback, context, 0 };
	uint64_t hash;

	return maps_read_lines(target, maps_give_line, &e, &hash);
}

int maps_hash(const struct target *target, uint64_t *ret_hash)
{
	return maps_read_lines(target, NULL, NULL, ret_hash);
}

static bool maps_starts_with(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* Names in brackets are the kernel's own [fs/proc/task_mmu.c: show_map_vma]. */
static enum mapping_kind maps_kind_by_name(const char *name)
{
	if (!strcmp(name, "[heap]"))
		return MAPPING_HEAP;
	if (maps_starts_with(name, "[stack"))
		return MAPPING_STACK;
	if (!name[0] || maps_starts_with(name, "[anon:"))
		return MAPPING_ANON;
	return MAPPING_SPECIAL; /* [vdso], [vvar], [vvar_vclock], [vsyscall], [uprobes], … */
}

/*
 * PAGEMAP_SCAN passes over mappings of raw page frames (VM_PFNMAP), and gives every other one at
 * least as a hole when nothing is filtered (measured on 6.18).
 */
static bool maps_is_raw_frames(const struct mapping *m, const struct target *target,
			       const struct probe *probe)
{
	struct pmscan_region region;
	struct pmscan_arg arg = { .size = sizeof(arg),
				  .vec = (uintptr_t)&region,
				  .vec_len = 1,
				  .start = m->start,
				  .end = m->start + PMTOP_PAGE_SIZE };

	return probe->has[PROBE_PAGEMAP_SCAN] && ioctl(target->pagemap, PMSCAN_IOCTL, &arg) == 0;
}

/*
 * A device node: what is mapped of a disk are pages of its page cache, as of a file; /dev/zero
 * mapped privately is plain memory; any other is the driver's.
 */
static enum mapping_kind maps_kind_of_device(const struct mapping *m, mode_t mode)
{
	if (S_ISBLK(mode))
		return MAPPING_FILE;
	return !strcmp(m->name, "/dev/zero") && mapping_is_private(m) ? MAPPING_ANON
								      : MAPPING_SPECIAL;
}

/* The mode of the device node that is mapped; 0: another sort of file. */
static mode_t maps_device_mode(const struct mapping *m, const struct target *target)
{
	CLEANUP(cleanup_close) int fd = -1;
	struct stat st;

	if (!maps_starts_with(m->name, "/dev/") || maps_starts_with(m->name, "/dev/shm/"))
		return 0;
	fd = object_open_path(target, m);
	return fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) ? st.st_mode : 0;
}

/* What no mount shows: pseudo files of the kernel, or a mount of another namespace. */
static enum mapping_kind maps_kind_of_unknown(const struct mapping *m, const struct target *target,
					      const struct probe *probe)
{
	/* Rings, maps, secret memory: no mount shows what the kernel keeps for itself. */
	if (maps_starts_with(m->name, "anon_inode:") || maps_starts_with(m->name, "socket:") ||
	    !strcmp(m->name, "/secretmem (deleted)") || maps_is_raw_frames(m, target, probe))
		return MAPPING_SPECIAL;
	if (maps_starts_with(m->name, "/anon_hugepage"))
		return MAPPING_HUGETLB;
	return MAPPING_FILE;
}

/*
 * Sets kind and hugetlb_file of a mapping that has just been read: by its name where the kernel
 * makes the name, else by the file system behind its device number, else by what the file is.
 */
static void maps_find_kind(struct mapping *mapping, const struct target *target,
			   const struct probe *probe, struct filesystems *filesystems)
{
	struct mapping *m = mapping;
	bool internal =
		m->dev_major == probe->shmem_dev_major && m->dev_minor == probe->shmem_dev_minor;
	mode_t device;

	if (!m->inode && !m->dev_major && !m->dev_minor) {
		m->kind = (uint8_t)maps_kind_by_name(m->name);
		return;
	}
	/* The first SysV segment has inode 0, and a driver may keep its memory in shmem. */
	if (internal) {
		m->kind = MAPPING_SHMEM;
		return;
	}
	device = maps_device_mode(m, target);
	if (device) {
		m->kind = (uint8_t)maps_kind_of_device(m, device);
		return;
	}
	switch (filesystems_behind(filesystems, target, m)) {
	case FILESYSTEM_SHMEM:
	case FILESYSTEM_DEVICE:
		m->kind = MAPPING_SHMEM;
		break;
	case FILESYSTEM_HUGETLB:
		m->kind = MAPPING_HUGETLB;
		m->hugetlb_file =
			!(probe->hugetlb_dev_known && m->dev_major == probe->hugetlb_dev_major &&
			  m->dev_minor == probe->hugetlb_dev_minor);
		break;
	case FILESYSTEM_LOCAL:
	case FILESYSTEM_STACKED:
		m->kind = MAPPING_FILE;
		break;
	case FILESYSTEM_OTHER:
		/* A server may be dead, and then PAGEMAP_SCAN waits as the faults do. */
		m->kind = MAPPING_FILE;
		break;
	case FILESYSTEM_UNKNOWN:
	case FILESYSTEM_KERNEL:
		m->kind = (uint8_t)maps_kind_of_unknown(m, target, probe);
		break;
	}
}
