/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a job keeps about the content of its files on one host.
 *
 *	<work>/key		the job's 32 random bytes, 0600
 *	<work>/tags/t<ino>	on the target: of the file with that inode
 *	<work>/tags/s<hash>	on the source: what the target holds under a
 *name
 *
 * <work> is .novahaul/<job>; everything here is removed with it, and everything
 * here may be lost at any moment: then content is read and compared anew.
 *
 * The key is made by the first sender of the job and handed to the receiver
 * inside SSH; so tags of different sessions, and on both hosts, can be compared
 * for as long as the job lasts.  It is in no journal, log or argv.
 *
 * A tag file is a header and the tags (transfer/tags.h).  The header says of
 * which file, as it was when its content was last read or read back (device,
 * inode, size, mtime, ctime, boot), and what its digest was; HMAC-SHA256 under
 * the job's key over all of that tells a foreign, torn or forged one.  It is
 * wiped before the first tag changes and written when all tags are there.
 *
 * How far it is trusted.
 *  - The tags: only when the digest made of them is the header's.
 *  - That a file still has that content: only while its identity is the
 *    header's.  A write by somebody else within one tick of the kernel's clock
 *    after the seal would not be seen: the lease keeps others of us away, and
 *    transfer_file.verify_full reads all again.  After a boot of the host none
 *    is trusted: a power cut can lose a new mtime and keep the data.
 *  - The source's: what the target held is asked of the target; and that the
 *    source has not changed only as tagdir_idle() says.
 * What changes the ctime of a sealed file without touching its content (chown,
 * chmod, rename, link) is done by the agent between tagdir_before() and
 * tagdir_after().
 *
 * Nothing is synced: a tag file that a crash tears is one that is not there.
 */
#ifndef NH_TRANSFER_TAGDIR_H
#define NH_TRANSFER_TAGDIR_H

#include <stdbool.h>
#include <sys/stat.h>

#include "core/err.h"
#include "transfer/tags.h"

struct tagdir {
	int work, tags; /* directories, or -1 */
	bool have_key;
	uint8_t key[FINGERPRINT_KEY];
	char boot[40];
};

#define TAGDIR_INIT                                                            \
	{                                                                      \
		.work = -1, .tags = -1                                         \
	}

/* Of WORK beneath the open directory ROOT, and the key, if there is one.  A
 * missing WORK, or a NULL one, is success: then nothing is kept. */
int tagdir_open(struct tagdir *d, int root, const char *work, struct err *e);
void tagdir_close(struct tagdir *d);
/* The key, made if need be; if it cannot be kept, it is this object's. */
const uint8_t *tagdir_key(struct tagdir *d);
/* The sender's key: kept from now on.  What was kept under another is gone. */
void tagdir_set_key(struct tagdir *d, const uint8_t key[FINGERPRINT_KEY]);

enum { TAGDIR_NAME = 40 };
/* Names of the tag files of a file on the target, and of one on the source. */
void tagdir_name_of(const struct stat *st, char name[TAGDIR_NAME]);
void tagdir_name_for(const char *rel, char name[TAGDIR_NAME]);

enum {
	TAGDIR_IDLE = 1,  /* sealed by a pass that nothing wrote into */
	TAGDIR_FINAL = 2, /* and nothing could: the final pass */
};

/* What a header says. */
struct tagdir_seal {
	struct stat st;
	bool now; /* sealed since the host was booted */
	unsigned flags;
	char text[DIGEST_TEXT_MAX];
};

/* The header of NAME, if it is a true one of this job; ST, if not NULL: and if
 * this is the identity of the file that it is of. */
bool tagdir_known(struct tagdir *d, const char *name, const struct stat *st,
		  struct tagdir_seal *out);
/* The tags of NAME, for a file of SIZE bytes: those that were sealed with the
 * digest TEXT, else with nothing known, and in memory only where no file can
 * be had. */
struct tags *tagdir_take(struct tagdir *d, const char *name, uint64_t size,
			 const char *text);
/* T, taken of NAME, are of the file that S says; best effort. */
void tagdir_put(struct tagdir *d, struct tags *t, const struct tagdir_seal *s);
void tagdir_drop(struct tagdir *d, const char *name);

/* May a file of which S was sealed, and which is ST now, be taken to have the
 * same content without reading it?  FINAL: it counts. */
bool tagdir_idle(const struct tagdir_seal *s, const struct stat *st,
		 bool final);
/* The time has moved on since ST was written to. */
bool tagdir_settled(const struct stat *st);
bool tagdir_same(const struct stat *a, const struct stat *b);

/* Around what changes the ctime alone.  FD: the file; any kind will do. */
struct tagdir_change {
	bool known;
	char name[TAGDIR_NAME];
	struct tagdir_seal seal;
};
void tagdir_before(struct tagdir *d, int fd, struct tagdir_change *c);
void tagdir_after(struct tagdir *d, int fd, const struct tagdir_change *c);

#endif
