/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/calm.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/fs.h"
#include "wire/wire.h"

/* linux/ioprio.h, of newer kernels' headers only. */
enum {
	IOPRIO_CLASS_SHIFT = 13,
	IOPRIO_BEST_EFFORT = 2,
	IOPRIO_IDLE = 3,
	IOPRIO_PROCESS = 1,
	IOPRIO_LOWEST = 7,
	NICE = 10,
	CHILDREN_MAX = 64 << 10,
};

static const char *const names[] = {
	[CALM_NONE] = "normal", [CALM_LOW] = "low", [CALM_IDLE] = "idle"};

bool calm_parse(const char *s, enum calm *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(s, names[i])) {
			*out = (enum calm)i;
			return true;
		}
	}
	return false;
}

const char *calm_name(enum calm c)
{
	return names[c];
}

int calm_get(struct dec *d, enum calm *out, struct err *e)
{
	uint8_t c = dec_u8(d);

	if (dec_end(d, "calm", e))
		return -1;
	if (c > CALM_IDLE)
		return err_set(e, ERR_BUG, "calm %u", c);
	*out = (enum calm)c;
	return 0;
}

static int ioprio_of(enum calm c)
{
	switch (c) {
	case CALM_NONE:
		break;
	case CALM_LOW:
		return IOPRIO_BEST_EFFORT << IOPRIO_CLASS_SHIFT | IOPRIO_LOWEST;
	case CALM_IDLE:
		return IOPRIO_IDLE << IOPRIO_CLASS_SHIFT;
	}
	return 0; /* none: what goes with the nice value */
}

/* One thread, as the kernel has it. */
static void set_one(int tid, enum calm c)
{
	setpriority(PRIO_PROCESS, (id_t)tid, c == CALM_NONE ? 0 : NICE);
	syscall(SYS_ioprio_set, IOPRIO_PROCESS, tid, ioprio_of(c));
}

/* The ssh that encrypts for us. */
static void set_children(int tid, enum calm c)
{
	AUTO(mem_freep)
	char *path = mem_printf("/proc/self/task/%d/children", tid);
	AUTO(buf_clear) struct buf text = BUF_INIT;
	AUTO(strv_clear) struct strv pids = STRV_INIT;
	struct err e = ERR_INIT;

	if (fs_read_path(path, CHILDREN_MAX, &text, &e))
		err_clear(&e); /* the kernel does not tell */
	strv_split(&pids, buf_str(&text), " \n");
	for (size_t i = 0; i < pids.n; i++)
		set_one((int)strtol(pids.v[i], NULL, 10), c);
}

void calm_set(enum calm c)
{
	DIR *d;
	const struct dirent *de;

	if (geteuid() ||
	    (getpriority(PRIO_PROCESS, 0) == NICE) == (c != CALM_NONE))
		return;
	d = opendir("/proc/self/task");
	while (d && (de = readdir(d))) {
		int tid = (int)strtol(de->d_name, NULL, 10);

		if (tid <= 0)
			continue;
		set_one(tid, c);
		set_children(tid, c);
	}
	if (d)
		closedir(d);
}
