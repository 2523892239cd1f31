// SPDX-License-Identifier: GPL-2.0-or-later
#include "command/run_view.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/escape.h"
#include "command/command.h"
#include "command/run_words.h"
#include "command/signals.h"
#include "command/view_record.h"
#include "sample/live.h"
#include "ui/view_workload.h"

#define POLL_NS	    100000000 /* how often limit, usage and output are looked at */
#define INTERVAL_NS ((int64_t)100 * 1000000)

/* What the panel acts on. */
struct run_view {
	const struct run_options *options;
	struct view_screen *screen;
	struct workload *workload;
	struct workload_status last;
	struct probe probe;
	struct workload_why why;
	int news; /* readable when the workload has some, and every POLL_NS */
	int timer;
	bool stayed; /* something could not be taken away */
	struct view_record record;
	bool named; /* the file of --record has been used */
	char trouble[sizeof(((struct error *)0)->text) * 2]; /* why recording did not start */
};

static int run_view_say(const struct run_view *v, int r, char *message, size_t size)
{
	if (r < 0)
		snprintf(message, size, "%s", v->why.text);
	return r;
}

static void run_view_poll_workload(void *context, struct workload_status *ret)
{
	struct run_view *v = context;
	uint64_t expirations;

	/* EAGAIN: it was not the timer. */
	if (read(v->timer, &expirations, sizeof(expirations)) < 0)
		expirations = 0;
	workload_poll(v->workload, ret);
}

static int run_view_news_fd(void *context)
{
	return ((struct run_view *)context)->news;
}

static int run_view_set_limit(void *context, uint64_t bytes, char *message, size_t size)
{
	struct run_view *v = context;

	return run_view_say(v, workload_set_limit(v->workload, bytes, &v->why), message, size);
}

static int run_view_push_out(void *context, char *message, size_t size)
{
	struct run_view *v = context;

	return run_view_say(v, workload_push_out(v->workload, &v->why), message, size);
}

static int run_view_stop(void *context, char *message, size_t size)
{
	struct run_view *v = context;

	return run_view_say(v, workload_stop(v->workload, &v->why), message, size);
}

static int run_view_open_source(const struct run_view *v, struct source **ret)
{
	const struct live_options live = {
		.pid = workload_status(v->workload)->pid,
		.interval_ns = v->record.log.interval_ns,
		.track = true,
		/* As pmtop record: what is asked of a log later was not known then. */
		.slots = v->options->log.path,
		.new_cgroup = !v->options->workload.no_cgroup,
	};

	return live_open(&live, &v->probe, ret);
}

/* The command again: another process, so another source for the screens. */
static int run_view_start(void *context, char *message, size_t size)
{
	struct run_view *v = context;
	bool recorded = v->record.recording;
	struct source *source;
	int r = workload_restart(v->workload, &v->why);

	if (r < 0)
		return run_view_say(v, r, message, size);
	r = run_view_open_source(v, &source);
	if (r < 0) {
		snprintf(message, size, "it runs again, but cannot be sampled: %s", strerror(-r));
		return r;
	}
	app_set_source(view_app(v->screen), source);
	if (recorded)
		snprintf(message, size, "%s", v->record.last);
	return 0;
}

/* R on the screen; the first time into the file of --record. */
static int run_view_record(void *context, struct source *source, const char *path, char *message,
			   size_t size)
{
	struct run_view *v = context;
	int r;

	if (!*path && v->options->log.path && !v->named) {
		v->named = true;
		path = v->options->log.path;
	}
	r = view_record_toggle(&v->record, source, path, message, size);
	if (r < 0)
		escape_text(message, strlen(message), v->trouble, sizeof(v->trouble));
	return r;
}

static int run_view_recording_goes_on(void *context, struct source *source, char *message,
				      size_t size)
{
	return view_record_goes_on(&((struct run_view *)context)->record, source, message, size);
}

static void run_view_event(void *context, enum event_kind kind, int64_t taken_ns, const char *text)
{
	view_record_event(&((struct run_view *)context)->record, kind, taken_ns, text);
}

static int run_view_open_census(void *context, struct census_feed **ret_feed)
{
	return view_open_census(&((struct run_view *)context)->probe, ret_feed);
}

/* Before the screen is given up, so that whatever ends pmtop finds everything taken away. */
static void run_view_end(void *context)
{
	struct run_view *v = context;

	workload_poll(v->workload, &v->last);
	v->stayed = workload_free(v->workload, &v->why) < 0;
	v->workload = NULL;
}

static int run_view_make_news(struct run_view *v)
{
	const struct itimerspec every = { .it_value.tv_nsec = POLL_NS,
					  .it_interval.tv_nsec = POLL_NS };
	struct epoll_event event = { .events = EPOLLIN };

	v->news = epoll_create1(EPOLL_CLOEXEC);
	v->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (v->news < 0 || v->timer < 0 || timerfd_settime(v->timer, 0, &every, NULL) < 0 ||
	    epoll_ctl(v->news, EPOLL_CTL_ADD, v->timer, &event) < 0 ||
	    epoll_ctl(v->news, EPOLL_CTL_ADD, workload_fd(v->workload), &event) < 0)
		return -errno;
	return 0;
}

static int run_view_add_panel(struct run_view *v)
{
	const struct workload_control control = {
		.context = v,
		.argv = v->options->workload.argv,
		.poll = run_view_poll_workload,
		.fd = run_view_news_fd,
		.set_limit = run_view_set_limit,
		.push_out = run_view_push_out,
		.start = run_view_start,
		.stop = run_view_stop,
		.end = run_view_end,
	};
	struct view *panel = view_workload_new(view_app(v->screen), &control);

	if (!panel)
		return -ENOMEM;
	app_set_workload(view_app(v->screen), panel);
	return 0;
}

/* Everything but the screen is there: the panel owns the workload from here on. */
static int run_view_show(struct run_view *v, int *ret_signal)
{
	struct source *source = NULL;
	int r = run_view_open_source(v, &source);

	/* A command that has ended already is no failure of ours: its panel says how. */
	if (r == -ESRCH)
		app_request(view_app(v->screen), REQ_WORKLOAD);
	else if (r < 0)
		fprintf(stderr, "pmtop run: the workload cannot be sampled: %s\n", strerror(-r));
	if (source)
		app_set_source(view_app(v->screen), source);
	if (source && v->options->log.path) {
		app_request(view_app(v->screen), REQ_RECORD);
		if (*v->trouble) {
			fprintf(stderr, "pmtop run: %s\n", v->trouble);
			view_abandon(v->screen);
			return RUN_FAILED;
		}
	}
	return view_source(v->screen, NULL, ret_signal);
}

static int run_view_start_and_show(struct run_view *v, int *ret_signal)
{
	int status, r = workload_start(&v->options->workload, &v->workload, &v->why);

	if (r < 0) {
		fprintf(stderr, "pmtop run: %s\n", v->why.text);
		view_abandon(v->screen);
		*ret_signal = r == -EINTR ? signals_take() : 0;
		return v->why.status;
	}
	run_say_swap(&v->options->workload);
	r = run_view_make_news(v);
	r = r < 0 ? r : run_view_add_panel(v);
	if (r < 0) {
		fprintf(stderr, "pmtop run: cannot start: %s\n", strerror(-r));
		run_view_end(v);
		view_abandon(v->screen);
		return RUN_FAILED;
	}
	status = run_view_show(v, ret_signal);
	if (!status)
		status = run_say_end(&v->last);
	if (v->stayed)
		fprintf(stderr, "pmtop run: %s\n", v->why.text);
	return v->stayed && !status ? RUN_FAILED : status;
}

int run_view(const struct run_options *options)
{
	struct run_view v = { .options = options, .news = -1, .timer = -1 };
	const struct app_hooks hooks = {
		.context = &v,
		.census = run_view_open_census,
		.record = run_view_record,
		.recording = run_view_recording_goes_on,
		.event = run_view_event,
	};
	int signal = 0, status = view_begin(&options->view, &v.screen);

	if (status)
		return RUN_FAILED;
	probe_run(&v.probe);
	v.record.probe = &v.probe;
	v.record.log = options->log;
	v.record.log.interval_ns = options->interval_ns;
	if (!v.record.log.interval_ns)
		v.record.log.interval_ns = view_interval_ns(v.screen);
	if (!v.record.log.interval_ns)
		v.record.log.interval_ns = INTERVAL_NS;
	view_set_hooks(v.screen, &hooks);
	status = run_view_start_and_show(&v, &signal);
	view_record_say(&v.record, options->view.word);
	if (v.news >= 0)
		close(v.news);
	if (v.timer >= 0)
		close(v.timer);
	return view_end(status, signal);
}
