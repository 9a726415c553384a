/* SPDX-License-Identifier: Apache-2.0 */
#include "image/image_info.h"

#include <inttypes.h>
#include <string.h>

#include "image/names.h"
#include "image/rules_priv.h"

static void read_qcow2(const void *head, size_t n, struct image_info *i)
{
	struct err e = ERR_INIT;

	if (qcow2_parse(head, n, i->file_size, &i->qcow2, &e)) {
		strv_add(&i->problems, err_msg(&e));
		err_clear(&e);
		return;
	}
	i->parsed = true;
	image_features(&i->qcow2, &i->problems, &i->notes);
	if (i->qcow2.backing && !i->qcow2.backing_format)
		strv_add(&i->notes, "the backing format is missing: the copy "
				    "will be rebased with one");
	if (i->qcow2.incompatible & QCOW2_INCOMPAT_DIRTY)
		strv_add(&i->notes, "marked dirty: in use, or not shut down "
				    "cleanly");
}

void image_info_read(enum image_format declared, const void *head, size_t n,
		     uint64_t file_size, struct image_info *i)
{
	*i = (struct image_info){.format = declared,
				 .magic = image_magic_of(head, n),
				 .file_size = file_size};
	switch (declared) {
	case IMAGE_FORMAT_RAW:
		if (i->magic != IMAGE_MAGIC_NONE &&
		    i->magic != IMAGE_MAGIC_LUKS)
			strv_addf(&i->notes,
				  "declared raw, begins like %s: whoever can "
				  "write the disk may have written that",
				  image_magic_name(i->magic));
		return;
	case IMAGE_FORMAT_QCOW2:
		read_qcow2(head, n, i);
		return;
	case IMAGE_FORMAT_UNKNOWN:
		break;
	}
	strv_add(&i->notes, "no format was declared: this is what the file "
			    "looks like, which its writer chooses");
	if (i->magic == IMAGE_MAGIC_QCOW2)
		read_qcow2(head, n, i);
}

void image_info_clear(struct image_info *i)
{
	qcow2_clear(&i->qcow2);
	strv_clear(&i->problems);
	strv_clear(&i->notes);
	*i = (struct image_info){0};
}

struct out {
	struct strv *names, *values;
};

static void field(struct out *o, const char *name, const char *fmt, ...)
	NH_PRINTF(3, 4);

static void field(struct out *o, const char *name, const char *fmt, ...)
{
	AUTO(mem_freep) char *v = NULL;
	va_list ap;

	va_start(ap, fmt);
	v = mem_vprintf(fmt, ap);
	va_end(ap);
	strv_add(o->names, name);
	strv_add(o->values, v);
}

/* The name without its quotes: escaped, fit for a terminal. */
static void field_name(struct out *o, const char *name, const char *value)
{
	AUTO(mem_freep) char *q = value ? image_name_quote(value) : NULL;

	field(o, name, "%s", q ? q : "none");
}

static void features(struct out *o, const char *name, uint64_t bits,
		     const char *const *words, size_t n)
{
	AUTO(strv_clear) struct strv v = STRV_INIT;
	AUTO(mem_freep) char *all = NULL;

	for (unsigned int k = 0; k < 64; k++) {
		if (!(bits >> k & 1))
			continue;
		if (k < n)
			strv_add(&v, words[k]);
		else
			strv_addf(&v, "bit %u", k);
	}
	all = strv_join(&v, ", ");
	field(o, name, "%s", v.n ? all : "none");
}

static void qcow2_fields(const struct qcow2_header *h, struct out *o)
{
	static const char *const incompat[] = {
		"dirty", "corrupt", "external data file", "compression type",
		"extended L2"};
	static const char *const compat[] = {"lazy refcounts"};
	static const char *const autoclear[] = {"bitmaps",
						"raw external data file"};
	static const char *const crypt[] = {"none", "aes", "luks"};

	field(o, "version", "%" PRIu32, h->version);
	field(o, "virtual_size", "%" PRIu64, h->virtual_size);
	field(o, "cluster_size", "%" PRIu64, (uint64_t)1 << h->cluster_bits);
	field_name(o, "backing_file", h->backing);
	field_name(o, "backing_format", h->backing_format);
	features(o, "incompatible_features", h->incompatible, incompat,
		 ARRAY_SIZE(incompat));
	features(o, "compatible_features", h->compatible, compat,
		 ARRAY_SIZE(compat));
	features(o, "autoclear_features", h->autoclear, autoclear,
		 ARRAY_SIZE(autoclear));
	field(o, "encryption", "%s",
	      h->crypt_method < ARRAY_SIZE(crypt) ? crypt[h->crypt_method]
						  : "unknown");
	field(o, "compression", "%s", h->compression_type ? "zstd" : "zlib");
	field_name(o, "data_file", h->data_file);
	field(o, "snapshots", "%" PRIu32, h->nb_snapshots);
	field(o, "bitmaps", "%" PRIu32, h->nb_bitmaps);
	field(o, "refcount_bits", "%u", 1u << h->refcount_order);
	field(o, "l1_entries", "%" PRIu32, h->l1_size);
	field(o, "header_length", "%" PRIu32, h->header_length);
}

void image_info_fields(const struct image_info *i, struct strv *names,
		       struct strv *values)
{
	struct out o = {names, values};

	field(&o, "declared_format", "%s", image_format_name(i->format));
	field(&o, "begins_like", "%s", image_magic_name(i->magic));
	field(&o, "file_size", "%" PRIu64, i->file_size);
	if (i->parsed)
		qcow2_fields(&i->qcow2, &o);
	else if (i->format == IMAGE_FORMAT_RAW)
		field(&o, "virtual_size", "%" PRIu64, i->file_size);
}

void image_info_lines(const struct image_info *i, struct strv *lines)
{
	AUTO(strv_clear) struct strv names = STRV_INIT;
	AUTO(strv_clear) struct strv values = STRV_INIT;

	image_info_fields(i, &names, &values);
	for (size_t k = 0; k < names.n; k++)
		strv_addf(lines, "%s: %s", names.v[k], values.v[k]);
	for (size_t k = 0; k < i->problems.n; k++)
		strv_addf(lines, "problem: %s", i->problems.v[k]);
	for (size_t k = 0; k < i->notes.n; k++)
		strv_addf(lines, "note: %s", i->notes.v[k]);
}
