/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_ERROR_H
#define PMTOP_ERROR_H

/*
 * Why something failed: a code for the program and a sentence for people. The sentence may hold the
 * name of a file or of a process: escape it where it is printed.
 */
struct error {
	int code; /* -errno */
	char text[400];
};

/* Fills *error (may be NULL) and returns code. */
__attribute__((format(printf, 3, 4))) int error_set(struct error *error, int code,
						    const char *format, ...);

#endif
