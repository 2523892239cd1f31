// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/swap_limit.h"

/* Types are five bits, and one at least is no area. */
#define AREAS_MOST 31

/* Larger than any BTF of a kernel (6 MiB on 6.18). */
#define SIZE_MOST (64u << 20)

struct walk {
	const unsigned char *types, *end; /* what is left of them */
	const char *strings;
	size_t strings_size;
	uint32_t id; /* of `type` */
	struct btf_type type;
	const unsigned char *data; /* behind it */
};

/* Bytes behind a type, by its kind (Documentation/bpf/btf.rst); SIZE_MAX: a kind not known. */
static size_t swap_limit_data_size(const struct btf_type *type)
{
	size_t count = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
		return sizeof(uint32_t);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return count * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return count * sizeof(struct btf_enum);
	case BTF_KIND_FUNC_PROTO:
		return count * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return count * sizeof(struct btf_var_secinfo);
	case 17: /* BTF_KIND_DECL_TAG */
		return sizeof(uint32_t);
	case 19: /* BTF_KIND_ENUM64 */
		return count * 3 * sizeof(uint32_t);
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case 18: /* BTF_KIND_TYPE_TAG */
		return 0;
	default:
		return SIZE_MAX;
	}
}

static bool swap_limit_next(struct walk *w)
{
	size_t room = (size_t)(w->end - w->types), data;

	if (room < sizeof(w->type))
		return false;
	memcpy(&w->type, w->types, sizeof(w->type));
	data = swap_limit_data_size(&w->type);
	if (data > room - sizeof(w->type))
		return false;
	w->data = w->types + sizeof(w->type);
	w->types = w->data + data;
	w->id++;
	return true;
}

static bool swap_limit_is_named(const struct walk *w, const char *name)
{
	return w->type.name_off < w->strings_size &&
	       !strncmp(w->strings + w->type.name_off, name, w->strings_size - w->type.name_off);
}

/* The number of the first type of this kind that has this name, or points at that type; 0: none. */
static uint32_t swap_limit_find(struct walk w, unsigned int kind, const char *name, uint32_t target)
{
	while (swap_limit_next(&w))
		if (BTF_INFO_KIND(w.type.info) == kind &&
		    (name ? swap_limit_is_named(&w, name) : w.type.type == target))
			return w.id;
	return 0;
}

/* Other arrays of such pointers are shorter: they are by the orders of a folio, some ten. */
static int swap_limit_longest_array(struct walk w, uint32_t element)
{
	uint32_t longest = 0;

	while (swap_limit_next(&w)) {
		struct btf_array array;

		if (BTF_INFO_KIND(w.type.info) != BTF_KIND_ARRAY)
			continue;
		memcpy(&array, w.data, sizeof(array));
		if (array.type == element && array.nelems > longest && array.nelems <= AREAS_MOST)
			longest = array.nelems;
	}
	return longest > AREAS_MOST / 2 ? (int)longest : -ENODATA;
}

int swap_limit_parse(const unsigned char *btf, size_t size)
{
	struct btf_header header;
	struct walk w = { 0 };
	uint32_t info, pointer;

	if (size < sizeof(header))
		return -EINVAL;
	memcpy(&header, btf, sizeof(header));
	if (header.magic != BTF_MAGIC || header.hdr_len > size ||
	    header.type_off > size - header.hdr_len ||
	    header.type_len > size - header.hdr_len - header.type_off ||
	    header.str_off > size - header.hdr_len ||
	    header.str_len > size - header.hdr_len - header.str_off)
		return -EINVAL;
	w.types = btf + header.hdr_len + header.type_off;
	w.end = w.types + header.type_len;
	w.strings = (const char *)btf + header.hdr_len + header.str_off;
	w.strings_size = header.str_len;
	info = swap_limit_find(w, BTF_KIND_STRUCT, "swap_info_struct", 0);
	pointer = info ? swap_limit_find(w, BTF_KIND_PTR, NULL, info) : 0;
	return pointer ? swap_limit_longest_array(w, pointer) : -ENODATA;
}

int swap_limit_read(void)
{
	CLEANUP(cleanup_close) int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	CLEANUP(cleanup_free) unsigned char *btf = NULL;
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	off_t done = 0;

	if (size < 0)
		return -errno;
	if (size > SIZE_MOST)
		return -EFBIG;
	btf = malloc((size_t)size + 1);
	if (!btf)
		return -ENOMEM;
	while (done < size) {
		ssize_t n = pread(fd, btf + done, (size_t)(size - done), done);

		if (n <= 0)
			return n ? -errno : -EIO;
		done += n;
	}
	return swap_limit_parse(btf, (size_t)size);
}
