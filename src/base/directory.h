/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_DIRECTORY_H
#define PMTOP_DIRECTORY_H

#include <dirent.h>

#include "base/cleanup.h"

/* For CLEANUP of an open directory. */
DEFINE_CLEANUP(cleanup_closedir, DIR *, closedir)

#endif
