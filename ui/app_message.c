// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/app_internal.h"

#include <stdarg.h>
#include <stdio.h>

/* What the last row says in place of the keys, until the next key. */

static __attribute__((format(printf, 3, 0))) void app_set_message(struct app *app, bool bad,
								  const char *format, va_list args)
{
	vsnprintf(app->message, sizeof(app->message), format, args);
	app->message_bad = bad;
	app->message_news = false;
}

void app_message(struct app *app, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	app_set_message(app, false, format, args);
	va_end(args);
}

void app_problem(struct app *app, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	app_set_message(app, true, format, args);
	va_end(args);
}

void app_news(struct app *app, enum app_news which, const char *text)
{
	char other[sizeof(app->message)] = "";

	if (app->message_news)
		snprintf(other, sizeof(other), "%s", app->message);
	if (!*other)
		app_message(app, "%s", text);
	else if (which == NEWS_WORKLOAD)
		app_message(app, "%s; %s", text, other);
	else
		app_message(app, "%s; %s", other, text);
	app->message_news = true;
}
