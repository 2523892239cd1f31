/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_SWAP_EDGES_H
#define PMTOP_SWAP_EDGES_H

#include <stdbool.h>
#include <sys/types.h>

#include "kernel/probe.h"
#include "kernel/shmem_bpf.h"
#include "model/verify.h"

/*
 * Large swap entries of shared memory at the edges of a mapping. A large folio of shmem goes to
 * swap as one entry (Linux 6.12), and smaps counts an entry whole that begins or ends outside of
 * the mapping (mm/shmem.c: shmem_partial_swap_usage(), and shmem_swap_usage() for an entry beyond
 * the end of the file). Only the BPF walk sees how large an entry is; without it nothing is
 * explained.
 */
struct swap_edges {
	const struct probe *probe;
	pid_t pid;
	int proc; /* directory /proc/PID, the caller's */
	struct shmem_bpf *bpf; /* loaded when the first mapping needs it */
	bool tried;
};

/* Names the cause of a difference in Swap where entries at the edges are it, page for page. */
void swap_edges_explain(struct swap_edges *edges, const struct mapping *mapping,
			const struct pages *pages, struct verify_verdict *verdict);

void swap_edges_release(struct swap_edges *edges);

#endif
