// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/view_inspector.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/classify.h"
#include "ui/lines.h"
#include "ui/mapping_text.h"
#include "ui/page_facts.h"
#include "ui/theme.h"

#define LABEL_WIDTH  10
#define EVENTS_SHOWN 4

struct inspector_view {
	struct view view;
	struct lines *lines;
	size_t top;
	int height;
};

/* Where the selected page is in the snapshot. */
struct spot {
	const struct snapshot_mapping *m;
	uint64_t page;
	enum page_state state;
	uint16_t marks, known;
};

static struct inspector_view *view_inspector_self(struct view *view)
{
	return (struct inspector_view *)view;
}

static bool view_inspector_find_spot(const struct scene *scene, struct spot *ret_spot)
{
	const struct snapshot *s = scene->snapshot;
	size_t i = s ? snapshot_find(s, scene->page) : 0;

	if (!s || i >= s->count || scene->page < s->mappings[i].mapping->start)
		return false;
	ret_spot->m = &s->mappings[i];
	ret_spot->page = (scene->page - ret_spot->m->mapping->start) >> PMTOP_PAGE_SHIFT;
	if (!ret_spot->m->pages)
		return true;
	ret_spot->state = pages_state(ret_spot->m->pages, ret_spot->page);
	ret_spot->marks = pages_marks(ret_spot->m->pages, ret_spot->page);
	ret_spot->known = pages_facts(ret_spot->m->pages)->marks_known;
	return true;
}

/* Adds a fact with the label's and the text's usual looks. */
#define FACT(v, scene, label, ...)                                                                 \
	lines_add((v)->lines, theme_role((scene)->theme, ROLE_DIM), "  " label,                    \
		  theme_role((scene)->theme, ROLE_TEXT), __VA_ARGS__)

static const struct page_detail *view_inspector_find_detail(const struct scene *scene,
							    size_t *ret_index)
{
	const struct page_detail *d = scene->sample->focus;

	return page_detail_find(d, scene->page, ret_index) ? d : NULL;
}

static const char *view_inspector_not_there(const struct scene *scene)
{
	return source_is_replay(scene->source) ? "not recorded" : "not read yet";
}

static void view_inspector_add_detail(struct inspector_view *v, const struct scene *scene,
				      const struct spot *spot)
{
	size_t i = 0;
	const struct page_detail *d = view_inspector_find_detail(scene, &i);

	if (!d) {
		FACT(v, scene, "pagemap", "%s", view_inspector_not_there(scene));
		return;
	}
	if (d->rules && d->rules[i] < RULES)
		FACT(v, scene, "because", "%s", page_rule_text(d->rules[i]));
	if (!d->words_known)
		FACT(v, scene, "pagemap", "%s", view_inspector_not_there(scene));
	page_facts_add(v->lines, scene->theme, d, i, page_state_is_present(spot->state));
	if (d->recorded)
		FACT(v, scene, "read", "when the page last changed, or was on the screen");
	if (page_state_is_present(spot->state) && !d->counts_known)
		FACT(v, scene, "mapped", "%s",
		     (spot->marks & MARK_EXCLUSIVE) || (d->words_known && d->words[i] >> 56 & 1)
			     ? "once"
			     : "more than once; how often is not known: see pmtop doctor");
}

/* The slot from the snapshot, or from the page's own word, which is read more often. */
static bool view_inspector_find_slot(const struct scene *scene, const struct spot *spot,
				     uint32_t *ret_type, uint64_t *ret_offset)
{
	size_t i = 0;
	const struct page_detail *d = view_inspector_find_detail(scene, &i);
	uint64_t low = d && d->words_known ? d->words[i] & (((uint64_t)1 << 55) - 1) : 0;

	if (spot->state == PAGE_SWAP && low && d->words[i] >> 62 == 1) {
		*ret_type = low & 31;
		*ret_offset = low >> 5;
		return true;
	}
	return pages_slot(spot->m->pages, spot->page, ret_type, ret_offset);
}

static void view_inspector_add_slot(struct inspector_view *v, const struct scene *scene,
				    const struct spot *spot)
{
	const char *cached = !(spot->known & MARK_SWAP_CACHED) ? "not known"
			     : spot->marks & MARK_SWAP_CACHED  ? "yes"
							       : "no";
	size_t i;
	const struct page_detail *d = view_inspector_find_detail(scene, &i);
	const char *path = NULL;
	uint64_t offset;
	uint32_t type;

	if (spot->state != PAGE_SWAP && spot->state != PAGE_SHARED_SWAP)
		return;
	if (!view_inspector_find_slot(scene, spot, &type, &offset)) {
		FACT(v, scene, "slot",
		     "not known: see pmtop doctor   "
		     "still in RAM: %s",
		     cached);
		return;
	}
	if (d && type < PAGE_SWAP_TYPES)
		path = d->swap_paths[type];
	if (path)
		FACT(v, scene, "slot", "%s, byte %lu (page %lu of area %u)   still in RAM: %s",
		     path, (unsigned long)(offset << PMTOP_PAGE_SHIFT), (unsigned long)offset, type,
		     cached);
	else
		FACT(v, scene, "slot", "swap area %u, page %lu   still in RAM: %s", type,
		     (unsigned long)offset, cached);
}

static void view_inspector_add_marks(struct inspector_view *v, const struct scene *scene,
				     const struct spot *spot)
{
	char text[160] = "";

	for (int bit = 0; bit < PAGE_MARKS; bit++)
		if (spot->marks >> bit & 1)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
				 *text ? ", " : "", page_marks[bit].name);
	FACT(v, scene, "marks", "%s%s", *text ? text : "none",
	     spot->known & MARK_WRITTEN ? "" : "   (written: this kernel cannot tell)");
}

static void view_inspector_time_text(int64_t ns, char buf[static 16])
{
	time_t seconds = ns / 1000000000;
	struct tm tm;

	localtime_r(&seconds, &tm);
	snprintf(buf, 16, "%02d:%02d:%02d.%d", tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100,
		 (int)(ns / 100000000 % 10));
}

static const char *view_inspector_event_state(uint8_t state, bool mapped)
{
	return mapped ? page_states[state].name : "not mapped";
}

static void view_inspector_add_history(struct inspector_view *v, const struct scene *scene)
{
	struct page_event events[EVENTS_SHOWN];
	char when[16];
	size_t count;

	if (!scene->history || !history_count(scene->history))
		return;
	count = history_page(scene->history, scene->position, scene->page, events, EVENTS_SHOWN);
	for (size_t i = 0; i < count; i++) {
		view_inspector_time_text(events[i].taken_ns, when);
		lines_add(v->lines, theme_role(scene->theme, ROLE_DIM), i ? "" : "  history",
			  theme_role(scene->theme, ROLE_TEXT), "%s → %s at %s",
			  view_inspector_event_state(events[i].before, events[i].before_mapped),
			  view_inspector_event_state(events[i].after, events[i].after_mapped),
			  when);
	}
	if (!count) {
		view_inspector_time_text(history_reach(scene->history), when);
		FACT(v, scene, "history", "no change seen since %s", when);
	}
}

static void view_inspector_add_place(struct inspector_view *v, const struct scene *scene,
				     const struct spot *spot)
{
	const struct mapping *m = spot->m->mapping;
	char change[80] = "no other state follows";
	struct page_run run;

	for (uint64_t i = spot->page; pages_run(spot->m->pages, i, &run); i = run.first + run.count)
		if (run.state != spot->state) {
			snprintf(change, sizeof(change), "next change in %lu pages (%c→%c)",
				 (unsigned long)(run.first - spot->page),
				 page_states[spot->state].letter, page_states[run.state].letter);
			break;
		}
	FACT(v, scene, "place", "page %lu of %lu; %s", (unsigned long)spot->page + 1,
	     (unsigned long)mapping_pages(m), change);
	FACT(v, scene, "mapping", "%s  %s  %s", mapping_title(m), m->perms,
	     mapping_kind_names[m->kind]);
	if (m->inode)
		FACT(v, scene, "object", "device %u:%u inode %lu, page %lu of it", m->dev_major,
		     m->dev_minor, (unsigned long)m->inode,
		     (unsigned long)((m->offset >> PMTOP_PAGE_SHIFT) + spot->page));
}

static void view_inspector_fill(struct inspector_view *v, const struct scene *scene)
{
	const struct pages_facts *facts;
	struct spot spot = { 0 };
	struct style style;

	lines_clear(v->lines);
	if (!view_inspector_find_spot(scene, &spot)) {
		FACT(v, scene, "state", "no mapping at %012lx", (unsigned long)scene->page);
		return;
	}
	if (!spot.m->pages) {
		FACT(v, scene, "state", "not read yet");
		return;
	}
	style = theme_value(scene->theme, LENS_WHERE, spot.state);
	style.attr &= (uint16_t)~ATTR_DIM;
	lines_add(v->lines, theme_role(scene->theme, ROLE_DIM), "  state", style, "%s: %s",
		  page_states[spot.state].name, page_states[spot.state].meaning);
	facts = pages_facts(spot.m->pages);
	if (facts->doubt &&
	    (spot.state == PAGE_UNKNOWN || spot.state == PAGE_NONE || spot.state == PAGE_SWAP))
		FACT(v, scene, "doubt", "%s", page_doubt_text(facts->doubt));
	view_inspector_add_detail(v, scene, &spot);
	view_inspector_add_slot(v, scene, &spot);
	view_inspector_add_marks(v, scene, &spot);
	view_inspector_add_history(v, scene);
	view_inspector_add_place(v, scene, &spot);
}

static void view_inspector_draw_rule(const struct scene *scene, struct canvas *canvas,
				     struct rect rect, bool focused)
{
	struct style dim = theme_role(scene->theme, ROLE_DIM);
	int x;

	for (x = 0; x < 2; x++)
		canvas_put(canvas, rect, x, 0, dim, 0x2500);
	x = canvas_printf(canvas, rect, 3, 0,
			  theme_role(scene->theme, focused ? ROLE_TITLE : ROLE_TEXT), "page %012lx",
			  (unsigned long)scene->page);
	for (x++; x < rect.width; x++)
		canvas_put(canvas, rect, x, 0, dim, 0x2500);
}

static void view_inspector_draw(struct view *view, struct scene *scene, struct canvas *canvas,
				struct rect rect, bool focused, struct view_cursor *ret_cursor)
{
	struct inspector_view *v = view_inspector_self(view);
	bool head = rect.height > 1;
	int label = rect.width >= 40 ? LABEL_WIDTH + 2 : LABEL_WIDTH;

	view_inspector_fill(v, scene);
	v->height = rect.height - head;
	while (v->top && lines_rows(v->lines, canvas, rect.width, v->top - 1, label,
				    (size_t)v->height + 1) <= (size_t)v->height)
		v->top--;
	if (head)
		view_inspector_draw_rule(scene, canvas, rect, focused);
	lines_draw(v->lines, canvas, rect_inner(rect, 0, head, rect.width, rect.height), v->top,
		   label);
	if (focused)
		*ret_cursor = (struct view_cursor){ rect.x + (head ? 3 : 0), rect.y };
}

/* Up and down read on; everything else that moves, moves the selected page. */
static enum view_answer view_inspector_request(struct view *view, struct scene *scene,
					       enum request request)
{
	struct inspector_view *v = view_inspector_self(view);

	switch (request) {
	case REQ_UP:
	case REQ_PAGE_UP:
		v->top -= v->top > 0;
		return VIEW_DONE;
	case REQ_DOWN:
	case REQ_PAGE_DOWN:
		v->top += v->top + 1 < lines_count(v->lines);
		return VIEW_DONE;
	case REQ_FIRST:
		v->top = 0;
		return VIEW_DONE;
	case REQ_BACK:
		return VIEW_BACK;
	case REQ_OPEN:
		return VIEW_DONE;
	default:
		return VIEW_IGNORED;
	}
}

static void view_inspector_title(struct view *view, const struct scene *scene, char *buf,
				 size_t size)
{
	snprintf(buf, size, "page %012lx", (unsigned long)scene->page);
}

static void view_inspector_free(struct view *view)
{
	lines_free(view_inspector_self(view)->lines);
	free(view);
}

static const struct view_ops ops = {
	.screen = SCREEN_INSPECTOR,
	.draw = view_inspector_draw,
	.request = view_inspector_request,
	.title = view_inspector_title,
	.free = view_inspector_free,
};

struct view *view_inspector_new(void)
{
	struct inspector_view *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->view.ops = &ops;
	v->lines = lines_new();
	if (!v->lines) {
		free(v);
		return NULL;
	}
	return &v->view;
}
