// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload/why.h"

#include <stdarg.h>
#include <stdio.h>

int why(struct workload_why *why, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why->text, sizeof(why->text), format, args);
	va_end(args);
	why->status = RUN_FAILED;
	return error;
}
