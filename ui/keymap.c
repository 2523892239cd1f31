// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ui/keymap.h"

#define KEYS_PER_REQUEST 6

struct keymap {
	int keys[REQUESTS][KEYS_PER_REQUEST];
	uint8_t count[REQUESTS];
};

static const struct {
	int key;
	const char *name, *shown;
} named_keys[] = {
	/* The first name of a key is the one that is printed. */
	{ UIKEY_UP, "Up", "↑" },
	{ UIKEY_DOWN, "Down", "↓" },
	{ UIKEY_LEFT, "Left", "←" },
	{ UIKEY_RIGHT, "Right", "→" },
	{ UIKEY_PAGE_UP, "PgUp", NULL },
	{ UIKEY_PAGE_DOWN, "PgDn", NULL },
	{ UIKEY_HOME, "Home", NULL },
	{ UIKEY_END, "End", NULL },
	{ UIKEY_INSERT, "Ins", NULL },
	{ UIKEY_DELETE, "Del", NULL },
	{ UIKEY_BACKSPACE, "Backspace", NULL },
	{ UIKEY_BACK_TAB, "S-Tab", NULL },
	{ UIKEY_TAB, "Tab", NULL },
	{ UIKEY_ENTER, "Enter", NULL },
	{ UIKEY_ESCAPE, "Esc", NULL },
	{ ' ', "Space", NULL },
};
#define NAMED_KEYS (sizeof(named_keys) / sizeof(*named_keys))

static size_t keymap_put_utf8(uint32_t c, char *buf)
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n; i-- > 1; c >>= 6)
		buf[i] = (char)(0x80 | (c & 0x3f));
	buf[0] = (char)(first[n] | c);
	return n;
}

const char *ui_key_name(int key, char *buf, size_t size)
{
	char utf8[5] = "";

	for (size_t i = 0; i < NAMED_KEYS; i++)
		if (named_keys[i].key == key) {
			snprintf(buf, size, "%s", named_keys[i].name);
			return buf;
		}
	if (key >= UIKEY_F1 && key <= UIKEY_F12)
		snprintf(buf, size, "F%d", key - UIKEY_F1 + 1);
	else if (key > 0 && key < 0x20)
		snprintf(buf, size, "^%c", key + '@');
	else if (key >= 0x20 && key < 0x110000 && key != 0x7f) {
		utf8[keymap_put_utf8((uint32_t)key, utf8)] = '\0';
		snprintf(buf, size, "%s", utf8);
	} else
		snprintf(buf, size, "key %d", key);
	return buf;
}

int ui_key_parse(const char *word, size_t length)
{
	const unsigned char *s = (const unsigned char *)word;

	for (size_t i = 0; i < NAMED_KEYS; i++)
		if (strlen(named_keys[i].name) == length &&
		    !strncmp(named_keys[i].name, word, length))
			return named_keys[i].key;
	if (length == 1 && s[0] > 0x20 && s[0] < 0x7f)
		return s[0];
	if (length == 2 && s[0] == '^' && s[1] >= '@' && s[1] <= '_')
		return s[1] - '@';
	if (length >= 2 && length <= 3 && s[0] == 'F' && s[1] >= '1' && s[1] <= '9') {
		int n = atoi(word + 1);

		if (n >= 1 && n <= 12 && (length == 3) == (n > 9))
			return UIKEY_F1 + n - 1;
	}
	if (length == 2 && s[0] >= 0xc2 && s[0] < 0xe0 && (s[1] & 0xc0) == 0x80)
		return (s[0] & 0x1f) << 6 | (s[1] & 0x3f);
	if (length == 3 && (s[0] & 0xf0) == 0xe0 && (s[1] & 0xc0) == 0x80 && (s[2] & 0xc0) == 0x80)
		return (s[0] & 0x0f) << 12 | (s[1] & 0x3f) << 6 | (s[2] & 0x3f);
	return -EINVAL;
}

int request_parse(const char *name)
{
	for (int r = 1; r < REQUESTS; r++)
		if (!strcmp(requests[r].name, name))
			return r;
	return -ENOENT;
}

/* Replaces the keys of a request; no key is taken when one of them is wrong. */
static int keymap_set_keys(struct keymap *keymap, enum request request, const char *keys,
			   const char **ret_bad)
{
	int found[KEYS_PER_REQUEST] = { 0 }, count = 0;

	for (const char *p = keys; *p;) {
		size_t length = strcspn(p, " ");
		int key;

		if (!length) {
			p++;
			continue;
		}
		key = ui_key_parse(p, length);
		if (key < 0 || count == KEYS_PER_REQUEST) {
			if (ret_bad)
				*ret_bad = p;
			return -EINVAL;
		}
		found[count++] = key;
		p += length;
	}
	memcpy(keymap->keys[request], found, sizeof(*found) * (size_t)count);
	keymap->count[request] = (uint8_t)count;
	return 0;
}

struct keymap *keymap_new(void)
{
	struct keymap *keymap = calloc(1, sizeof(*keymap));

	if (!keymap)
		return NULL;
	for (int r = 1; r < REQUESTS; r++)
		keymap_set_keys(keymap, r, requests[r].keys, NULL);
	return keymap;
}

void keymap_free(struct keymap *keymap)
{
	free(keymap);
}

static bool keymap_has_key(const struct keymap *keymap, enum request request, int key)
{
	for (int i = 0; i < keymap->count[request]; i++)
		if (keymap->keys[request][i] == key)
			return true;
	return false;
}

int keymap_check(const struct keymap *keymap, enum request *ret_a, enum request *ret_b,
		 int *ret_key)
{
	for (int a = 1; a < REQUESTS; a++)
		for (int i = 0; i < keymap->count[a]; i++)
			for (int b = a + 1; b < REQUESTS; b++)
				if ((requests[a].where & requests[b].where) &&
				    keymap_has_key(keymap, b, keymap->keys[a][i])) {
					*ret_a = a;
					*ret_b = b;
					*ret_key = keymap->keys[a][i];
					return -EEXIST;
				}
	return 0;
}

int keymap_bind_later(struct keymap *keymap, const char *request, const char *keys,
		      const char **ret_bad)
{
	int r = request_parse(request);

	return r < 0 ? r : keymap_set_keys(keymap, r, keys, ret_bad);
}

int keymap_bind(struct keymap *keymap, const char *request, const char *keys, const char **ret_bad,
		enum request *ret_clash)
{
	struct keymap before = *keymap;
	enum request a, b;
	int r, key;

	r = keymap_bind_later(keymap, request, keys, ret_bad);
	if (r < 0)
		return r;
	r = keymap_check(keymap, &a, &b, &key);
	if (r < 0) {
		*ret_clash = (int)a == request_parse(request) ? b : a;
		*keymap = before;
	}
	return r;
}

enum request keymap_find(const struct keymap *keymap, enum ui_screen screen, int key)
{
	for (int r = 1; r < REQUESTS; r++)
		if ((requests[r].where & screen) && keymap_has_key(keymap, r, key))
			return r;
	return REQ_NONE;
}

static const char *keymap_shown_name(int key, char *buf, size_t size)
{
	for (size_t i = 0; i < NAMED_KEYS; i++)
		if (named_keys[i].key == key && named_keys[i].shown)
			return named_keys[i].shown;
	return ui_key_name(key, buf, size);
}

const char *keymap_keys(const struct keymap *keymap, enum request request, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = '\0';
	for (int i = 0; i < keymap->count[request]; i++) {
		char name[16];
		int n = snprintf(buf + at, size - at, "%s%s", i ? " " : "",
				 keymap_shown_name(keymap->keys[request][i], name, sizeof(name)));

		if (n < 0 || (size_t)n >= size - at)
			break;
		at += (size_t)n;
	}
	return buf;
}

const char *keymap_first(const struct keymap *keymap, enum request request, char *buf, size_t size)
{
	char name[16];

	buf[0] = '\0';
	if (keymap->count[request])
		snprintf(buf, size, "%s",
			 keymap_shown_name(keymap->keys[request][0], name, sizeof(name)));
	return buf;
}

/* Each key behind a zero-width mark: a full stop or a bracket would be a delimiter of mdoc(7). */
static void keymap_print_keys_mdoc(FILE *out, const char *keys)
{
	while (*keys) {
		size_t length = strcspn(keys, " ");

		fprintf(out, " \\&%s%.*s", *keys == '\\' ? "\\e" : "",
			(int)(*keys == '\\' ? 0 : length), keys);
		keys += length + (keys[length] == ' ');
	}
}

void keymap_print_mdoc(FILE *out)
{
	for (int g = 0; g < REQUEST_GROUPS; g++) {
		fprintf(out, ".Ss %s\n.Bl -tag -width Ds\n", request_groups[g]);
		for (int r = 1; r < REQUESTS; r++)
			if (requests[r].group == g) {
				fprintf(out, ".It Sy");
				keymap_print_keys_mdoc(out, requests[r].keys);
				fprintf(out, " Pq Ic %s\n%s.\n", requests[r].name,
					requests[r].help);
			}
		fprintf(out, ".El\n");
	}
}

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
