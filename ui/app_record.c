// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/app_internal.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* R: what the command behind the screen does for it, and what became of it. */

void record_toggle(struct app *app)
{
	const struct app_hooks *hooks = &app->options.hooks;
	char message[256] = "";
	struct timespec now;
	int r;

	if (!hooks->record || !app->scene.source || source_is_replay(app->scene.source)) {
		app_message(app, "nothing to record here");
		return;
	}
	if (!app->recording &&
	    (app->scene.status.state == SOURCE_ENDED || app->scene.status.state == SOURCE_FAILED)) {
		app_message(app, "no sample comes any more: there is nothing more to record");
		return;
	}
	r = hooks->record(hooks->context, app->scene.source, "", message, sizeof(message));
	if (r < 0)
		app_problem(app, "%s", *message ? message : strerror(-r));
	else
		app_message(app, "%s", message);
	app->recording = r > 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	app->recording_since_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void record_stop(struct app *app)
{
	if (app->recording)
		record_toggle(app);
}

void record_look(struct app *app)
{
	const struct app_hooks *hooks = &app->options.hooks;
	char message[256] = "";
	int r;

	if (!app->recording || !hooks->recording)
		return;
	r = hooks->recording(hooks->context, app->scene.source, message, sizeof(message));
	app->recording = r > 0;
	if (!r)
		app_news(app, NEWS_RECORDING, message);
	else if (r < 0)
		app_problem(app, "%s", message);
}
