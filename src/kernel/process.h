/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_PROCESS_H
#define PMTOP_PROCESS_H

#include <stddef.h>

#include "model/census.h"

/*
 * The processes of the machine, through libproc2: what /proc/PID/stat and status say. These two
 * never wait for a process's mmap lock. Neither the command line nor the environment is read: that
 * would bring the page that holds them back from swap.
 */
struct process_reader;

/* -ENOMEM, or what libproc2 says. */
int process_reader_new(struct process_reader **ret_reader);
void process_reader_free(struct process_reader *reader);

/*
 * All processes that have memory (no kernel threads, no zombies), ascending by pid, as an array to
 * be freed. shared_swap is CENSUS_PENDING.
 */
int process_list(struct process_reader *reader, struct census_process **ret_processes,
		 size_t *ret_count);

/* Whether that list is of all processes of the machine. */
enum census_unlisted process_unlisted(void);

#endif
