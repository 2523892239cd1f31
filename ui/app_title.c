// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/app_internal.h"

#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "ui/theme.h"

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

void title_draw(struct app *app, struct canvas *canvas, struct rect row)
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
