/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_TESTS_LOG_FOLDER_H
#define PMTOP_TESTS_LOG_FOLDER_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A folder of its own for the log of each test and for all that comes to stand beside it: what runs
 * at the same time, or was killed before, has another one.
 */
struct log_folder {
	char name[64], log[96];
};

static int log_folder_make(struct log_folder *folder)
{
	snprintf(folder->name, sizeof(folder->name), "/tmp/pmtop-log-XXXXXX");
	if (!mkdtemp(folder->name) || chmod(folder->name, 0755))
		return -1;
	snprintf(folder->log, sizeof(folder->log), "%s/log.pmtop", folder->name);
	return 0;
}

static int log_folder_remove(const struct log_folder *folder)
{
	DIR *directory = opendir(folder->name);
	struct dirent *entry;

	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(directory), entry->d_name, 0);
	closedir(directory);
	return rmdir(folder->name);
}

static struct log_folder folder;
static const char *const path = folder.log;

static inline int log_set_up(void **state)
{
	return log_folder_make(&folder);
}

static inline int log_tear_down(void **state)
{
	return log_folder_remove(&folder);
}

#define log_unit_test(test) cmocka_unit_test_setup_teardown(test, log_set_up, log_tear_down)

#endif
