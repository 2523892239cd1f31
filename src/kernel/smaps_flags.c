// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/maps.h"
#include "kernel/smaps.h"
#include "model/cleanup.h"

int smaps_vm_flags(int proc_fd, uint64_t start, char *flags, size_t size)
{
	static const char key[] = "VmFlags:";
	CLEANUP(cleanup_fclose) FILE *file = NULL;
	CLEANUP(cleanup_free) char *line = NULL;
	int fd = openat(proc_fd, "smaps", O_RDONLY | O_CLOEXEC);
	size_t room = 0, name_length;
	bool here = false;
	const char *name;
	ssize_t n;

	if (fd < 0)
		return -errno;
	file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	while ((n = getline(&line, &room, file)) > 0) {
		struct mapping m;

		if (line[n - 1] == '\n')
			line[--n] = '\0';
		if (here && !strncmp(line, key, sizeof(key) - 1)) {
			snprintf(flags, size, "%s",
				 line + sizeof(key) - 1 + strspn(line + sizeof(key) - 1, " "));
			return 0;
		}
		if (maps_parse_line(line, (size_t)n, &m, &name, &name_length))
			here = m.start == start;
	}
	return -ENOENT;
}
