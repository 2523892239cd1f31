// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/workload_facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ui/theme.h"

const char *workload_size(uint64_t bytes, const char *unset, char buf[static UNITS_SIZE_MAX])
{
	return bytes == WORKLOAD_UNSET ? unset : units_format_size(bytes, buf);
}

/* How it ended, in a sentence; nothing while it runs. */
void workload_end_text(const struct workload_status *s, char *buf, size_t size)
{
	char limit[UNITS_SIZE_MAX], usage[UNITS_SIZE_MAX];
	double seconds = (double)s->lifetime_ms / 1000;

	buf[0] = '\0';
	if (s->state == WORKLOAD_EXITED)
		snprintf(buf, size, "the workload exited with status %d after %.1f s", s->code,
			 seconds);
	else if (s->state == WORKLOAD_KILLED)
		snprintf(buf, size, "the workload was killed by signal %d (%s) after %.1f s",
			 s->code, sigdescr_np(s->code), seconds);
	else if (s->state == WORKLOAD_OOM)
		snprintf(buf, size,
			 "the workload was OOM-killed after %.1f s: limit %s, last usage %s",
			 seconds, workload_size(s->memory.limit, "none", limit),
			 workload_size(s->memory.usage, "unknown", usage));
	else if (s->state == WORKLOAD_LOST)
		snprintf(buf, size, "the workload's supervisor was killed, so all of it was ended");
}

static struct style workload_facts_text_style(const struct scene *scene)
{
	return theme_role(scene->theme, ROLE_TEXT);
}

#define FACT(v, scene, label, ...)                                                                 \
	lines_add((v)->lines, theme_role((scene)->theme, ROLE_DIM), label,                         \
		  workload_facts_text_style(scene), __VA_ARGS__)

static void workload_facts_add_command(const struct workload_facts *v, const struct scene *scene)
{
	char text[512] = "";
	size_t n = 0;

	for (char *const *word = v->argv; *word && n < sizeof(text); word++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? " " : "", *word);
	FACT(v, scene, "command", "%s", text);
}

static void workload_facts_add_state(const struct workload_facts *v, const struct scene *scene)
{
	const struct workload_status *s = v->status;
	bool bad = s->state == WORKLOAD_OOM || s->state == WORKLOAD_LOST;
	char text[256], raised[UNITS_SIZE_MAX], plus[16], start[16];

	if (s->state == WORKLOAD_RUNNING) {
		FACT(v, scene, "state", "running for %.1f s, pid %d", (double)s->lifetime_ms / 1000,
		     (int)s->pid);
		return;
	}
	workload_end_text(s, text, sizeof(text));
	lines_add(v->lines, theme_role(scene->theme, ROLE_DIM), "state",
		  theme_role(scene->theme, bad ? ROLE_ERROR : ROLE_TEXT), "%s",
		  *text ? text : "stopped");
	if (s->state == WORKLOAD_LOST)
		return;
	keymap_first(scene->keymap, REQ_LIMIT_RAISE, plus, sizeof(plus));
	keymap_first(scene->keymap, REQ_WORKLOAD_START, start, sizeof(start));
	if (s->state == WORKLOAD_OOM && s->memory.limit < WORKLOAD_UNSET / 2)
		FACT(v, scene, "", "%s raises the limit to %s, %s starts it again", plus,
		     units_format_size(s->memory.limit * 2, raised), start);
	else
		FACT(v, scene, "", "%s starts it again", start);
}

static void workload_facts_add_usage(const struct workload_facts *v, const struct scene *scene)
{
	const struct workload_memory *m = &v->status->memory;
	char usage[UNITS_SIZE_MAX], peak[UNITS_SIZE_MAX], percent[48] = "";
	const char *seen = v->status->state == WORKLOAD_RUNNING ? "" : " when last seen";

	if (m->limit != WORKLOAD_UNSET && m->usage != WORKLOAD_UNSET && m->limit)
		snprintf(percent, sizeof(percent), " (%.0f %% of the limit)",
			 (double)m->usage * 100 / (double)m->limit);
	FACT(v, scene, "in RAM", "%s%s%s; at most %s", workload_size(m->usage, "unknown", usage),
	     percent, seen, workload_size(m->peak, "unknown", peak));
}

static void workload_facts_add_count(const struct workload_facts *v, const struct scene *scene,
				     const char *label, uint64_t count, const char *kept_in)
{
	if (count == WORKLOAD_UNSET)
		FACT(v, scene, label, "unknown: this kernel does not keep it for a group");
	else
		FACT(v, scene, label, "%" PRIu64 " (%s)", count, kept_in);
}

static void workload_facts_add_pressure(const struct workload_facts *v, const struct scene *scene)
{
	const struct workload_memory *m = &v->status->memory;

	if (m->has_pressure)
		FACT(v, scene, "pressure",
		     "some of it waited for memory %.2f %%, all of it %.2f %% of the last 10 s",
		     m->pressure_some, m->pressure_full);
	else
		FACT(v, scene, "pressure", "unknown: %s",
		     v->status->group == WORKLOAD_GROUP_V1 ? "cgroup v1 keeps none for a group"
							   : "this kernel was built without PSI");
}

static void workload_facts_add_group(const struct workload_facts *v, const struct scene *scene)
{
	const struct workload_memory *m = &v->status->memory;
	bool v1 = v->status->group == WORKLOAD_GROUP_V1;
	char limit[UNITS_SIZE_MAX], swap[UNITS_SIZE_MAX], high[UNITS_SIZE_MAX];

	if (v->status->group == WORKLOAD_NO_GROUP) {
		FACT(v, scene, "limit", "none: it runs without a cgroup (--no-cgroup)");
		return;
	}
	FACT(v, scene, "limit", "%s", workload_size(m->limit, "none", limit));
	workload_facts_add_usage(v, scene);
	FACT(v, scene, "in swap", "%s%s", workload_size(m->swap, "unknown", swap),
	     v->status->state == WORKLOAD_RUNNING ? "" : " when last seen");
	if (m->swap_limit != WORKLOAD_UNSET)
		FACT(v, scene, "swap limit", "%s", units_format_size(m->swap_limit, swap));
	if (m->high != WORKLOAD_UNSET)
		FACT(v, scene, v1 ? "soft limit" : "high", "%s", units_format_size(m->high, high));
	workload_facts_add_count(v, scene, "limit hits", m->limit_hits,
				 v1 ? "memory.failcnt" : "memory.events max");
	workload_facts_add_count(v, scene, "OOM kills", m->oom_kills,
				 v1 ? "memory.oom_control" : "memory.events oom_kill");
	workload_facts_add_pressure(v, scene);
	if (m->swappiness >= 0)
		FACT(v, scene, "swappiness", "%d", m->swappiness);
}

static void workload_facts_add_machine(const struct workload_facts *v, const struct scene *scene)
{
	char total[UNITS_SIZE_MAX], unused[UNITS_SIZE_MAX];

	if (v->status->swap_total)
		FACT(v, scene, "machine", "%s of swap, %s of it free",
		     units_format_size(v->status->swap_total, total),
		     units_format_size(v->status->swap_free, unused));
	else
		lines_add(
			v->lines, theme_role(scene->theme, ROLE_DIM), "machine",
			theme_role(scene->theme, ROLE_WARNING),
			"no swap: pages have nowhere to go; pmtop run --make-swap 64M makes some");
}

static void workload_facts_add_output(const struct workload_facts *v, const struct scene *scene)
{
	const struct workload_status *s = v->status;
	char size[UNITS_SIZE_MAX];

	FACT(v, scene, "", "%s", "");
	if (!s->lines) {
		FACT(v, scene, "output", "nothing yet");
		return;
	}
	FACT(v, scene, "output",
	     "%s in all, the last lines:", units_format_size(s->output_bytes, size));
	for (unsigned i = 0; i < s->lines; i++)
		FACT(v, scene, "", "%s", s->output[i]);
}

void workload_facts_add(const struct workload_facts *v, const struct scene *scene)
{
	workload_facts_add_command(v, scene);
	workload_facts_add_state(v, scene);
	workload_facts_add_group(v, scene);
	workload_facts_add_machine(v, scene);
	workload_facts_add_output(v, scene);
}
