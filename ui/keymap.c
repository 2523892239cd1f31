// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "ui/keymap.h"

#define KEYS_PER_REQUEST 6

struct keymap {
	int keys[REQUESTS][KEYS_PER_REQUEST];
	uint8_t count[REQUESTS];
};

#define KEYMAP_NAMED(id, name, shown, curses) { UIKEY_##id, name, shown },
static const struct {
	int key;
	const char *name, *shown;
} named_keys[] = {
	/* The first name of a key is the one that is printed. */
	{ UIKEY_TAB, "Tab", NULL },
	{ UIKEY_ENTER, "Enter", NULL },
	{ UIKEY_ESCAPE, "Esc", NULL },
	{ ' ', "Space", NULL },
	UIKEY_TABLE(KEYMAP_NAMED)
};
#define NAMED_KEYS (sizeof(named_keys) / sizeof(*named_keys))

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
		utf8[utf8_encode((uint32_t)key, utf8)] = '\0';
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

#define KEYMAP_GROUP(id, name) [GROUP_##id] = (name),
const char *const request_groups[REQUEST_GROUPS] = { REQUEST_GROUP_TABLE(KEYMAP_GROUP) };

/* clang-format off */
#define KEYMAP_INFO(id, name, keys, where, group, priority, footer, handler, argument, help) \
	[REQ_##id] = { name, keys, help, footer, where, group, priority },
/* clang-format on */

const struct request_info requests[REQUESTS] = { [REQ_NONE] = { "", "", "", NULL, 0, 0, 0 },
						 REQUEST_LIST(KEYMAP_INFO) };
