// SPDX-License-Identifier: GPL-2.0-or-later
#include "command/command.h"
#include "workload/workload.h"

#include <stdio.h>

void command_sweep(void)
{
	struct workload_why why;
	int n = workload_sweep(&why);

	if (n < 0)
		fprintf(stderr, "pmtop: a pmtop that was killed has left something: %s\n",
			why.text);
	else if (n > 0)
		fprintf(stderr, "pmtop: took away what a killed pmtop had left (%d workload%s)\n",
			n, n == 1 ? "" : "s");
}

int command_supervise(int argc, char **argv)
{
	return workload_supervise(argc, argv);
}
