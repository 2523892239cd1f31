/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_SWAP_TYPES_H
#define PMTOP_SWAP_TYPES_H

#include <stddef.h>
#include <stdint.h>

/*
 * Which line of /proc/swaps a swap type is. Lines come in the order of their types, but a type is
 * not the number of its line once an area before it was switched off.
 */

/*
 * The line of `type` among `areas` lines, or -1 when it cannot be told for sure. `seen`: bit t is
 * set if some slot of type t was seen; `type` must be among them. Line n has a type of at least n.
 */
int swap_type_line(uint32_t seen, size_t areas, unsigned int type);

#endif
