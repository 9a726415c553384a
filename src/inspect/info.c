/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/inspect.h"

#include <string.h>

#include "core/mem.h"

int inspect_guestfs_err(guestfs_h *g, struct err *e, const char *doing)
{
	const char *msg = guestfs_last_error(g);

	int len = msg ? (int)strcspn(msg, "\n") : 0;

	/* further lines are advice on debugging libguestfs */
	return err_set(e, ERR_FAILED, "%s: %.*s", doing, len, msg);
}

static void close_guestfs(guestfs_h **g)
{
	if (*g)
		guestfs_close(*g);
}

/*
 * libguestfs runs `qemu-img info` without -f, so "format" is what qemu-img
 * takes the file for: a second opinion, not the truth.  The other two fields
 * are null unless it agrees with the declared format.
 */
json_t *inspect_info(struct inspect_opts *o, struct err *e)
{
	struct inspect_disk *d = &o->disks[0];
	const char *declared = image_format_name(d->format);
	AUTO(close_guestfs)
	guestfs_h *g = guestfs_create_flags(GUESTFS_CREATE_NO_ENVIRONMENT);
	AUTO(mem_freep) char *format = NULL;
	int64_t size;
	int backing;

	if (!g) {
		err_set(e, ERR_FAILED, "libguestfs does not start");
		return NULL;
	}
	guestfs_set_error_handler(g, NULL, NULL);
	if (guestfs_set_tmpdir(g, o->worker))
		goto failed;
	/* what our own parser refuses, no other shall open */
	if (guard_disk(d, NULL, e))
		return NULL;
	format = guestfs_disk_format(g, d->path);
	if (!format)
		goto failed;
	/* of a guest that wrote a header into its raw disk, no more is asked */
	if (strcmp(format, declared) != 0)
		return json_pack("{s:i, s:s, s:s, s:b, s:n, s:n}", "schema", 1,
				 "declared", declared, "format", format,
				 "agrees", 0, "virtual_size", "backing_file");
	size = guestfs_disk_virtual_size(g, d->path);
	if (size < 0)
		goto failed;
	backing = guestfs_disk_has_backing_file(g, d->path);
	if (backing < 0)
		goto failed;
	return json_pack("{s:i, s:s, s:s, s:b, s:I, s:b}", "schema", 1,
			 "declared", declared, "format", format, "agrees", 1,
			 "virtual_size", (json_int_t)size, "backing_file",
			 backing);
failed:
	inspect_guestfs_err(g, e, d->name);
	return NULL;
}
