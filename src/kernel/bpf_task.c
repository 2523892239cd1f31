// SPDX-License-Identifier: GPL-2.0-or-later
#ifdef PMTOP_HAVE_BPF

#include "kernel/bpf_task.h"

#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

struct bpf_link *bpf_task_attach(const struct bpf_program *iterator, pid_t pid)
{
	struct bpf_iter_attach_opts options;
	union bpf_iter_link_info info;

	/* By hand: an initializer may leave padding undefined, and libbpf looks at it. */
	memset(&info, 0, sizeof(info));
	info.task.tid = (unsigned int)pid;
	memset(&options, 0, sizeof(options));
	options.sz = sizeof(options);
	options.link_info = &info;
	options.link_info_len = sizeof(info);
	return bpf_program__attach_iter(iterator, &options);
}

#else

/* An empty file is no C. */
typedef int bpf_task_without_bpf;

#endif
