// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/advice.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/probe_trials.h"

/* The capabilities that a feature needs; NULL: none would help. */
static const char *const advice_capabilities[PROBE_FEATURES] = {
	[PROBE_PFN] = "CAP_SYS_ADMIN",
	[PROBE_MAP_FILES] = "CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN",
	[PROBE_BPF] = "CAP_BPF and CAP_PERFMON",
	[PROBE_KPAGEFLAGS] = "CAP_SYS_ADMIN",
	[PROBE_KPAGECOUNT] = "CAP_SYS_ADMIN",
	[PROBE_PAGEOUT] = "CAP_SYS_NICE",
	[PROBE_OTHERS] = "CAP_SYS_PTRACE",
};

static bool advice_is_refused(int error)
{
	return error == EPERM || error == EACCES;
}

/* In a user namespace of its own root has no right over the machine, whatever it may hold. */
static bool advice_in_user_namespace(void)
{
	CLEANUP(cleanup_fclose) FILE *map = fopen("/proc/self/uid_map", "re");
	unsigned long inside, outside, count;

	return map && fscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3 &&
	       count < UINT32_MAX;
}

const char *advice_feature(const struct probe *probe, enum probe_feature feature,
			   char buf[static ADVICE_MAX])
{
	const char *need = advice_capabilities[feature];

	if (probe->taken_away[feature])
		return "leave it out of --without";
	if (access("/proc/self/stat", R_OK))
		return "mount /proc";
	if (!need || !advice_is_refused(probe->error[feature]))
		return probe_features[feature].way_out;
	if (advice_in_user_namespace())
		snprintf(buf, ADVICE_MAX, "run outside of this user namespace, as root (%s)", need);
	else if (geteuid())
		snprintf(buf, ADVICE_MAX, "run as root (%s)", need);
	else if (feature == PROBE_BPF && !strstr(probe->bpf_reason, "CAP_"))
		return "a kernel that is not locked down, and lets root load BPF programs";
	else
		snprintf(buf, ADVICE_MAX, "give this root %s, which it lacks here", need);
	return buf;
}

/* The real user of a process, which its status tells to everybody; -1: it does not. */
static long advice_user_of(pid_t pid)
{
	CLEANUP(cleanup_fclose) FILE *status = NULL;
	char path[32], line[256];
	long user = -1;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	status = fopen(path, "re");
	while (status && user < 0 && fgets(line, sizeof(line), status))
		if (sscanf(line, "Uid: %ld", &user) != 1)
			user = -1;
	return user;
}

const char *advice_target(pid_t pid, char buf[static ADVICE_MAX])
{
	struct probe probe = { .error[PROBE_OTHERS] = EPERM };
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	if (access("/proc/self/stat", R_OK))
		return "/proc is not mounted here: mount it";
	if (stat(path, &st))
		return geteuid() ? "/proc is mounted so that it is hidden (hidepid): run as root"
				 : "/proc does not show it: mount the /proc of its PID namespace";
	if (!geteuid() && probe_trials[PROBE_OTHERS](&probe) < 0)
		return advice_feature(&probe, PROBE_OTHERS, buf);
	if (!geteuid())
		return "this kernel or sandbox keeps it from root too";
	if (advice_user_of(pid) == (long)getuid())
		return "it has shut itself off (not dumpable, or with rights that you lack): "
		       "only root can";
	return "run as root, or as its user";
}
