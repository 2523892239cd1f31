// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/list.h"

static size_t list_up(size_t from, size_t by)
{
	return from > by ? from - by : 0;
}

bool list_move(struct list *list, enum request request)
{
	size_t page = list->height > 1 ? list->height - 1 : 1;
	size_t half = list->height > 2 ? list->height / 2 : 1;
	size_t row = list->selected;

	switch (request) {
	case REQ_UP:
		row = list_up(row, 1);
		break;
	case REQ_DOWN:
		row++;
		break;
	case REQ_PAGE_UP:
		row = list_up(row, page);
		break;
	case REQ_PAGE_DOWN:
		row += page;
		break;
	case REQ_HALF_UP:
		row = list_up(row, half);
		break;
	case REQ_HALF_DOWN:
		row += half;
		break;
	case REQ_FIRST:
		row = 0;
		break;
	case REQ_LAST:
		row = list->count;
		break;
	default:
		return false;
	}
	list->selected = row;
	list_scroll_to_selection(list);
	return true;
}

void list_scroll_to_selection(struct list *list)
{
	size_t height = list->height ? list->height : 1;

	if (list->selected >= list->count)
		list->selected = list_up(list->count, 1);
	if (list->top + height > list->count)
		list->top = list_up(list->count, height);
	if (list->selected < list->top)
		list->top = list->selected;
	if (list->selected >= list->top + height)
		list->top = list->selected - height + 1;
}

void list_keep(struct list *list, size_t row, size_t count)
{
	size_t line = list->selected - list->top;

	list->count = count;
	list->selected = row;
	list->top = list_up(row, line);
	list_scroll_to_selection(list);
}
