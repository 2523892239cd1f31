/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_SHMEM_BPF_H
#define PMTOP_SHMEM_BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/xarray.h"
#include "model/mapping.h"

/*
 * Where each page of a shmem mapping is (hole, RAM with pfn, swap with slot), read from the file's
 * xarray by a BPF program. Exact, and the only source of the slots of shared pages. Needs CAP_BPF
 * and CAP_PERFMON, BTF, and an iterator that can be bound to one task (Linux 6.1).
 *
 * Owns the loaded program; one thread at a time. Only pmtop's own memory is written; the target's
 * mmap lock is held for reading for at most 64 MiB of its pages at a time.
 */
struct shmem_bpf;

/*
 * Whether the program can be expected to load; costs next to nothing. 0, or -errno and one sentence
 * in `reason` that says why not.
 */
int shmem_bpf_check(char *reason, size_t reason_size);

/*
 * Loads the program and learns from pages of pmtop's own how a folio becomes a pfn. On failure
 * -errno, and one sentence in `reason` that says why and what would help.
 */
int shmem_bpf_open(struct shmem_bpf **ret_bpf, char *reason, size_t reason_size);
void shmem_bpf_close(struct shmem_bpf *bpf);

/* True when runs of pages in RAM carry their pfn (CAP_SYS_ADMIN). */
bool shmem_bpf_knows_pfn(const struct shmem_bpf *bpf);

/* About the file behind a mapping, at the time of the walk. */
struct shmem_bpf_file {
	uint64_t inode;
	uint64_t size; /* bytes */
	uint64_t swapped; /* swap entries in the whole file, in pages */
	uint32_t dev_major, dev_minor;
};

struct shmem_bpf_request {
	pid_t pid;
	int proc_fd; /* directory /proc/PID of that very process */
	const struct mapping *mapping;
	uint64_t first, count; /* pages of the mapping */
	bool flags; /* uptodate, dirty, writeback of pages in RAM: 4 times the time for these */
};

/*
 * Receives runs in ascending order, a batch at a time; `first` of a run counts from the start of
 * the mapping. What no run covers is a hole. Above 0 ends the walk and is returned from it: what
 * the sink got is the whole truth up to the end of its last run. Below 0 is an error.
 */
typedef int shmem_bpf_sink(void *context, const struct xarray_run *runs, size_t count);

/*
 * 0 when all wanted pages were walked. Else -errno, and what the sink got must not be used:
 *   -EACCES, -EPERM  /proc/PID/pagemap may not be opened; BPF itself would not have asked
 *   -ESRCH           the process is gone
 *   -ENOENT          there is no such mapping any more, or one of another file
 *   -EOPNOTSUPP      not shmem
 *   -EPROTO          a kernel whose xarray pmtop does not know
 * ret_file may be NULL. Cheapest when the mappings of one process are walked in ascending order.
 */
int shmem_bpf_walk(struct shmem_bpf *bpf, const struct shmem_bpf_request *request,
		   shmem_bpf_sink *sink, void *context, struct shmem_bpf_file *ret_file);

/*
 * As shmem_bpf_walk(), into arrays of the mapping's pages: pages->first and count are the
 * request's, and all of them must be holes before. Only where all is walked is what they hold of
 * any use.
 */
int shmem_bpf_walk_pages(struct shmem_bpf *bpf, const struct shmem_bpf_request *request,
			 const struct xarray_pages *pages);

#endif
