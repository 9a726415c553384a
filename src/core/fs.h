/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durable files, and paths that cannot escape.
 *
 * Only this module renames or fsyncs.  A function that says "durable" has
 * fsynced the data, the name and the directory before it returns 0; after a
 * crash at any moment the old or the new content is there, whole.
 *
 * "Beneath" functions resolve REL below the open directory DIRFD, never follow
 * a symbolic link in any component and never leave DIRFD: with openat2(2)
 * RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS|RESOLVE_NO_MAGICLINKS where the kernel
 * has it (5.6), else by an equal walk, one O_NOFOLLOW component at a time.
 * REL is relative, not empty, and has no "." or ".." components; "." alone
 * names DIRFD itself.
 */
#ifndef NH_CORE_FS_H
#define NH_CORE_FS_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/buf.h"
#include "core/err.h"

/* Is REL of the form that the functions below accept? */
bool fs_rel_ok(const char *rel);

/* open(2) beneath DIRFD; O_CLOEXEC|O_NOFOLLOW are always added.  Descriptor or
 * -1; e->sys is the errno (ELOOP for a link, EXDEV for an escape). */
int fs_open_beneath(int dirfd, const char *rel, int flags, mode_t mode,
		    struct err *e);
/* As fs_open_beneath, by the walk even where openat2 exists (for tests). */
int fs_open_walk(int dirfd, const char *rel, int flags, mode_t mode,
		 struct err *e);
/* Opens the directory that holds REL's last component and points *BASE into
 * REL at that component. */
int fs_open_parent(int dirfd, const char *rel, const char **base,
		   struct err *e);

/* Replaces DIRFD/REL with the N bytes at P: temporary name in the same
 * directory, write, fsync, rename, fsync of the directory.  Durable. */
int fs_write_atomic(int dirfd, const char *rel, const void *p, size_t n,
		    mode_t mode, struct err *e);
/* Reads a whole regular file of at most MAX bytes. */
int fs_read(int dirfd, const char *rel, size_t max, struct buf *out,
	    struct err *e);
/* As fs_read for a path that the operator named; links are followed. */
int fs_read_path(const char *path, size_t max, struct buf *out, struct err *e);

/* Durable rename.  NOREPLACE: fails with EEXIST when the new name is taken. */
int fs_rename(int olddir, const char *oldrel, int newdir, const char *newrel,
	      bool noreplace, struct err *e);
/* As fs_rename within the directory DIR, but not durable: fs_fsync() of DIR
 * must follow, once after many.  The names have no slashes. */
int fs_rename_lazy(int dir, const char *old, const char *name, bool noreplace,
		   struct err *e);
int fs_fsync(int fd, struct err *e);
/* Asks the kernel to write back [OFF, OFF + LEN) (LEN 0: to the end); WAIT: and
 * waits until the data is on the disk.  Not durable: fs_fsync() must follow,
 * and then has little to do.  Where this cannot be asked for, 0. */
int fs_writeback(int fd, off_t off, off_t len, bool wait, struct err *e);
/* fsync of the directory that holds REL. */
int fs_fsync_parent(int dirfd, const char *rel, struct err *e);

/* All of N bytes, or an error; EINTR is retried. */
int fs_pwrite_all(int fd, const void *p, size_t n, off_t off, struct err *e);
int fs_write_all(int fd, const void *p, size_t n, struct err *e);
/* Up to N bytes; short only at end of file.  -1 on error. */
ssize_t fs_pread_full(int fd, void *p, size_t n, off_t off, struct err *e);

/* Does somebody else hold QEMU's locks on FD?  It has bytes 100-107 and 200-207
 * of an image that it has open (its block/file-posix.c).  F_GETLK asks the file
 * system, and so the server of a shared one, and takes nothing.  1, 0, or -1:
 * it cannot tell.  That nobody does proves nothing. */
int fs_qemu_locked(int fd);

#endif
