// SPDX-License-Identifier: GPL-2.0-or-later
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ui/config.h"

/* pmtop.conf: a message is always fit to print, and names the file. */
static void read_config(const char *path)
{
	char message[CONFIG_MESSAGE_MAX] = "";
	struct keymap *keymap = keymap_new();
	struct config config;

	if (!keymap)
		return;
	config_default(&config);
	if (config_read(path, &config, keymap, message) < 0)
		MUST(!strncmp(message, path, strlen(path)));
	for (const char *c = message; *c; c++)
		MUST((unsigned char)*c >= ' ' && *c != 0x7f);
	keymap_free(keymap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("pmtop-fuzz", MFD_CLOEXEC);
	enum theme_kind kind;
	char path[64];

	(void)theme_from_osc11((const char *)data, size, &kind);
	if (fd < 0)
		return 0;
	if (write(fd, data, size) == (ssize_t)size) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		read_config(path);
	}
	close(fd);
	return 0;
}
