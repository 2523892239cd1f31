// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "kernel/xarray.h"
#include "sample/pass_internal.h"

/* Pages that the page table does not hold: what the object behind the mapping says of them. */

/* Pages of an object that go to the builder at once. */
#define AT_ONCE 256u

static const struct mapping *pass_scan_current(const struct pass *p)
{
	return p->now.mapping->mapping;
}

/* The most telling doubt of a mapping is the first one of the enum. */
static void pass_scan_take_doubt(struct pass *p, uint8_t doubt)
{
	uint8_t *has = &p->now.facts.doubt;

	/* Sums may settle all others, so that one must not hide behind them. */
	if (doubt && *has != DOUBT_UNWRITTEN && (!*has || doubt == DOUBT_UNWRITTEN || doubt < *has))
		*has = doubt;
}

void pass_add_verdict(struct pass *p, uint64_t count, const struct verdict *v)
{
	pass_scan_take_doubt(p, v->doubt);
	pages_builder_add(p->builder, count, v->state, v->marks);
}

struct absent {
	struct pass *pass;
	struct evidence evidence;
};

static int pass_scan_add_object_run(void *context, const struct object_run *run)
{
	struct absent *a = context;
	struct verdict v;

	a->evidence.object = run->what;
	v = classify_page(pass_scan_current(a->pass), &a->evidence);
	pass_add_verdict(a->pass, run->count, &v);
	if (run->slot_known)
		pages_builder_slot(a->pass->builder, &(struct slot_run){ run->first, run->count,
									 run->offset, run->type });
	return 0;
}

/* The verdicts on pages without an entry, once for all that is in the mapping. */
static void pass_scan_prepare_values(struct pass *p, const struct evidence *nothing)
{
	struct evidence e = *nothing;

	p->now.values_known = true;
	for (unsigned int what = 0; what < OBJECT_PAGES; what++) {
		struct verdict v;

		e.object = (uint8_t)what;
		v = classify_page(pass_scan_current(p), &e);
		p->now.values[what] = (uint16_t)(v.state | v.marks << PAGE_VALUE_MARKS);
		p->now.doubts[what] = v.doubt;
	}
}

static void pass_scan_add_slots(struct pass *p, const struct object_view *view, uint64_t first,
				size_t count)
{
	for (size_t i = 0, n; i < count; i += n) {
		n = 1;
		if (view->what[i] != OBJECT_SWAPPED)
			continue;
		while (i + n < count && view->what[i + n] == OBJECT_SWAPPED &&
		       view->slots[i + n] == view->slots[i] + n)
			n++;
		pages_builder_slot(p->builder,
				   &(struct slot_run){ first + i, n,
						       XARRAY_SLOT_OFFSET(view->slots[i]),
						       XARRAY_SLOT_TYPE(view->slots[i]) });
	}
}

/* Pages without an entry one by one, as far as the object is known like that; how many. */
static uint64_t pass_scan_add_viewed(struct pass *p, uint64_t first, uint64_t count,
				     const struct evidence *evidence)
{
	struct object_view view;
	uint64_t known, done = 0;
	uint16_t values[AT_ONCE];

	if (evidence->bits)
		return 0;
	while (done < count && (known = object_view(p->objects, pass_scan_current(p), first + done,
						    count - done, &view))) {
		size_t n = known < AT_ONCE ? (size_t)known : AT_ONCE;
		uint8_t doubt = 0;

		if (!p->now.values_known)
			pass_scan_prepare_values(p, evidence);
		for (size_t i = 0; i < n; i++) {
			values[i] = p->now.values[view.what[i]];
			doubt |= p->now.doubts[view.what[i]];
		}
		/* Only one answer leaves a doubt: that there was none. */
		pass_scan_take_doubt(p, doubt);
		pass_scan_add_slots(p, &view, first + done, n);
		pages_builder_add_mixed(p->builder, values, n);
		done += n;
	}
	return done;
}

int pass_add_absent(struct pass *p, uint64_t count, const struct evidence *evidence)
{
	struct absent a = { p, *evidence };
	uint64_t first = pages_builder_position(p->builder), done;
	uint64_t viewed = pass_scan_add_viewed(p, first, count, evidence);
	int error = 0;

	if (viewed < count)
		error = object_query(p->objects, pass_scan_current(p), first + viewed,
				     count - viewed, pass_scan_add_object_run, &a);
	if (error && error != -EACCES)
		return error;
	/* An object that stopped to answer half way leaves the rest unknown. */
	done = pages_builder_position(p->builder) - first;
	if (done < count)
		return pass_scan_add_object_run(&a, &(struct object_run){ .first = first + done,
									  .count = count - done,
									  .what = OBJECT_UNKNOWN });
	return 0;
}
