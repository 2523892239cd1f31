/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_KEYMAP_H
#define PMTOP_KEYMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ui/requests.h"

/* Which keys ask for which request on which screen. A view sees requests, never keys. */

/* A screen that keys apply to. Bits, so that a request can apply to several. */
enum ui_screen {
	SCREEN_PROCESSES = 1 << 0,
	SCREEN_MAPPINGS = 1 << 1,
	SCREEN_PAGES = 1 << 2,
	SCREEN_INSPECTOR = 1 << 3,
	SCREEN_HELP = 1 << 4, /* help, legend, options: lists to read */
	SCREEN_OBJECTS = 1 << 5,
	SCREEN_WORKLOAD = 1 << 6,
	SCREEN_TIMELINE = 1 << 7,
};
#define SCREENS_ALL	0xff
#define SCREENS_LIST	(SCREEN_PROCESSES | SCREEN_MAPPINGS | SCREEN_OBJECTS)
#define SCREENS_PROCESS (SCREEN_MAPPINGS | SCREEN_PAGES | SCREEN_INSPECTOR | SCREEN_TIMELINE)

#define KEYMAP_ENUM(id, ...) REQ_##id,
enum request { REQ_NONE, REQUEST_LIST(KEYMAP_ENUM) REQUESTS };

enum request_group { GROUP_MOVE, GROUP_LOOK, GROUP_TIME, GROUP_DO, GROUP_PMTOP, REQUEST_GROUPS };
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
 */
enum key {
	UIKEY_UP = 0x110000,
	UIKEY_DOWN,
	UIKEY_LEFT,
	UIKEY_RIGHT,
	UIKEY_PAGE_UP,
	UIKEY_PAGE_DOWN,
	UIKEY_HOME,
	UIKEY_END,
	UIKEY_INSERT,
	UIKEY_DELETE,
	UIKEY_BACKSPACE,
	UIKEY_BACK_TAB,
	UIKEY_F1,
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

/* The default bindings; NULL when memory is out. */
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
