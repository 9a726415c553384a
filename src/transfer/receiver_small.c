/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/receiver_small.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fs.h"
#include "transfer/dirs.h"
#include "transfer/extents.h"
#include "transfer/receiver_names.h"
#include "transfer/small.h"
#include "transfer/tagdir.h"

enum { PAGE_SIZE_MIN = 4096 };

/* A file of the batch; fd < 0: it has failed, and the sender knows. */
struct item {
	uint32_t id;
	int fd; /* of the part */
	int dir;
	char *rel, *part;
	const char *name; /* in rel */
	uint64_t size;
	bool full;
	bool had; /* a file has that name, and will be replaced */
	char want[DIGEST_TEXT_MAX];
	uint64_t allocated;
};

struct receiver_small {
	const struct receiver_cfg *cfg;
	struct chan *c;
	uint64_t next_id; /* ids rise */
	struct dirs dirs;
	struct item item[SMALL_BATCH];
	size_t n;
	uint64_t bytes;
	struct fingerprint *fp;
	bool within; /* DATA of the last item is to come */
	uint64_t got, acked;
	uint8_t *buf; /* SMALL_MAX */
};

static void item_clear(struct item *it)
{
	mem_closefd(&it->fd);
	mem_free(it->rel);
	mem_free(it->part);
	*it = (struct item){.fd = -1};
}

static void batch_clear(struct receiver_small *m)
{
	for (size_t i = 0; i < m->n; i++)
		item_clear(&m->item[i]);
	m->n = 0;
	m->bytes = 0;
	m->within = false;
}

void receiver_small_free(struct receiver_small *m)
{
	if (!m)
		return;
	batch_clear(m);
	dirs_clear(&m->dirs);
	fingerprint_free(m->fp);
	mem_free(m->buf);
	mem_free(m);
}

static struct enc *begin(struct receiver_small *m, enum small_type type)
{
	struct enc *out = chan_begin(m->c, XP_SMALL_ANSWER);

	enc_u8(out, (uint8_t)type);
	return out;
}

/* IT is out of the batch, with the reason WHY, which is cleared. */
static int fail(struct receiver_small *m, struct item *it, struct err *why,
		struct err *e)
{
	struct enc *out = begin(m, SMALL_FAILED);

	mem_closefd(&it->fd);
	if (it->rel)
		err_wrap(why, "%s", it->rel);
	enc_u32(out, it->id);
	enc_err(out, why);
	err_clear(why);
	return chan_end(m->c, NULL, 0, e);
}

/* ---- what is there --------------------------------------------------- */

/* Reads FD, whole, for its digest. */
static int digest_back(struct receiver_small *m, int fd, uint64_t size,
		       bool full, char text[DIGEST_TEXT_MAX], struct err *e)
{
	ssize_t n;

	if (full)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	n = fs_pread_full(fd, m->buf, size, 0, e);
	if (n < 0)
		return -1;
	if ((uint64_t)n < size)
		return err_set(e, ERR_CONFLICT, "it ends at %zd, not at %llu",
			       n, (unsigned long long)size);
	small_digest(m->fp, m->buf, (size_t)n, text);
	return 0;
}

/* The digest of what has the name REL, if that could stay as it is; else TEXT
 * is empty, as it is for whatever cannot be looked at: a PUT will say why. */
static int look(struct receiver_small *m, const char *rel, uint32_t mode,
		bool full, char text[DIGEST_TEXT_MAX], uint64_t *allocated,
		struct err *e)
{
	AUTO(mem_closefd) int fd = -1;
	struct err no = ERR_INIT;
	struct dirs_entry *d;
	struct stat st;
	const char *base;

	text[0] = '\0';
	*allocated = 0;
	if (!receiver_beneath(m->cfg, rel))
		return 0;
	d = dirs_find(&m->dirs, rel, &base);
	if (d)
		fd = fs_open_beneath(d->fd, base, O_RDONLY | O_NONBLOCK, 0,
				     &no);
	/* One with another name, too, is not ours alone to be written to. */
	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) &&
	    st.st_nlink == 1 && st.st_size <= SMALL_MAX &&
	    (st.st_mode & 07777) == mode &&
	    !digest_back(m, fd, (uint64_t)st.st_size, full, text, &no)) {
		*allocated = (uint64_t)st.st_blocks * 512;
		d->dirty = true;
	} else {
		text[0] = '\0';
	}
	err_clear(&no);
	return chan_alive(m->c, e);
}

/* ---- storing a batch ------------------------------------------------- */

/* Synced, and what is read back is what was sent. */
static int verify(struct receiver_small *m, struct item *it, struct err *e)
{
	char text[DIGEST_TEXT_MAX];

	if (digest_back(m, it->fd, it->size, it->full, text, e))
		return -1;
	if (strcmp(text, it->want))
		return err_set(e, ERR_CONFLICT,
			       "it was read as %s and reads back as %s",
			       it->want, text);
	return extents_allocated(it->fd, &it->allocated, e);
}

static int give_name(struct item *it, struct err *e)
{
	struct stat a, b;

	/* Is it still the one that was verified? */
	if (fstat(it->fd, &a) ||
	    fstatat(it->dir, it->part, &b, AT_SYMLINK_NOFOLLOW))
		return err_sys(e, ERR_CONFLICT, errno, "%s", it->part);
	if (a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		return err_set(e, ERR_CONFLICT, "%s is another file now",
			       it->part);
	return fs_rename_lazy(it->dir, it->part, it->name, !it->had, e);
}

/* Does FN to every item that has not failed; those where it fails have. */
static int each(struct receiver_small *m,
		int (*fn)(struct receiver_small *m, struct item *it,
			  struct err *e),
		struct err *e)
{
	struct err why = ERR_INIT;

	for (size_t i = 0; i < m->n; i++) {
		struct item *it = &m->item[i];

		if (it->fd >= 0 && fn(m, it, &why) && fail(m, it, &why, e))
			return -1;
		if (chan_alive(m->c, e))
			return -1;
	}
	return 0;
}

static int do_sync(struct receiver_small *m, struct item *it, struct err *e)
{
	(void)m;
	return fs_fsync(it->fd, e);
}

static int do_name(struct receiver_small *m, struct item *it, struct err *e)
{
	(void)m;
	return give_name(it, e);
}

/*
 * Nothing gets its name before its data and its inode are synced and right, and
 * nothing is said to be stored before its name is synced.
 */
static int store(struct receiver_small *m, struct err *e)
{
	struct enc *out;
	size_t n = 0;

	if (each(m, do_sync, e) || each(m, verify, e) || each(m, do_name, e) ||
	    dirs_sync(&m->dirs, m->c, e))
		return -1;
	for (size_t i = 0; i < m->n; i++)
		n += m->item[i].fd >= 0;
	out = begin(m, SMALL_STORED);
	enc_count(out, n);
	for (size_t i = 0; i < m->n; i++) {
		if (m->item[i].fd < 0)
			continue;
		enc_u32(out, m->item[i].id);
		enc_str(out, m->item[i].want);
		enc_u64(out, m->item[i].allocated);
	}
	batch_clear(m);
	dirs_clear(&m->dirs);
	return chan_end(m->c, NULL, 0, e);
}

static int on_list(struct receiver_small *m, struct dec *d, struct err *e)
{
	AUTO(enc_clear) struct enc answer = ENC_INIT;
	uint32_t first = dec_u32(d);
	size_t n = dec_count(d, 6);
	struct enc *out;

	if (n > SMALL_LIST_MAX)
		return err_set(e, ERR_BUG, "%zu names in a list", n);
	if (dirs_many(&m->dirs) && store(m, e))
		return -1;
	for (size_t i = 0; i < n; i++) {
		const char *rel = dec_str(d);
		uint32_t mode = dec_u32(d);
		bool full = dec_bool(d);
		char text[DIGEST_TEXT_MAX];
		uint64_t allocated;

		if (d->bad)
			break;
		if (look(m, rel, mode, full, text, &allocated, e))
			return -1;
		enc_str(&answer, text);
		enc_u64(&answer, allocated);
	}
	if (dec_end(d, "list", e) || dirs_sync(&m->dirs, m->c, e))
		return -1;
	out = begin(m, SMALL_LISTED);
	enc_u32(out, first);
	enc_count(out, n);
	return chan_end(m->c, answer.b.p, answer.b.len, e);
}

/* ---- taking files ---------------------------------------------------- */

/* One name twice in a batch would be one part for two files. */
static bool in_batch(const struct receiver_small *m, const char *rel)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->item[i].rel && !strcmp(m->item[i].rel, rel))
			return true;
	return false;
}

static int make_part(struct item *it, uint32_t mode, struct err *e)
{
	struct stat st;

	if (strlen(it->name) + strlen(".part") > NAME_MAX)
		return err_sys(e, ERR_REFUSED, ENAMETOOLONG, "%s", it->part);
	it->had = !fstatat(it->dir, it->name, &st, AT_SYMLINK_NOFOLLOW);
	if (it->had && !S_ISREG(st.st_mode))
		return err_set(e, ERR_CONFLICT, "it is not a regular file");
	if (unlinkat(it->dir, it->part, 0) && errno != ENOENT)
		return err_sys(e, ERR_CONFLICT, errno, "%s", it->part);
	it->fd = fs_open_beneath(it->dir, it->part, O_RDWR | O_CREAT | O_EXCL,
				 0600, e);
	if (it->fd < 0)
		return -1;
	if (fchmod(it->fd, mode & 07777) ||
	    ftruncate(it->fd, (off_t)it->size)) {
		err_sys(e, ERR_FAILED, errno, "%s", it->part);
		mem_closefd(&it->fd);
		return -1;
	}
	return 0;
}

static int open_item(struct receiver_small *m, struct item *it, const char *rel,
		     uint32_t mode, struct err *e)
{
	struct dirs_entry *d;

	if (!receiver_beneath(m->cfg, rel))
		return err_set(e, ERR_REFUSED, "not beneath %s",
			       m->cfg->prefix ? m->cfg->prefix : "the root");
	d = dirs_make(&m->dirs, rel, &it->name, e);
	if (!d)
		return -1;
	d->dirty = true;
	it->dir = d->fd;
	it->part = mem_printf("%s.part", it->name);
	return make_part(it, mode, e);
}

/* Pages of zeros stay holes, so that no more is allocated than on the source.
 */
static int write_piece(struct item *it, uint64_t off, const uint8_t *p,
		       size_t n, struct err *e)
{
	for (size_t i = 0; i < n;) {
		size_t from = i, k;

		while (i < n) {
			k = n - i < PAGE_SIZE_MIN ? n - i : PAGE_SIZE_MIN;
			if (extents_zero(p + i, k))
				break;
			i += k;
		}
		if (i > from && fs_pwrite_all(it->fd, p + from, i - from,
					      (off_t)(off + from), e))
			return e->sys == ENOSPC || e->sys == EDQUOT
				       ? err_hint(e, "make room on the "
						     "target's file system, "
						     "then novahaul resume")
				       : -1;
		i += PAGE_SIZE_MIN;
	}
	return 0;
}

static int ack(struct receiver_small *m, size_t n, struct err *e)
{
	m->got += xp_cost(n);
	if (m->got - m->acked < XP_ACK_EVERY)
		return 0;
	m->acked = m->got;
	enc_u64(chan_begin(m->c, XP_ACK), m->got);
	return chan_end(m->c, NULL, 0, e);
}

/* The N bytes at OFF of the last item; of one that has failed they are
 * dropped. */
static int take(struct receiver_small *m, struct dec *d, struct err *e)
{
	struct item *it = &m->item[m->n - 1];
	bool last = dec_bool(d);
	uint64_t off = dec_u64(d);
	size_t n = d->bad ? 0 : (size_t)(d->end - d->p);
	const uint8_t *p = d->p;
	struct err why = ERR_INIT;

	if (d->bad || off > it->size || n > it->size - off)
		return err_set(e, ERR_BUG, "%zu bytes at offset %llu of %s", n,
			       (unsigned long long)off, it->rel);
	m->within = !last;
	m->bytes += n;
	if (it->fd >= 0 &&
	    (write_piece(it, off, p, n, &why) ||
	     (last && fs_writeback(it->fd, 0, 0, false, &why))) &&
	    fail(m, it, &why, e))
		return -1;
	if (ack(m, n, e))
		return -1;
	if (last && (m->n == SMALL_BATCH || m->bytes >= SMALL_BATCH_BYTES))
		return store(m, e);
	return 0;
}

static int on_put(struct receiver_small *m, struct dec *d, struct err *e)
{
	uint32_t id = dec_u32(d);
	const char *rel = dec_str(d);
	uint32_t mode = dec_u32(d);
	uint64_t size = dec_u64(d);
	const char *digest = dec_str(d);
	bool full = dec_bool(d);
	struct err why = ERR_INIT;
	struct item *it;

	if (d->bad || id < m->next_id || size > SMALL_MAX ||
	    !tags_text_ok(digest))
		return err_set(e, ERR_BUG, "a malformed put of %s", rel);
	if ((in_batch(m, rel) || dirs_many(&m->dirs)) && store(m, e))
		return -1;
	m->next_id = (uint64_t)id + 1;
	it = &m->item[m->n++];
	*it = (struct item){.id = id, .fd = -1, .size = size, .full = full};
	it->rel = mem_strdup(rel);
	memcpy(it->want, digest, strlen(digest) + 1);
	if (open_item(m, it, it->rel, mode, &why) && fail(m, it, &why, e))
		return -1;
	return take(m, d, e);
}

static int handle(struct receiver_small *m, struct dec *d, bool *end,
		  struct err *e)
{
	enum small_type type = (enum small_type)dec_u8(d);

	if (m->within && type != SMALL_DATA)
		return err_set(e, ERR_BUG, "a file without its end");
	switch (type) {
	case SMALL_LIST:
		return on_list(m, d, e);
	case SMALL_PUT:
		return on_put(m, d, e);
	case SMALL_DATA:
		if (!m->within)
			break;
		return take(m, d, e);
	case SMALL_END:
		if (dec_end(d, "end", e) || (m->n && store(m, e)))
			return -1;
		*end = true;
		begin(m, SMALL_ENDED);
		return chan_end(m->c, NULL, 0, e);
	case SMALL_NONE:
	case SMALL_BEGIN:
	case SMALL_LISTED:
	case SMALL_STORED:
	case SMALL_FAILED:
	case SMALL_ENDED:
		break;
	}
	return err_set(e, ERR_BUG, "message %d of a list", (int)type);
}

/* BEGIN, and no other. */
static struct receiver_small *on_begin(const struct receiver_small_cfg *cfg,
				       struct dec *d, struct err *e)
{
	enum small_type type = (enum small_type)dec_u8(d);
	struct receiver_small *m;
	size_t n;
	const void *key = dec_bytes(d, &n);

	if (type != SMALL_BEGIN || n != FINGERPRINT_KEY ||
	    dec_end(d, "begin", e)) {
		err_set(e, ERR_BUG, "a list without its begin");
		return NULL;
	}
	tagdir_set_key(cfg->kept, key);
	m = MEM_NEW(struct receiver_small);
	m->cfg = cfg->receiver;
	m->c = cfg->chan;
	m->dirs.root = m->cfg->root;
	m->fp = fingerprint_new(key);
	m->buf = mem_calloc(1, SMALL_MAX);
	return m;
}

int receiver_small(struct receiver_small **m,
		   const struct receiver_small_cfg *cfg, struct chan_msg *msg,
		   struct err *e)
{
	bool end = false;

	if (!*m) {
		*m = on_begin(cfg, &msg->d, e);
		return *m ? 0 : -1;
	}
	if (handle(*m, &msg->d, &end, e))
		return -1;
	if (end) {
		receiver_small_free(*m);
		*m = NULL;
	}
	return 0;
}
