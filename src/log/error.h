/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_LOG_ERROR_H
#define PMTOP_LOG_ERROR_H

/*
 * Why something with a log failed, in a sentence for people. The text may hold a file name: escape
 * it where it is printed.
 */
struct log_error {
	int code; /* -errno */
	char text[256];
};

/* Fills *error (may be NULL) and returns code. */
int log_fail(struct log_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
