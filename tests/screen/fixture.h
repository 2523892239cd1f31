/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_TESTS_FIXTURE_H
#define PMTOP_TESTS_FIXTURE_H

#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/snapshot.h"
#include "ui/app.h"
#include "ui/theme.h"

/*
 * Processes made of text, a source that hands them out, an app on it, and the comparison of a
 * canvas with a stored screen. A fixture (tests/fixtures/NAME.process) is lines of:
 *
 *   process PID COMM
 *   known written|slots|sum|unknown …        what the kernel allows; without the line, nothing
 *   map START PERMS KIND DEV:DEV:INODE NAME… a mapping; NAME may hold \xNN
 *   pages RUN…                               its pages; RUN is LETTERxCOUNT[/MARKS][@TYPE:OFFSET]
 *   detail START WORD:FLAGS:COUNT:RULE…      raw facts of pages from START on
 *   sample SECONDS                           what stands above is one snapshot; the next starts
 *
 * The letter is that of the state; MARKS are W written E exclusive U uffd-wp H huge G hugetlb K ksm
 * L lazyfree A allocated S swap-cached. A mapping without "pages" has not been read.
 */

#define FIXTURE_EPOCH ((int64_t)1700000000)
#define FIXTURE_MAPS  64

struct fixture_mapping {
	struct mapping *mapping;
	struct pages *pages;
};

struct fixture {
	struct sample *samples[64];
	size_t count;
	/* being built */
	pid_t pid;
	char comm[64];
	struct fixture_mapping maps[FIXTURE_MAPS];
	size_t map_count;
	uint16_t marks_known;
	bool slots, sum, unknown;
	struct page_detail *detail;
	struct pages_builder *builder;
	const struct snapshot *before;
};

static void fixture_pages(struct fixture *f, char *text)
{
	struct fixture_mapping *m = &f->maps[f->map_count - 1];
	struct pages_facts facts = { .marks_known = f->marks_known, .slots_known = f->slots };
	uint64_t total = mapping_pages(m->mapping);
	const struct pages *after = NULL;

	if (f->count) {
		const struct snapshot *s = f->samples[f->count - 1]->snapshot;
		size_t i = snapshot_find(s, m->mapping->start);

		if (i < s->count && s->mappings[i].mapping->start == m->mapping->start &&
		    s->mappings[i].mapping->end == m->mapping->end)
			after = s->mappings[i].pages;
	}
	pages_builder_start(f->builder, m->mapping->start, after);
	for (char *word = strtok(text, " \n"); word; word = strtok(NULL, " \n")) {
		static const char letters[] = "WEUHGKLAS";
		uint64_t first = pages_builder_position(f->builder), count;
		uint16_t marks = 0;
		int state = -1;
		char *rest;

		for (int s = 0; s < PAGE_STATES; s++)
			if (page_states[s].letter == word[0])
				state = s;
		if (state < 0 || word[1] != 'x')
			fail_msg("fixture: bad run %s", word);
		count = word[2] == '*' ? total - first : strtoull(word + 2, &rest, 10);
		if (word[2] == '*')
			rest = word + 3;
		if (*rest == '/')
			for (rest++; *rest && *rest != '@'; rest++)
				marks |= (uint16_t)(1 << (strchr(letters, *rest) - letters));
		pages_builder_add(f->builder, count, (enum page_state)state, marks);
		if (*rest == '@') {
			struct slot_run run = { .first = first, .count = count };

			run.type = (uint32_t)strtoul(rest + 1, &rest, 10);
			run.offset = strtoull(rest + 1, NULL, 10);
			pages_builder_slot(f->builder, &run);
		}
		if (state == PAGE_UNKNOWN && f->sum)
			facts.swap_unplaced += count;
		if (state == PAGE_UNKNOWN)
			facts.doubt = DOUBT_NO_RIGHT;
	}
	assert_int_equal(pages_builder_position(f->builder), total);
	assert_true(pages_builder_finish(f->builder, &facts, &m->pages) >= 0);
}

static void fixture_map(struct fixture *f, const char *line)
{
	struct mapping like = { 0 };
	char kind[16], name[256] = "", raw[256];
	unsigned long start, end, inode;
	size_t n = 0;
	int at = 0;

	if (sscanf(line, "%lx-%lx %4s %15s %x:%x:%lu%n", &start, &end, like.perms, kind,
		   &like.dev_major, &like.dev_minor, &inode, &at) < 7)
		fail_msg("fixture: bad map %s", line);
	snprintf(name, sizeof(name), "%s", line[at] == ' ' ? line + at + 1 : "");
	name[strcspn(name, "\n")] = '\0';
	for (const char *p = name; *p; n++) {
		unsigned byte;

		if (sscanf(p, "\\x%2x", &byte) == 1) {
			raw[n] = (char)byte;
			p += 4;
		} else {
			raw[n] = *p++;
		}
	}
	like.start = start;
	like.end = end;
	like.inode = inode;
	for (int k = 0; k < MAPPING_KINDS; k++)
		if (!strcmp(mapping_kind_names[k], kind))
			like.kind = (uint8_t)k;
	assert_true(f->map_count < FIXTURE_MAPS);
	f->maps[f->map_count].pages = NULL;
	f->maps[f->map_count++].mapping = mapping_new(&like, raw, n);
}

static void fixture_detail(struct fixture *f, char *line)
{
	unsigned long start = strtoul(line, &line, 16), word, flags, count;
	unsigned rule;
	int at;
	size_t n = 0;

	f->detail = page_detail_new(start, 64);
	f->detail->words_known = f->detail->flags_known = f->detail->counts_known = true;
	while (sscanf(line, " %lx:%lx:%lu:%u%n", &word, &flags, &count, &rule, &at) == 4) {
		f->detail->words[n] = word;
		f->detail->flags[n] = flags;
		f->detail->map_counts[n] = count;
		f->detail->rules[n++] = (uint8_t)rule;
		line += at;
	}
	f->detail->count = n;
}

/* A sample that follows the one before, unless that was a first screen without pages. */
static void fixture_add(struct fixture *f, struct snapshot *s)
{
	struct sample *last = f->count ? f->samples[f->count - 1] : NULL, *sample;

	if (last && last->snapshot->partial)
		last = NULL;
	if (sample_new(last, s, !s->partial, &sample))
		abort();
	sample->focus = f->detail;
	f->detail = NULL;
	snapshot_unref(s);
	f->samples[f->count++] = sample;
}

static void fixture_sample(struct fixture *f, double seconds)
{
	struct snapshot *s = snapshot_new(f->map_count);

	s->sequence = f->count;
	s->pid = f->pid;
	s->start_time = 7;
	snprintf(s->comm, sizeof(s->comm), "%s", f->comm);
	s->taken_ns = FIXTURE_EPOCH * 1000000000 + (int64_t)(seconds * 1e9);
	s->clock_ns = s->taken_ns;
	s->known.written = f->marks_known & MARK_WRITTEN;
	s->known.private_slots = s->known.shared_slots = f->slots;
	s->known.swap_exact = true;
	for (size_t i = 0; i < f->map_count; i++) {
		s->mappings[i].mapping = f->maps[i].mapping;
		s->mappings[i].pages = f->maps[i].pages;
		s->partial |= !f->maps[i].pages;
	}
	s->count = f->map_count;
	snapshot_seal(s);
	f->map_count = 0;
	fixture_add(f, s);
}

static struct fixture *fixture_read(const char *name)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char path[512], line[4096];
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s.process", FIXTURES, name);
	in = fopen(path, "re");
	if (!in)
		fail_msg("fixture %s: %s", path, strerror(errno));
	f->builder = pages_builder_new();
	while (fgets(line, sizeof(line), in)) {
		char word[16] = "";
		int at = 0;

		if (sscanf(line, "%15s %n", word, &at) < 1 || *word == '#')
			continue;
		if (!strcmp(word, "process")) {
			sscanf(line + at, "%d %63s", &f->pid, f->comm);
		} else if (!strcmp(word, "known")) {
			f->marks_known = MARK_EXCLUSIVE | MARK_SWAP_CACHED | MARK_HUGE;
			if (strstr(line, "written"))
				f->marks_known |= MARK_WRITTEN;
			f->slots = strstr(line, "slots");
			f->sum = strstr(line, "sum");
		} else if (!strcmp(word, "map")) {
			fixture_map(f, line + at);
		} else if (!strcmp(word, "pages")) {
			fixture_pages(f, line + at);
		} else if (!strcmp(word, "detail")) {
			fixture_detail(f, line + at);
		} else if (!strcmp(word, "sample")) {
			fixture_sample(f, strtod(line + at, NULL));
		} else {
			fail_msg("fixture: what is %s", word);
		}
	}
	fclose(in);
	pages_builder_free(f->builder);
	return f;
}

static inline void fixture_free(struct fixture *f)
{
	for (size_t i = 0; i < f->count; i++)
		sample_unref(f->samples[i]);
	free(f);
}

/* A source that hands out what it is given. */
struct fake_source {
	struct source source;
	struct sample *queue[64];
	size_t head, tail;
	struct source_status status;
	struct source_focus focus;
	struct source_request requested;
	struct source_event event; /* given once, where has_event */
	bool has_event;
	int requests;
};

static int fake_fd(struct source *source)
{
	return -1;
}

static struct sample *fake_take(struct source *source)
{
	struct fake_source *f = (struct fake_source *)source;

	return f->head == f->tail ? NULL : f->queue[f->head++ % 64];
}

static void fake_status(struct source *source, struct source_status *ret_status)
{
	*ret_status = ((struct fake_source *)source)->status;
}

static void fake_interval(struct source *source, int64_t interval_ns)
{
	((struct fake_source *)source)->status.interval_ns = interval_ns;
}

static void fake_paused(struct source *source, bool paused)
{
}

static void fake_focus(struct source *source, const struct source_focus *focus)
{
	((struct fake_source *)source)->focus = *focus;
}

static int fake_request(struct source *source, const struct source_request *request)
{
	((struct fake_source *)source)->requested = *request;
	((struct fake_source *)source)->requests++;
	return 0;
}

static size_t fake_events(struct source *source, struct source_event *ret_events, size_t max)
{
	struct fake_source *f = (struct fake_source *)source;
	size_t n = f->has_event && max;

	if (n)
		*ret_events = f->event;
	f->has_event = false;
	return n;
}

static void fake_free(struct source *source)
{
	struct sample *s;

	while ((s = fake_take(source)))
		sample_unref(s);
	free(source);
}

static const struct source_ops fake_ops = {
	.fd = fake_fd,
	.take = fake_take,
	.status = fake_status,
	.set_interval = fake_interval,
	.set_paused = fake_paused,
	.set_focus = fake_focus,
	.request = fake_request,
	.events = fake_events,
	.free = fake_free,
};

static inline void fake_give(struct fake_source *f, struct sample *sample)
{
	f->queue[f->tail++ % 64] = sample_ref(sample);
}

/* An app on a fixture, with a canvas to draw on. */
struct stage {
	struct fixture *fixture;
	struct fake_source *source;
	struct theme theme;
	struct keymap *keymap;
	struct app *app;
	struct canvas *canvas;
	struct view_cursor cursor;
	size_t given;
};

static inline void stage_next(struct stage *s)
{
	assert_true(s->given < s->fixture->count);
	fake_give(s->source, s->fixture->samples[s->given++]);
	app_take(s->app);
}

static inline struct stage *stage_open(const char *name, enum theme_kind kind, int colours,
				       bool utf8)
{
	struct stage *s = calloc(1, sizeof(*s));
	struct app_options options = { .utf8 = utf8 };

	setenv("TZ", "UTC", 1);
	setlocale(LC_ALL, "C.UTF-8");
	s->fixture = fixture_read(name);
	s->source = calloc(1, sizeof(*s->source));
	s->source->source.ops = &fake_ops;
	s->source->status.state = SOURCE_LIVE;
	s->source->status.interval_ns = s->source->status.asked_interval_ns = 100000000;
	s->theme = theme_make(kind, colours);
	s->keymap = keymap_new();
	options.theme = &s->theme;
	options.colours = colours;
	options.keymap = s->keymap;
	s->app = app_new(&options);
	s->canvas = canvas_new(80, 24, utf8);
	app_set_source(s->app, &s->source->source);
	stage_next(s);
	return s;
}

static inline void stage_close(struct stage *s)
{
	app_free(s->app);
	canvas_free(s->canvas);
	keymap_free(s->keymap);
	fixture_free(s->fixture);
	free(s);
}

static inline void stage_draw(struct stage *s, int width, int height)
{
	struct rect rect = canvas_rect(s->canvas);

	if (rect.width != width || rect.height != height)
		assert_int_equal(canvas_resize(s->canvas, width, height), 0);
	app_draw(s->app, s->canvas, &s->cursor);
	app_send_focus(s->app);
	if (canvas_overlaps(s->canvas)) {
		canvas_dump(s->canvas, stderr);
		fail_msg("%u cells drawn twice at %dx%d", canvas_overlaps(s->canvas), width,
			 height);
	}
}

/* Keys as a person presses them: "j j Enter". */
static inline void stage_keys(struct stage *s, const char *keys)
{
	for (const char *p = keys; *p;) {
		size_t n = strcspn(p, " ");

		if (n) {
			int key = ui_key_parse(p, n);

			if (key < 0)
				fail_msg("no such key: %.*s", (int)n, p);
			app_key(s->app, key);
			stage_draw(s, canvas_rect(s->canvas).width, canvas_rect(s->canvas).height);
		}
		p += n + (p[n] == ' ');
	}
}

static inline void stage_type(struct stage *s, const char *text)
{
	for (; *text; text++)
		app_key(s->app, (unsigned char)*text);
	app_key(s->app, UIKEY_ENTER);
}

/* The row as text, for assertions that are no golden screen. */
static inline const char *stage_row(const struct stage *s, int y)
{
	static char buf[4096];
	struct rect rect = canvas_rect(s->canvas);
	size_t at = 0;

	for (int x = 0; x < rect.width; x++) {
		uint32_t c = canvas_cell(s->canvas, x, y)->glyph;

		if (c)
			buf[at++] = c < 0x80 ? (char)c : '@';
	}
	buf[at] = '\0';
	return buf;
}

static inline bool stage_shows(const struct stage *s, const char *text)
{
	for (int y = 0; y < canvas_rect(s->canvas).height; y++)
		if (strstr(stage_row(s, y), text))
			return true;
	return false;
}

static char *read_all(const char *path)
{
	FILE *in = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (!in)
		return NULL;
	if (getdelim(&text, &size, '\0', in) < 0) {
		free(text);
		text = strdup("");
	}
	fclose(in);
	return text;
}

/* Says which row is not as stored, with both. */
static void explain_difference(const char *path, char *stored, char *drawn)
{
	char *save_a, *save_b, *a = strtok_r(stored, "\n", &save_a);
	char *b = strtok_r(drawn, "\n", &save_b);

	for (int line = 0; a && b; line++) {
		if (strcmp(a, b)) {
			fail_msg("%s row %d%s:\nstored %s\ndrawn  %s\n"
				 "(PMTOP_REGENERATE=1 stores what is drawn)",
				 path, line / 2, line % 2 ? " colours" : "", a, b);
		}
		a = strtok_r(NULL, "\n", &save_a);
		b = strtok_r(NULL, "\n", &save_b);
	}
	fail_msg("%s: not the same number of rows", path);
}

/* Compares glyphs and styles of every cell with a stored screen. */
static inline void stage_expect(struct stage *s, const char *name)
{
	char path[512], *stored, *drawn = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&drawn, &size);

	canvas_dump(s->canvas, out);
	fprintf(out, "cursor %d,%d\n", s->cursor.x, s->cursor.y);
	fclose(out);
	snprintf(path, sizeof(path), "%s/screens/%s.txt", FIXTURES, name);
	if (getenv("PMTOP_REGENERATE")) {
		out = fopen(path, "we");
		assert_non_null(out);
		fputs(drawn, out);
		fclose(out);
	}
	stored = read_all(path);
	if (!stored)
		fail_msg("%s: %s (PMTOP_REGENERATE=1 makes it)", path, strerror(errno));
	if (strcmp(stored, drawn))
		explain_difference(path, stored, drawn);
	free(stored);
	free(drawn);
}

#endif
