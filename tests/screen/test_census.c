// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixture.h"

#include "ui/census_feed.h"
#include "ui/view_objects.h"
#include "ui/view_processes.h"

/* The list of processes and the shared objects, on a census made by hand. */

struct hall {
	struct stage stage;
	struct census_feed *feed;
	struct census *census;
	pid_t opened;
	bool reused;
};

static int fake_open(void *context, const struct census_identity *who, struct source **ret_source)
{
	struct hall *hall = context;

	hall->opened = who->pid;
	assert_int_equal(who->start_time, 1000 + who->pid);
	return hall->reused ? -ESTALE : -ESRCH;
}

static void add_process(struct census *c, pid_t pid, const char *comm, const char *user,
			const uint64_t kib[5])
{
	struct census_process *p = &c->processes[c->process_count++];

	p->pid = pid;
	p->start_time = 1000 + (uint64_t)pid;
	p->run_state = 'S';
	snprintf(p->comm, sizeof(p->comm), "%s", comm);
	snprintf(p->user, sizeof(p->user), "%s", user);
	p->private_ram = kib[0] << 10;
	p->file_ram = kib[1] << 10;
	p->shared_ram = kib[2] << 10;
	p->private_swap = kib[3] << 10;
	p->shared_swap = kib[4] << 10;
	p->shared_clock_ns = c->clock_ns;
}

static void add_object(struct census *c, uint64_t inode, const char *name, const uint64_t kib[3],
		       size_t mappers, const pid_t *pids)
{
	struct census_object *o = &c->objects[c->object_count++];

	o->dev_minor = 1;
	o->inode = inode;
	o->name = strdup(name);
	o->size = kib[0] << 10;
	o->ram = kib[1] << 10;
	o->swap = kib[2] << 10;
	o->mapper_first = c->mapper_count;
	o->mapper_count = mappers;
	for (size_t i = 0; i < mappers; i++)
		c->mappers[c->mapper_count++] = pids[i];
}

/* A database with backends on one segment, a process of somebody else, one with a hostile name. */
static struct census *make_census(void)
{
	static const uint64_t backend[5] = { 6144, 8192, 40960, 1024, 90112 };
	static const pid_t backends[] = { 300, 301, 302, 303 };
	struct census *c = census_new();

	c->clock_ns = INT64_C(500) * 1000000000;
	c->complete = true;
	c->processes = calloc(16, sizeof(*c->processes));
	c->objects = calloc(8, sizeof(*c->objects));
	c->mappers = calloc(64, sizeof(*c->mappers));
	c->areas = calloc(1, sizeof(*c->areas));
	c->area_count = 1;
	c->areas[0].path = strdup("/swapfile");
	c->areas[0].size = UINT64_C(512) << 20;
	c->areas[0].used = UINT64_C(120) << 20;
	add_process(c, 1, "init", "root", (uint64_t[5]){ 2048, 4096, 0, 512, 0 });
	add_process(c, 77, "evil\033[2J\xff", "nobody", (uint64_t[5]){ 1024, 512, 0, 8, 0 });
	add_process(c, 88, "vault", "somebody", (uint64_t[5]){ 9000, 512, 256, 4096, 0 });
	for (pid_t pid = 300; pid < 304; pid++)
		add_process(c, pid, "postgres", "postgres", backend);
	add_process(c, 400, "idle", "user", (uint64_t[5]){ 128, 0, 0, 0, 0 });
	c->processes[2].shared_doubt = CENSUS_NO_RIGHT;
	c->processes[5].shared_clock_ns = 0; /* long ago */
	add_object(c, 3, "/dev/zero (deleted)", (uint64_t[3]){ 131072, 40960, 90112 }, 4, backends);
	add_object(c, 9, "/SYSV00002a2a", (uint64_t[3]){ 64, 0, 64 }, 0, NULL);
	add_object(c, 12, "/memfd:evil\033]0;\a (deleted)", (uint64_t[3]){ 4096, 16, 0 }, 1,
		   (pid_t[]){ 77 });
	add_object(c, 15, "/dev/shm/vault", (uint64_t[3]){ 0, 0, 0 }, 1, (pid_t[]){ 88 });
	c->objects[3].doubt = CENSUS_NO_RIGHT;
	c->totals.hidden = 1;
	census_seal(c);
	return c;
}

static struct hall *hall_open(void)
{
	struct hall *h = calloc(1, sizeof(*h));
	struct app_options options = { .utf8 = true };

	setlocale(LC_ALL, "C.UTF-8");
	h->stage.theme = theme_make(THEME_DARK, 256);
	h->stage.keymap = keymap_new();
	options.theme = &h->stage.theme;
	options.keymap = h->stage.keymap;
	options.hooks.context = h;
	options.hooks.open = fake_open;
	h->stage.app = app_new(&options);
	h->stage.canvas = canvas_new(80, 24, true);
	h->feed = census_feed_new(NULL);
	h->census = make_census();
	census_feed_set(h->feed, h->census);
	app_set_census(h->stage.app, h->feed);
	stage_draw(&h->stage, 80, 24);
	return h;
}

static void hall_close(struct hall *h)
{
	app_free(h->stage.app);
	canvas_free(h->stage.canvas);
	keymap_free(h->stage.keymap);
	census_feed_unref(h->feed);
	census_unref(h->census);
	free(h);
}

/* Another census: `change` may do with it what it wants. */
static void next_census(struct hall *h, void (*change)(struct census *census))
{
	census_unref(h->census);
	h->census = make_census();
	change(h->census);
	census_seal(h->census);
	census_feed_set(h->feed, h->census);
	app_tick(h->stage.app);
	stage_draw(&h->stage, 80, 24);
}

static const char *selected_row(const struct hall *h)
{
	for (int y = 0; y < 24; y++)
		if (canvas_cell(h->stage.canvas, 0, y)->glyph == '>')
			return stage_row(&h->stage, y);
	return "";
}

static void golden(struct hall *h, const char *name)
{
	char full[96];

	snprintf(full, sizeof(full), "%s-80x24", name);
	stage_expect(&h->stage, full);
	stage_draw(&h->stage, 200, 50);
	snprintf(full, sizeof(full), "%s-200x50", name);
	stage_expect(&h->stage, full);
	stage_draw(&h->stage, 80, 24);
}

static void test_golden(void **state)
{
	struct hall *h = hall_open();

	golden(h, "processes");
	stage_keys(&h->stage, "M");
	golden(h, "objects");
	hall_close(h);
}

static void test_total_counts_shared_memory(void **state)
{
	struct hall *h = hall_open();

	/* 1 MiB of its own and 88 MiB of the segment: VmSwap alone would put vault first. */
	assert_non_null(strstr(selected_row(h), "postgres"));
	assert_non_null(strstr(selected_row(h), "    1M    88M    89M"));
	/* The segment is counted once in the sum, not for each of its four mappers. */
	assert_true(stage_shows(&h->stage,
				"private 8.5M, shared 88M+ (each once); 1 closed: see doctor"));
	/* What is not known is said to be at least what is. */
	assert_true(stage_shows(&h->stage, "     4M      ?    4M+"));
	hall_close(h);
}

static void share_memory(struct census *c)
{
	c->processes[4].memory_of = 300;
	c->unlisted = CENSUS_HIDEPID;
}

/* Two rows for one memory add up to no more than that; sums that leave some out say so. */
static void test_one_memory(void **state)
{
	struct hall *h = hall_open();

	next_census(h, share_memory);
	stage_draw(&h->stage, 200, 50);
	assert_true(stage_shows(&h->stage, "postgres (memory of 300)"));
	assert_true(stage_shows(&h->stage, "     =      =      =      ="));
	assert_true(stage_shows(&h->stage, "private 7.5M+, shared 88M+"));
	hall_close(h);
}

static void grow_init(struct census *c)
{
	c->processes[0].private_swap = UINT64_C(400) << 20;
}

static void lose_301(struct census *c)
{
	memmove(&c->processes[4], &c->processes[5], 3 * sizeof(*c->processes));
	c->process_count--;
}

static void reuse_301(struct census *c)
{
	c->processes[4].start_time++;
	c->processes[4].private_swap = 0;
	c->processes[4].shared_swap = 0;
}

static void test_selection_is_an_identity(void **state)
{
	struct hall *h = hall_open();

	stage_keys(&h->stage, "j");
	assert_non_null(strstr(selected_row(h), "  301 "));
	/* Somebody comes before it; it is sorted another way; the order is turned round. */
	next_census(h, grow_init);
	assert_non_null(strstr(selected_row(h), "  301 "));
	stage_keys(&h->stage, "s s s r");
	assert_non_null(strstr(selected_row(h), "  301 "));
	stage_keys(&h->stage, "Enter");
	assert_int_equal(h->opened, 301);
	assert_true(stage_shows(&h->stage, "process 301 has ended, or is"));
	h->reused = true;
	stage_keys(&h->stage, "Enter");
	assert_true(
		stage_shows(&h->stage, "process 301 has ended, and another one has its number"));
	/* Its number with another process behind it is not it. */
	next_census(h, reuse_301);
	next_census(h, lose_301);
	assert_null(strstr(selected_row(h), "  301 "));
	assert_string_not_equal(selected_row(h), "");
	hall_close(h);
}

static void test_cursor_is_on_the_selection(void **state)
{
	struct hall *h = hall_open();

	for (int i = 0; i < 6; i++) {
		int y = h->stage.cursor.y;

		assert_int_equal(canvas_cell(h->stage.canvas, h->stage.cursor.x, y)->glyph, '>');
		stage_keys(&h->stage, "j");
	}
	hall_close(h);
}

static void test_filter_and_find(void **state)
{
	struct hall *h = hall_open();

	stage_keys(&h->stage, "f");
	stage_type(&h->stage, "POSTGRES");
	stage_draw(&h->stage, 80, 24);
	assert_true(stage_shows(&h->stage, "  303 "));
	assert_false(stage_shows(&h->stage, "vault"));
	stage_keys(&h->stage, "Esc");
	assert_true(stage_shows(&h->stage, "vault"));
	stage_keys(&h->stage, "/");
	stage_type(&h->stage, "vault");
	stage_draw(&h->stage, 80, 24);
	assert_non_null(strstr(selected_row(h), "vault"));
	stage_keys(&h->stage, "f");
	stage_type(&h->stage, "nothing like it");
	stage_draw(&h->stage, 80, 24);
	assert_true(
		stage_shows(&h->stage, "no process matches \"nothing like it\"; Esc shows all"));
	hall_close(h);
}

/* Nothing that a process calls itself can move the cursor. */
static void test_hostile_names(void **state)
{
	struct hall *h = hall_open();

	assert_true(stage_shows(&h->stage, "evil\\x1b[2J\\xff"));
	stage_keys(&h->stage, "M");
	assert_true(stage_shows(&h->stage, "/memfd:evil\\x1b]0;"));
	for (int y = 0; y < 24; y++)
		for (int x = 0; x < 80; x++)
			assert_true(canvas_cell(h->stage.canvas, x, y)->glyph >= ' ' ||
				    !canvas_cell(h->stage.canvas, x, y)->glyph);
	hall_close(h);
}

static void test_objects(void **state)
{
	struct hall *h = hall_open();

	stage_keys(&h->stage, "M");
	assert_true(stage_shows(&h->stage, "4 shared objects, each once: RAM 40M, swap 88M"));
	assert_true(stage_shows(&h->stage, "; 1 closed: see doctor"));
	assert_non_null(strstr(selected_row(h), "/dev/zero (deleted)"));
	stage_draw(&h->stage, 200, 50);
	assert_true(stage_shows(&h->stage, "nobody"));
	stage_keys(&h->stage, "Enter");
	assert_int_equal(h->opened, 300);
	hall_close(h);
}

static void test_object_of_nobody(void **state)
{
	struct hall *h = hall_open();

	stage_keys(&h->stage, "M");
	stage_draw(&h->stage, 200, 50);
	for (int i = 0; i < 4 && !strstr(selected_row(h), "nobody"); i++)
		stage_keys(&h->stage, "j");
	assert_non_null(strstr(selected_row(h), "nobody"));
	stage_keys(&h->stage, "Enter");
	assert_true(stage_shows(&h->stage, "no process maps it"));
	assert_int_equal(h->opened, 0);
	hall_close(h);
}

/* Any size draws, and no cell twice (stage_draw() counts); the bar never leaves its column. */
static void test_every_size(void **state)
{
	struct hall *h = hall_open();

	for (int objects = 0; objects < 2; objects++) {
		for (int width = 1; width <= 250; width += width < 90 ? 1 : 13)
			for (int height = 1; height <= 60; height += height < 12 ? 1 : 11)
				stage_draw(&h->stage, width, height);
		stage_draw(&h->stage, 80, 24);
		stage_keys(&h->stage, "M");
	}
	hall_close(h);
}

static void forget_all(struct census *c)
{
	for (size_t i = 0; i < c->process_count; i++)
		c->processes[i].shared_doubt = CENSUS_PENDING;
	c->complete = false;
}

/* The first list comes without what has not been looked at yet, and says so. */
static void test_first_list(void **state)
{
	struct hall *h = hall_open();

	next_census(h, forget_all);
	assert_true(stage_shows(&h->stage, "; still counting"));
	assert_true(stage_shows(&h->stage, "     1M      ?    1M+"));
	hall_close(h);
}

static void nothing_in_swap(struct census *c)
{
	for (size_t i = 0; i < c->process_count; i++) {
		c->processes[i].private_swap = c->processes[i].shared_swap = 0;
		if (strcmp(c->processes[i].user, "user"))
			c->processes[i].shared_doubt = CENSUS_NO_RIGHT;
	}
}

/* A plain user opens the list on a process of the user's own, which can be opened. */
static void test_known_first(void **state)
{
	struct hall *h = hall_open();

	next_census(h, nothing_in_swap);
	stage_keys(&h->stage, "Home Enter");
	assert_int_equal(h->opened, 400);
	for (int s = 0; s < 8; s++) {
		stage_keys(&h->stage, "s");
		if (stage_shows(&h->stage, "processes by SHSWAP"))
			break;
	}
	h->opened = 0;
	stage_keys(&h->stage, "Home Enter");
	assert_int_equal(h->opened, 400);
	hall_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_total_counts_shared_memory),
		cmocka_unit_test(test_one_memory),
		cmocka_unit_test(test_selection_is_an_identity),
		cmocka_unit_test(test_cursor_is_on_the_selection),
		cmocka_unit_test(test_filter_and_find),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_object_of_nobody),
		cmocka_unit_test(test_every_size),
		cmocka_unit_test(test_first_list),
		cmocka_unit_test(test_known_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
