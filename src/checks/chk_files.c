/* SPDX-License-Identifier: Apache-2.0 */
/* The instance's files: known, well-formed, and not hostile. */
#include <string.h>

#include "checks/checks.h"

/* Nova's Flat backend would look into the disk itself to learn its format. */
static void not_named(const struct facts *f, struct check_report *r)
{
	for (size_t i = 0; i < f->n_files; i++) {
		const struct fact_file *q = &f->files[i];

		if (image_role_is_disk(q->role) && !q->info_format &&
		    q->role != IMAGE_ROLE_CONFIG)
			check_warn(r, NULL,
				   "disk.info does not name %s: its format is "
				   "taken from the domain's XML",
				   q->rel);
	}
}

static void there(const struct facts *f, const char *path,
		  struct check_report *r)
{
	AUTO(mem_freep) char *dir = mem_printf("/%s/", f->srv.inst.uuid);
	const char *at = path ? strstr(path, dir) : NULL;

	if (at && !facts_file(f, at + strlen(dir)))
		check_refuse(r,
			     "without it the guest does not start anywhere: "
			     "restore it, or start it once through Nova",
			     "%s is named by its domain and is not there",
			     path);
}

/* A disk that is lost already is found here, not when the guest does not start
 * on the target. */
static void all_there(const struct facts *f, struct check_report *r)
{
	if (!f->dom)
		return;
	for (size_t i = 0; i < f->dom->n_disks; i++)
		if (f->dom->disks[i].type &&
		    !strcmp(f->dom->disks[i].type, "file"))
			there(f, f->dom->disks[i].source, r);
	there(f, f->dom->kernel, r);
	there(f, f->dom->initrd, r);
}

static bool boots_from_volume(const struct facts *f)
{
	for (size_t i = 0; i < f->srv.n_bdms; i++)
		if (f->srv.bdms[i].boot_index == 0)
			return f->srv.bdms[i].volume_id != NULL;
	return false;
}

/* Those whose format somebody must know: Nova takes a config drive for raw
 * without asking, and writes no disk.info for it alone (seen on Zed). */
static bool local_disks(const struct facts *f)
{
	for (size_t i = 0; i < f->n_files; i++)
		if (image_role_is_disk(f->files[i].role) &&
		    f->files[i].role != IMAGE_ROLE_CONFIG)
			return true;
	return false;
}

static void files_run(const struct facts *f, const struct check_opts *o,
		      struct check_report *r)
{
	bool disk = false;

	(void)o;
	if (f->host[SRC_HOST].down.kind != ERR_NONE ||
	    f->host[SRC_HOST].dir != HOST_DIR)
		return;
	for (size_t i = 0; i < f->n_files; i++) {
		const struct fact_file *q = &f->files[i];

		disk |= q->role == IMAGE_ROLE_DISK;
		if (q->name.act == IMAGE_ACT_REFUSE)
			check_refuse(r,
				     "look at it; what is not known is not "
				     "moved",
				     "%s/%s: %s", q->root, q->rel, q->name.why);
		if (q->name.act == IMAGE_ACT_NEVER)
			check_warn(r, NULL, "%s stays behind: %s", q->rel,
				   q->name.why);
	}
	all_there(f, r);
	if (!disk && !boots_from_volume(f))
		check_refuse(r,
			     "find it first: it may be the only copy, and "
			     "Nova would make a new one from the image",
			     "there is no file 'disk' in its directory");
	if (f->info_err.kind != ERR_NONE)
		check_refuse(r,
			     "it must be one JSON object of paths and formats; "
			     "restore it first",
			     "disk.info: %s", err_msg(&f->info_err));
	else if (!f->has_info && local_disks(f))
		check_warn(r, NULL,
			   "there is no disk.info: formats are taken from the "
			   "domain's XML");
	else
		not_named(f, r);
}

const struct check chk_files = {"files", "every file of its directory is known",
				files_run};

/* ---- image rules */

int check_disk(const struct facts *f, const struct fact_file *q,
	       struct image_disk *d, struct err *e)
{
	const struct fact_host *s = &f->host[SRC_HOST];
	const struct fact_host *t = &f->host[DST_HOST];
	AUTO(mem_freep)
	char *sb = mem_printf("%s/%s", facts_home(s),
			      s->conf_known ? s->conf.base_dir_name : "_base");
	AUTO(mem_freep)
	char *tb = t->instances_path
			   ? mem_printf("%s/%s", t->instances_path,
					t->conf_known ? t->conf.base_dir_name
						      : "_base")
			   : NULL;
	const char *bases[] = {sb, NULL};
	struct image_disk_in in = {
		.name = q->rel,
		.info_format = q->info_format,
		.xml_format = q->xml_format,
		.head = q->head.p,
		.head_len = q->head.len,
		.file_size = q->st.size,
		.base_dirs = bases,
		.target_base_dir = tb,
		.target_backend =
			t->conf_known
				? image_backend_by_name(t->conf.images_type,
							t->conf.use_cow_images)
				: IMAGE_BACKEND_UNKNOWN,
		.stopped = s->state.state == VIRT_SHUTOFF,
	};

	return image_disk_check(&in, d, e);
}

static void one_disk(const struct facts *f, const struct fact_file *q,
		     struct check_report *r)
{
	AUTO(image_disk_clear) struct image_disk d = {0};
	struct err e = ERR_INIT;

	if (check_disk(f, q, &d, &e))
		check_refuse(r,
			     e.hint ? e.hint
				    : "novahaul image info shows what its "
				      "header says",
			     "%s: %s", q->rel, err_msg(&e));
	for (size_t i = 0; i < d.warnings.n; i++)
		check_warn(r, NULL, "%s: %s", q->rel, d.warnings.v[i]);
	if (d.needs_rebase)
		check_warn(r, NULL, "%s will be rebased on the copy: %s",
			   q->rel, d.rebase_why);
	if (d.needs_rebase && !f->host[DST_HOST].qemu_img)
		check_refuse(r, "install qemu-utils there",
			     "%s needs a rebase and %s has no qemu-img", q->rel,
			     f->host[DST_HOST].name);
	err_clear(&e);
}

static void images_run(const struct facts *f, const struct check_opts *o,
		       struct check_report *r)
{
	(void)o;
	for (size_t i = 0; i < f->n_files; i++)
		if (image_role_is_disk(f->files[i].role) &&
		    f->files[i].st.type == HOST_FILE)
			one_disk(f, &f->files[i], r);
}

const struct check chk_images = {
	"images", "its disks are what their records say", images_run};

/* ---- backing images */

static void one_base(const struct facts *f, const struct fact_file *q,
		     struct check_report *r)
{
	AUTO(image_disk_clear) struct image_disk d = {0};
	AUTO(image_base_clear) struct image_base base = {0};
	struct err e = ERR_INIT;
	const struct fact_base *b;
	struct image_base_in in;

	if (check_disk(f, q, &d, &e) || !d.base_name) {
		err_clear(&e);
		return; /* said by `images`, or there is none */
	}
	b = facts_base(f, d.base_name);
	if (!b || b->src.type != HOST_FILE) {
		check_refuse(r, "restore it first: without it the disk is lost",
			     "%s needs %s, which is not on %s", q->rel,
			     d.base_name, f->host[SRC_HOST].name);
		return;
	}
	in = (struct image_base_in){.name = b->name,
				    .from_header = d.base_format,
				    .overlay_virtual = d.virtual_size,
				    .head = b->head.p,
				    .head_len = b->head.len,
				    .file_size = b->src.size};
	if (image_base_check(&in, &base, &e))
		check_refuse(r, e.hint, "%s: %s", b->name, err_msg(&e));
	for (size_t i = 0; i < base.warnings.n; i++)
		check_warn(r, NULL, "%s: %s", b->name, base.warnings.v[i]);
	if (b->compared && !b->same)
		check_refuse(r,
			     "guests there may use it, so it is never "
			     "overwritten: compare sha256sum of both with "
			     "that of the image, or move to another host",
			     "%s has %s with other content", f->to, b->name);
	else if (b->dst.type != HOST_NONE && b->dst.type != HOST_FILE)
		check_refuse(r, "find out whose it is",
			     "%s on %s is not a regular file", b->name, f->to);
	err_clear(&e);
}

static void bases_run(const struct facts *f, const struct check_opts *o,
		      struct check_report *r)
{
	(void)o;
	for (size_t i = 0; i < f->n_files; i++)
		if (image_role_is_disk(f->files[i].role) &&
		    f->files[i].st.type == HOST_FILE)
			one_base(f, &f->files[i], r);
}

const struct check chk_bases = {
	"bases", "backing images are there, and the same on the target",
	bases_run};
