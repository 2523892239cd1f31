// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/swap_types.h"

int swap_type_line(uint32_t seen, size_t areas, unsigned int type)
{
	size_t below, above, first, last;

	if (type >= 32 || !(seen >> type & 1))
		return -1;
	below = (size_t)__builtin_popcount(seen & ((UINT32_C(1) << type) - 1));
	above = (size_t)__builtin_popcount(seen >> type) - 1;
	/* Each type seen below has a line before this one, each one above has a line behind it. */
	first = below;
	if (areas < below + above + 1)
		return -1;
	last = areas - above - 1;
	if (last > type)
		last = type;
	return first == last ? (int)first : -1;
}
