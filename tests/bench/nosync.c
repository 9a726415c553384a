/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing waits for the disk: fsync and its like do nothing and succeed.
 *
 * The other movers do not sync what they write; a move must.  So that copying
 * is compared with copying, `make bench` runs every program, ours and theirs,
 * with these in the C library's place: dynamic ones by preloading, the static
 * agent by a link of its own (-Wl,--wrap=fsync,...).  No program that is
 * installed has them, and the figures of the synced agent stand beside.
 */
#include <sys/types.h>

#ifdef WRAPPED
#define NAME(fn) __wrap_##fn
#else
#define NAME(fn) fn
#endif

int NAME(fsync)(int fd);
int NAME(fdatasync)(int fd);
int NAME(syncfs)(int fd);
int NAME(sync_file_range)(int fd, off_t off, off_t n, unsigned flags);

int NAME(fsync)(int fd)
{
	(void)fd;
	return 0;
}

int NAME(fdatasync)(int fd)
{
	(void)fd;
	return 0;
}

int NAME(syncfs)(int fd)
{
	(void)fd;
	return 0;
}

int NAME(sync_file_range)(int fd, off_t off, off_t n, unsigned flags)
{
	(void)fd;
	(void)off;
	(void)n;
	(void)flags;
	return 0;
}
