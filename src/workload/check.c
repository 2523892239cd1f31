// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload/check.h"
#include "model/units.h"
#include "workload/swaparea.h"
#include "workload/workload.h"

#include <errno.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

int workload_check_bytes(const char *name, uint64_t bytes, struct workload_why *why_)
{
	char have[UNITS_SIZE_MAX], want[UNITS_SIZE_MAX];
	struct sysinfo info;
	uint64_t ram, page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (bytes == WORKLOAD_UNSET)
		return 0;
	if (!bytes)
		return why(why_, -EINVAL, "the %s is 0: nothing can run in that", name);
	if (bytes < page)
		return why(why_, -EINVAL, "the %s is less than a page (%s)", name,
			   units_format_size(page, have));
	if (sysinfo(&info) < 0)
		return why(why_, -errno, "cannot learn how much memory there is: %m");
	ram = (uint64_t)info.totalram * info.mem_unit;
	if (bytes > ram)
		return why(why_, -EINVAL,
			   "the %s of %s is larger than this machine's memory (%s): it would limit "
			   "nothing",
			   name, units_format_size(bytes, want), units_format_size(ram, have));
	return 0;
}

int workload_check(const struct workload_options *o, struct workload_why *why_)
{
	bool limited = o->limit != WORKLOAD_UNSET || o->swap_limit != WORKLOAD_UNSET ||
		       o->high != WORKLOAD_UNSET || o->swappiness >= 0;
	int r;

	if (!o->argv || !o->argv[0] || !o->argv[0][0])
		return why(why_, -EINVAL, "no command");
	if (o->no_cgroup && limited)
		return why(why_, -EINVAL,
			   "a limit needs a cgroup: leave out --no-cgroup, or the limits");
	if (o->swappiness > 200)
		return why(why_, -EINVAL, "the swappiness is %d; it goes from 0 to 200",
			   o->swappiness);
	r = workload_check_bytes("limit", o->limit, why_);
	r = r < 0 ? r : workload_check_bytes("high mark", o->high, why_);
	if (r < 0 || !o->make_swap)
		return r;
	return swaparea_check(o->swap_dir ? o->swap_dir : WORKLOAD_SWAP_DIR, o->make_swap, why_);
}
