// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload/cgdir.h"
#include "workload/memgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the files of a memory cgroup say. Small files, read whole; a missing one is "not known". */

/* v1 says "no limit" with the largest multiple of a page that fits into a long. */
#define V1_NO_LIMIT (1ULL << 62)

static uint64_t memgroup_read_number(const struct memgroup *g, const char *file)
{
	char buf[32], *end;
	uint64_t value;

	if (cgdir_read(g->dir, file, buf, sizeof(buf)) <= 0)
		return WORKLOAD_UNSET;
	value = strtoull(buf, &end, 10); /* "max" has no digits: no limit */
	return end == buf ? WORKLOAD_UNSET : value;
}

/* The number behind a key at the start of a line: "oom_kill 3". */
static uint64_t memgroup_find_number(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, n) && line[n] == ' ')
			return strtoull(line + n, NULL, 10);
	}
	return WORKLOAD_UNSET;
}

static uint64_t memgroup_v1_limit(const struct memgroup *g, const char *file)
{
	uint64_t value = memgroup_read_number(g, file);

	return value >= V1_NO_LIMIT ? WORKLOAD_UNSET : value;
}

static void memgroup_read_v1(const struct memgroup *g, struct workload_memory *m)
{
	char buf[8192];
	uint64_t memsw = memgroup_v1_limit(g, "memory.memsw.limit_in_bytes"), swappiness;

	m->limit = memgroup_v1_limit(g, "memory.limit_in_bytes");
	if (memsw != WORKLOAD_UNSET && memsw >= m->limit)
		m->swap_limit = memsw - m->limit;
	m->high = memgroup_v1_limit(g, "memory.soft_limit_in_bytes");
	m->usage = memgroup_read_number(g, "memory.usage_in_bytes");
	m->peak = memgroup_read_number(g, "memory.max_usage_in_bytes");
	m->limit_hits = memgroup_read_number(g, "memory.failcnt");
	if (cgdir_read(g->dir, "memory.stat", buf, sizeof(buf)) > 0)
		m->swap = memgroup_find_number(buf, "total_swap");
	if (cgdir_read(g->dir, "memory.oom_control", buf, sizeof(buf)) > 0)
		m->oom_kills = memgroup_find_number(buf, "oom_kill"); /* since 4.13 */
	swappiness = memgroup_read_number(g, "memory.swappiness");
	if (swappiness != WORKLOAD_UNSET)
		m->swappiness = (int)swappiness;
}

/* "some avg10=1.23 avg60=..." */
static void memgroup_read_pressure(const struct memgroup *g, struct workload_memory *m)
{
	char buf[512];
	const char *some, *full;

	if (cgdir_read(g->dir, "memory.pressure", buf, sizeof(buf)) <= 0)
		return;
	some = strstr(buf, "some avg10=");
	full = strstr(buf, "full avg10=");
	if (!some || !full)
		return;
	m->has_pressure = true;
	m->pressure_some = strtod(some + strlen("some avg10="), NULL);
	m->pressure_full = strtod(full + strlen("full avg10="), NULL);
}

static void memgroup_read_v2(const struct memgroup *g, struct workload_memory *m)
{
	char buf[1024];

	m->limit = memgroup_read_number(g, "memory.max");
	m->swap_limit = memgroup_read_number(g, "memory.swap.max");
	m->high = memgroup_read_number(g, "memory.high");
	m->usage = memgroup_read_number(g, "memory.current");
	m->peak = memgroup_read_number(g, "memory.peak"); /* since 5.19 */
	m->swap = memgroup_read_number(g, "memory.swap.current");
	if (cgdir_read(g->dir, "memory.events", buf, sizeof(buf)) > 0) {
		m->limit_hits = memgroup_find_number(buf, "max");
		m->high_hits = memgroup_find_number(buf, "high");
		m->oom_kills = memgroup_find_number(buf, "oom_kill");
	}
	memgroup_read_pressure(g, m);
}

void memgroup_read(const struct memgroup *g, struct workload_memory *ret)
{
	struct workload_memory m = {
		.limit = WORKLOAD_UNSET,
		.swap_limit = WORKLOAD_UNSET,
		.high = WORKLOAD_UNSET,
		.usage = WORKLOAD_UNSET,
		.peak = WORKLOAD_UNSET,
		.swap = WORKLOAD_UNSET,
		.limit_hits = WORKLOAD_UNSET,
		.high_hits = WORKLOAD_UNSET,
		.oom_kills = WORKLOAD_UNSET,
		.swappiness = -1,
	};

	if (g->version == WORKLOAD_GROUP_V1)
		memgroup_read_v1(g, &m);
	else if (g->version == WORKLOAD_GROUP_V2)
		memgroup_read_v2(g, &m);
	*ret = m;
}
