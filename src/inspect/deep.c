/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deep verification: the chain is opened read-only in an appliance and its file
 * systems are read.  Source and target print the same text for the same disks:
 * no path, name or time of the host is in it.
 */
#include "inspect/inspect.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"

#define CONFIG_FILES_MAX 1000
#define BACKING_MAX 1023 /* of a name in a qcow2 header */

static void close_guestfs(guestfs_h **g)
{
	if (*g)
		guestfs_close(*g);
}

static void free_names(char ***names)
{
	for (char **p = *names; p && *p; p++)
		mem_free(*p);
	mem_free(*names);
}

static bool in_path(const char *program)
{
	AUTO(strv_clear) struct strv dirs = STRV_INIT;
	const char *path = getenv("PATH");

	strv_split(&dirs, path ? path : "", ":");
	for (size_t i = 0; i < dirs.n; i++) {
		AUTO(mem_freep)
		char *p = mem_printf("%s/%s", dirs.v[i], program);

		if (access(p, X_OK) == 0)
			return true;
	}
	return false;
}

static bool have_kernel(void)
{
	const char *named = getenv("SUPERMIN_KERNEL");
	bool found = false;
	glob_t gl;

	if (named)
		return access(named, R_OK) == 0;
	if (glob("/boot/vmlinu[xz]-*", GLOB_NOSORT, NULL, &gl))
		return false;
	for (size_t i = 0; i < gl.gl_pathc; i++)
		found = found || access(gl.gl_pathv[i], R_OK) == 0;
	globfree(&gl);
	return found;
}

/* Without these libguestfs cannot make an appliance: not a failure of the
 * disks, so it must not look like one. */
static int have_appliance(struct err *e)
{
	const char *why = NULL;

	if (!in_path("qemu-system-x86_64") && !in_path("qemu-kvm") &&
	    !in_path("qemu-system-aarch64") && !getenv("LIBGUESTFS_HV"))
		why = "no QEMU system emulator";
	else if (!in_path("qemu-img"))
		why = "no qemu-img";
	else if (getenv("LIBGUESTFS_PATH"))
		why = NULL; /* a fixed appliance */
	else if (!in_path("supermin"))
		why = "no supermin, and no fixed appliance in LIBGUESTFS_PATH";
	else if (!have_kernel())
		why = "no kernel that the appliance's user can read in /boot";
	return why ? err_set(e, ERR_NOTHING, "%s", why) : 0;
}

/* The header says where its host had the base; here that is nothing, or
 * another file.  A thin overlay of ours in the work directory says where both
 * are. */
static int redirect(guestfs_h *g, const struct inspect_opts *o, size_t i,
		    struct err *e)
{
	const struct inspect_disk *d = &o->disks[i];
	AUTO(mem_freep) char *at = mem_printf("%s/over%zu", o->worker, i);
	AUTO(mem_freep) char *text = NULL;
	AUTO(mem_freep) char *name = NULL;
	json_t *j = json_pack("{s:s, s:{s:s, s:s}, s:{s:s, s:{s:s, s:s}}}",
			      "driver", image_format_name(d->format), "file",
			      "driver", "file", "filename", d->path, "backing",
			      "driver", image_format_name(d->base_format),
			      "file", "driver", "file", "filename", d->base);

	text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	json_decref(j);
	name = mem_printf("json:%s", text ? text : "");
	if (!text || strlen(name) > BACKING_MAX)
		return err_set(e, ERR_REFUSED,
			       "%s: no overlay can name it and its base",
			       d->name);
	if (guestfs_disk_create(g, at, "qcow2", -1,
				GUESTFS_DISK_CREATE_BACKINGFILE, name,
				GUESTFS_DISK_CREATE_BACKINGFORMAT,
				image_format_name(d->format), -1))
		return inspect_guestfs_err(g, e, "an overlay");
	return guestfs_add_drive_opts(g, at, GUESTFS_ADD_DRIVE_OPTS_READONLY, 1,
				      GUESTFS_ADD_DRIVE_OPTS_FORMAT, "qcow2",
				      -1)
		       ? inspect_guestfs_err(g, e, "adding a disk")
		       : 0;
}

static int add_drive(guestfs_h *g, const struct inspect_opts *o, size_t i,
		     struct err *e)
{
	const struct inspect_disk *d = &o->disks[i];

	if (d->base)
		return redirect(g, o, i, e);
	return guestfs_add_drive_opts(g, d->path,
				      GUESTFS_ADD_DRIVE_OPTS_READONLY, 1,
				      GUESTFS_ADD_DRIVE_OPTS_FORMAT,
				      image_format_name(d->format), -1)
		       ? inspect_guestfs_err(g, e, "adding a disk")
		       : 0;
}

static guestfs_h *launch(const struct inspect_opts *o, struct err *e)
{
	guestfs_h *g = guestfs_create();
	char *tcg[] = {(char *)"force_tcg", NULL};
	bool bad;

	if (!g) {
		err_set(e, ERR_FAILED, "libguestfs does not start");
		return NULL;
	}
	guestfs_set_error_handler(g, NULL, NULL);
	bad = guestfs_set_backend(g, "direct") ||
	      guestfs_set_tmpdir(g, o->worker) ||
	      guestfs_set_cachedir(g, o->worker) || guestfs_set_network(g, 0) ||
	      guestfs_set_autosync(g, 0) ||
	      (!o->kvm && guestfs_set_backend_settings(g, tcg));
	for (size_t i = 0; !bad && i < o->ndisks; i++)
		if (add_drive(g, o, i, e)) {
			guestfs_close(g);
			return NULL;
		}
	if (!bad && guestfs_launch(g) == 0)
		return g;
	inspect_guestfs_err(g, e, "launching the appliance");
	err_hint(e, o->kvm ? "it may work without --kvm"
			   : "LIBGUESTFS_DEBUG=1 in the environment says more");
	guestfs_close(g);
	return NULL;
}

/* After an error that may be the disk's own fault: is it the appliance's? */
static int still_there(guestfs_h *g, struct err *e)
{
	if (guestfs_ping_daemon(g) == 0)
		return 0;
	return inspect_guestfs_err(g, e, "the appliance died");
}

static int set_text(json_t *obj, const char *key, char *value)
{
	json_object_set_new(obj, key, value ? walk_text(value) : json_null());
	mem_free(value);
	return 0;
}

/* LISTING is null where the file system cannot be mounted: on the source it
 * may have been like that for years. */
static json_t *list_one(guestfs_h *g, const struct inspect_opts *o,
			const char *dev, const char *type, struct err *e)
{
	json_t *fs = json_pack("{s:o, s:o, s:I}", "device", walk_text(dev),
			       "type", walk_text(type), "size",
			       (json_int_t)guestfs_blockdev_getsize64(g, dev));
	json_t *listing = NULL;

	set_text(fs, "uuid", guestfs_vfs_uuid(g, dev));
	set_text(fs, "label", guestfs_vfs_label(g, dev));
	if (strcmp(type, "swap") != 0 && strcmp(type, "unknown") != 0 &&
	    guestfs_mount_ro(g, dev, "/") == 0) {
		listing = walk_listing(g, o->max_files, e);
		if (listing && guestfs_umount_all(g)) {
			json_decref(listing);
			listing = NULL;
			inspect_guestfs_err(g, e, "unmounting");
		}
		if (!listing) {
			json_decref(fs);
			err_wrap(e, "%s", dev);
			return NULL;
		}
	}
	if (still_there(g, e)) {
		json_decref(listing);
		json_decref(fs);
		return NULL;
	}
	json_object_set_new(fs, "listing", listing ? listing : json_null());
	return fs;
}

static int by_pair(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static json_t *list_all(guestfs_h *g, const struct inspect_opts *o,
			struct err *e)
{
	AUTO(free_names) char **fs = guestfs_list_filesystems(g);
	json_t *all, *one;
	size_t n = 0;

	if (!fs) {
		inspect_guestfs_err(g, e, "listing file systems");
		return NULL;
	}
	while (fs[2 * n])
		n++;
	qsort(fs, n, 2 * sizeof(*fs), by_pair);
	all = json_array();
	for (size_t i = 0; i < n; i++) {
		one = list_one(g, o, fs[2 * i], fs[2 * i + 1], e);
		if (!one) {
			json_decref(all);
			return NULL;
		}
		json_array_append_new(all, one);
	}
	return all;
}

static json_t *list_os(guestfs_h *g, struct err *e)
{
	AUTO(free_names) char **roots = guestfs_inspect_os(g);
	json_t *all;

	if (!roots) {
		/* a damaged disk ends here too */
		if (still_there(g, e) || guestfs_umount_all(g))
			return NULL;
		return json_null();
	}
	all = json_array();
	for (char **r = roots; *r; r++) {
		json_t *os = json_pack("{s:o}", "root", walk_text(*r));
		int major = guestfs_inspect_get_major_version(g, *r);
		int minor = guestfs_inspect_get_minor_version(g, *r);

		set_text(os, "type", guestfs_inspect_get_type(g, *r));
		set_text(os, "distro", guestfs_inspect_get_distro(g, *r));
		set_text(os, "product",
			 guestfs_inspect_get_product_name(g, *r));
		set_text(os, "hostname", guestfs_inspect_get_hostname(g, *r));
		json_object_set_new(os, "version",
				    json_sprintf("%d.%d", major, minor));
		json_array_append_new(all, os);
	}
	if (guestfs_umount_all(g) == 0)
		return all;
	inspect_guestfs_err(g, e, "unmounting");
	json_decref(all);
	return NULL;
}

/* The whole device is iso9660 or vfat (config_drive_format). */
static json_t *list_config(guestfs_h *g, const char *dev, struct err *e)
{
	AUTO(mem_freep) char *type = guestfs_vfs_type(g, dev);
	json_t *c;

	if (!type) {
		inspect_guestfs_err(g, e, "config drive");
		return NULL;
	}
	if (strcmp(type, "iso9660") != 0 && strcmp(type, "vfat") != 0) {
		AUTO(mem_freep) char *t = mem_strdup(type);

		err_set(e, ERR_FAILED,
			"config drive: it holds \"%s\", not iso9660 or vfat",
			*t ? t : "nothing known");
		return NULL;
	}
	if (guestfs_mount_ro(g, dev, "/")) {
		inspect_guestfs_err(g, e, "config drive");
		return NULL;
	}
	c = walk_contents(g, CONFIG_FILES_MAX, e);
	if (c && guestfs_umount_all(g)) {
		inspect_guestfs_err(g, e, "unmounting");
		json_decref(c);
		return NULL;
	}
	if (c) {
		json_object_set_new(c, "type", walk_text(type));
		set_text(c, "label", guestfs_vfs_label(g, dev));
	}
	return c;
}

static json_t *list_disks(guestfs_h *g, const struct inspect_opts *o,
			  char **devs, struct err *e)
{
	json_t *all = json_array();

	for (size_t i = 0; i < o->ndisks; i++) {
		int64_t size = guestfs_blockdev_getsize64(g, devs[i]);

		if (size < 0) {
			inspect_guestfs_err(g, e, "size of a disk");
			json_decref(all);
			return NULL;
		}
		json_array_append_new(
			all, json_pack("{s:s, s:I}", "format",
				       image_format_name(o->disks[i].format),
				       "virtual_size", (json_int_t)size));
	}
	return all;
}

/* Adds PART to OUT under KEY; NULL is an error that E holds. */
static int put(json_t *out, const char *key, json_t *part)
{
	return part ? json_object_set_new(out, key, part) : -1;
}

static int look(guestfs_h *g, const struct inspect_opts *o, json_t *out,
		struct err *e)
{
	AUTO(free_names) char **devs = guestfs_list_devices(g);
	size_t n = 0;

	while (devs && devs[n])
		n++;
	if (n != o->ndisks)
		return err_set(e, ERR_FAILED, "%zu disks became %zu devices",
			       o->ndisks, n);
	json_object_set_new(out, "schema", json_integer(1));
	if (put(out, "disks", list_disks(g, o, devs, e)) ||
	    put(out, "os", list_os(g, e)) ||
	    put(out, "filesystems", list_all(g, o, e)))
		return -1;
	if (o->config_drive)
		return put(out, "config_drive", list_config(g, devs[n - 1], e));
	return 0;
}

json_t *inspect_deep(struct inspect_opts *o, struct err *e)
{
	AUTO(close_guestfs) guestfs_h *g = NULL;
	json_t *out;

	for (size_t i = 0; i < o->ndisks; i++)
		if (guard_disk(&o->disks[i], o->base_dir, e))
			return NULL;
	if (have_appliance(e))
		return NULL;
	g = launch(o, e);
	if (!g)
		return NULL;
	out = json_object();
	if (look(g, o, out, e)) {
		json_decref(out);
		return NULL;
	}
	return out;
}
