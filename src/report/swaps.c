// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/swaps.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/units.h"

#define NAME_MAX_SHOWN 512

int64_t swaps_unexplained(const struct swaps_account *account)
{
	return (int64_t)account->used_after - (int64_t)account->private_bytes -
	       (int64_t)account->census->totals.object_swap;
}

static const char *swaps_safe(const char *raw, char buf[static NAME_MAX_SHOWN])
{
	escape_text(raw, strlen(raw), buf, NAME_MAX_SHOWN);
	return buf;
}

static const char *swaps_size_text(uint64_t bytes, char buf[static UNITS_SIZE_MAX])
{
	return bytes ? units_format_size(bytes, buf) : "-";
}

static void swaps_print_areas(FILE *out, const struct census *c)
{
	char name[NAME_MAX_SHOWN], size[UNITS_SIZE_MAX], used[UNITS_SIZE_MAX];

	if (c->areas_unknown) {
		fprintf(out, "Swap areas are not known: /proc shows processes only here "
			     "(mounted with subset=pid).\n");
		return;
	}
	if (!c->area_count) {
		fprintf(out, "This machine has no swap area.\n");
		return;
	}
	fprintf(out, "  SIZE   USED  PRIO TYPE       AREA\n");
	for (size_t i = 0; i < c->area_count; i++) {
		const struct census_area *a = &c->areas[i];

		fprintf(out, "%6s %6s %5d %-10s %s\n", swaps_size_text(a->size, size),
			swaps_size_text(a->used, used), a->priority, a->kind,
			swaps_safe(a->path, name));
	}
}

/* Largest holders first; the rest by number. */
static int swaps_by_total(const void *x, const void *y, void *context)
{
	const struct census *c = context;
	size_t i = *(const size_t *)x, k = *(const size_t *)y;
	uint64_t a = census_total_swap(&c->processes[i]), b = census_total_swap(&c->processes[k]);

	return a != b ? (a < b ? 1 : -1) : (i > k) - (i < k);
}

static void swaps_print_processes(FILE *out, const struct census *c)
{
	size_t *order = calloc(c->process_count + 1, sizeof(*order)), n = 0;
	char name[NAME_MAX_SHOWN], private[UNITS_SIZE_MAX], shared[UNITS_SIZE_MAX];

	if (!order)
		return;
	for (size_t i = 0; i < c->process_count; i++)
		if (census_total_swap(&c->processes[i]))
			order[n++] = i;
	qsort_r(order, n, sizeof(*order), swaps_by_total, (void *)c);
	if (n)
		fprintf(out, "\n    PID USER       SWAP SHSWAP PROCESS\n");
	for (size_t i = 0; i < n; i++) {
		const struct census_process *p = &c->processes[order[i]];

		fprintf(out, "%7d %-8.8s ", (int)p->pid, p->user);
		if (p->memory_of)
			fprintf(out, "%6s %6s %s (memory of %d)\n", "=", "=",
				swaps_safe(p->comm, name), (int)p->memory_of);
		else
			fprintf(out, "%6s %6s %s\n", swaps_size_text(p->private_swap, private),
				p->shared_doubt == CENSUS_KNOWN
					? swaps_size_text(p->shared_swap, shared)
					: "?",
				swaps_safe(p->comm, name));
	}
	free(order);
}

static void swaps_print_objects(FILE *out, const struct census *c)
{
	char name[NAME_MAX_SHOWN], size[UNITS_SIZE_MAX], ram[UNITS_SIZE_MAX], swap[UNITS_SIZE_MAX];
	bool headed = false;

	for (size_t i = 0; i < c->object_count; i++) {
		const struct census_object *o = &c->objects[i];

		if (o->doubt == CENSUS_KNOWN && !o->swap)
			continue;
		if (!headed)
			fprintf(out, "\n  INODE   SIZE    RAM SHSWAP MAPPERS OBJECT\n");
		headed = true;
		fprintf(out, "%7" PRIu64 " %6s %6s %6s %7zu %s\n", o->inode,
			o->doubt ? "?" : swaps_size_text(o->size, size),
			o->doubt ? "?" : swaps_size_text(o->ram, ram),
			o->doubt ? "?" : swaps_size_text(o->swap, swap), o->mapper_count,
			swaps_safe(o->name, name));
	}
}

/* They are in no sum but that of VmSwap. */
static void swaps_print_stuck(FILE *out, const struct census *c)
{
	char name[NAME_MAX_SHOWN];

	if (c->stuck_count)
		fprintf(out, "\n%zu %s not answer, so what %s of shared memory is unknown:\n",
			c->stuck_count, c->stuck_count == 1 ? "process does" : "processes do",
			c->stuck_count == 1 ? "it holds" : "they hold");
	for (size_t i = 0; i < c->stuck_count; i++) {
		const struct census_stuck *s = &c->stuck[i];
		const struct census_process *p = census_find(c, s->pid);

		fprintf(out, "%7d %s: no answer for %.1f s%s%s\n", (int)s->pid,
			p ? swaps_safe(p->comm, name) : "?",
			(double)(c->clock_ns - s->since_ns) / 1e9, *s->why ? "; " : "", s->why);
	}
}

/* What the rest may be, so that nobody takes it for an error of the count. */
static void swaps_explain_rest(FILE *out, const struct swaps_account *a)
{
	const struct census *c = a->census;
	int64_t rest = swaps_unexplained(a);
	char size[UNITS_SIZE_MAX], cached[UNITS_SIZE_MAX];

	if (rest < 0)
		fprintf(out, "%6s  more than used: %s\n", swaps_size_text((uint64_t)-rest, size),
			a->slots_seen ? "swap changed while it was counted"
				      : "slots that forked processes share count for each of them");
	else if (rest)
		fprintf(out,
			"%6s  not explained: pages that are back in RAM and keep their slot\n"
			"        (%s is in swap and in RAM), shared memory that no process maps, and\n"
			"        what is not counted\n",
			swaps_size_text((uint64_t)rest, size),
			c->totals.swap_cached_known ? swaps_size_text(c->totals.swap_cached, cached)
						    : "?");
	if (a->used_before != a->used_after)
		fprintf(out,
			"        Swap changed while it was counted: the sums are of no one moment.\n");
}

/* What the sums leave out, or may hold twice. */
static void swaps_print_limits(FILE *out, const struct census *c)
{
	if (c->totals.hidden)
		fprintf(out,
			"        Not counted: shared memory of %zu %s that could not be looked "
			"into.\n",
			c->totals.hidden, c->totals.hidden == 1 ? "process" : "processes");
	if (c->unlisted)
		fprintf(out, "        Not counted: %s.\n", census_unlisted[c->unlisted].text);
	if (c->totals.unsure)
		fprintf(out,
			"        Perhaps counted twice: %zu %s with the sums of another one. Whether "
			"it is one\n        memory this user may not ask (kcmp).\n",
			c->totals.unsure, c->totals.unsure == 1 ? "process" : "processes");
}

static void swaps_print_account(FILE *out, const struct swaps_account *a)
{
	const struct census *c = a->census;
	const char *private_least = c->unlisted ? "at least, " : "";
	const char *shared_least = c->unlisted || c->totals.hidden ? "at least, " : "";
	char size[UNITS_SIZE_MAX], twice[UNITS_SIZE_MAX];

	fprintf(out, "\n%6s  used, of these\n",
		a->used_unknown ? "?" : swaps_size_text(a->used_after, size));
	fprintf(out, "%6s  private pages of processes (%s%s",
		swaps_size_text(a->private_bytes, size), private_least,
		a->slots_seen ? "each slot once" : "VmSwap; see pmtop doctor for slots");
	if (a->shared_slots)
		fprintf(out, "; %s shared after a fork", swaps_size_text(a->shared_slots, twice));
	fprintf(out, ")\n%6s  shared memory (%seach object once)\n",
		swaps_size_text(c->totals.object_swap, size), shared_least);
	if (!a->used_unknown)
		swaps_explain_rest(out, a);
	swaps_print_limits(out, c);
}

void report_swaps_text(FILE *out, const struct swaps_account *account)
{
	swaps_print_areas(out, account->census);
	swaps_print_processes(out, account->census);
	swaps_print_objects(out, account->census);
	swaps_print_stuck(out, account->census);
	if (account->census->area_count || account->used_unknown)
		swaps_print_account(out, account);
}

/* A string that JSON can hold, whatever the bytes: as people would see it. */
static json_t *swaps_json_safe(const char *raw)
{
	char buf[NAME_MAX_SHOWN];

	return json_string(swaps_safe(raw, buf));
}

static json_t *swaps_json_known(bool known, uint64_t value)
{
	return known ? json_integer((json_int_t)value) : json_null();
}

static json_t *swaps_json_areas(const struct census *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->area_count; i++)
		json_array_append_new(list, json_pack("{s:o, s:s, s:I, s:I, s:i}", "path",
						      swaps_json_safe(c->areas[i].path), "type",
						      c->areas[i].kind, "size",
						      (json_int_t)c->areas[i].size, "used",
						      (json_int_t)c->areas[i].used, "priority",
						      c->areas[i].priority));
	return list;
}

static json_t *swaps_json_processes(const struct census *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->process_count; i++) {
		const struct census_process *p = &c->processes[i];

		json_array_append_new(
			list,
			json_pack(
				"{s:i, s:o, s:o, s:o, s:I, s:o}", "pid", (int)p->pid, "comm",
				swaps_json_safe(p->comm), "user", swaps_json_safe(p->user),
				"memory_of", swaps_json_known(p->memory_of, (uint64_t)p->memory_of),
				"swap", (json_int_t)p->private_swap, "shared_swap",
				swaps_json_known(p->shared_doubt == CENSUS_KNOWN, p->shared_swap)));
	}
	return list;
}

static json_t *swaps_json_objects(const struct census *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->object_count; i++) {
		const struct census_object *o = &c->objects[i];
		bool known = o->doubt == CENSUS_KNOWN;
		json_t *mappers = json_array();
		char device[32];

		for (size_t k = 0; k < o->mapper_count; k++)
			json_array_append_new(mappers,
					      json_integer(c->mappers[o->mapper_first + k]));
		snprintf(device, sizeof(device), "%x:%x", o->dev_major, o->dev_minor);
		json_array_append_new(
			list,
			json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:o}", "device", device, "inode",
				  (json_int_t)o->inode, "name", swaps_json_safe(o->name), "size",
				  swaps_json_known(known, o->size), "ram",
				  swaps_json_known(known, o->ram), "swap",
				  swaps_json_known(known, o->swap), "mappers", mappers));
	}
	return list;
}

static json_t *swaps_json_stuck(const struct census *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->stuck_count; i++)
		json_array_append_new(
			list, json_pack("{s:i, s:f, s:s}", "pid", (int)c->stuck[i].pid, "seconds",
					(double)(c->clock_ns - c->stuck[i].since_ns) / 1e9, "why",
					c->stuck[i].why));
	return list;
}

int report_swaps_json(FILE *out, const struct swaps_account *a)
{
	const struct census *c = a->census;
	int64_t rest = swaps_unexplained(a);
	json_t *root = json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:{s:o, s:I, s:b, s:I, s:o, s:o, s:o, s:b, s:I, s:s?, s:I}}",
		"pmtop", PMTOP_VERSION, "areas",
		c->areas_unknown ? json_null() : swaps_json_areas(c), "processes",
		swaps_json_processes(c), "objects", swaps_json_objects(c), "stuck",
		swaps_json_stuck(c), "totals", "used",
		swaps_json_known(!a->used_unknown, a->used_after), "private",
		(json_int_t)a->private_bytes, "slots_seen", (int)a->slots_seen, "shared",
		(json_int_t)c->totals.object_swap, "unexplained",
		swaps_json_known(!a->used_unknown && rest >= 0, (uint64_t)rest), "more_than_used",
		swaps_json_known(!a->used_unknown, rest < 0 ? (uint64_t)-rest : 0), "swap_cached",
		swaps_json_known(c->totals.swap_cached_known, c->totals.swap_cached), "changing",
		(int)(a->used_before != a->used_after), "not_looked_into",
		(json_int_t)c->totals.hidden, "unlisted", census_unlisted[c->unlisted].key,
		"may_be_counted_twice", (json_int_t)c->totals.unsure);
	int r = root ? json_dumpf(root, out, JSON_ENSURE_ASCII) : -1;

	json_decref(root);
	fputc('\n', out);
	return r < 0 ? -ENOMEM : 0;
}

void report_slots_text(FILE *out, const struct snapshot *snapshot)
{
	char name[NAME_MAX_SHOWN];

	fprintf(out, "AREA     FIRST SLOT      SLOTS PAGE         STATE       MAPPING\n");
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct snapshot_mapping *m = &snapshot->mappings[i];
		const struct slot_run *runs;
		size_t n = 0;

		runs = m->pages ? pages_slots(m->pages, &n) : NULL;
		for (size_t k = 0; k < n; k++)
			fprintf(out, "%4u %14" PRIu64 " %10" PRIu64 " %012" PRIx64 " %-11s %s\n",
				runs[k].type, runs[k].offset, runs[k].count,
				m->mapping->start + (runs[k].first << PMTOP_PAGE_SHIFT),
				page_states[pages_state(m->pages, runs[k].first)].name,
				swaps_safe(m->mapping->name, name));
	}
}
