/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_VIEW_WORKLOAD_H
#define PMTOP_VIEW_WORKLOAD_H

#include "model/workload.h"
#include "ui/app.h"
#include "ui/view.h"

/* The workload's panel: limit, usage, swap, failures, output; start, stop, change the limit. */

/*
 * What stands behind it. Each function that does something returns 0 or -errno, and fills the
 * message when it failed; start and stop may take some milliseconds.
 */
struct workload_control {
	void *context;
	char *const *argv; /* the command */
	void (*poll)(void *context, struct workload_status *ret); /* never blocks */
	int (*fd)(void *context); /* readable when it is time to poll */
	int (*set_limit)(void *context, uint64_t bytes, char *message, size_t size);
	int (*push_out)(void *context, char *message, size_t size);
	/* The command, again; the message may add something to that. */
	int (*start)(void *context, char *message, size_t size);
	int (*stop)(void *context, char *message, size_t size);
	void (*end)(void *context); /* the view is freed: take everything away; may be NULL */
};

/* NULL when out of memory; then end() was not called. */
struct view *view_workload_new(struct app *app, const struct workload_control *control);

#endif
