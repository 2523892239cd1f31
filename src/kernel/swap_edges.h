/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_SWAP_EDGES_H
#define PMTOP_SWAP_EDGES_H

#include <stdbool.h>
#include <sys/types.h>

#include "kernel/probe.h"
#include "kernel/shmem_bpf.h"
#include "model/verify.h"

/*
 * Swapped pages of shared memory that smaps counts and the process does not reach. It counts what
 * markers and private copies hide, and what large swap entries at the edges hold outside of the
 * mapping: a large folio of shmem goes to swap as one entry (Linux 6.12), and is counted whole
 * (mm/shmem.c: shmem_partial_swap_usage(), and shmem_swap_usage() for an entry beyond the end of
 * the file). Only the BPF walk sees which pages these are; without it nothing is explained.
 */
struct swap_edges {
	const struct probe *probe;
	pid_t pid;
	int proc; /* directory /proc/PID, the caller's */
	struct shmem_bpf *bpf; /* loaded when the first mapping needs it */
	bool tried;
};

/* Names the cause of a difference in Swap where such pages are it, page for page. */
void swap_edges_explain(struct swap_edges *edges, const struct mapping *mapping,
			const struct pages *pages, struct verify_verdict *verdict);

void swap_edges_release(struct swap_edges *edges);

#endif
