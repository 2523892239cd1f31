// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "log/check.h"
#include "log/writer_internal.h"

#define AMBIGUOUS 2 /* no check number, since these are odd */

/* What the numbers in raw facts stand for: cgroups by inode, swap areas by type. */

static int writer_names_writer_detail_put_group(struct log_writer *writer,
						const struct page_group *group)
{
	struct writer_names *names = &writer->names;
	char key[40];

	for (unsigned int i = 0; i < names->group_count; i++)
		if (names->groups[i] == group->inode)
			return SQLITE_OK;
	if (names->group_count == sizeof(names->groups) / sizeof(*names->groups))
		return SQLITE_OK;
	names->groups[names->group_count++] = group->inode;
	snprintf(key, sizeof(key), "cgroup.%llu", (unsigned long long)group->inode);
	return writer_put_fact(writer, key, group->name);
}

/* Two areas that had one type, one after the other: then nobody can tell which a slot is in. */
static int writer_names_writer_detail_put_swap_path(struct log_writer *writer, unsigned int type,
						    const char *path)
{
	uint32_t check = log_check_bytes(LOG_CHECK_START, path, strlen(path)) | 1;
	char key[24];

	if (writer->names.swap_paths[type] == check || writer->names.swap_paths[type] == AMBIGUOUS)
		return SQLITE_OK;
	snprintf(key, sizeof(key), "swap.%u", type);
	if (writer->names.swap_paths[type]) {
		writer->names.swap_paths[type] = AMBIGUOUS;
		return writer_put_fact(writer, key, "");
	}
	writer->names.swap_paths[type] = check;
	return writer_put_fact(writer, key, path);
}

int writer_put_names(struct log_writer *writer, const struct page_detail *detail)
{
	int result = SQLITE_OK;

	if (!detail)
		return SQLITE_OK;
	for (int g = 0; !result && g < PAGE_GROUPS; g++)
		if (detail->group_table[g].inode)
			result = writer_names_writer_detail_put_group(writer,
								      &detail->group_table[g]);
	for (unsigned int t = 0; !result && t < PAGE_SWAP_TYPES; t++)
		if (detail->swap_paths[t])
			result = writer_names_writer_detail_put_swap_path(writer, t,
									  detail->swap_paths[t]);
	return result;
}
