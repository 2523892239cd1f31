// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/view_timeline.h"

#include <stdlib.h>
#include <string.h>

#include "ui/mapping_text.h"
#include "ui/theme.h"
#include "ui/tiles.h"

#define LABEL_WIDTH	 12
#define WIDE		 100
#define SAMPLES_A_COLUMN 16 /* at most, so that a frame never walks a long history */

/* Columns that can be marked; wider strips are not. */
#define STRIP_MAX 1024

enum mark { MARK_NONE, MARK_MAPPING, MARK_NAMED };

struct timeline_view {
	struct view view;
	int x, width; /* the strip when last drawn */
	int side; /* columns on the right of it: how far it reaches, what happened last */
	size_t first, per_column, count; /* samples on it, or points of the overview */
	bool whole; /* a replay: all of it at one glance */
	struct source_overview overview; /* with whole */
	struct source_span span; /* with whole */
	int here; /* column of the sample shown; -1: it is the newest, live */
	uint8_t marks[STRIP_MAX]; /* enum mark of each column */
	const struct source_event *last; /* up to the sample shown, on the strip, of no mapping */
};

static struct timeline_view *view_timeline_self(struct view *view)
{
	return (struct timeline_view *)view;
}

/* The totals of one sample, from the history or from the log. */
struct strip_sample {
	const struct page_counts *totals;
	uint64_t unplaced;
	int64_t taken_ns;
};

static uint64_t view_timeline_rss(const struct strip_sample *s)
{
	return page_counts_rss(s->totals);
}

static uint64_t view_timeline_shared_swap(const struct strip_sample *s)
{
	return s->totals->state[PAGE_SHARED_SWAP] + s->unplaced;
}

static uint64_t view_timeline_private_swap(const struct strip_sample *s)
{
	return s->totals->state[PAGE_SWAP];
}

static uint64_t view_timeline_anon(const struct strip_sample *s)
{
	return s->totals->state[PAGE_ANON];
}

static uint64_t view_timeline_file(const struct strip_sample *s)
{
	return s->totals->state[PAGE_FILE];
}

static uint64_t view_timeline_shmem(const struct strip_sample *s)
{
	return s->totals->state[PAGE_SHMEM];
}

static uint64_t view_timeline_written(const struct strip_sample *s)
{
	return page_counts_mark(s->totals, MARK_WRITTEN);
}

/* In the order in which a strip of few rows shows them. */
static const struct {
	const char *label;
	uint64_t (*value)(const struct strip_sample *sample);
	int state; /* whose colour; -1: none */
} rows[] = {
	{ "rss", view_timeline_rss, -1 },
	{ "shsw", view_timeline_shared_swap, PAGE_SHARED_SWAP },
	{ "swap", view_timeline_private_swap, PAGE_SWAP },
	{ "anon", view_timeline_anon, PAGE_ANON },
	{ "file", view_timeline_file, PAGE_FILE },
	{ "shmem", view_timeline_shmem, PAGE_SHMEM },
	{ "writ", view_timeline_written, -1 },
};
_Static_assert(sizeof(rows) / sizeof(*rows) == TIMELINE_ROWS, "a row of the strip");

static struct strip_sample view_timeline_of_snapshot(const struct snapshot *s)
{
	return (struct strip_sample){ &s->totals, s->swap_unplaced, s->taken_ns };
}

static struct strip_sample view_timeline_sample_at(const struct timeline_view *v,
						   const struct scene *scene, size_t index)
{
	if (v->whole) {
		const struct source_point *p = &v->overview.points[index];

		return (struct strip_sample){ &p->totals, p->swap_unplaced, p->taken_ns };
	}
	return view_timeline_of_snapshot(history_snapshot(scene->history, index));
}

/* A replay shows the log from its first to its last sample, as soon as that has been read. */
static bool view_timeline_lay_out_whole(struct timeline_view *v, const struct scene *scene)
{
	struct source *source = scene->source;

	v->whole = source && source_is_replay(source) && source->ops->overview &&
		   source->ops->overview(source, &v->overview) && v->overview.point_count &&
		   source->ops->span(source, &v->span) >= 0 && v->span.samples;
	if (!v->whole)
		return false;
	v->first = 0;
	v->count = v->overview.point_count;
	v->here = (int)((uint64_t)v->width * v->span.position / v->span.samples);
	return true;
}

/* Lays the samples out, the newest in the last column. */
static void view_timeline_lay_out(struct timeline_view *v, const struct scene *scene,
				  struct rect rect)
{
	size_t count = scene->history ? history_count(scene->history) : 0, width, shown;

	v->x = rect.x + LABEL_WIDTH;
	v->side = rect.width < WIDE ? 7 : 11;
	v->width = rect.width - LABEL_WIDTH - v->side;
	v->count = count;
	if (v->width < 1 || view_timeline_lay_out_whole(v, scene))
		return;
	width = (size_t)v->width;
	v->per_column = (count + width - 1) / width;
	if (v->per_column > SAMPLES_A_COLUMN)
		v->per_column = SAMPLES_A_COLUMN;
	if (!v->per_column)
		v->per_column = 1;
	shown = v->per_column * width;
	v->first = count > shown ? count - shown : 0;
	v->here = -1;
	if (scene->paused && scene->position >= v->first && scene->position < count)
		v->here = v->width - 1 - (int)((count - 1 - scene->position) / v->per_column);
}

/* Samples of one column, numbered from the right edge so that columns do not flicker. */
static bool view_timeline_column_samples(const struct timeline_view *v, int column,
					 size_t *ret_first, size_t *ret_end)
{
	size_t from_right = (size_t)(v->width - 1 - column) * v->per_column;

	if (v->whole) {
		*ret_first = v->count * (size_t)column / (size_t)v->width;
		*ret_end = v->count * (size_t)(column + 1) / (size_t)v->width;
		if (*ret_end == *ret_first)
			++*ret_end;
		return true;
	}
	if (from_right >= v->count)
		return false;
	*ret_end = v->count - from_right;
	*ret_first = *ret_end > v->per_column ? *ret_end - v->per_column : 0;
	if (*ret_first < v->first)
		*ret_first = v->first;
	return *ret_first < *ret_end;
}

static uint64_t view_timeline_column_value(const struct timeline_view *v, const struct scene *scene,
					   int row, int column)
{
	uint64_t most = 0;
	size_t first, end;

	if (!view_timeline_column_samples(v, column, &first, &end))
		return UINT64_MAX;
	for (size_t i = first; i < end; i++) {
		struct strip_sample sample = view_timeline_sample_at(v, scene, i);
		uint64_t value = rows[row].value(&sample);

		most = value > most ? value : most;
	}
	return most;
}

/*
 * Where on the strip an event is, and whether its sample is the one shown or before it. False: not
 * on the strip. An event belongs to the newest sample of its time.
 */
static bool view_timeline_locate(const struct timeline_view *v, const struct scene *scene,
				 const struct source_event *event, int *ret_column, bool *ret_past)
{
	size_t index;

	if (v->whole) {
		/* What a log says is not to be trusted to be on the strip. */
		if (event->sample >= v->span.samples)
			return false;
		*ret_column = (int)((uint64_t)v->width * event->sample / v->span.samples);
		*ret_past = event->sample <= v->span.position;
		return *ret_column < v->width;
	}
	if (!scene_event_sample(scene, event, &index) || index < v->first)
		return false;
	*ret_column = v->width - 1 - (int)((v->count - 1 - index) / v->per_column);
	*ret_past = index <= scene->position;
	return *ret_column >= 0;
}

/* Collects which columns hold an event, and which event was the last one. */
static void view_timeline_mark_events(struct timeline_view *v, const struct scene *scene)
{
	const struct source_event *events = v->whole ? v->overview.events : scene->events;
	size_t count = v->whole ? v->overview.event_count : scene->event_count;

	memset(v->marks, MARK_NONE, sizeof(v->marks));
	v->last = NULL;
	for (size_t i = 0; i < count; i++) {
		const struct source_event *e = &events[i];
		bool named = !event_is_of_mapping(e->kind);
		bool past;
		int column;

		if (!view_timeline_locate(v, scene, e, &column, &past))
			continue;
		if (column < STRIP_MAX && v->marks[column] != MARK_NAMED)
			v->marks[column] = named ? MARK_NAMED : MARK_MAPPING;
		if (named && past && (!v->last || e->taken_ns >= v->last->taken_ns))
			v->last = e;
	}
}

static void view_timeline_draw_strip(const struct timeline_view *v, const struct scene *scene,
				     struct canvas *canvas, struct rect rect, int row,
				     struct style style)
{
	uint64_t most = 1;

	for (int c = 0; c < v->width; c++) {
		uint64_t value = view_timeline_column_value(v, scene, row, c);

		if (value != UINT64_MAX && value > most)
			most = value;
	}
	for (int c = 0; c < v->width; c++) {
		uint64_t value = view_timeline_column_value(v, scene, row, c);
		struct style s = style;
		uint32_t glyph = ' ';

		if (value == UINT64_MAX)
			continue;
		if (value) /* from ▁ for anything at all to █ for the most there was */
			glyph = 0x2581 + (uint32_t)((double)value / (double)most * 7.999);
		if (c == v->here)
			s.attr |= ATTR_REVERSE;
		if (c < STRIP_MAX && v->marks[c])
			s.attr |= ATTR_UNDERLINE;
		/* Under a full block no underline is seen. */
		if (!row && c < STRIP_MAX && v->marks[c] == MARK_NAMED)
			glyph = 0x25b2;
		canvas_put(canvas, rect, LABEL_WIDTH + c, row, s, glyph);
	}
}

/* How far the strip reaches: back from now, or the length of the log. */
static void view_timeline_draw_reach(const struct timeline_view *v, const struct scene *scene,
				     struct canvas *canvas, struct rect rect)
{
	int64_t newest = view_timeline_sample_at(v, scene, v->count - 1).taken_ns;
	long seconds = (long)((newest - view_timeline_sample_at(v, scene, v->first).taken_ns) /
			      1000000000);
	char text[16];

	if (seconds < 600)
		snprintf(text, sizeof(text), "%s%lds", v->whole ? "" : "-", seconds);
	else
		snprintf(text, sizeof(text), "%s%ldm", v->whole ? "" : "-", seconds / 60 % 100000);
	canvas_right(canvas, rect, rect.width - v->side, 0, v->side,
		     theme_role(scene->theme, ROLE_DIM), text);
}

/* What happened last, below the reach. */
static void view_timeline_draw_last(const struct timeline_view *v, const struct scene *scene,
				    struct canvas *canvas, struct rect rect)
{
	char text[24];

	if (!v->last || rect.height < 2)
		return;
	snprintf(text, sizeof(text), "▲%.*s", v->side - 1, event_words[v->last->kind].name);
	canvas_right(canvas, rect, rect.width - v->side, 1, v->side,
		     theme_role(scene->theme, ROLE_WARNING), text);
}

static void view_timeline_draw(struct view *view, struct scene *scene, struct canvas *canvas,
			       struct rect rect, bool focused, struct view_cursor *ret_cursor)
{
	struct timeline_view *v = view_timeline_self(view);
	struct strip_sample now;
	char size[UNITS_SIZE_MAX];

	view_timeline_lay_out(v, scene, rect);
	if (v->width < 1 || !v->count || !scene->snapshot)
		return;
	now = view_timeline_of_snapshot(scene->snapshot);
	view_timeline_mark_events(v, scene);
	for (int r = 0; r < rect.height && r < TIMELINE_ROWS; r++) {
		struct style style = theme_role(scene->theme, ROLE_TEXT);

		if (rows[r].state >= 0)
			style = theme_value(scene->theme, LENS_WHERE, (unsigned)rows[r].state);
		canvas_text(canvas, rect, 0, r,
			    theme_role(scene->theme, focused ? ROLE_TITLE : ROLE_DIM),
			    rows[r].label);
		canvas_right(canvas, rect, 5, r, 6, theme_role(scene->theme, ROLE_TEXT),
			     rows[r].value == view_timeline_written &&
					     !scene->snapshot->known.written
				     ? "?"
				     : pages_text(rows[r].value(&now), size));
		view_timeline_draw_strip(v, scene, canvas, rect, r, style);
	}
	view_timeline_draw_reach(v, scene, canvas, rect);
	view_timeline_draw_last(v, scene, canvas, rect);
	if (focused)
		*ret_cursor = (struct view_cursor){ v->x + (v->here < 0 ? v->width - 1 : v->here),
						    rect.y };
}

bool view_timeline_sample(const struct view *view, const struct scene *scene, int x,
			  uint64_t *ret_index, bool *ret_of_log)
{
	const struct timeline_view *v = (const struct timeline_view *)view;
	size_t first, end;

	if (x < v->x || x >= v->x + v->width ||
	    !view_timeline_column_samples(v, x - v->x, &first, &end))
		return false;
	*ret_of_log = v->whole;
	*ret_index = v->whole ? v->overview.points[first].sample : end - 1;
	return true;
}

static enum view_answer view_timeline_request(struct view *view, struct scene *scene,
					      enum request request)
{
	return request == REQ_BACK ? VIEW_BACK : VIEW_IGNORED;
}

static void view_timeline_title(struct view *view, const struct scene *scene, char *buf,
				size_t size)
{
	snprintf(buf, size, "strip");
}

static void view_timeline_free(struct view *view)
{
	free(view);
}

static const struct view_ops ops = {
	.screen = SCREEN_TIMELINE,
	.draw = view_timeline_draw,
	.request = view_timeline_request,
	.title = view_timeline_title,
	.free = view_timeline_free,
};

struct view *view_timeline_new(void)
{
	struct timeline_view *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->view.ops = &ops;
	return &v->view;
}
