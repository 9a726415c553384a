/* SPDX-License-Identifier: Apache-2.0 */
/* What `image info` and `sql show` ask of the adapters. */
#include "join/join.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fs.h"
#include "image/image.h"

/* As much of the file as a header may fill: one cluster of the largest size. */
enum { HEAD_MAX = 2 << 20 };

static json_t *list(const struct strv *v)
{
	json_t *a = json_array();

	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(a, json_string(v->v[i]));
	return a;
}

static json_t *info_json(const char *path, const struct image_info *i)
{
	AUTO(strv_clear) struct strv names = STRV_INIT;
	AUTO(strv_clear) struct strv values = STRV_INIT;
	json_t *o = json_pack("{s:s}", "file", path);

	image_info_fields(i, &names, &values);
	for (size_t k = 0; k < names.n; k++) {
		char *end;
		long long n = strtoll(values.v[k], &end, 10);

		json_object_set_new(o, names.v[k],
				    *end || end == values.v[k]
					    ? json_string(values.v[k])
					    : json_integer(n));
	}
	json_object_set_new(o, "problems", list(&i->problems));
	json_object_set_new(o, "notes", list(&i->notes));
	return o;
}

int join_image_info(const char *path, const char *format, json_t **info,
		    struct err *e)
{
	AUTO(mem_freep) char *head = mem_calloc(HEAD_MAX, 1);
	/* O_NONBLOCK: the name of a FIFO must not hang us. */
	AUTO(mem_closefd)
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct image_info i;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st))
		return err_sys(e, ERR_FAILED, errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_FAILED, "%s: not a regular file", path);
	n = fs_pread_full(fd, head, HEAD_MAX, 0, e);
	if (n < 0)
		return err_wrap(e, "%s", path);
	image_info_read(image_format_by_name(format), head, (size_t)n,
			(uint64_t)st.st_size, &i);
	*info = info_json(path, &i);
	image_info_clear(&i);
	return 0;
}
