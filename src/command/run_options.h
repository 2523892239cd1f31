/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_RUN_OPTIONS_H
#define PMTOP_RUN_OPTIONS_H

#include "command/view.h"
#include "sample/recording.h"
#include "workload/workload.h"

/* The command line of `pmtop run`. */
struct run_options {
	struct workload_options workload;
	struct view_options view;
	int64_t interval_ns; /* 0: the usual one */
	int64_t duration_ns; /* 0: until the command ends */
	struct recording_options log; /* path NULL: none is asked for, but R may make one */
	bool once;
	bool json;
	bool built_in; /* the reproduction, no command of the person's own */
	char **argv; /* what workload.argv points to; run_options_free() frees it */
	int forwarded; /* words in argv, after the program, that are meant for pagemap-test */
	char *program; /* path of pagemap-test */
};

/* An exit status; other than EXIT_DONE it has said what is wrong. */
int run_options_parse(int argc, char **argv, struct run_options *ret);
void run_options_free(struct run_options *o);

#endif
