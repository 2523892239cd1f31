// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/view_processes.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "model/page.h"
#include "ui/table.h"

enum process_column {
	COLUMN_PID,
	COLUMN_USER,
	COLUMN_RSS,
	COLUMN_PRIVATE,
	COLUMN_SHARED,
	COLUMN_TOTAL,
	COLUMN_BAR,
	COLUMN_COMMAND,
	COLUMNS
};

static const struct table_column columns[COLUMNS] = {
	[COLUMN_PID] = { "PID", 7, 2, false, false, false },
	[COLUMN_USER] = { "USER", 8, 6, true, false, false },
	[COLUMN_RSS] = { "RSS", 6, 4, false, false, false },
	[COLUMN_PRIVATE] = { "SWAP", 6, 5, false, false, false },
	[COLUMN_SHARED] = { "SHSWAP", 6, 3, false, false, false },
	[COLUMN_TOTAL] = { "TOTAL", 6, 1, false, false, false },
	[COLUMN_BAR] = { "MEMORY", 8, 3, true, true, true },
	[COLUMN_COMMAND] = { "COMMAND", 10, 0, true, false, false },
};

/* Older than this, and what is known of a process's shared memory is drawn dim. */
#define STALE_NS (10 * INT64_C(1000000000))

static size_t view_processes_count(const void *data)
{
	const struct census *census = data;

	return census->process_count;
}

static struct table_identity view_processes_identity(const void *data, size_t row)
{
	const struct census *census = data;
	const struct census_process *p = &census->processes[row];

	return (struct table_identity){ (uint64_t)p->pid, p->start_time };
}

static uint64_t view_processes_ram(const struct census_process *p)
{
	return p->private_ram + p->file_ram + p->shared_ram;
}

static bool view_processes_matches(const void *data, size_t row, const char *text)
{
	const struct census *census = data;
	const struct census_process *p = &census->processes[row];
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)p->pid);
	return table_contains(p->comm, text) || table_contains(p->user, text) ||
	       !strncmp(pid, text, strlen(text));
}

/* What is not known sorts as the least that it can be. */
static uint64_t view_processes_shared_swap(const struct census_process *p)
{
	return p->shared_doubt == CENSUS_KNOWN ? p->shared_swap : 0;
}

/* What is known to be nothing comes before what may be anything: one's own before the others'. */
static int view_processes_compare_shared(const struct census_process *x,
					 const struct census_process *y, uint64_t a, uint64_t b)
{
	int r = table_compare_numbers(a, b);

	return r ? r : (x->shared_doubt != CENSUS_KNOWN) - (y->shared_doubt != CENSUS_KNOWN);
}

static int view_processes_compare(const void *data, size_t a, size_t b, int column)
{
	const struct census *census = data;
	const struct census_process *x = &census->processes[a], *y = &census->processes[b];

	switch ((enum process_column)column) {
	case COLUMN_PID:
		return x->pid < y->pid ? -1 : x->pid > y->pid;
	case COLUMN_USER:
		return strcmp(x->user, y->user);
	case COLUMN_RSS:
		return table_compare_numbers(view_processes_ram(x), view_processes_ram(y));
	case COLUMN_PRIVATE:
		return table_compare_numbers(x->private_swap, y->private_swap);
	case COLUMN_SHARED:
		return view_processes_compare_shared(x, y, view_processes_shared_swap(x),
						     view_processes_shared_swap(y));
	case COLUMN_COMMAND:
		return strcasecmp(x->comm, y->comm);
	default:
		return view_processes_compare_shared(x, y, census_total_swap(x),
						     census_total_swap(y));
	}
}

static void view_processes_size_text(uint64_t bytes, struct table_text *cell)
{
	char buf[UNITS_SIZE_MAX];

	cell->role = bytes ? ROLE_TEXT : ROLE_DIM;
	snprintf(cell->text, sizeof(cell->text), "%s", bytes ? units_format_size(bytes, buf) : "-");
}

/* A sum with a part that is not known is at least what is known. */
static void view_processes_total_text(const struct census_process *p, struct table_text *cell)
{
	char buf[UNITS_SIZE_MAX];

	view_processes_size_text(census_total_swap(p), cell);
	if (p->shared_doubt == CENSUS_KNOWN)
		return;
	cell->role = ROLE_DIM;
	if (p->private_swap)
		snprintf(cell->text, sizeof(cell->text), "%s+",
			 units_format_size(p->private_swap, buf));
	else
		snprintf(cell->text, sizeof(cell->text), "?");
}

static void view_processes_name_text(const struct census *census, const struct census_process *p,
				     struct table_text *cell)
{
	const struct census_stuck *stuck = census_find_stuck(census, p);

	if (!stuck && p->memory_of)
		snprintf(cell->text, sizeof(cell->text), "%s (memory of %d)", p->comm,
			 (int)p->memory_of);
	else if (!stuck)
		snprintf(cell->text, sizeof(cell->text), "%s", p->comm);
	if (!stuck)
		return;
	snprintf(cell->text, sizeof(cell->text), "%s: no answer for %lld s%s%s", p->comm,
		 (long long)((census->clock_ns - stuck->since_ns) / 1000000000),
		 *stuck->why ? "; " : "", stuck->why);
	cell->role = ROLE_WARNING;
}

static void view_processes_text(const void *data, size_t row, int column, struct table_text *cell)
{
	const struct census *census = data;
	const struct census_process *p = &census->processes[row];

	if (p->memory_of && column >= COLUMN_RSS && column <= COLUMN_TOTAL) {
		cell->role = ROLE_DIM;
		snprintf(cell->text, sizeof(cell->text), "=");
		return;
	}
	switch ((enum process_column)column) {
	case COLUMN_PID:
		snprintf(cell->text, sizeof(cell->text), "%d", (int)p->pid);
		break;
	case COLUMN_USER:
		snprintf(cell->text, sizeof(cell->text), "%s", p->user);
		break;
	case COLUMN_RSS:
		view_processes_size_text(view_processes_ram(p), cell);
		break;
	case COLUMN_PRIVATE:
		view_processes_size_text(p->private_swap, cell);
		break;
	case COLUMN_SHARED:
		view_processes_size_text(p->shared_swap, cell);
		if (p->shared_doubt != CENSUS_KNOWN)
			snprintf(cell->text, sizeof(cell->text), "?");
		if (p->shared_doubt != CENSUS_KNOWN ||
		    census->clock_ns - p->shared_clock_ns > STALE_NS)
			cell->role = ROLE_DIM;
		break;
	case COLUMN_TOTAL:
		view_processes_total_text(p, cell);
		break;
	default:
		view_processes_name_text(census, p, cell);
		break;
	}
}

static size_t view_processes_parts(const void *data, size_t row, struct table_part *parts)
{
	const struct census *census = data;
	const struct census_process *p = &census->processes[row];

	if (p->memory_of)
		return 0;
	parts[0] = (struct table_part){ PAGE_ANON, p->private_ram };
	parts[1] = (struct table_part){ PAGE_FILE, p->file_ram };
	parts[2] = (struct table_part){ PAGE_SHMEM, p->shared_ram };
	parts[3] = (struct table_part){ PAGE_SWAP, p->private_swap };
	parts[4] = (struct table_part){ PAGE_SHARED_SWAP, view_processes_shared_swap(p) };
	return 5;
}

static void view_processes_summary(const void *data, char *buf, size_t size)
{
	const struct census *census = data;
	const struct census_totals *t = &census->totals;
	char used[UNITS_SIZE_MAX], all[UNITS_SIZE_MAX], private[UNITS_SIZE_MAX];
	char objects[UNITS_SIZE_MAX];
	int n;

	if (census->areas_unknown) {
		n = snprintf(buf, size, "%zu processes, swap areas not known (subset=pid)",
			     census->process_count);
	} else if (!census->area_count) {
		n = snprintf(buf, size, "%zu processes, no swap", census->process_count);
	} else {
		n = snprintf(
			buf, size, "swap %s of %s: private %s%s, shared %s%s (each once)",
			units_format_size(t->swap_used, used), units_format_size(t->swap_size, all),
			units_format_size(t->private_swap, private), census->unlisted ? "+" : "",
			units_format_size(t->object_swap, objects),
			census->unlisted || t->hidden ? "+" : "");
	}
	if (n < 0 || (size_t)n >= size)
		return;
	if (!census->complete)
		snprintf(buf + n, size - (size_t)n, "; still counting");
	else if (census->stuck_count)
		snprintf(buf + n, size - (size_t)n, "; %zu without an answer", census->stuck_count);
	else if (census->unlisted)
		snprintf(buf + n, size - (size_t)n, "; without %s",
			 census_unlisted[census->unlisted].text);
	else if (t->hidden)
		snprintf(buf + n, size - (size_t)n, "; %zu closed: see doctor", t->hidden);
}

static pid_t view_processes_pid(const void *data, size_t row)
{
	const struct census *census = data;

	return census->processes[row].pid;
}

static const struct table_kind kind = {
	.screen = SCREEN_PROCESSES,
	.noun = "process",
	.nouns = "processes",
	.waiting = "counting",
	.bar_share = 60,
	.columns = columns,
	.column_count = COLUMNS,
	.first_sort = COLUMN_TOTAL,
	.count = view_processes_count,
	.identity = view_processes_identity,
	.matches = view_processes_matches,
	.compare = view_processes_compare,
	.text = view_processes_text,
	.parts = view_processes_parts,
	.summary = view_processes_summary,
	.pid = view_processes_pid,
};

struct view *view_processes_new(struct census_feed *feed)
{
	return table_new(&kind, feed);
}
