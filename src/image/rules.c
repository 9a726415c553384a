/* SPDX-License-Identifier: Apache-2.0 */
#include "image/rules.h"

#include <inttypes.h>
#include <string.h>

#include "image/rules_priv.h"

enum image_backend image_backend_by_name(const char *images_type,
					 bool use_cow_images)
{
	if (!images_type || strcmp(images_type, "default") == 0)
		return use_cow_images ? IMAGE_BACKEND_QCOW2
				      : IMAGE_BACKEND_FLAT;
	if (strcmp(images_type, "qcow2") == 0)
		return IMAGE_BACKEND_QCOW2;
	if (strcmp(images_type, "raw") == 0 || strcmp(images_type, "flat") == 0)
		return IMAGE_BACKEND_FLAT;
	if (strcmp(images_type, "rbd") == 0)
		return IMAGE_BACKEND_RBD;
	if (strcmp(images_type, "lvm") == 0)
		return IMAGE_BACKEND_LVM;
	return IMAGE_BACKEND_UNKNOWN;
}

/* WORD may be hostile: disk.info is, where a guest once escaped to write it. */
static int one_format(const char *who, const char *word, enum image_format *out,
		      struct err *e)
{
	*out = image_format_by_name(word);
	if (word && *out == IMAGE_FORMAT_UNKNOWN) {
		AUTO(mem_freep) char *q = image_name_quote(word);

		return err_set(e, ERR_REFUSED, "%s names the format %s", who,
			       q);
	}
	return 0;
}

enum image_format image_declared_format(const char *info_format,
					const char *xml_format, struct err *e)
{
	enum image_format info, xml;

	if (one_format("disk.info", info_format, &info, e) ||
	    one_format("the domain", xml_format, &xml, e))
		return IMAGE_FORMAT_UNKNOWN;
	if (info && xml && info != xml) {
		err_set(e, ERR_REFUSED, "disk.info says %s, the domain says %s",
			image_format_name(info), image_format_name(xml));
		err_hint(e, "find out which is true before anything opens the "
			    "disk; do not let a tool guess");
		return IMAGE_FORMAT_UNKNOWN;
	}
	if (info)
		return info;
	return xml ? xml : IMAGE_FORMAT_RAW;
}

void image_features(const struct qcow2_header *h, struct strv *problems,
		    struct strv *notes)
{
	uint64_t unknown = h->incompatible & ~(uint64_t)QCOW2_INCOMPAT_KNOWN;

	if (unknown)
		strv_addf(problems,
			  "unknown incompatible feature bits 0x%" PRIx64,
			  unknown);
	if (h->incompatible & QCOW2_INCOMPAT_CORRUPT)
		strv_add(problems, "the image is marked corrupt");
	if (h->incompatible & QCOW2_INCOMPAT_DATA_FILE)
		strv_add(problems, "it uses an external data file");
	else if (h->has_data_file)
		strv_add(problems, "it names an external data file");
	if (h->crypt_method == QCOW2_CRYPT_AES)
		strv_add(problems, "it is encrypted (crypt_method 1, AES)");
	else if (h->crypt_method)
		strv_addf(problems,
			  "it is encrypted (crypt_method %" PRIu32 ")",
			  h->crypt_method);
	if (h->nb_snapshots)
		strv_addf(problems, "it holds %" PRIu32 " internal snapshots",
			  h->nb_snapshots);
	if (h->has_bitmaps)
		strv_addf(notes, "it holds %" PRIu32 " dirty bitmaps",
			  h->nb_bitmaps);
	for (size_t i = 0; i < h->unknown_ext.n; i++)
		strv_addf(notes, "unknown header extension %s",
			  h->unknown_ext.v[i]);
}

static int check_features(const struct qcow2_header *h, struct strv *warnings,
			  struct err *e)
{
	AUTO(strv_clear) struct strv problems = STRV_INIT;
	AUTO(mem_freep) char *all = NULL;

	image_features(h, &problems, warnings);
	if (!problems.n)
		return 0;
	all = strv_join(&problems, "; ");
	return err_set(e, ERR_REFUSED, "%s", all);
}

static int check_size(uint64_t size, uint64_t max, struct err *e)
{
	if (!max)
		max = IMAGE_MAX_VIRTUAL;
	if (size > max)
		return err_set(e, ERR_REFUSED,
			       "virtual size %" PRIu64 " exceeds %" PRIu64,
			       size, max);
	return 0;
}

/* Where the backing name PATH is exactly DIR/<plain name>, that name. */
static const char *below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (strncmp(path, dir, n) != 0 || path[n] != '/')
		return NULL;
	return image_name_plain(path + n + 1) ? path + n + 1 : NULL;
}

/* What is wrong with a backing name, for the reader; the rule itself is that
 * it must be below one of the accepted directories. */
static const char *name_fault(const char *path)
{
	size_t colon = strcspn(path, ":/");

	if (strncmp(path, "json:", 5) == 0)
		return "is a json: description";
	if (path[colon] == ':')
		return "names a protocol";
	if (path[0] != '/')
		return "is not absolute";
	if (strstr(path, ".."))
		return "contains \"..\"";
	return "is not a plain file in the image cache of its host";
}

static int check_backing(const struct image_disk_in *in, struct image_disk *d,
			 struct err *e)
{
	const char *path = d->qcow2.backing, *fmt = d->qcow2.backing_format;
	const char *name = NULL, *dir = NULL;

	if (!path)
		return 0;
	for (size_t i = 0; !name && in->base_dirs && in->base_dirs[i]; i++) {
		dir = in->base_dirs[i];
		name = strstr(path, "..") ? NULL : below(path, dir);
	}
	if (!name) {
		AUTO(mem_freep) char *q = image_name_quote(path);

		return err_set(e, ERR_REFUSED, "backing file %s %s", q,
			       name_fault(path));
	}
	if (fmt && one_format("its header", fmt, &d->base_format, e))
		return -1;
	d->base_name = mem_strdup(name);
	if (!fmt)
		d->rebase_why = "the header does not name the backing format";
	else if (in->target_base_dir && strcmp(dir, in->target_base_dir) != 0)
		d->rebase_why =
			"the image cache has another path on the target";
	d->needs_rebase = d->rebase_why != NULL;
	return 0;
}

/* What the target's Nova would take the file for. */
static int check_backend(const struct image_disk_in *in, struct image_disk *d,
			 struct err *e)
{
	enum image_role role = image_name_of(in->name, IMAGE_FTYPE_REG).role;

	/* those are raw under every backend */
	if (role == IMAGE_ROLE_CONFIG || !image_role_is_disk(role))
		return 0;
	switch (in->target_backend) {
	case IMAGE_BACKEND_UNKNOWN:
	case IMAGE_BACKEND_FLAT:
		if (in->target_backend == IMAGE_BACKEND_FLAT && d->base_name)
			strv_add(&d->warnings,
				 "the target's images_type makes flat disks; "
				 "this one stays a qcow2 overlay");
		return 0;
	case IMAGE_BACKEND_QCOW2:
		if (d->format == IMAGE_FORMAT_QCOW2)
			return 0;
		err_set(e, ERR_REFUSED,
			"it is raw and the target would take it for qcow2: "
			"the guest could choose the header");
		return err_hint(e, "move it to a host with the source's "
				   "images_type and use_cow_images");
	case IMAGE_BACKEND_RBD:
	case IMAGE_BACKEND_LVM:
		return err_set(e, ERR_REFUSED,
			       "the target keeps local disks in %s, not in "
			       "files",
			       in->target_backend == IMAGE_BACKEND_RBD ? "rbd"
								       : "lvm");
	}
	return 0;
}

static int check_raw(const struct image_disk_in *in, struct image_disk *d,
		     struct err *e)
{
	d->virtual_size = in->file_size;
	if (d->magic != IMAGE_MAGIC_NONE && d->magic != IMAGE_MAGIC_LUKS)
		strv_addf(&d->warnings,
			  "declared raw, but it begins like %s: the guest may "
			  "have written that; it is treated as raw",
			  image_magic_name(d->magic));
	return check_size(d->virtual_size, in->max_virtual, e);
}

static int check_qcow2(const struct image_disk_in *in, struct image_disk *d,
		       struct err *e)
{
	const struct qcow2_header *h = &d->qcow2;

	if (image_name_of(in->name, IMAGE_FTYPE_REG).role == IMAGE_ROLE_CONFIG)
		return err_set(e, ERR_REFUSED,
			       "a config drive is raw, this one is declared "
			       "qcow2");
	if (qcow2_parse(in->head, in->head_len, in->file_size, &d->qcow2, e))
		return -1;
	d->virtual_size = h->virtual_size;
	if (check_features(h, &d->warnings, e) ||
	    check_size(h->virtual_size, in->max_virtual, e) ||
	    check_backing(in, d, e))
		return -1;
	if (in->stopped && (h->incompatible & QCOW2_INCOMPAT_DIRTY))
		strv_add(&d->warnings, "the guest is stopped but the image is "
				       "marked dirty: it was not shut down "
				       "cleanly, QEMU repairs it at the start");
	return 0;
}

static int check_disk(const struct image_disk_in *in, struct image_disk *d,
		      struct err *e)
{
	d->format = image_declared_format(in->info_format, in->xml_format, e);
	if (d->format == IMAGE_FORMAT_UNKNOWN)
		return -1;
	d->magic = image_magic_of(in->head, in->head_len);
	if (d->format == IMAGE_FORMAT_RAW ? check_raw(in, d, e)
					  : check_qcow2(in, d, e))
		return -1;
	return check_backend(in, d, e);
}

int image_disk_check(const struct image_disk_in *in, struct image_disk *d,
		     struct err *e)
{
	*d = (struct image_disk){0};
	if (check_disk(in, d, e)) {
		image_disk_clear(d);
		return err_wrap(e, "%s", in->name);
	}
	return 0;
}

void image_disk_clear(struct image_disk *d)
{
	qcow2_clear(&d->qcow2);
	mem_free(d->base_name);
	strv_clear(&d->warnings);
	*d = (struct image_disk){0};
}

/* The record, else the head: the image service wrote that, not the guest. */
static int base_format(const struct image_base_in *in, struct image_base *b,
		       struct err *e)
{
	enum image_magic m = image_magic_of(in->head, in->head_len);
	bool plain = m == IMAGE_MAGIC_NONE || m == IMAGE_MAGIC_LUKS;

	b->format = in->from_header;
	if (b->format == IMAGE_FORMAT_UNKNOWN)
		b->format = m == IMAGE_MAGIC_QCOW2 ? IMAGE_FORMAT_QCOW2
						   : IMAGE_FORMAT_RAW;
	if (b->format == IMAGE_FORMAT_RAW && !plain)
		return err_set(e, ERR_REFUSED, "%s raw, but it begins like %s",
			       in->from_header ? "its overlay declares it"
					       : "it should be",
			       image_magic_name(m));
	return 0;
}

static int base_qcow2(const struct image_base_in *in, struct image_base *b,
		      struct err *e)
{
	struct qcow2_header h = {0};
	int rc = -1;

	if (qcow2_parse(in->head, in->head_len, in->file_size, &h, e))
		return -1;
	b->virtual_size = h.virtual_size;
	if (h.backing)
		err_set(e, ERR_REFUSED,
			"the base has a backing file itself: the chain is "
			"deeper than overlay and base");
	else
		rc = check_features(&h, &b->warnings, e);
	qcow2_clear(&h);
	return rc;
}

static int check_base(const struct image_base_in *in, struct image_base *b,
		      struct err *e)
{
	struct image_base_name n = image_base_name_of(in->name);

	if (n.kind == IMAGE_BASE_INFO || n.kind == IMAGE_BASE_TEMP)
		return err_set(e, ERR_REFUSED,
			       "the name is that of a temporary or checksum "
			       "file");
	if (n.kind == IMAGE_BASE_OTHER)
		strv_add(&b->warnings, "not a name that Nova gives to a base");
	if (n.mistaken)
		strv_add(&b->warnings,
			 "Nova 23 and later may delete a base of this name "
			 "after a day although it is in use");
	if (!in->file_size)
		return err_set(e, ERR_REFUSED, "the base is empty");
	b->virtual_size = in->file_size;
	if (base_format(in, b, e))
		return -1;
	if (b->format == IMAGE_FORMAT_QCOW2 && base_qcow2(in, b, e))
		return -1;
	if (in->overlay_virtual && b->virtual_size > in->overlay_virtual)
		strv_add(&b->warnings, "the base is larger than the disk");
	return check_size(b->virtual_size, in->max_virtual, e);
}

int image_base_check(const struct image_base_in *in, struct image_base *b,
		     struct err *e)
{
	*b = (struct image_base){0};
	if (check_base(in, b, e)) {
		AUTO(mem_freep) char *q = image_name_quote(in->name);

		image_base_clear(b);
		return err_wrap(e, "base %s", q);
	}
	return 0;
}

void image_base_clear(struct image_base *b)
{
	strv_clear(&b->warnings);
	*b = (struct image_base){0};
}

static int plain_path(const char *path, struct err *e)
{
	const char *fault = NULL;

	if (path[0] != '/')
		fault = "is not absolute";
	else if (strstr(path, ".."))
		fault = "contains \"..\"";
	for (const char *p = path; *p && !fault; p++)
		if (*p < ' ' || *p > '~')
			fault = "holds a byte that is not printable";
	if (fault) {
		AUTO(mem_freep) char *q = image_name_quote(path);

		return err_set(e, ERR_REFUSED, "rebase: %s %s", q, fault);
	}
	return 0;
}

int image_rebase_argv(struct strv *argv, enum image_format format,
		      const char *base_path, const char *copy, struct err *e)
{
	if (format == IMAGE_FORMAT_UNKNOWN)
		return err_set(e, ERR_REFUSED,
			       "rebase: the base's format is not known");
	if (plain_path(base_path, e) || plain_path(copy, e))
		return -1;
	strv_addv(argv, (const char *const[]){"qemu-img", "rebase", "-u", "-f",
					      "qcow2", "-F",
					      image_format_name(format), "-b",
					      base_path, copy, NULL});
	return 0;
}
