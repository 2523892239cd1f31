/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_SMAPS_H
#define PMTOP_SMAPS_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "model/snapshot.h"
#include "model/verify.h"

/*
 * The kernel's own sums per mapping, /proc/PID/smaps (see proc_pid_smaps(5)). Reading it walks the
 * whole page table of the target and touches each struct page: it is for --verify, not for samples.
 */

struct smaps_entry {
	uint64_t start, end; /* addresses */
	struct verify_sums sums;
	uint64_t lazyfree; /* pages given up with MADV_FREE and not written since */
};

/*
 * Parser of the text, fed in pieces of any size: what it needs of a line is kept across pieces, the
 * rest of a long name is dropped.
 */
struct smaps_parser;

/* Called with each whole entry; a negative return ends the parse and is handed up. */
typedef int smaps_callback(void *context, const struct smaps_entry *entry);

struct smaps_parser *smaps_parser_new(smaps_callback *callback, void *context);
void smaps_parser_free(struct smaps_parser *parser);

/* 0, -EPROTO on what is not smaps, or what the callback returned. */
int smaps_parser_feed(struct smaps_parser *parser, const char *text, size_t length);
int smaps_parser_end(struct smaps_parser *parser);

/* All entries of a process, ascending. */
struct smaps_list {
	size_t count, room;
	struct smaps_entry *entries;
};

/*
 * Reads smaps of the process whose /proc/PID is open at proc_fd. -ESRCH: it ended; -EACCES: not
 * permitted; others as errno.
 */
int smaps_read(int proc_fd, struct smaps_list *ret_list);
void smaps_list_free(struct smaps_list *list);
DEFINE_CLEANUP(cleanup_smaps, struct smaps_list *, smaps_list_free)

/*
 * The VmFlags of the mapping that starts at `start`, as the kernel writes them ("rd wr sh"), cut to
 * size. Reads no further than that mapping. -ENOENT: no such mapping.
 */
int smaps_vm_flags(int proc_fd, uint64_t start, char *flags, size_t size);

/* The entry of exactly this range, or NULL. */
const struct smaps_entry *smaps_list_find(const struct smaps_list *list, uint64_t start,
					  uint64_t end);

/* Compares each mapping of a snapshot with smaps as read right before and right after it. */
void smaps_verify(const struct snapshot *snapshot, const struct smaps_list *before,
		  const struct smaps_list *after, struct verify_result *ret_results);

#endif
