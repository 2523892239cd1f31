// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/event.h"

#include <string.h>

const struct event_word event_words[EVENT_KINDS] = {
	[EVENT_APPEARED] = { "appeared", "a mapping is new" },
	[EVENT_CHANGED] = { "changed", "a mapping has another size, name or permissions" },
	[EVENT_MOVED] = { "moved", "a mapping is at another address, with its content" },
	[EVENT_GONE] = { "gone", "a mapping is there no more" },
	[EVENT_LIMIT] = { "limit", "the memory limit of the process's cgroup was hit" },
	[EVENT_OOM] = { "oom", "the OOM killer killed something in the process's cgroup" },
	[EVENT_EXEC] = { "exec", "the process has become another program; the text says which" },
	[EVENT_ENDED] = { "ended", "the process has ended; the text says how" },
	[EVENT_BOOKMARK] = { "bookmark", "somebody named this moment; the text is the name" },
	[EVENT_CLEARED] = { "cleared", "pmtop cleared the written marks" },
	[EVENT_PUSHED] = { "pushed-out", "pmtop had pages pushed out to swap" },
	[EVENT_LIMIT_SET] = { "limit-set", "pmtop changed the memory limit of the workload" },
	[EVENT_GAP] = { "gap", "samples were left out, since the disk was too slow for them" },
	[EVENT_STOPPED] = { "stopped", "the recording ended before the process did" },
	[EVENT_NOTE] = { "note", "anything else; the text says it" },
};

enum event_kind event_kind_parse(const char *name)
{
	for (int k = 0; k < EVENT_KINDS; k++)
		if (!strcmp(name, event_words[k].name))
			return (enum event_kind)k;
	return EVENT_NOTE;
}

void event_print_mdoc(FILE *out)
{
	fprintf(out, ".Bl -tag -width Ds -compact\n");
	for (int k = 0; k < EVENT_KINDS; k++)
		fprintf(out, ".It Li %s\n%s\n", event_words[k].name, event_words[k].meaning);
	fprintf(out, ".El\n");
}
