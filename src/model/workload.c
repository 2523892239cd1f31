// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/workload.h"

const char *workload_state_name(enum workload_state state)
{
	switch (state) {
	case WORKLOAD_STOPPED:
		return "stopped";
	case WORKLOAD_RUNNING:
		return "running";
	case WORKLOAD_EXITED:
		return "exited";
	case WORKLOAD_KILLED:
		return "killed";
	case WORKLOAD_OOM:
		return "OOM-killed";
	case WORKLOAD_LOST:
		return "lost";
	}
	return "?";
}
