/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The digest of a file, of either kind: SHA-256 of its content, which means the
 * same everywhere (transfer/digest.h), or the job's, which is read several
 * times as fast, and not at all where it was kept when the file was made
 * (transfer/tags.h, transfer/tagdir.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/agent_priv.h"
#include "agent/host_verbs.h"
#include "transfer/tagdir.h"

/* Values as in host/host.h's enum host_digest_how. */
enum how { HOW_SHA256 = 0, HOW_JOB, HOW_JOB_FRESH };

int agent_kept(struct agent *a, struct tagdir *d, struct err *e)
{
	AUTO(mem_freep) char *work = NULL;

	*d = (struct tagdir)TAGDIR_INIT;
	if (!a->lease.on)
		return 0;
	work = mem_printf(".novahaul/%s", a->lease.job);
	return tagdir_open(d, a->lease.root, work, e);
}

/* What the file had when it was made, if it is still that file. */
static bool known(struct tagdir *d, const struct stat *st,
		  char text[DIGEST_TEXT_MAX])
{
	struct tagdir_seal seal;
	char name[TAGDIR_NAME];

	tagdir_name_of(st, name);
	if (!tagdir_known(d, name, st, &seal))
		return false;
	memcpy(text, seal.text, sizeof(seal.text));
	return true;
}

static int of_job(struct tagdir *d, int fd, bool fresh,
		  char text[DIGEST_TEXT_MAX], struct err *e)
{
	struct fingerprint *fp;
	struct stat st;
	int rc;

	text[0] = '\0';
	if (!d->have_key)
		return 0;
	if (fstat(fd, &st))
		return err_sys(e, ERR_FAILED, errno, "stat");
	if (!fresh && known(d, &st, text))
		return 0;
	/* From the disk, and not from what was written to it. */
	if (fresh)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	fp = fingerprint_new(tagdir_key(d));
	rc = tags_digest_fd(fd, fp, NULL, NULL, text, e);
	fingerprint_free(fp);
	return rc;
}

int verb_digest(struct verb_call *c, struct err *e)
{
	AUTO(tagdir_close) struct tagdir kept = TAGDIR_INIT;
	AUTO(mem_closefd) int fd = -1;
	char text[DIGEST_TEXT_MAX];
	struct agent_path p;
	struct stat st;
	uint8_t how;
	int rc;

	if (agent_path(c, &p, e))
		return -1;
	how = dec_u8(c->in);
	if (agent_args_end(c, e))
		return -1;
	if (how > HOW_JOB_FRESH)
		return err_set(e, ERR_BUG, "a digest of kind %u", how);
	fd = agent_open(&p, O_RDONLY, 0, e);
	if (fd < 0 || (how != HOW_SHA256 && agent_kept(c->agent, &kept, e)))
		return -1;
	if (fstat(fd, &st))
		return err_sys(e, ERR_FAILED, errno, "%s/%s", p.where, p.rel);
	rc = how == HOW_SHA256
		     ? digest_fd(fd, NULL, NULL, text, e)
		     : of_job(&kept, fd, how == HOW_JOB_FRESH, text, e);
	if (rc)
		return err_wrap(e, "%s/%s", p.where, p.rel);
	enc_u64(c->out, (uint64_t)st.st_size);
	enc_str(c->out, text);
	return 0;
}
