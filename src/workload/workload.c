// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/units.h"
#include "kernel/swaps.h"
#include "workload/claim.h"
#include "workload/launch.h"
#include "workload/link.h"
#include "workload/memgroup.h"
#include "workload/output.h"
#include "workload/swaparea.h"
#include "workload/workload.h"

#define DEFAULT_SWAPPINESS 60 /* the kernel's own, and what the first reproduction set */
#define REPLY_MS	   15000 /* more than killing may take in the supervisor */

struct workload {
	struct workload_options options;
	struct claim claim;
	struct memgroup group; /* version WORKLOAD_NO_GROUP: none */
	struct output *output;
	struct link link;
	bool stopping; /* we kill it ourselves: not a death to report */
	uint64_t started_ms;
	uint64_t oom_before; /* OOM kills in the group before this start */
	struct workload_status status;
};

static int workload_check(const struct workload_options *options, struct workload_why *why);

static int workload_check_bytes(const char *name, uint64_t bytes, struct workload_why *why);

static uint64_t workload_now_ms(void)
{
	return (uint64_t)clock_ns(CLOCK_BOOTTIME) / 1000000;
}

/* --- the supervisor ------------------------------------------------------------------------ */

static int workload_start_supervisor(struct workload *w, struct workload_why *why_)
{
	CLEANUP(cleanup_close) int output = output_make();

	if (output < 0 || output_map(output, &w->output) < 0)
		return why(why_, -ENOMEM, "out of memory");
	return link_start(&w->claim, output, w->options.argv, &w->link, why_);
}

/* The supervisor was killed: what it would have done is ours to do. */
static void workload_supervisor_lost(struct workload *w)
{
	link_close(&w->link);
	claim_kill(&w->claim);
	if (w->status.state == WORKLOAD_RUNNING)
		w->status.state = WORKLOAD_LOST;
}

static void workload_command_ended(struct workload *w, int status)
{
	struct workload_memory last = w->status.memory;
	struct workload_memory *m = &w->status.memory;
	bool oom = false;

	w->status.lifetime_ms = workload_now_ms() - w->started_ms;
	if (w->group.version != WORKLOAD_NO_GROUP) {
		/* Usage as it was last seen alive; if it never was, the most that it had. */
		memgroup_read(&w->group, m);
		oom = m->oom_kills != WORKLOAD_UNSET && m->oom_kills > w->oom_before;
		m->usage = last.usage != WORKLOAD_UNSET ? last.usage : m->peak;
		m->swap = last.swap;
	}
	if (w->stopping) {
		w->status.state = WORKLOAD_STOPPED;
	} else if (WIFSIGNALED(status)) {
		w->status.code = WTERMSIG(status);
		w->status.state = oom && w->status.code == SIGKILL ? WORKLOAD_OOM : WORKLOAD_KILLED;
	} else {
		w->status.code = WEXITSTATUS(status);
		w->status.state = WORKLOAD_EXITED;
	}
}

/* As link_take(), and keeps the status up to date. */
static int workload_take_message(struct workload *w, int timeout_ms, struct message *ret)
{
	bool linked = w->link.socket >= 0;
	int r = link_take(&w->link, timeout_ms, ret);

	if (r < 0 && linked)
		workload_supervisor_lost(w);
	else if (r == MESSAGE_EXITED)
		workload_command_ended(w, ret->value);
	return r;
}

/* Asks the supervisor for something and waits for one of two answers. */
static int workload_ask(struct workload *w, int type, int answer, int other, int timeout_ms,
			struct message *ret)
{
	int r;

	/* If it is gone: what it said before comes first, then that. */
	link_send(&w->link, type);
	do {
		r = workload_take_message(w, timeout_ms, ret);
		if (!r)
			return -ETIMEDOUT;
	} while (r > 0 && r != answer && r != other);
	return r;
}

/* --- start --------------------------------------------------------------------------------- */

static int workload_make_group(struct workload *w, struct workload_why *why_)
{
	struct memgroup_limits limits = {
		.limit = w->options.limit,
		.swap_limit = w->options.swap_limit,
		.high = w->options.high,
		.swappiness = w->options.swappiness,
	};
	struct memgroup g;
	int r = memgroup_find(w->claim.id, &g, why_);

	if (r < 0)
		return r;
	r = claim_add(&w->claim, "cgroup", g.dir, why_);
	r = r < 0 ? r : memgroup_make(&g, why_);
	if (r < 0)
		return r;
	if (limits.swappiness < 0 && g.version == WORKLOAD_GROUP_V1 &&
	    limits.limit != WORKLOAD_UNSET)
		limits.swappiness = DEFAULT_SWAPPINESS;
	w->group = g;
	w->status.group = g.version;
	return memgroup_limit(&g, &limits, why_);
}

static int workload_make_swap(struct workload *w, struct workload_why *why_)
{
	const char *dir = w->options.swap_dir ? w->options.swap_dir : WORKLOAD_SWAP_DIR;
	CLEANUP(cleanup_free) char *real = realpath(dir, NULL);
	char path[PATH_MAX];
	int r;

	if (!real)
		return why(why_, -errno, "cannot make a swap file in %s: %m", dir);
	if (snprintf(path, sizeof(path), "%s/%s.swap", real, w->claim.id) >= (int)sizeof(path))
		return why(why_, -ENAMETOOLONG, "%s is too long a path", real);
	r = claim_add(&w->claim, "swap", path, why_);
	return r < 0 ? r : swaparea_make(path, w->options.make_swap, why_);
}

static int workload_launch_failed(const struct workload *w, const struct message *m,
				  struct workload_why *why_)
{
	const char *name = w->options.argv[0];

	if (m->step == LAUNCH_ENTER)
		return why(
			why_, m->value,
			"the command cannot enter the cgroup %s: %s; pmtop run --no-cgroup runs it "
			"without a limit",
			w->group.dir, strerror(-m->value));
	if (m->step != LAUNCH_EXEC)
		return why(why_, m->value, "cannot start '%s': %s", name, strerror(-m->value));
	if (m->value == -ENOENT) {
		why(why_, m->value, "'%s' not found: there is no such program%s", name,
		    strchr(name, '/') ? " (or the interpreter that it names is missing)"
				      : " in PATH");
		why_->status = RUN_NOT_FOUND;
	} else {
		why(why_, m->value, "cannot execute '%s': %s", name, strerror(-m->value));
		why_->status = RUN_NOT_EXECUTABLE;
	}
	return m->value;
}

static int workload_launch_command_in(struct workload *w, struct workload_why *why_)
{
	struct message m;
	int r;

	w->oom_before = 0;
	if (w->group.version != WORKLOAD_NO_GROUP) {
		struct workload_memory now;

		memgroup_read(&w->group, &now);
		w->oom_before = now.oom_kills == WORKLOAD_UNSET ? 0 : now.oom_kills;
	}
	w->status.memory.usage = w->status.memory.swap = WORKLOAD_UNSET;
	w->stopping = false;
	w->started_ms = workload_now_ms();
	r = workload_ask(w, MESSAGE_LAUNCH, MESSAGE_LAUNCHED, MESSAGE_FAILED, REPLY_MS, &m);
	if (r < 0)
		return why(why_, r, "the supervisor does not answer: %s", strerror(-r));
	if (r == MESSAGE_FAILED)
		return workload_launch_failed(w, &m, why_);
	w->status.pid = m.value;
	w->status.state = WORKLOAD_RUNNING;
	return 0;
}

int workload_start(const struct workload_options *options, struct workload **ret,
		   struct workload_why *why_)
{
	struct workload *w;
	int r = workload_check(options, why_);

	if (r < 0)
		return r;
	w = calloc(1, sizeof(*w));
	if (!w)
		return why(why_, -ENOMEM, "out of memory");
	w->options = *options;
	w->link = (struct link)LINK_NONE;
	w->claim = (struct claim)CLAIM_NONE;
	w->status.memory.usage = w->status.memory.swap = WORKLOAD_UNSET;
	r = claim_make(&w->claim, why_);
	r = r < 0 ? r : workload_start_supervisor(w, why_);
	if (!r && options->make_swap)
		r = workload_make_swap(w, why_);
	if (!r && !options->no_cgroup)
		r = workload_make_group(w, why_);
	r = r < 0 ? r : workload_launch_command_in(w, why_);
	if (r < 0) {
		struct workload_why left;
		size_t length = strlen(why_->text);

		if (workload_free(w, &left) < 0)
			snprintf(why_->text + length, sizeof(why_->text) - length, "; also: %s",
				 left.text);
		return r;
	}
	*ret = w;
	return 0;
}

/* --- while it runs ------------------------------------------------------------------------- */

void workload_poll(struct workload *w, struct workload_status *ret)
{
	struct message m;

	if (w->status.state == WORKLOAD_RUNNING) {
		w->status.lifetime_ms = workload_now_ms() - w->started_ms;
		if (w->group.version != WORKLOAD_NO_GROUP)
			memgroup_read(&w->group, &w->status.memory);
	}
	while (workload_take_message(w, 0, &m) > 0)
		;
	output_tail(w->output, &w->status);
	swaps_sums(&w->status.swap_total, &w->status.swap_free);
	if (ret)
		*ret = w->status;
}

int workload_machine_swap(uint64_t *ret_total, uint64_t *ret_free)
{
	return swaps_sums(ret_total, ret_free);
}

int workload_fd(const struct workload *w)
{
	return w->link.socket;
}

const struct workload_status *workload_status(const struct workload *w)
{
	return &w->status;
}

static int workload_need_group(const struct workload *w, struct workload_why *why_)
{
	if (w->group.version != WORKLOAD_NO_GROUP)
		return 0;
	return why(why_, -ENOTSUP, "this workload runs without a cgroup, so it has no limit");
}

int workload_set_limit(struct workload *w, uint64_t limit, struct workload_why *why_)
{
	int r = workload_need_group(w, why_);

	r = r < 0 ? r : workload_check_bytes("limit", limit, why_);
	r = r < 0 ? r : memgroup_set_limit(&w->group, limit, w->options.swap_limit, why_);
	if (r < 0)
		return r;
	w->options.limit = limit;
	w->status.memory.limit = limit;
	return 0;
}

int workload_push_out(struct workload *w, struct workload_why *why_)
{
	int r = workload_need_group(w, why_);

	return r < 0 ? r : memgroup_push_out(&w->group, why_);
}

int workload_stop(struct workload *w, struct workload_why *why_)
{
	struct message m;
	int r;

	w->stopping = true;
	r = workload_ask(w, MESSAGE_KILL, MESSAGE_EMPTY, MESSAGE_EMPTY, REPLY_MS, &m);
	if (r < 0)
		return why(why_, r, "the supervisor does not answer: %s", strerror(-r));
	if (m.value < 0)
		return why(why_, m.value, "a process of the workload cannot be killed: %s",
			   strerror(-m.value));
	w->status.state = WORKLOAD_STOPPED;
	return 0;
}

int workload_restart(struct workload *w, struct workload_why *why_)
{
	int r = workload_stop(w, why_);

	return r < 0 ? r : workload_launch_command_in(w, why_);
}

/* --- the end ------------------------------------------------------------------------------- */

int workload_free(struct workload *w, struct workload_why *why_)
{
	struct message m;
	int r;

	if (!w)
		return 0;
	w->stopping = true;
	/* swapoff may take long: wait for as long as the supervisor lives. */
	r = workload_ask(w, MESSAGE_FINISH, MESSAGE_DONE, MESSAGE_DONE, -1, &m);
	if (r > 0) {
		r = m.value;
		*why_ = m.why;
	} else if (w->claim.fd >= 0) {
		r = claim_release(&w->claim, why_);
	}
	link_close(&w->link);
	cleanup_close(&w->claim.fd);
	output_unmap(w->output);
	free(w);
	return r;
}

int workload_sweep(struct workload_why *why_)
{
	return claim_sweep(why_);
}

/* A limit of memory: WORKLOAD_UNSET, or from one page to all of the RAM. `name` is for people. */
static int workload_check_bytes(const char *name, uint64_t bytes, struct workload_why *why_)
{
	char have[UNITS_SIZE_MAX], want[UNITS_SIZE_MAX];
	struct sysinfo info;
	uint64_t ram, page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (bytes == WORKLOAD_UNSET)
		return 0;
	if (!bytes)
		return why(why_, -EINVAL, "the %s is 0: nothing can run in that", name);
	if (bytes < page)
		return why(why_, -EINVAL, "the %s is less than a page (%s)", name,
			   units_format_size(page, have));
	if (sysinfo(&info) < 0)
		return why(why_, -errno, "cannot learn how much memory there is: %m");
	ram = (uint64_t)info.totalram * info.mem_unit;
	if (bytes > ram)
		return why(why_, -EINVAL,
			   "the %s of %s is larger than this machine's memory (%s): it would limit "
			   "nothing",
			   name, units_format_size(bytes, want), units_format_size(ram, have));
	return 0;
}

/*
 * Checks that the limits make sense on this machine (above zero, at least a page, not above its
 * RAM). -EINVAL with the sentence.
 */
static int workload_check(const struct workload_options *o, struct workload_why *why_)
{
	bool limited = o->limit != WORKLOAD_UNSET || o->swap_limit != WORKLOAD_UNSET ||
		       o->high != WORKLOAD_UNSET || o->swappiness >= 0;
	int r;

	if (!o->argv || !o->argv[0] || !o->argv[0][0])
		return why(why_, -EINVAL, "no command");
	if (o->no_cgroup && limited)
		return why(why_, -EINVAL,
			   "a limit needs a cgroup: leave out --no-cgroup, or the limits");
	if (o->swappiness > 200)
		return why(why_, -EINVAL, "the swappiness is %d; it goes from 0 to 200",
			   o->swappiness);
	r = workload_check_bytes("limit", o->limit, why_);
	r = r < 0 ? r : workload_check_bytes("high mark", o->high, why_);
	if (r < 0 || !o->make_swap)
		return r;
	return swaparea_check(o->swap_dir ? o->swap_dir : WORKLOAD_SWAP_DIR, o->make_swap, why_);
}
