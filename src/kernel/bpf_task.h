/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PMTOP_BPF_TASK_H
#define PMTOP_BPF_TASK_H

#include <sys/types.h>

struct bpf_link;
struct bpf_program;

/*
 * Attaches an iterator program to the mappings of one task (bpf_iter over task_vma or task, with a
 * tid since 6.1). The link is the caller's; NULL, with errno, when it cannot be.
 */
struct bpf_link *bpf_task_attach(const struct bpf_program *iterator, pid_t pid);

#endif
