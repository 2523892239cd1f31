/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_ESCAPE_H
#define PMTOP_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Text from outside (paths, comm, mapping names, log text) made fit to show. It is kept raw until
 * it is drawn or printed; then every character goes through here once, so that no control byte,
 * broken UTF-8 or direction mark reaches a terminal. Pure.
 */

/*
 * Decodes one character of strict UTF-8 (no overlong forms, no surrogates). Returns its length in
 * bytes, or -EILSEQ where the first byte does not start a whole valid character. length >= 1.
 */
int utf8_decode(const char *text, size_t length, uint32_t *ret_character);

/* The UTF-8 form of a character, without a final zero; returns its length, at most 4. */
int utf8_encode(uint32_t character, char buf[static 4]);

/*
 * False for what can move the cursor, change how the rest of a line is shown, or be seen as
 * nothing: C0, DEL, C1, line and paragraph separators, direction marks, zero-width and tag
 * characters.
 */
bool escape_is_safe(uint32_t character);

#define ESCAPE_MAX 9 /* the longest form of one character with its final zero: \u10ffff */

/*
 * The form to show of the first character of text (length >= 1): itself if it is safe, else \xNN
 * for a byte and \uNNNN for a character. Returns how many bytes of text it stands for.
 */
size_t escape_next(const char *text, size_t length, char buf[static ESCAPE_MAX]);

/*
 * All of text to show, cut at a whole character so that it fits into size bytes with the final zero
 * (size >= 1). Returns the length of what was written.
 */
size_t escape_text(const char *text, size_t length, char *buf, size_t size);

#endif
