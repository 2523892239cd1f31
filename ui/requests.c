// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/keymap.h"

#define EVERYWHERE SCREENS_ALL
#define LISTS	   (SCREENS_LIST | SCREEN_HELP)
#define MOVING	   (SCREENS_ALL)
#define PROCESS	   SCREENS_PROCESS
#define PAGES	   (SCREEN_MAPPINGS | SCREEN_PAGES | SCREEN_INSPECTOR)
#define GRID	   (SCREEN_PAGES | SCREEN_INSPECTOR)
#define GRID_STRIP (GRID | SCREEN_TIMELINE)
#define FINDABLE   (SCREENS_ALL & ~(SCREEN_WORKLOAD | SCREEN_TIMELINE))
#define FILTERABLE (SCREENS_LIST)
#define LAST	   9 /* the footer drops these first */

const char *const request_groups[REQUEST_GROUPS] = {
	[GROUP_MOVE] = "Moving", [GROUP_LOOK] = "Looking", [GROUP_TIME] = "Time",
	[GROUP_DO] = "Doing",	 [GROUP_PMTOP] = "pmtop",
};

#define REQ(name, keys, where, group, priority, footer, help)                                      \
	{                                                                                          \
		name, keys, help, footer, where, group, priority                                   \
	}

const struct request_info requests[REQUESTS] = {
	[REQ_NONE] = { "", "", "", NULL, 0, 0, 0 },
	[REQ_UP] = REQ("up", "Up k", MOVING, GROUP_MOVE, 0, NULL, "One row up"),
	[REQ_DOWN] = REQ("down", "Down j", MOVING, GROUP_MOVE, 0, NULL, "One row down"),
	[REQ_LEFT] = REQ("left", "Left h", MOVING, GROUP_MOVE, 0, NULL,
			 "One page to the left, or one column; on the strip a sample back"),
	[REQ_RIGHT] = REQ("right", "Right l", MOVING, GROUP_MOVE, 0, NULL,
			  "One page to the right, or one column; on the strip a sample on"),
	[REQ_PAGE_UP] = REQ("screen-up", "PgUp ^B", MOVING, GROUP_MOVE, 0, NULL, "One screen up"),
	[REQ_PAGE_DOWN] =
		REQ("screen-down", "PgDn ^F", MOVING, GROUP_MOVE, 0, NULL, "One screen down"),
	[REQ_HALF_UP] = REQ("half-up", "^U", MOVING, GROUP_MOVE, 0, NULL, "Half a screen up"),
	[REQ_HALF_DOWN] = REQ("half-down", "^D", MOVING, GROUP_MOVE, 0, NULL, "Half a screen down"),
	[REQ_FIRST] = REQ("first", "Home g", MOVING, GROUP_MOVE, 0, NULL,
			  "To the first row; on the strip to the first sample"),
	[REQ_LAST] = REQ("last", "End G", MOVING, GROUP_MOVE, 0, NULL,
			 "To the last row; on the strip to the last sample"),
	[REQ_OPEN] = REQ("open", "Enter", EVERYWHERE, GROUP_MOVE, 0, "open",
			 "Open what is selected: process, mapping, page"),
	[REQ_BACK] = REQ("back", "Esc Backspace", EVERYWHERE, GROUP_MOVE, 2, "back",
			 "Back to where one came from"),
	[REQ_NEXT_PANE] = REQ("next-pane", "Tab", PROCESS, GROUP_MOVE, LAST, NULL,
			      "Next pane: list, pages, inspector, strip"),
	[REQ_PREVIOUS_PANE] =
		REQ("previous-pane", "S-Tab", PROCESS, GROUP_MOVE, LAST, NULL, "Previous pane"),
	[REQ_NEXT_MAPPING] = REQ("next-mapping", "]", PAGES, GROUP_MOVE, 7, NULL, "Next mapping"),
	[REQ_PREVIOUS_MAPPING] =
		REQ("previous-mapping", "[", PAGES, GROUP_MOVE, 7, NULL, "Previous mapping"),
	[REQ_NEXT_CHANGE] =
		REQ("next-change", "}", GRID_STRIP | SCREEN_MAPPINGS, GROUP_MOVE, 7, "change",
		    "Next page that differs; in the list and on the strip: in time"),
	[REQ_PREVIOUS_CHANGE] =
		REQ("previous-change", "{", GRID_STRIP | SCREEN_MAPPINGS, GROUP_MOVE, 7, NULL,
		    "Previous page that differs; in list and on the strip: in time"),

	[REQ_FIND] = REQ("find", "/", FINDABLE, GROUP_LOOK, 3, "find",
			 "Find a name, address, permission or state"),
	[REQ_FIND_NEXT] = REQ("find-next", "n", FINDABLE, GROUP_LOOK, 9, NULL, "Find the next one"),
	[REQ_FIND_PREVIOUS] =
		REQ("find-previous", "N", FINDABLE, GROUP_LOOK, 9, NULL, "Find the one before"),
	[REQ_FILTER] = REQ("filter", "f", FILTERABLE, GROUP_LOOK, 4, "filter",
			   "Show only rows that match; an empty filter shows all"),
	[REQ_SORT] = REQ("sort", "s", FILTERABLE, GROUP_LOOK, 4, "sort", "Sort by the next column"),
	[REQ_REVERSE] = REQ("reverse", "r", FILTERABLE, GROUP_LOOK, 8, NULL, "Reverse the order"),
	[REQ_LENS_WHERE] = REQ("lens-where", "1", PROCESS, GROUP_LOOK, 3, "lens",
			       "Lens: where the content of each page is"),
	[REQ_LENS_WRITTEN] = REQ("lens-written", "2", PROCESS, GROUP_LOOK, 5, NULL,
				 "Lens: what was written since the marks were cleared"),
	[REQ_LENS_SHARING] = REQ("lens-sharing", "3", PROCESS, GROUP_LOOK, 5, NULL,
				 "Lens: how often each page is mapped"),
	[REQ_LENS_SIZE] =
		REQ("lens-size", "4", PROCESS, GROUP_LOOK, 5, NULL, "Lens: size of the pages"),
	[REQ_LENS_AGE] = REQ("lens-age", "5", PROCESS, GROUP_LOOK, 5, NULL,
			     "Lens: time since pmtop first saw the page in its present state"),
	[REQ_LENS_DIFFERENCE] = REQ("lens-difference", "6", PROCESS, GROUP_LOOK, 5, NULL,
				    "Lens: difference to the baseline"),
	[REQ_DENSITY] = REQ("density", "v", PAGES, GROUP_LOOK, 8, NULL,
			    "Letters, or two pages a cell (half blocks)"),
	[REQ_ZOOM_IN] = REQ("zoom-in", "+ =", GRID_STRIP, GROUP_LOOK, 6, "zoom",
			    "Fewer pages a tile; on the strip of a replay: faster"),
	[REQ_ZOOM_OUT] = REQ("zoom-out", "-", GRID_STRIP, GROUP_LOOK, 8, NULL,
			     "More pages a tile; on the strip of a replay: slower"),
	[REQ_ZOOM_FIT] = REQ("zoom-fit", "0", GRID_STRIP, GROUP_LOOK, 8, NULL,
			     "The whole mapping; on the strip of a replay: normal speed"),
	[REQ_WHOLE] = REQ("whole-space", "a", GRID, GROUP_LOOK, 8, NULL,
			  "All mappings in one grid, and back to one"),
	[REQ_PIN] = REQ("pin", "p", PAGES, GROUP_LOOK, 8, NULL,
			"Pin the state under the cursor: one page of it wins its tile"),
	[REQ_INSPECTOR] = REQ("inspector", "i", PAGES, GROUP_LOOK, 6, "inspect",
			      "Show or hide the inspector"),
	[REQ_TIMELINE] = REQ("timeline", "t", PROCESS, GROUP_LOOK, 8, NULL, "Height of the strip"),
	[REQ_OBJECTS] = REQ("shared-objects", "M", SCREENS_ALL & ~SCREEN_OBJECTS, GROUP_LOOK, 8,
			    NULL, "Shared memory objects of all processes, each once"),

	[REQ_PAUSE] = REQ("pause", "Space", PROCESS, GROUP_TIME, 2, "pause", "Pause, and go on"),
	[REQ_SAMPLE_BACK] =
		REQ("sample-back", ",", PROCESS, GROUP_TIME, 8, NULL, "One sample back"),
	[REQ_SAMPLE_ON] = REQ("sample-on", ".", PROCESS, GROUP_TIME, 3, "step", "One sample on"),
	[REQ_EVENT_BACK] = REQ("event-back", "<", PROCESS, GROUP_TIME, 8, NULL, "Previous event"),
	[REQ_EVENT_ON] = REQ("event-on", ">", PROCESS, GROUP_TIME, 4, "event", "Next event"),
	[REQ_LIVE] = REQ("live", "e", PROCESS, GROUP_TIME, 8, NULL,
			 "To the live edge, or the last sample"),
	[REQ_BASELINE] = REQ("baseline", "b", PROCESS, GROUP_TIME, 6, "base",
			     "Make what is shown the baseline of lens 6"),
	[REQ_BASELINE_CLEAR] =
		REQ("baseline-clear", "B", PROCESS, GROUP_TIME, 9, NULL, "Forget the baseline"),
	[REQ_BOOKMARK] = REQ("bookmark", "m", PROCESS, GROUP_TIME, 9, NULL,
			     "Name this moment, in the history and in the log"),
	[REQ_RECORD] = REQ(
		"record", "R", PROCESS, GROUP_TIME, 7, "rec",
		"Start or stop a recording: pmtop-PID-DATE-TIME.pmtop in the current directory"),

	[REQ_VERIFY] = REQ("verify", "V", PROCESS, GROUP_DO, 8, "verify",
			   "Compare the counts with the kernel's own (smaps)"),
	[REQ_COPY] = REQ("copy", "y", PAGES, GROUP_DO, 9, NULL,
			 "Copy the address to the clipboard of the terminal (OSC 52)"),
	[REQ_COMMAND] = REQ("command", ":", EVERYWHERE, GROUP_DO, 8, NULL,
			    "Type a command: an address to go to, or the name of a request"),
	[REQ_WORKLOAD] = REQ("workload", "w", PROCESS | SCREEN_WORKLOAD, GROUP_DO, 6, "workload",
			     "The workload: its limit, usage and output"),
	[REQ_WORKLOAD_START] = REQ("workload-start", "s", SCREEN_WORKLOAD, GROUP_DO, 3,
				   "start/stop", "Kill all of the workload, or start it again"),
	[REQ_LIMIT] = REQ("limit", "L", SCREEN_WORKLOAD, GROUP_DO, 4, "limit",
			  "Type a limit for the workload"),
	[REQ_LIMIT_RAISE] = REQ("limit-raise", "+ =", SCREEN_WORKLOAD, GROUP_DO, 4, "raise",
				"Double the workload's limit"),
	[REQ_LIMIT_LOWER] = REQ("limit-lower", "-", SCREEN_WORKLOAD, GROUP_DO, 4, "lower",
				"Halve the workload's limit; what is above it goes to swap"),
	[REQ_CLEAR_WRITTEN] = REQ(
		"clear-written", "C", PAGES, GROUP_DO, 9, NULL,
		"Clear the kernel's written marks of the process (asks first: this breaks the dirty tracking of a checkpoint or migration under way)"),
	[REQ_PUSH_OUT] =
		REQ("push-out", "O", PAGES | SCREEN_WORKLOAD, GROUP_DO, 9, NULL,
		    "Push the mapping or the page (asks first), or the workload, out to swap"),

	[REQ_OPTIONS] = REQ("options", "o F2", EVERYWHERE, GROUP_PMTOP, 8, NULL, "Options"),
	[REQ_HELP] = REQ("help", "? F1", EVERYWHERE, GROUP_PMTOP, 1, "help",
			 "The keys of this screen, and what letters and colours mean"),
	[REQ_REDRAW] = REQ("redraw", "^L", EVERYWHERE, GROUP_PMTOP, 9, NULL, "Redraw the screen"),
	[REQ_SUSPEND] = REQ("suspend", "^Z", EVERYWHERE, GROUP_PMTOP, 9, NULL, "Suspend pmtop"),
	[REQ_QUIT] = REQ("quit", "q F10 ^C", EVERYWHERE, GROUP_PMTOP, 0, "quit", "Leave pmtop"),
};
