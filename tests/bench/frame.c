// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench.h"

#include <locale.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/snapshot.h"
#include "ui/app.h"
#include "ui/terminal.h"
#include "ui/theme.h"

/*
 * A frame at 200×50 with every tile changing, through curses to a terminal that takes everything: a
 * child on a pseudo-terminal draws, we drain it.
 */

#define FRAMES	      200
#define MAPPINGS      60
#define MAPPING_PAGES 8192

static struct sample *take_turn(struct source *source);

struct turn_source {
	struct source source;
	struct snapshot *turns[2];
	struct sample *last;
	int next;
	bool ready;
};

static int no_fd(struct source *source)
{
	return -1;
}

static struct sample *take_turn(struct source *source)
{
	struct turn_source *t = (struct turn_source *)source;

	if (!t->ready)
		return NULL;
	t->ready = false;
	return sample_ref(t->last);
}

static void live_status(struct source *source, struct source_status *ret_status)
{
	memset(ret_status, 0, sizeof(*ret_status));
	ret_status->state = SOURCE_LIVE;
	ret_status->interval_ns = ret_status->asked_interval_ns = 100000000;
}

static void no_focus(struct source *source, const struct source_focus *focus)
{
}

static void keep_turns(struct source *source)
{
}

static const struct source_ops turn_ops = {
	.fd = no_fd,
	.take = take_turn,
	.status = live_status,
	.set_focus = no_focus,
	.free = keep_turns,
};

/* Every page has another state than its neighbours, and than in the other turn. */
static struct snapshot *make_turn(unsigned turn)
{
	static const enum page_state states[] = { PAGE_ANON, PAGE_SHARED_SWAP, PAGE_SHMEM,
						  PAGE_SWAP, PAGE_FILE };
	struct pages_facts facts = { .marks_known = MARK_WRITTEN };
	struct pages_builder *builder = pages_builder_new();
	struct snapshot *s = snapshot_new(MAPPINGS);

	for (unsigned m = 0; m < MAPPINGS; m++) {
		struct mapping like = { .perms = "rw-s", .kind = MAPPING_SHMEM };

		like.start = 0x7f0000000000 + (uint64_t)m * MAPPING_PAGES * 2 * 4096;
		like.end = like.start + MAPPING_PAGES * 4096;
		s->mappings[m].mapping = mapping_new(&like, "/dev/zero (deleted)", 19);
		pages_builder_start(builder, like.start, NULL);
		for (unsigned p = 0; p < MAPPING_PAGES; p++)
			pages_builder_add(builder, 1, states[(p + m + turn) % 5], 0);
		pages_builder_finish(builder, &facts, &s->mappings[m].pages);
	}
	pages_builder_free(builder);
	s->count = MAPPINGS;
	s->pid = 1;
	s->sequence = turn;
	s->taken_ns = (int64_t)turn * 100000000;
	snapshot_seal(s);
	return s;
}

/* The next sample, made as the sampler's thread makes it. */
static void make_ready(struct turn_source *t)
{
	struct snapshot *s = t->turns[t->next ^= 1];
	struct sample *next;

	s->sequence += 2; /* nobody else sees it */
	if (sample_new(t->last, s, true, &next))
		abort();
	sample_unref(t->last);
	t->last = next;
	t->ready = true;
}

/* In the child: the most that one of many frames costs in the middle, in microseconds. */
static double draw_frames(enum ui_screen screen, int width, int height)
{
	struct theme theme = theme_make(THEME_DARK, 256);
	struct keymap *keymap = keymap_new();
	const struct app_options options = {
		.theme = &theme, .keymap = keymap, .utf8 = true, .history_bytes = 1
	};
	const struct terminal_options terminal_options = { .colour = true };
	struct turn_source turns = { .source = { &turn_ops } };
	struct app *app = app_new(&options);
	struct canvas *canvas = canvas_new(width, height, true);
	struct terminal *terminal;
	double costs[FRAMES];

	turns.turns[0] = make_turn(0);
	turns.turns[1] = make_turn(1);
	if (terminal_open(&terminal_options, &terminal) < 0)
		return -1;
	app_set_source(app, &turns.source);
	app_show(app, screen);
	for (int i = 0; i < FRAMES; i++) {
		struct view_cursor cursor;
		int64_t before;

		make_ready(&turns);
		app_take(app);
		before = cpu_ns();
		app_draw(app, canvas, &cursor);
		terminal_show(terminal, canvas, cursor);
		costs[i] = (double)(cpu_ns() - before) / 1000;
	}
	terminal_close(terminal);
	app_free(app);
	return median(costs, FRAMES);
}

static double frame(enum ui_screen screen, int width, int height)
{
	struct winsize size = { .ws_row = (unsigned short)height, .ws_col = (unsigned short)width };
	int result[2], master;
	double cost = -1;
	char buf[65536];
	pid_t child;

	if (pipe(result) < 0)
		return -1;
	child = forkpty(&master, NULL, NULL, &size);
	if (!child) {
		setenv("TERM", "xterm-256color", 1);
		setlocale(LC_ALL, "C.UTF-8");
		cost = draw_frames(screen, width, height);
		_exit(write(result[1], &cost, sizeof(cost)) != sizeof(cost));
	}
	close(result[1]);
	while (read(master, buf, sizeof(buf)) > 0)
		;
	if (read(result[0], &cost, sizeof(cost)) != sizeof(cost))
		cost = -1;
	close(result[0]);
	close(master);
	waitpid(child, NULL, 0);
	return cost;
}

void bench_frame(const struct probe *probe)
{
	report_figure("frame, mappings 80x24", frame(SCREEN_MAPPINGS, 80, 24) / 1000, "ms", 5);
	report_figure("frame, mappings 200x50", frame(SCREEN_MAPPINGS, 200, 50) / 1000, "ms", 5);
	report_figure("frame, pages 200x50", frame(SCREEN_PAGES, 200, 50) / 1000, "ms", 5);
}
