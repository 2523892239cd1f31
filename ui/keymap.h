/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_KEYMAP_H
#define PMTOP_KEYMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ui/requests.h"

/* Which keys ask for which request on which screen. A view sees requests, never keys. */

/* The screens that keys apply to, in the order of the help, with their names there. */
/* clang-format off */
#define SCREEN_TABLE(X) \
	X(PROCESSES, "list of processes") \
	X(MAPPINGS, "list of mappings") \
	X(PAGES, "grid of pages") \
	X(INSPECTOR, "inspector") \
	X(TIMELINE, "strip") \
	X(OBJECTS, "shared objects") \
	X(WORKLOAD, "workload") \
	X(HELP, "help and options") /* lists to read, the legend too */
/* clang-format on */

#define SCREEN_NUMBER(id, name) SCREEN_NUMBER_##id,
enum ui_screen_number { SCREEN_TABLE(SCREEN_NUMBER) SCREENS };

/* Bits, so that a request can apply to several. */
#define SCREEN_BIT(id, name) SCREEN_##id = 1 << SCREEN_NUMBER_##id,
enum ui_screen { SCREEN_TABLE(SCREEN_BIT) };
#define SCREENS_ALL ((1 << SCREENS) - 1)
_Static_assert(SCREENS <= 8, "request_info.where has room for 8 screens");
#define SCREENS_LIST	(SCREEN_PROCESSES | SCREEN_MAPPINGS | SCREEN_OBJECTS)
#define SCREENS_PROCESS (SCREEN_MAPPINGS | SCREEN_PAGES | SCREEN_INSPECTOR | SCREEN_TIMELINE)

#define KEYMAP_ENUM(id, ...) REQ_##id,
enum request { REQ_NONE, REQUEST_LIST(KEYMAP_ENUM) REQUESTS };

#define REQUEST_GROUP_TABLE(X)                                                                     \
	X(MOVE, "Moving")                                                                          \
	X(LOOK, "Looking")                                                                         \
	X(TIME, "Time")                                                                            \
	X(DO, "Doing")                                                                             \
	X(PMTOP, "pmtop")
#define REQUEST_GROUP(id, name) GROUP_##id,
enum request_group { REQUEST_GROUP_TABLE(REQUEST_GROUP) REQUEST_GROUPS };
extern const char *const request_groups[REQUEST_GROUPS];

struct request_info {
	const char *name; /* in pmtop.conf: "zoom-in" */
	const char *keys; /* default keys, separated by spaces */
	const char *help; /* a sentence without a full stop */
	const char *footer; /* one word, or NULL when the footer leaves it out */
	uint8_t where; /* enum ui_screen bits */
	uint8_t group;
	uint8_t priority; /* of the footer word; 0 is dropped last */
};

/* Indexed by enum request; REQ_NONE is empty. */
extern const struct request_info requests[REQUESTS];

/*
 * A key: a Unicode character, a control character (1 to 31), or one of these. The terminal turns
 * what curses says into them.
 *
 *   id, name in pmtop.conf, how it is shown (NULL: by its name), its code in curses
 */
/* clang-format off */
#define UIKEY_TABLE(X) \
	X(UP, "Up", "↑", KEY_UP) \
	X(DOWN, "Down", "↓", KEY_DOWN) \
	X(LEFT, "Left", "←", KEY_LEFT) \
	X(RIGHT, "Right", "→", KEY_RIGHT) \
	X(PAGE_UP, "PgUp", NULL, KEY_PPAGE) \
	X(PAGE_DOWN, "PgDn", NULL, KEY_NPAGE) \
	X(HOME, "Home", NULL, KEY_HOME) \
	X(END, "End", NULL, KEY_END) \
	X(INSERT, "Ins", NULL, KEY_IC) \
	X(DELETE, "Del", NULL, KEY_DC) \
	X(BACKSPACE, "Backspace", NULL, KEY_BACKSPACE) \
	X(BACK_TAB, "S-Tab", NULL, KEY_BTAB)
/* clang-format on */

#define UIKEY_ENUM(id, ...) UIKEY_##id,
enum key {
	UIKEY_FIRST = 0x10ffff, /* the last character */
	UIKEY_TABLE(UIKEY_ENUM) UIKEY_F1,
	UIKEY_F12 = UIKEY_F1 + 11,
	UIKEY_MOUSE, /* the terminal knows where */
	UIKEY_RESIZE,
	UIKEY_END_OF_INPUT,
	UIKEY_LAST
};
#define UIKEY_TAB    9
#define UIKEY_ENTER  13
#define UIKEY_ESCAPE 27

struct keymap;

/* The default bindings; NULL when out of memory. */
struct keymap *keymap_new(void);
void keymap_free(struct keymap *keymap);

/*
 * Binds a request to exactly these keys (separated by spaces; "" for none). -ENOENT: no such
 * request; -EINVAL: no such key (ret_bad points at the word); -EEXIST: the key belongs to another
 * request on one of the same screens (ret_clash names that request).
 */
int keymap_bind(struct keymap *keymap, const char *request, const char *keys, const char **ret_bad,
		enum request *ret_clash);

/*
 * Binds a whole configuration at once, so that two requests can swap keys: call keymap_bind_later()
 * for each line, then keymap_check(). -EEXIST with both requests and the key.
 */
int keymap_bind_later(struct keymap *keymap, const char *request, const char *keys,
		      const char **ret_bad);
int keymap_check(const struct keymap *keymap, enum request *ret_a, enum request *ret_b,
		 int *ret_key);

/* What a key asks for on a screen; REQ_NONE. */
enum request keymap_find(const struct keymap *keymap, enum ui_screen screen, int key);

/* The keys of a request as people read them: "↑ k", "Enter". Returns buf. */
const char *keymap_keys(const struct keymap *keymap, enum request request, char *buf, size_t size);

/* The first key of a request, for the footer; "" when it has none. */
const char *keymap_first(const struct keymap *keymap, enum request request, char *buf, size_t size);

/* A key's name ("^B", "PgUp", "Space", "x") and back; -EINVAL. */
const char *ui_key_name(int key, char *buf, size_t size);
int ui_key_parse(const char *word, size_t length);

/* The request with this name, or -ENOENT. */
int request_parse(const char *name);

/* All requests as a table of mdoc rows, as the manual includes them. */
void keymap_print_mdoc(FILE *out);

#endif
