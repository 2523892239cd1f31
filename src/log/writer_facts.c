// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <time.h>

#include "log/writer_internal.h"

/* The table `environment`: what stays true for a whole log. */

int writer_put_fact(struct log_writer *writer, const char *key, const char *value)
{
	sqlite3_stmt *s = writer->statements[WRITE_FACT];

	sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, value, -1, SQLITE_STATIC);
	return writer_run(writer, WRITE_FACT);
}

/* Not the caller's: each log of a rotation has its own. */
static int writer_facts_writer_put_created(struct log_writer *writer)
{
	char created[40];
	time_t now = time(NULL);
	struct tm utc;

	strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
	return writer_put_fact(writer, "created", created);
}

int writer_put_facts(struct log_writer *writer, const struct log_writer_options *options)
{
	int result = writer_facts_writer_put_created(writer);

	for (size_t i = 0; !result && i < options->fact_count; i++)
		result = writer_put_fact(writer, options->facts[i].key, options->facts[i].value);
	return result;
}

int writer_put_identity(struct log_writer *writer, const struct snapshot *snapshot)
{
	char pid[24], start_time[24];
	int result;

	if (writer->last)
		return SQLITE_OK;
	snprintf(pid, sizeof(pid), "%d", snapshot->pid);
	snprintf(start_time, sizeof(start_time), "%llu", (unsigned long long)snapshot->start_time);
	result = writer_put_fact(writer, "pid", pid);
	return result ? result : writer_put_fact(writer, "start_time", start_time);
}
