// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sample/pass_internal.h"

/* How often a list of mappings that changes under the scan is read again. */
#define ATTEMPTS 3

/*
 * Longer lists that keep changing are read once in a live sample, at its start: to read them again
 * would double their cost, and the next sample does so anyway.
 */
#define VERIFY_LIST_LIMIT 4096u

#define PROGRESS_NS 150000000

/* A shell that execs a wrapper that execs a server, all within one sample. */
#define EXECS_IN_A_ROW 4

/* Pages of a hole that are read rather than making another call. */
#define READ_ACROSS 128u

struct pass *pass_new(struct target *target, const struct probe *probe)
{
	struct pass *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->target = target;
	p->probe = probe;
	p->scan = (struct pagemap_scan){ .fd = target->pagemap, .probe = probe, .pause = true };
	if (!probe->has[PROBE_PAGEMAP_SCAN]) {
		p->scan.tables = page_tables_new(probe);
		p->scan.pid = target->thread;
	}
	p->filesystems = filesystems_new(probe);
	p->builder = pages_builder_new();
	p->kpage = kpage_new();
	p->memcg = memcg_new();
	if (p->filesystems)
		p->objects = object_reader_new(target, probe, p->filesystems);
	if (!p->objects || !p->builder || !p->kpage || !p->memcg) {
		pass_free(p);
		return NULL;
	}
	return p;
}

void pass_free(struct pass *pass)
{
	mapping_list_release(&pass->list);
	if (pass->objects)
		object_reader_free(pass->objects);
	if (pass->filesystems)
		filesystems_free(pass->filesystems);
	page_tables_free(pass->scan.tables);
	if (pass->builder)
		pages_builder_free(pass->builder);
	if (pass->kpage)
		kpage_free(pass->kpage);
	if (pass->memcg)
		memcg_free(pass->memcg);
	if (pass->flags_mapping)
		mapping_unref(pass->flags_mapping);
	free(pass);
}

void pass_set_complete(struct pass *pass, bool complete)
{
	pass->complete = complete;
	object_reader_want_marks(pass->objects, complete);
}

const char *pass_slots_lack(const struct pass *pass)
{
	return object_slots_lack(pass->objects);
}

void pass_set_progress(struct pass *pass, pass_progress *progress, void *context)
{
	pass->progress = progress;
	pass->progress_context = context;
}

void pass_set_focus(struct pass *pass, uint64_t address)
{
	pass->focus = address;
}

void pass_set_sequence(struct pass *pass, uint64_t sequence)
{
	pass->sequence = sequence;
}

/* A snapshot of the list, without pages. */
static struct snapshot *pass_start_snapshot(struct pass *p)
{
	struct snapshot *s = snapshot_new(p->list.count);

	if (!s)
		return NULL;
	s->sequence = p->sequence;
	s->pid = p->target->pid;
	s->start_time = p->target->start_time;
	s->execs = p->target->execs;
	memcpy(s->comm, p->target->comm, sizeof(s->comm));
	s->taken_ns = clock_ns(CLOCK_REALTIME);
	s->clock_ns = clock_ns(CLOCK_MONOTONIC);
	s->known.written = p->probe->has[PROBE_SOFT_DIRTY];
	s->known.private_slots = p->complete && p->probe->has[PROBE_PFN];
	s->known.shared_slots = p->probe->has[PROBE_BPF];
	s->known.swap_exact = p->probe->has[PROBE_PFN];
	for (size_t i = 0; i < s->count; i++)
		s->mappings[i].mapping = mapping_ref(p->list.items[i]);
	return s;
}

/* Both lists ascend, and what is in both is the same object. vsyscall is in every process. */
static bool pass_share_a_mapping(const struct mapping_list *a, const struct mapping_list *b)
{
	for (size_t i = 0, j = 0; i < a->count && j < b->count;) {
		if (a->items[i] == b->items[j])
			return !(a->items[i]->start >> 63);
		if (a->items[i]->start < b->items[j]->start)
			i++;
		else
			j++;
	}
	return false;
}

static int pass_read_list(struct pass *p)
{
	struct mapping_list list = { 0 };
	int error;

	filesystems_refresh(p->filesystems);
	error = maps_read(p->target, p->probe, p->filesystems, &p->list, &list);
	if (error)
		return error;
	/*
	 * Not even the vdso is where it was: another program. The memory before may live on with a
	 * process that shared it (vfork), so that reading it does not fail.
	 */
	if (p->list.count && !pass_share_a_mapping(&p->list, &list)) {
		mapping_list_release(&list);
		return -ESRCH;
	}
	p->list_is_restless = p->list.count && list.hash != p->list.hash;
	p->list_is_new = true;
	mapping_list_release(&p->list);
	p->list = list;
	/* A process that is ending has lost its memory already. */
	return list.count ? 0 : -ESRCH;
}

int pass_take_list(struct pass *pass, struct snapshot **ret_snapshot)
{
	int error = pass_read_list(pass);
	struct snapshot *s;

	if (error)
		return error;
	s = pass_start_snapshot(pass);
	if (!s)
		return -ENOMEM;
	snapshot_seal(s);
	*ret_snapshot = s;
	return 0;
}

/* Both lists ascend: the pages before of each mapping that still starts where it did. */
static void pass_remember_before(struct pass *p, const struct snapshot *before)
{
	p->before = before;
	p->before_at = 0;
}

const struct pages *pass_pages_before(struct pass *p, const struct mapping *m)
{
	const struct snapshot *b = p->before;

	while (b && p->before_at < b->count && b->mappings[p->before_at].mapping->start < m->start)
		p->before_at++;
	if (!b || p->before_at == b->count || b->mappings[p->before_at].mapping->start != m->start)
		return NULL;
	return b->mappings[p->before_at].pages;
}

/* Hands out what there is so far; mappings not read yet show what they showed before. */
static void pass_report_progress(struct pass *p, const struct snapshot *snapshot)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	size_t saved = p->before_at;
	struct snapshot *partial;

	if (!p->progress || now - p->progress_at < PROGRESS_NS)
		return;
	p->progress_at = now;
	partial = pass_start_snapshot(p);
	if (!partial)
		return;
	p->before_at = 0;
	for (size_t i = 0; i < partial->count; i++) {
		const struct pages *pages = snapshot->mappings[i].pages;

		if (!pages)
			pages = pass_pages_before(p, partial->mappings[i].mapping);
		if (pages)
			partial->mappings[i].pages = pages_ref((struct pages *)pages);
	}
	p->before_at = saved;
	snapshot_seal(partial);
	p->progress(p->progress_context, partial);
}

/*
 * Reading words reads the hole between two mappings as well, which between the heap and the
 * libraries has tens of tebibytes: 3 ns a page against 400 ns a call (pread of pagemap, measured).
 */
static bool pass_worth_joining(const struct pass *p, const struct mapping *m,
			       const struct mapping *next)
{
	return p->probe->has[PROBE_PAGEMAP_SCAN] ||
	       next->start - m->end <= READ_ACROSS * (uint64_t)PMTOP_PAGE_SIZE;
}

/* Mappings from `from` on that one scan can serve: neighbours with the same wish, not read yet. */
static size_t pass_segment_end(const struct pass *p, const struct snapshot *s, size_t from)
{
	enum scan_wish wish = pass_scan_wish(p, s->mappings[from].mapping);
	size_t to = from + 1;

	if (wish == SCAN_NOT)
		return to;
	while (to < s->count && !s->mappings[to].pages &&
	       pass_scan_wish(p, s->mappings[to].mapping) == wish &&
	       pass_worth_joining(p, s->mappings[to - 1].mapping, s->mappings[to].mapping))
		to++;
	return to;
}

/* What the person looks at comes before the rest. */
static int pass_scan_focus(struct pass *p, struct snapshot *s)
{
	size_t at = p->focus ? snapshot_find(s, p->focus) : s->count;
	int error;

	if (at == s->count || s->mappings[at].pages)
		return 0;
	error = pass_scan_segment(p, s, at, at + 1);
	p->before_at = 0; /* the others are asked for in order again */
	if (!error)
		pass_report_progress(p, s);
	return error;
}

static int pass_scan_all(struct pass *p, struct snapshot *s)
{
	size_t from = 0;
	int first = pass_scan_focus(p, s);

	if (first)
		return first;
	while (from < s->count) {
		size_t to = from + 1;
		int error = 0;

		if (!s->mappings[from].pages) {
			to = pass_segment_end(p, s, from);
			error = pass_scan_segment(p, s, from, to);
		}
		if (error)
			return error;
		pass_report_progress(p, s);
		from = to;
	}
	return 0;
}

/* Moves the pages of mappings that are still the very same into a snapshot of the new list. */
static struct snapshot *pass_carry_over(struct pass *p, struct snapshot *old)
{
	struct snapshot *s = pass_start_snapshot(p);
	size_t j = 0;

	for (size_t i = 0; s && i < s->count; i++) {
		while (j < old->count &&
		       old->mappings[j].mapping->start < s->mappings[i].mapping->start)
			j++;
		if (j < old->count && old->mappings[j].mapping == s->mappings[i].mapping)
			s->mappings[i].pages = TAKE(old->mappings[j].pages);
	}
	snapshot_unref(old);
	return s;
}

/*
 * The list to scan by. The kernel writes it anew for each reader, a quarter of what a small process
 * costs, and every sample ends with a look at it: so the next one goes by what that look saw,
 * unless the list keeps changing. When it is another one at the end, what changed is scanned then.
 */
static int pass_begin_list(struct pass *p)
{
	p->list_is_new = false;
	return p->list.count && !p->list_is_restless ? 0 : pass_read_list(p);
}

static bool pass_list_changed(struct pass *p)
{
	uint64_t hash;

	if (!p->complete && p->list_is_new && p->list.count > VERIFY_LIST_LIMIT)
		return false;
	return maps_hash(p->target, &hash) == 0 && hash != p->list.hash;
}

/* Scans until the list of mappings held still for the length of a scan. */
static int pass_scan_until_stable(struct pass *p, struct snapshot **snapshot)
{
	for (int attempt = p->list_is_new;; attempt++) {
		int error = pass_scan_all(p, *snapshot);

		if (error || !pass_list_changed(p))
			return error;
		/* A file may have been asked for by a mapping that is gone. */
		object_reader_let_go(p->objects);
		error = pass_read_list(p);
		if (error)
			return error;
		*snapshot = pass_carry_over(p, *snapshot);
		if (!*snapshot)
			return -ENOMEM;
		pass_remember_before(p, p->before);
		if (attempt == ATTEMPTS)
			return pass_fill_unknown(p, *snapshot);
	}
}

static int pass_pass_take(struct pass *pass, const struct snapshot *before,
			  struct snapshot **ret_snapshot)
{
	struct snapshot *s;
	int error = pass_begin_list(pass);

	if (error)
		return error;
	s = pass_start_snapshot(pass);
	if (!s)
		return -ENOMEM;
	pass_remember_before(pass, before);
	pass->progress_at = s->clock_ns;
	object_reader_begin(pass->objects);
	error = pass_scan_until_stable(pass, &s);
	object_reader_end(pass->objects);
	if (!error)
		error = settle_by_sums(pass, s);
	/* An address space that was torn down under the scan reads as empty. */
	if (!error && !target_is_alive(pass->target))
		error = -ESRCH;
	if (error) {
		pass_rest(pass);
		if (s)
			snapshot_unref(s);
		return error;
	}
	snapshot_seal(s);
	*ret_snapshot = s;
	return 0;
}

/* Nothing of what was kept is true of another program. */
static int pass_follow_exec(struct pass *pass)
{
	int error = target_follow_exec(pass->target);

	if (error)
		return error;
	pass->scan.fd = pass->target->pagemap;
	pass->scan.pid = pass->target->thread;
	mapping_list_release(&pass->list);
	return 0;
}

int pass_take(struct pass *pass, const struct snapshot *before, struct snapshot **ret_snapshot)
{
	int error = pass_pass_take(pass, before, ret_snapshot);

	for (int i = 0; i < EXECS_IN_A_ROW && error == -ESRCH && target_is_alive(pass->target);
	     i++) {
		/* Not permitted: it has become a program of another user, and lives. */
		error = pass_follow_exec(pass);
		if (!error)
			error = pass_pass_take(pass, NULL, ret_snapshot);
	}
	return error;
}

void pass_rest(struct pass *pass)
{
	object_reader_let_go(pass->objects);
}
