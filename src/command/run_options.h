/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_RUN_OPTIONS_H
#define PMTOP_RUN_OPTIONS_H

#include "command/view.h"
#include "workload/workload.h"

/* The command line of `pmtop run`. */
struct run_options {
	struct workload_options workload;
	struct view_options view;
	uint64_t interval_ns;
	uint64_t duration_ns; /* 0: until the command ends */
	const char *record; /* log to record into; NULL: none */
	bool once;
	bool json;
	bool built_in; /* the reproduction, no command of the person's own */
	char **argv; /* what workload.argv points to; run_options_free() frees it */
	char *program; /* path of pagemap-test */
};

/* 0 to go on, 1 when all is done (--help), or -EINVAL after it said what is wrong. */
int run_options_parse(int argc, char **argv, struct run_options *ret);
void run_options_free(struct run_options *o);

#endif
