// SPDX-License-Identifier: GPL-2.0-or-later
#include "ui/page_facts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Adds a fact with the label's and the text's usual looks. */
#define FACT(lines, theme, label, ...)                                                             \
	lines_add(lines, theme_role(theme, ROLE_DIM), "  " label, theme_role(theme, ROLE_TEXT),    \
		  __VA_ARGS__)

/* Bits of /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst). */
static void page_facts_add_word(struct lines *lines, const struct theme *theme, uint64_t word)
{
	static const struct {
		int bit;
		const char *name;
	} bits[] = {
		{ 63, "present" },    { 62, "swap or marker" }, { 61, "file or shared" },
		{ 58, "guard" },      { 57, "uffd-protected" }, { 56, "mapped once" },
		{ 55, "soft-dirty" },
	};
	uint64_t low = word & (((uint64_t)1 << 55) - 1);
	char text[160] = "";

	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++)
		if (word >> bits[i].bit & 1)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
				 *text ? ", " : "", bits[i].name);
	if (word >> 63 & low)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ", pfn %#lx",
			 (unsigned long)low);
	if (word >> 62 == 1 && low)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ", type %lu, offset %lu",
			 (unsigned long)(low & 31), (unsigned long)(low >> 5));
	FACT(lines, theme, "pagemap", "%016lx  %s", (unsigned long)word,
	     *text ? text : "(no bit set: says \"never touched\")");
}

/* Bits of /proc/kpageflags (include/uapi/linux/kernel-page-flags.h). */
static const char *const flag_names[] = {
	"locked",      "error",	    "referenced", "uptodate", "dirty", "lru",
	"active",      "slab",	    "writeback",  "reclaim",  "buddy", "mmap",
	"anon",	       "swapcache", "swapbacked", "head",     "tail",  "hugetlb",
	"unevictable", "hwpoison",  "nopage",	  "ksm",      "thp",   "offline",
	"zero page",   "idle",	    "page table",
};

static void page_facts_add_flags(struct lines *lines, const struct theme *theme, uint64_t flags)
{
	char text[256] = "";

	for (size_t i = 0; i < sizeof(flag_names) / sizeof(*flag_names); i++)
		if (flags >> i & 1)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
				 *text ? " " : "", flag_names[i]);
	FACT(lines, theme, "flags", "%s", *text ? text : "none");
}

/* Where in RAM the page is: what the frame's neighbours and its node tell. */
static void page_facts_add_frame(struct lines *lines, const struct theme *theme,
				 const struct page_detail *d, size_t i)
{
	char node[16] = "unknown", order[48] = "of unknown size";

	if (d->nodes[i] != PAGE_NO_NODE)
		snprintf(node, sizeof(node), "%d", d->nodes[i]);
	if (d->orders[i] == 0)
		snprintf(order, sizeof(order), "of one page");
	else if (d->orders[i] != PAGE_NO_ORDER)
		snprintf(order, sizeof(order), "of %u pages (order %u)", 1u << d->orders[i],
			 d->orders[i]);
	if (d->nodes[i] != PAGE_NO_NODE || d->orders[i] != PAGE_NO_ORDER)
		FACT(lines, theme, "frame", "NUMA node %s, folio %s", node, order);
}

static void page_facts_add_group(struct lines *lines, const struct theme *theme,
				 const struct page_detail *d, size_t i)
{
	const struct page_group *g =
		d->groups[i] < PAGE_GROUPS ? &d->group_table[d->groups[i]] : NULL;

	if (!g)
		return;
	if (g->name[0])
		FACT(lines, theme, "cgroup", "%s", g->name);
	else
		FACT(lines, theme, "cgroup", "inode %lu, which has no name any more",
		     (unsigned long)g->inode);
}

/* Words of VmFlags in smaps (proc_pid_smaps(5), fs/proc/task_mmu.c); those of no interest here,
 * like "may be made readable", are left out. */
static const struct {
	char flag[3];
	const char *word;
} vm_flag_words[] = {
	{ "rd", "readable" },
	{ "wr", "writable" },
	{ "ex", "executable" },
	{ "sh", "shared" },
	{ "gd", "grows down" },
	{ "pf", "raw frames" },
	{ "lo", "locked" },
	{ "io", "device memory" },
	{ "sr", "read in order" },
	{ "rr", "read at random" },
	{ "dc", "not copied on fork" },
	{ "de", "cannot grow" },
	{ "ac", "accounted" },
	{ "nr", "no swap reserved" },
	{ "ht", "hugetlb" },
	{ "sf", "synchronous faults" },
	{ "wf", "wiped on fork" },
	{ "dd", "not in core dumps" },
	{ "sd", "soft-dirty" },
	{ "mm", "mixed frames" },
	{ "hg", "huge pages wanted" },
	{ "nh", "no huge pages" },
	{ "mg", "mergeable" },
	{ "um", "userfaultfd missing" },
	{ "uw", "userfaultfd write protection" },
	{ "ui", "userfaultfd minor" },
	{ "ur", "userfaultfd access protection" },
	{ "dp", "droppable" },
	{ "sl", "sealed" },
	{ "gu", "guard regions" },
};

static const char *page_facts_vm_flag_word(const char *flag)
{
	for (size_t i = 0; i < sizeof(vm_flag_words) / sizeof(*vm_flag_words); i++)
		if (!memcmp(flag, vm_flag_words[i].flag, 2))
			return vm_flag_words[i].word;
	return NULL;
}

void vm_flags_text(const char *flags, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (const char *at = flags; at[0] && at[1]; at += 2) {
		const char *word = page_facts_vm_flag_word(at);

		if (word && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
						 word);
		while (at[2] == ' ')
			at++;
	}
}

void page_facts_add(struct lines *lines, const struct theme *theme,
		    const struct page_detail *detail, size_t index, bool present)
{
	const struct page_detail *d = detail;
	char flags[400];

	if (d->words_known)
		page_facts_add_word(lines, theme, d->words[index]);
	if (present && d->flags_known)
		page_facts_add_flags(lines, theme, d->flags[index]);
	if (present && d->counts_known)
		FACT(lines, theme, "mapped", "by %lu page table%s",
		     (unsigned long)d->map_counts[index], d->map_counts[index] == 1 ? "" : "s");
	if (present) {
		page_facts_add_frame(lines, theme, d, index);
		page_facts_add_group(lines, theme, d, index);
	}
	vm_flags_text(d->vm_flags, flags, sizeof(flags));
	if (flags[0])
		FACT(lines, theme, "set up", "%s", flags);
}
