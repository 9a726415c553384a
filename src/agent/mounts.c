/* SPDX-License-Identifier: Apache-2.0 */
/* A line: id parent major:minor root point options ... - type source ... */
#include "agent/mounts.h"

#include <string.h>
#include <sys/sysmacros.h>

#include "core/fs.h"

static bool take_line(const char *line, const char *devno, struct mount *m)
{
	AUTO(strv_clear) struct strv f = STRV_INIT;
	size_t dash = 6;

	strv_split(&f, line, " ");
	if (f.n < 10 || strcmp(f.v[2], devno))
		return false;
	while (dash < f.n && strcmp(f.v[dash], "-"))
		dash++;
	if (dash + 2 >= f.n)
		return false;
	*m = (struct mount){
		.type = mem_strdup(f.v[dash + 1]),
		.source = mem_strdup(f.v[dash + 2]),
		.options = mem_strdup(f.v[5]),
	};
	return true;
}

bool mount_of(uint64_t dev, struct mount *m)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	AUTO(strv_clear) struct strv lines = STRV_INIT;
	AUTO(mem_freep)
	char *devno = mem_printf("%u:%u", major(dev), minor(dev));
	struct err e = ERR_INIT;

	if (fs_read_path("/proc/self/mountinfo", 4 << 20, &b, &e))
		err_clear(&e);
	strv_split(&lines, buf_str(&b), "\n");
	/* The last one mounted is the one that is seen. */
	for (size_t i = lines.n; i-- > 0;)
		if (take_line(lines.v[i], devno, m))
			return true;
	return false;
}

void mount_clear(struct mount *m)
{
	mem_free(m->type);
	mem_free(m->source);
	mem_free(m->options);
	*m = (struct mount){0};
}
