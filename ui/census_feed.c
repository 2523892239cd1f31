// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/census_feed.h"

#include <stdlib.h>

struct census_feed {
	unsigned refs;
	struct census_source *source;
	struct census *newest;
};

struct census_feed *census_feed_new(struct census_source *source)
{
	struct census_feed *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->refs = 1;
	f->source = source;
	return f;
}

struct census_feed *census_feed_ref(struct census_feed *feed)
{
	feed->refs++;
	return feed;
}

void census_feed_unref(struct census_feed *feed)
{
	if (!feed || --feed->refs)
		return;
	census_close(feed->source);
	census_unref(feed->newest);
	free(feed);
}

bool census_feed_take(struct census_feed *feed)
{
	struct census *census = feed->source ? census_take(feed->source) : NULL;

	if (!census)
		return false;
	census_unref(feed->newest);
	feed->newest = census;
	return true;
}

void census_feed_set(struct census_feed *feed, struct census *census)
{
	census_ref(census);
	census_unref(feed->newest);
	feed->newest = census;
}

const struct census *census_feed_newest(const struct census_feed *feed)
{
	return feed->newest;
}

int census_feed_fd(const struct census_feed *feed)
{
	return feed->source ? census_fd(feed->source) : -1;
}
