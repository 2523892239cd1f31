// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "ui/app_internal.h"
#include "ui/layout.h"
#include "ui/mapping_text.h"
#include "ui/theme.h"
#include "ui/tiles.h"

static void app_draw_title(struct app *app, struct canvas *canvas, struct rect row);

/* What the whole process has: the numbers first, then a bar of what is in RAM or in swap. */
static void app_draw_totals_bar(const struct scene *scene, struct canvas *canvas, struct rect row,
				int x)
{
	static const enum page_state order[] = { PAGE_ANON, PAGE_FILE, PAGE_SHMEM, PAGE_SWAP,
						 PAGE_SHARED_SWAP };
	const uint64_t *n = scene->snapshot->totals.state;
	uint64_t sum = 0, before = 0;
	int width = row.width - x;

	for (size_t i = 0; i < 5; i++)
		sum += n[order[i]];
	if (width < 8 || !sum)
		return;
	for (size_t i = 0; i < 5; i++) {
		int from = (int)((double)before / (double)sum * width);
		int to = (int)((double)(before + n[order[i]]) / (double)sum * width);

		before += n[order[i]];
		for (int c = from; c < to; c++)
			canvas_put(canvas, row, x + c, 0,
				   theme_value(scene->theme, LENS_WHERE, order[i]),
				   (unsigned char)page_states[order[i]].letter);
	}
}

static const char *app_draw_totals_trouble(const struct snapshot *s)
{
	switch (s->known.shared_swap) {
	case SHARED_SWAP_SUM:
		return "places unknown: see pmtop doctor";
	case SHARED_SWAP_APPROXIMATE:
		return "some unknown: see pmtop doctor";
	case SHARED_SWAP_UNKNOWN:
		return "shared unknown: see pmtop doctor";
	default:
		return NULL;
	}
}

static int app_draw_total(const struct scene *scene, struct canvas *canvas, struct rect row, int x,
			  const char *label, uint64_t pages, struct style style)
{
	char size[UNITS_SIZE_MAX], text[64];

	snprintf(text, sizeof(text), "%s %s", label, pages_text(pages, size));
	if (x + (int)strlen(text) > row.width)
		return x;
	x = canvas_printf(canvas, row, x, 0, theme_role(scene->theme, ROLE_DIM), "%s ", label);
	return canvas_text(canvas, row, x, 0, style, pages_text(pages, size)) + 2;
}

static void app_draw_summary(struct app *app, struct canvas *canvas, struct rect row)
{
	const struct scene *scene = &app->scene;
	const struct snapshot *s = scene->snapshot;
	struct style text = theme_role(scene->theme, ROLE_TEXT);
	const char *trouble;
	uint64_t shared;
	int x = 0;

	if (!row.height || !s)
		return;
	if (s->partial) {
		canvas_fit(canvas, row, 0, 0, row.width, theme_role(scene->theme, ROLE_DIM),
			   "the pages are being read", false);
		return;
	}
	shared = s->totals.state[PAGE_SHARED_SWAP] + s->swap_unplaced;
	x = app_draw_total(scene, canvas, row, x, "rss", s->rss, text);
	if (snapshot_hugetlb(s))
		x = app_draw_total(scene, canvas, row, x, "hugetlb", snapshot_hugetlb(s), text);
	x = app_draw_total(scene, canvas, row, x, "shared-swap", shared,
			   theme_value(scene->theme, LENS_WHERE, PAGE_SHARED_SWAP));
	x = app_draw_total(scene, canvas, row, x, "swap", s->totals.state[PAGE_SWAP],
			   theme_value(scene->theme, LENS_WHERE, PAGE_SWAP));
	trouble = app_draw_totals_trouble(s);
	if (trouble)
		canvas_fit(canvas, row, x, 0, row.width - x, theme_role(scene->theme, ROLE_WARNING),
			   trouble, false);
	else
		app_draw_totals_bar(scene, canvas, row, x);
}

/* Letters, words and counts of the lens; what does not occur goes first when room is short. */
static void app_draw_legend(struct app *app, struct canvas *canvas, struct rect row)
{
	struct scene *scene = &app->scene;
	const struct tile_counts *counts;
	const char *trouble = lens_unavailable_reason(scene);
	bool one = app->focus == PANE_PAGES || app->focus == PANE_INSPECTOR, all = true;
	size_t mapping = SIZE_MAX;
	int x = 0, width = 0;

	app->legend_count = 0;
	app->legend_rect = row;
	if (!row.height || !scene->snapshot || app->in_processes)
		return;
	if (trouble)
		x = canvas_printf(canvas, row, 0, 0, theme_role(scene->theme, ROLE_WARNING), "%s  ",
				  trouble);
	if (one)
		mapping = snapshot_find(scene->snapshot, scene->mapping);
	if (one && mapping >= scene->snapshot->count)
		return;
	counts = scene_counts(scene, mapping);
	for (unsigned v = 0; v < lens_value_count(scene->lens); v++)
		width += (int)strlen(lens_value(scene->lens, v).name) + 4;
	all = x + width + (scene->lens == LENS_WHERE ? 15 : 0) <= row.width;
	for (unsigned v = 0; v < lens_value_count(scene->lens); v++) {
		struct lens_value value = lens_value(scene->lens, v);
		struct style style = theme_value(scene->theme, scene->lens, v);
		int end = x + (int)strlen(value.name) + 2;

		if ((!all && !counts->value[v]) || end > row.width)
			continue;
		if (scene->pinned == (int)v)
			style.attr |= ATTR_REVERSE;
		app->legend[app->legend_count].x = row.x + x;
		app->legend[app->legend_count].end = row.x + end;
		app->legend[app->legend_count++].value = (int)v;
		canvas_put(canvas, row, x, 0, style, (unsigned char)value.letter);
		canvas_text(canvas, row, x + 2, 0,
			    theme_role(scene->theme, counts->value[v] ? ROLE_TEXT : ROLE_DIM),
			    value.name);
		x = end + 2;
	}
	if (scene->lens == LENS_WHERE && scene->snapshot->known.written && x + 15 <= row.width)
		canvas_text(canvas, row, x, 0, theme_role(scene->theme, ROLE_DIM),
			    "UPPER = written");
}

/* What the key would do now; NULL when it could do nothing. */
static const char *app_draw_footer_word(const struct app *app, enum request r)
{
	const struct scene *scene = &app->scene;
	const char *word = requests[r].footer;
	bool replay = scene->source && source_is_replay(scene->source);

	switch (r) {
	case REQ_PAUSE:
		if (replay)
			return scene->status.state == SOURCE_LIVE ? word : "play";
		return scene->paused ? "go on" : app_is_living(app) ? word : NULL;
	case REQ_SAMPLE_ON:
	case REQ_EVENT_ON:
		return replay || scene->paused ? word : NULL;
	case REQ_RECORD:
		return app->recording ? "stop rec" : app_is_living(app) ? word : NULL;
	case REQ_VERIFY:
		return app_is_living(app) ? word : NULL;
	case REQ_ZOOM_IN:
		return app->focus != PANE_TIMELINE ? word : replay ? "speed" : NULL;
	case REQ_WORKLOAD:
		return app->workload ? word : NULL;
	default:
		return word;
	}
}

/* A footer item: "Enter open". The lenses are one item. */
static int app_draw_footer_item(const struct app *app, enum request r, char *key, size_t size)
{
	const struct keymap *keymap = app->scene.keymap;
	const char *word = app_draw_footer_word(app, r);
	char first[16], last[16];

	keymap_first(keymap, r, first, sizeof(first));
	if (r == REQ_LENS_WHERE)
		snprintf(key, size, "%s-%s", first,
			 keymap_first(keymap, REQ_LENS_WHERE + LENSES - 1, last, sizeof(last)));
	else
		snprintf(key, size, "%s", first);
	return *first && word ? (int)strlen(word) + 1 : 0;
}

static void app_draw_keys(struct app *app, struct canvas *canvas, struct rect row)
{
	const struct scene *scene = &app->scene;
	enum ui_screen screen = app_focused(app)->ops->screen;
	bool shown[REQUESTS] = { false };
	int x = 0, used = 0;
	char key[40];

	/* What matters most takes its place first, what is drawn keeps the order of the table. */
	for (int priority = 0; priority <= 9; priority++)
		for (int r = 1; r < REQUESTS; r++) {
			int width;

			if (requests[r].priority != priority || !(requests[r].where & screen))
				continue;
			width = app_draw_footer_item(app, r, key, sizeof(key));
			if (!width)
				continue;
			width += canvas_text_width(canvas, key) + (used ? 2 : 0);
			if (used + width > row.width)
				continue;
			used += width;
			shown[r] = true;
		}
	for (int r = 1; r < REQUESTS; r++) {
		if (!shown[r])
			continue;
		app_draw_footer_item(app, r, key, sizeof(key));
		x = canvas_text(canvas, row, x, 0, theme_role(scene->theme, ROLE_KEY), key) + 1;
		x = canvas_text(canvas, row, x, 0, theme_role(scene->theme, ROLE_TEXT),
				app_draw_footer_word(app, (enum request)r)) +
		    2;
	}
}

static void app_draw_footer(struct app *app, struct canvas *canvas, struct rect row,
			    struct view_cursor *ret_cursor)
{
	const struct theme *theme = app->scene.theme;

	if (!row.height)
		return;
	if (app->prompt.kind)
		prompt_draw(&app->prompt, canvas, row,
			    theme_role(theme, app->prompt.kind == PROMPT_CONFIRM ? ROLE_WARNING
										 : ROLE_KEY),
			    theme_role(theme, ROLE_TEXT), ret_cursor);
	else if (*app->message)
		canvas_fit(canvas, row, 0, 0, row.width,
			   theme_role(theme, app->message_bad ? ROLE_ERROR : ROLE_TITLE),
			   app->message, false);
	else
		app_draw_keys(app, canvas, row);
}

static void app_draw_panes(struct app *app, const struct layout *l, struct canvas *canvas,
			   struct view_cursor *ret_cursor)
{
	const struct rect rects[PANES] = { [PANE_MAPPINGS] = l->list,
					   [PANE_PAGES] = l->pages,
					   [PANE_INSPECTOR] = l->inspector,
					   [PANE_TIMELINE] = l->timeline };

	for (int p = 0; p < PANES; p++) {
		app->pane_rects[p] = rects[p];
		if (rects[p].width > 0 && rects[p].height > 0)
			app->panes[p]->ops->draw(app->panes[p], &app->scene, canvas, rects[p],
						 p == (int)app->focus, ret_cursor);
	}
}

void app_draw(struct app *app, struct canvas *canvas, struct view_cursor *ret_cursor)
{
	struct rect all = canvas_rect(canvas);
	bool panes = app_focused(app) == app->panes[app->focus];
	enum pane depth = app->focus == PANE_TIMELINE ? app->before_timeline : app->focus;
	struct layout_request wish = {
		.width = all.width,
		.height = all.height,
		.footer = app->prompt.kind || *app->message,
		.in_pages = depth != PANE_MAPPINGS,
		.in_inspector = app->focus == PANE_INSPECTOR,
		.inspector = app->show_inspector,
		.in_timeline = app->focus == PANE_TIMELINE,
		.timeline_rows = panes ? app->timeline_rows : 0,
	};
	struct layout l = layout_make(&wish);
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	app->scene.now_ns = now.tv_sec * 1000000000 + now.tv_nsec;
	*ret_cursor = (struct view_cursor){ -1, -1 };
	canvas_clear(canvas);
	memset(app->pane_rects, 0, sizeof(app->pane_rects));
	app->view_rect = l.main;
	app_draw_title(app, canvas, l.title);
	if (panes) {
		app_draw_summary(app, canvas, l.summary);
		app_draw_panes(app, &l, canvas, ret_cursor);
		app_draw_legend(app, canvas, l.legend);
	} else {
		/* Other screens have use for the rows of summary and legend. */
		struct view *view = app_focused(app);

		l.main.y -= l.summary.height;
		l.main.height += l.summary.height + l.legend.height;
		app->legend_rect = (struct rect){ 0 };
		if (l.main.height > 0)
			view->ops->draw(view, &app->scene, canvas, l.main, true, ret_cursor);
	}
	app_draw_footer(app, canvas, l.footer, ret_cursor);
	if (ret_cursor->x >= all.width)
		ret_cursor->x = all.width - 1;
	if (ret_cursor->y >= all.height)
		ret_cursor->y = all.height - 1;
}

static void app_draw_clock_text(int64_t ns, char buf[static 16])
{
	time_t seconds = ns / 1000000000;
	struct tm tm;

	localtime_r(&seconds, &tm);
	snprintf(buf, 16, "%02d:%02d:%02d", tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100);
}

static void app_draw_duration_text(int64_t ns, char *buf, size_t size)
{
	if (ns < 1000000000)
		snprintf(buf, size, "%ld ms", (long)(ns / 1000000));
	else
		snprintf(buf, size, "%g s", (double)(ns / 100000000) / 10);
}

static void app_draw_end_text(const struct source_status *status, char *buf, size_t size)
{
	char when[16];
	int code = status->exit_status;

	app_draw_clock_text(status->ended_ns, when);
	if (status->oom_killed)
		snprintf(buf, size, "ENDED %s: killed by the OOM killer", when);
	else if (!status->exit_known)
		snprintf(buf, size, "ENDED %s", when);
	else if (WIFSIGNALED(code))
		snprintf(buf, size, "ENDED %s: signal %d (%s)", when, WTERMSIG(code),
			 sigabbrev_np(WTERMSIG(code)) ? sigabbrev_np(WTERMSIG(code)) : "?");
	else
		snprintf(buf, size, "ENDED %s: exit status %d", when, WEXITSTATUS(code));
}

static void app_draw_replay_text(const struct app *app, char *buf, size_t size)
{
	const struct scene *scene = &app->scene;
	struct source_span span;
	char when[16] = "", speed[16] = "";

	if (scene->snapshot)
		app_draw_clock_text(scene->snapshot->taken_ns, when);
	if (scene->source->ops->span(scene->source, &span) < 0)
		return;
	if (app->speed != 1)
		snprintf(speed, sizeof(speed), "x%g ", app->speed);
	snprintf(buf, size, "REPLAY %s%s#%lu/%lu %s", speed,
		 scene->status.state == SOURCE_PAUSED ? "PAUSED " : "",
		 (unsigned long)span.position, (unsigned long)span.samples - 1, when);
}

/* The state of time, as the title says it. Returns what it looks like. */
static enum theme_role app_draw_state_text(const struct app *app, char *buf, size_t size)
{
	const struct scene *scene = &app->scene;
	const struct source_status *status = &scene->status;
	char when[16], interval[24];

	if (!scene->source) {
		buf[0] = '\0';
		return ROLE_DIM;
	}
	if (source_is_replay(scene->source) && status->state != SOURCE_FAILED) {
		app_draw_replay_text(app, buf, size);
		return ROLE_TITLE;
	}
	if (scene->paused && scene->snapshot) {
		app_draw_clock_text(scene->snapshot->taken_ns, when);
		snprintf(buf, size, "PAUSED %s (%zu/%zu)", when, scene->position + 1,
			 history_count(scene->history));
		return ROLE_WARNING;
	}
	if (status->stalled_ns && status->state != SOURCE_ENDED && status->state != SOURCE_FAILED) {
		snprintf(buf, size, "no sample for %lld s%s%s",
			 (long long)(status->stalled_ns / 1000000000), *status->stall ? ": " : "",
			 status->stall);
		return ROLE_WARNING;
	}
	switch (status->state) {
	case SOURCE_ENDED:
		app_draw_end_text(status, buf, size);
		return ROLE_ERROR;
	case SOURCE_FAILED:
		snprintf(buf, size, "NO MORE SAMPLES: %s", strerror(status->error));
		return ROLE_ERROR;
	case SOURCE_WAITING:
		snprintf(buf, size, "reading");
		return ROLE_DIM;
	default:
		app_draw_duration_text(status->interval_ns, interval, sizeof(interval));
		snprintf(buf, size, "live %s%s", interval,
			 status->interval_ns > status->asked_interval_ns * 11 / 10 ? " (slowed)"
										   : "");
		return ROLE_GOOD;
	}
}

/* For how long it has been recorded. */
static void app_draw_recording_text(const struct app *app, char *buf, size_t size)
{
	long s = (long)((app->scene.now_ns - app->recording_since_ns) / 1000000000);

	if (s < 3600)
		snprintf(buf, size, "● rec %ld:%02ld  ", s / 60, s % 60);
	else
		snprintf(buf, size, "● rec %ld:%02ld:%02ld  ", s / 3600, s / 60 % 60, s % 60);
}

/* who, where one is, the state of time, the lens. */
static void app_draw_title(struct app *app, struct canvas *canvas, struct rect row)
{
	const struct scene *scene = &app->scene;
	struct style style = theme_role(scene->theme, ROLE_TITLE);
	struct view *view = app_focused(app);
	char state[128] = "", lens[32] = "", place[256] = "";
	enum theme_role role;
	int x, right = row.width, width;

	if (!row.height)
		return;
	if (app->recording)
		app_draw_recording_text(app, state, sizeof(state));
	role = app_draw_state_text(app, state + strlen(state), sizeof(state) - strlen(state));
	snprintf(lens, sizeof(lens), "lens %d %s", scene->lens + 1, lens_name(scene->lens));
	view->ops->title(view, scene, place, sizeof(place));
	/* From the right: lens, then the state of time; the state is the last to go. */
	width = canvas_text_width(canvas, state);
	if (scene->source && row.width >= 60 + (int)strlen(lens)) {
		right -= (int)strlen(lens);
		canvas_text(canvas, row, right, 0, style, lens);
		right -= 3;
	}
	if (width && row.width >= width + 12) {
		right -= width;
		canvas_text(canvas, row, right, 0, theme_role(scene->theme, role), state);
		right -= 2;
	}
	x = canvas_fit(canvas, row, 0, 0, right < 5 ? right : 5, style, "pmtop", false) + 1;
	if (scene->snapshot && !app->in_processes && x < right) {
		char who[96];

		snprintf(who, sizeof(who), "%d %s", scene->snapshot->pid, scene->snapshot->comm);
		width = canvas_text_width(canvas, who);
		canvas_fit(canvas, row, x, 0, right - x, style, who, false);
		x += width + 1;
	}
	if (*place && x + 4 < right) {
		canvas_put(canvas, row, x, 0, style, 0x203a);
		canvas_fit(canvas, row, x + 2, 0, right - x - 2, style, place, false);
	}
}
