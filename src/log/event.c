// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/event.h"

const char *const log_event_names[LOG_EVENT_KINDS] = {
	[LOG_EVENT_APPEARED] = "appeared", [LOG_EVENT_CHANGED] = "changed",
	[LOG_EVENT_MOVED] = "moved",	   [LOG_EVENT_GONE] = "gone",
	[LOG_EVENT_LIMIT] = "limit",	   [LOG_EVENT_OOM] = "oom",
	[LOG_EVENT_ENDED] = "ended",	   [LOG_EVENT_BOOKMARK] = "bookmark",
	[LOG_EVENT_GAP] = "gap",	   [LOG_EVENT_STOPPED] = "stopped",
	[LOG_EVENT_NOTE] = "note",
};
