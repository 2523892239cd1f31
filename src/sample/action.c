// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/maps.h"
#include "kernel/smaps.h"
#include "kernel/swap_edges.h"
#include "model/verify.h"
#include "sample/action.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

/* Whether the process is still the program that the person was asked about. */
static bool action_is_same_program(const struct target *target, const struct source_asked *asked)
{
	uint64_t word;

	/* The pagemap of memory that was given up by exec reads nothing (fs/proc/task_mmu.c). */
	return target->pid == asked->pid && target->start_time == asked->start_time &&
	       target->execs == asked->execs && target_is_alive(target) &&
	       pread(target->pagemap, &word, sizeof(word), 0) == sizeof(word);
}

/* 1 ends the search: it is there, unchanged. */
static int action_compare_mapping(void *context, const struct mapping *m, const char *name,
				  size_t length)
{
	const struct source_asked *a = context;

	(void)name;
	(void)length;
	return m->start == a->start && m->end == a->end && m->offset == a->offset &&
	       m->inode == a->inode && m->dev_major == a->dev_major &&
	       m->dev_minor == a->dev_minor && !strcmp(m->perms, a->perms);
}

/* Why nothing is done any more to what the person was asked about; NULL: it is what it was. */
static const char *action_differs(const struct target *target, const struct source_request *request)
{
	struct source_asked asked = request->asked;

	if (!action_is_same_program(target, &asked))
		return "the process ended or became another program since you were asked";
	if (request->action == SOURCE_PUSH_OUT &&
	    (request->start < asked.start || request->start + request->length > asked.end ||
	     maps_each(target, action_compare_mapping, &asked) != 1))
		return "the mapping is not what it was when you were asked";
	return NULL;
}

static bool action_clear_written(const struct target *target, const struct source_request *request,
				 char *message, size_t size)
{
	CLEANUP(cleanup_close) int fd = openat(target->proc, "clear_refs", O_WRONLY | O_CLOEXEC);
	const char *differs = action_differs(target, request);

	if (differs || fd < 0 || write(fd, "4", 1) != 1) {
		snprintf(message, size, "written marks were not cleared: %s",
			 differs ? differs : strerror(errno));
		return false;
	}
	snprintf(message, size, "written marks cleared");
	return true;
}

/* Before each such piece it is looked whether all is as it was. */
#define PIECE (UINT64_C(64) << 20)

static bool action_push_out(const struct target *target, const struct source_request *request,
			    char *message, size_t size)
{
	const uint64_t start = request->start, length = request->length;
	const char *differs = NULL;
	uint64_t done = 0;

	while (done < length && !(differs = action_differs(target, request))) {
		uint64_t left = length - done;
		struct iovec range = { (void *)(uintptr_t)(start + done),
				       left < PIECE ? left : PIECE };
		long n = syscall(SYS_process_madvise, target->pidfd, &range, 1, MADV_PAGEOUT, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (uint64_t)n;
	}
	if (differs)
		snprintf(message, size, "pushed out %" PRIu64 " of %" PRIu64 " pages: %s",
			 done / PMTOP_PAGE_SIZE, length / PMTOP_PAGE_SIZE, differs);
	else if (done < length)
		snprintf(message, size, "pushed out %" PRIu64 " of %" PRIu64 " pages, then: %s%s",
			 done / PMTOP_PAGE_SIZE, length / PMTOP_PAGE_SIZE, strerror(errno),
			 errno == EPERM	  ? " (needs CAP_SYS_NICE: see pmtop doctor)"
			 : errno == ESRCH ? " (Linux reaches a process only by its main thread, "
					    "which has ended)"
					  : "");
	else
		snprintf(message, size, "asked the kernel to push out %" PRIu64 " pages",
			 length / PMTOP_PAGE_SIZE);
	return done;
}

static void action_say_verified(const struct verified *verified, char *message, size_t size)
{
	size_t agree = 0, explained = 0, differ = 0;

	for (size_t i = 0; i < verified->count; i++) {
		const struct verify_result *r = &verified->results[i];

		if (!r->found)
			continue;
		if (verify_worst(&r->verdict) == VERIFY_AGREES)
			agree++;
		else if (verify_is_explained(verify_worst(&r->verdict)))
			explained++;
		else
			differ++;
	}
	snprintf(message, size,
		 "smaps: %zu mappings agree, %zu differ for a known reason, %zu differ", agree,
		 explained, differ);
}

void action_verify_begin(const struct target *target, struct action_verify *verify)
{
	verify->error = smaps_read(target->proc, &verify->before);
}

struct verified *action_verify_end(const struct target *target, const struct probe *probe,
				   struct action_verify *verify, const struct snapshot *snapshot,
				   char *message, size_t size)
{
	CLEANUP(swap_edges_release)
	struct swap_edges edges = { .probe = probe, .pid = target->thread, .proc = target->proc };
	struct smaps_list after = { 0 };
	struct verified *verified = snapshot ? verified_new(snapshot->count) : NULL;

	if (verify->error >= 0)
		verify->error = smaps_read(target->proc, &after);
	if (verify->error < 0 || !verified) {
		snprintf(message, size, "smaps cannot be read, so nothing was verified");
		verified_unref(verified);
		verified = NULL;
	} else {
		smaps_verify(snapshot, &verify->before, &after, verified->results);
		for (size_t i = 0; i < snapshot->count; i++)
			if (verified->results[i].found)
				swap_edges_explain(&edges, snapshot->mappings[i].mapping,
						   snapshot->mappings[i].pages,
						   &verified->results[i].verdict);
		action_say_verified(verified, message, size);
	}
	smaps_list_free(&verify->before);
	smaps_list_free(&after);
	return verified;
}

bool action_perform(const struct target *target, const struct source_request *request,
		    char *message, size_t size)
{
	switch (request->action) {
	case SOURCE_CLEAR_WRITTEN:
		return action_clear_written(target, request, message, size);
	case SOURCE_PUSH_OUT:
		return action_push_out(target, request, message, size);
	default:
		message[0] = '\0';
		return false;
	}
}
