/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_CONFIG_H
#define PMTOP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ui/keymap.h"
#include "ui/theme.h"

/*
 * pmtop.conf (pmtop.conf(5)): theme, colours, keys, rate. Sections [pmtop], [keys] and [colors].
 * What is wrong is said with file and line, and nothing of a wrong file is used half.
 */
struct config {
	char theme[16]; /* "auto", "dark", "light", "monochrome" */
	char colour[8]; /* "auto", "always", "never" */
	int64_t interval_ns; /* 0: not said */
	uint64_t history_bytes; /* 0: not said */
	bool mouse, ascii;
	struct theme_colours_of colours; /* own colours, for theme_set_colours() */
};

#define CONFIG_MESSAGE_MAX 512

void config_default(struct config *config);

/*
 * Reads one file on top of what *config and *keymap hold. 0; -errno when it cannot be opened;
 * -EINVAL when something in it is wrong. On an error message says what and where, fit to be
 * printed, and config and keymap are to be thrown away.
 */
int config_read(const char *path, struct config *config, struct keymap *keymap,
		char message[static CONFIG_MESSAGE_MAX]);

/*
 * Reads the file that --config names, or with NULL /etc/pmtop.conf and then the person's own file
 * ($XDG_CONFIG_HOME/pmtop/pmtop.conf, else ~/.config/pmtop/pmtop.conf), where they exist. Errors as
 * config_read().
 */
int config_load(const char *option, struct config *config, struct keymap *keymap,
		char message[static CONFIG_MESSAGE_MAX]);

#endif
