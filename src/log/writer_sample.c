// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "log/check.h"
#include "log/writer_internal.h"

/* The rows of a sample itself, and of its totals. */

static int writer_sample_writer_put_phase(struct log_writer *writer,
					  const struct written_phase *phase)
{
	sqlite3_stmt *s = writer->statements[WRITE_PHASE];
	int at = 1;

	sqlite3_bind_int64(s, at++, phase->sample);
	sqlite3_bind_int64(s, at++, phase->taken_ns);
	sqlite3_bind_int64(s, at++, phase->clock_ns);
	sqlite3_bind_int64(s, at++, phase->sequence);
	for (size_t i = 0; i < sizeof(phase->known) / sizeof(*phase->known); i++)
		sqlite3_bind_int64(s, at++, phase->known[i]);
	sqlite3_bind_int64(s, at++, phase->last_mapping);
	sqlite3_bind_int64(s, at++, phase->last_block);
	sqlite3_bind_text(s, at, phase->comm, -1, SQLITE_STATIC);
	return writer_run(writer, WRITE_PHASE);
}

/* Over the columns as LOG_SELECT_SAMPLES gives them, comm last. */
static uint32_t writer_sample_writer_check_sample(const struct log_writer *writer,
						  const struct snapshot *snapshot,
						  const struct written_phase *phase)
{
	uint32_t check = LOG_CHECK_START;

	check = log_check_number(check, writer->samples);
	check = log_check_number(check, snapshot->taken_ns);
	check = log_check_number(check, snapshot->clock_ns);
	check = log_check_number(check, (int64_t)snapshot->sequence);
	for (size_t i = 0; i < sizeof(phase->known) / sizeof(*phase->known); i++)
		check = log_check_number(check, phase->known[i]);
	check = log_check_number(check, snapshot->skipped);
	check = log_check_number(check, phase->last_mapping);
	check = log_check_number(check, phase->last_block);
	return log_check_bytes(check, phase->comm, strlen(phase->comm));
}

int writer_put_sample(struct log_writer *writer, const struct snapshot *snapshot)
{
	sqlite3_stmt *s = writer->statements[WRITE_SAMPLE];
	const struct written_phase *old = &writer->phase;
	const struct snapshot_known *known = &snapshot->known;
	struct written_phase now = {
		.sample = old->sample,
		.taken_ns = old->taken_ns,
		.clock_ns = old->clock_ns,
		.sequence = old->sequence,
		.known = { known->written, known->shared_swap, known->private_slots,
			   known->shared_slots, known->swap_exact },
		.last_mapping = writer->last_mapping,
		.last_block = writer->last_block,
	};
	int64_t after = snapshot->clock_ns - now.clock_ns;
	int result = SQLITE_OK;

	memcpy(now.comm, snapshot->comm, strnlen(snapshot->comm, sizeof(now.comm) - 1));
	if (!writer->samples || memcmp(&now, old, sizeof(now)) != 0 ||
	    (int64_t)snapshot->sequence - now.sequence != writer->samples - now.sample) {
		now.sample = writer->samples;
		now.taken_ns = snapshot->taken_ns;
		now.clock_ns = snapshot->clock_ns;
		now.sequence = (int64_t)snapshot->sequence;
		after = 0;
		result = writer_sample_writer_put_phase(writer, &now);
	}
	sqlite3_bind_int64(s, 1, writer->samples);
	sqlite3_bind_int64(s, 2, after);
	sqlite3_bind_int64(s, 3, snapshot->taken_ns - now.taken_ns - after);
	sqlite3_bind_int64(s, 4, snapshot->skipped);
	/* Signed: then it takes four bytes. */
	sqlite3_bind_int64(s, 5,
			   (int32_t)writer_sample_writer_check_sample(writer, snapshot, &now));
	if (!result)
		result = writer_run(writer, WRITE_SAMPLE);
	if (!result)
		writer->phase = now;
	return result;
}

int writer_put_total(struct log_writer *writer, const struct snapshot *snapshot)
{
	const struct snapshot *last = writer->last;
	sqlite3_stmt *s = writer->statements[WRITE_TOTAL];
	uint16_t known = (1 << PAGE_MARKS) - 1;

	if (last && !memcmp(&last->totals, &snapshot->totals, sizeof(last->totals)) &&
	    last->swap_unplaced == snapshot->swap_unplaced &&
	    last->known.written == snapshot->known.written)
		return SQLITE_OK;
	if (!snapshot->known.written)
		known &= (uint16_t)~MARK_WRITTEN;
	sqlite3_bind_int64(s, 1, writer->samples);
	sqlite3_bind_int64(s, 2, (int64_t)snapshot->swap_unplaced);
	writer_bind_counts(s, 3, &snapshot->totals, known);
	return writer_run(writer, WRITE_TOTAL);
}
