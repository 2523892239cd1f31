/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_REQUESTS_H
#define PMTOP_REQUESTS_H

#include "model/lens.h"

/*
 * The one list of requests: all that a person can ask for with a key. It yields enum request, the
 * default bindings, the footer, the help screen, the names in pmtop.conf, the key list of the
 * manual, and what the app does.
 *
 * A request goes first to the view that has the keys; what that ignores goes to the handler of the
 * row. app_input_none: only views answer it.
 *
 * R(id, name in pmtop.conf, default keys, screens, group, priority of the footer word (0 is dropped
 *   last), footer word or NULL, handler, its argument,
 *   help: a sentence without a full stop)
 */

#define REQUEST_PROCESS	   SCREENS_PROCESS
#define REQUEST_PAGES	   (SCREEN_MAPPINGS | SCREEN_PAGES | SCREEN_INSPECTOR)
#define REQUEST_GRID	   (SCREEN_PAGES | SCREEN_INSPECTOR)
#define REQUEST_GRID_STRIP (REQUEST_GRID | SCREEN_TIMELINE)
#define REQUEST_FINDABLE   (SCREENS_ALL & ~(SCREEN_WORKLOAD | SCREEN_TIMELINE))
#define REQUEST_LAST	   9 /* the footer drops these first */

/* clang-format off */
#define REQUEST_LENS(R, id, lower, name, key, question, priority, footer, help) \
	R(LENS_##id, "lens-" #lower, key, REQUEST_PROCESS, GROUP_LOOK, priority, footer, \
	  app_lens, LENS_##id, help)
#define REQUEST_LIST(R) \
	/* move */ \
	R(UP, "up", "Up k", SCREENS_ALL, GROUP_MOVE, 0, NULL, app_input_none, 0, \
	  "One row up") \
	R(DOWN, "down", "Down j", SCREENS_ALL, GROUP_MOVE, 0, NULL, app_input_none, 0, \
	  "One row down") \
	R(LEFT, "left", "Left h", SCREENS_ALL, GROUP_MOVE, 0, NULL, app_time_strip_step, -1, \
	  "One page to the left, or one column; on the strip a sample back") \
	R(RIGHT, "right", "Right l", SCREENS_ALL, GROUP_MOVE, 0, NULL, app_time_strip_step, 1, \
	  "One page to the right, or one column; on the strip a sample on") \
	R(PAGE_UP, "screen-up", "PgUp ^B", SCREENS_ALL, GROUP_MOVE, 0, NULL, app_input_none, 0, \
	  "One screen up") \
	R(PAGE_DOWN, "screen-down", "PgDn ^F", SCREENS_ALL, GROUP_MOVE, 0, NULL, app_input_none, 0, \
	  "One screen down") \
	R(HALF_UP, "half-up", "^U", SCREENS_ALL, GROUP_MOVE, 0, NULL, app_input_none, 0, \
	  "Half a screen up") \
	R(HALF_DOWN, "half-down", "^D", SCREENS_ALL, GROUP_MOVE, 0, NULL, app_input_none, 0, \
	  "Half a screen down") \
	R(FIRST, "first", "Home g", SCREENS_ALL, GROUP_MOVE, 0, NULL, app_time_strip_edge, 0, \
	  "To the first row; on the strip to the first sample") \
	R(LAST, "last", "End G", SCREENS_ALL, GROUP_MOVE, 0, NULL, app_time_strip_edge, 1, \
	  "To the last row; on the strip to the last sample") \
	R(OPEN, "open", "Enter", SCREENS_ALL, GROUP_MOVE, 0, "open", app_open, 0, \
	  "Open what is selected: process, mapping, page") \
	R(BACK, "back", "Esc Backspace", SCREENS_ALL, GROUP_MOVE, 2, "back", app_back, 0, \
	  "Back to where one came from") \
	R(NEXT_PANE, "next-pane", "Tab", REQUEST_PROCESS, GROUP_MOVE, REQUEST_LAST, NULL, app_pane, 1, \
	  "Next pane: list, pages, inspector, strip") \
	R(PREVIOUS_PANE, "previous-pane", "S-Tab", REQUEST_PROCESS, GROUP_MOVE, REQUEST_LAST, NULL, app_pane, -1, \
	  "Previous pane") \
	R(NEXT_MAPPING, "next-mapping", "]", REQUEST_PAGES, GROUP_MOVE, 7, NULL, app_input_none, 0, \
	  "Next mapping") \
	R(PREVIOUS_MAPPING, "previous-mapping", "[", REQUEST_PAGES, GROUP_MOVE, 7, NULL, app_input_none, 0, \
	  "Previous mapping") \
	R(NEXT_CHANGE, "next-change", "}", REQUEST_GRID_STRIP | SCREEN_MAPPINGS, GROUP_MOVE, 7, "change", app_time_change, 1, \
	  "Next page that differs; in the list and on the strip: in time") \
	R(PREVIOUS_CHANGE, "previous-change", "{", REQUEST_GRID_STRIP | SCREEN_MAPPINGS, GROUP_MOVE, 7, NULL, app_time_change, -1, \
	  "Previous page that differs; in list and on the strip: in time") \
	/* look */ \
	R(FIND, "find", "/", REQUEST_FINDABLE, GROUP_LOOK, 3, "find", app_prompt_type, PROMPT_FIND, \
	  "Find a name, address, permission or state") \
	R(FIND_NEXT, "find-next", "n", REQUEST_FINDABLE, GROUP_LOOK, 9, NULL, app_prompt_find, 1, \
	  "Find the next one") \
	R(FIND_PREVIOUS, "find-previous", "N", REQUEST_FINDABLE, GROUP_LOOK, 9, NULL, app_prompt_find, -1, \
	  "Find the one before") \
	R(FILTER, "filter", "f", SCREENS_LIST, GROUP_LOOK, 4, "filter", app_prompt_type, PROMPT_FILTER, \
	  "Show only rows that match; an empty filter shows all") \
	R(SORT, "sort", "s", SCREENS_LIST, GROUP_LOOK, 4, "sort", app_input_none, 0, \
	  "Sort by the next column") \
	R(REVERSE, "reverse", "r", SCREENS_LIST, GROUP_LOOK, 8, NULL, app_input_none, 0, \
	  "Reverse the order") \
	LENS_TABLE(REQUEST_LENS, R) \
	R(DENSITY, "density", "v", REQUEST_PAGES, GROUP_LOOK, 8, NULL, app_density, 0, \
	  "Letters, or two pages a cell (half blocks)") \
	R(ZOOM_IN, "zoom-in", "+ =", REQUEST_GRID_STRIP, GROUP_LOOK, 6, "zoom", app_time_strip_speed, 1, \
	  "Fewer pages a tile; on the strip of a replay: faster") \
	R(ZOOM_OUT, "zoom-out", "-", REQUEST_GRID_STRIP, GROUP_LOOK, 8, NULL, app_time_strip_speed, -1, \
	  "More pages a tile; on the strip of a replay: slower") \
	R(ZOOM_FIT, "zoom-fit", "0", REQUEST_GRID_STRIP, GROUP_LOOK, 8, NULL, app_time_strip_speed, 0, \
	  "The whole mapping; on the strip of a replay: normal speed") \
	R(WHOLE, "whole-space", "a", REQUEST_GRID, GROUP_LOOK, 8, NULL, app_input_none, 0, \
	  "All mappings in one grid, and back to one") \
	R(PIN, "pin", "p", REQUEST_PAGES, GROUP_LOOK, 8, NULL, app_pin, 0, \
	  "Pin the state under the cursor: one page of it wins its tile") \
	R(INSPECTOR, "inspector", "i", REQUEST_PAGES, GROUP_LOOK, 6, "inspect", app_inspector, 0, \
	  "Show or hide the inspector") \
	R(TIMELINE, "timeline", "t", REQUEST_PROCESS, GROUP_LOOK, 8, NULL, app_timeline, 0, \
	  "Height of the strip") \
	R(OBJECTS, "shared-objects", "M", SCREENS_ALL & ~SCREEN_OBJECTS, GROUP_LOOK, 8, NULL, app_objects, 0, \
	  "Shared memory objects of all processes, each once") \
	/* time */ \
	R(PAUSE, "pause", "Space", REQUEST_PROCESS, GROUP_TIME, 2, "pause", app_time_pause, 0, \
	  "Pause, and go on") \
	R(SAMPLE_BACK, "sample-back", ",", REQUEST_PROCESS, GROUP_TIME, 8, NULL, app_time_sample, -1, \
	  "One sample back") \
	R(SAMPLE_ON, "sample-on", ".", REQUEST_PROCESS, GROUP_TIME, 3, "step", app_time_sample, 1, \
	  "One sample on") \
	R(EVENT_BACK, "event-back", "<", REQUEST_PROCESS, GROUP_TIME, 8, NULL, app_time_event, -1, \
	  "Previous event") \
	R(EVENT_ON, "event-on", ">", REQUEST_PROCESS, GROUP_TIME, 4, "event", app_time_event, 1, \
	  "Next event") \
	R(LIVE, "live", "e", REQUEST_PROCESS, GROUP_TIME, 8, NULL, app_time_live, 0, \
	  "To the live edge, or the last sample") \
	R(BASELINE, "baseline", "b", REQUEST_PROCESS, GROUP_TIME, 6, "base", app_time_baseline, 1, \
	  "Make what is shown the baseline of lens 6") \
	R(BASELINE_CLEAR, "baseline-clear", "B", REQUEST_PROCESS, GROUP_TIME, 9, NULL, app_time_baseline, 0, \
	  "Forget the baseline") \
	R(BOOKMARK, "bookmark", "m", REQUEST_PROCESS, GROUP_TIME, 9, NULL, app_prompt_bookmark, 0, \
	  "Name this moment, in the history and in the log") \
	R(RECORD, "record", "R", REQUEST_PROCESS, GROUP_TIME, 7, "rec", app_record, 0, \
	  "Start or stop a recording: pmtop-PID-DATE-TIME.pmtop in the current directory") \
	/* do */ \
	R(VERIFY, "verify", "V", REQUEST_PROCESS, GROUP_DO, 8, "verify", app_prompt_verify, 0, \
	  "Compare the counts with the kernel's own (smaps)") \
	R(COPY, "copy", "y", REQUEST_PAGES, GROUP_DO, 9, NULL, app_copy, 0, \
	  "Copy the address to the clipboard of the terminal (OSC 52)") \
	R(COMMAND, "command", ":", SCREENS_ALL, GROUP_DO, 8, NULL, app_prompt_type, PROMPT_COMMAND, \
	  "Type a command: an address to go to, or the name of a request") \
	R(WORKLOAD, "workload", "w", REQUEST_PROCESS | SCREEN_WORKLOAD, GROUP_DO, 6, "workload", app_workload, 0, \
	  "The workload: its limit, usage and output") \
	R(WORKLOAD_START, "workload-start", "s", SCREEN_WORKLOAD, GROUP_DO, 3, "start/stop", app_input_none, 0, \
	  "Kill all of the workload, or start it again") \
	R(LIMIT, "limit", "L", SCREEN_WORKLOAD, GROUP_DO, 4, "limit", app_input_none, 0, \
	  "Type a limit for the workload") \
	R(LIMIT_RAISE, "limit-raise", "+ =", SCREEN_WORKLOAD, GROUP_DO, 4, "raise", app_input_none, 0, \
	  "Double the workload's limit") \
	R(LIMIT_LOWER, "limit-lower", "-", SCREEN_WORKLOAD, GROUP_DO, 4, "lower", app_input_none, 0, \
	  "Halve the workload's limit; what is above it goes to swap") \
	R(CLEAR_WRITTEN, "clear-written", "C", REQUEST_PAGES, GROUP_DO, 9, NULL, app_prompt_clear_written, 0, \
	  "Clear the kernel's written marks of the process (asks first: this breaks the dirty tracking of a checkpoint or migration under way)") \
	R(PUSH_OUT, "push-out", "O", REQUEST_PAGES | SCREEN_WORKLOAD, GROUP_DO, 9, NULL, app_prompt_push_out, 0, \
	  "Push the mapping or the page (asks first), or the workload, out to swap") \
	/* pmtop */ \
	R(OPTIONS, "options", "o F2", SCREENS_ALL, GROUP_PMTOP, 8, NULL, app_options, 0, \
	  "Options") \
	R(HELP, "help", "? F1", SCREENS_ALL, GROUP_PMTOP, 1, "help", app_help, 0, \
	  "The keys of this screen, and what letters and colours mean") \
	R(REDRAW, "redraw", "^L", SCREENS_ALL, GROUP_PMTOP, 9, NULL, app_redraw, 0, \
	  "Redraw the screen") \
	R(SUSPEND, "suspend", "^Z", SCREENS_ALL, GROUP_PMTOP, 9, NULL, app_suspend, 0, \
	  "Suspend pmtop") \
	R(QUIT, "quit", "q F10 ^C", SCREENS_ALL, GROUP_PMTOP, 0, "quit", app_quit, 0, \
	  "Leave pmtop")
/* clang-format on */

#endif
