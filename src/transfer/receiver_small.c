/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/receiver_small.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "core/fs.h"
#include "transfer/receiver_batch.h"
#include "transfer/receiver_names.h"
#include "transfer/small.h"
#include "transfer/tagdir.h"
#include "transfer/zip.h"

struct receiver_small {
	const struct receiver_cfg *cfg;
	struct chan *c;
	struct unzip *unzip;
	uint64_t next_id; /* ids rise */
	/* One takes files while the other is stored. */
	struct batch *filling, *storing;
	bool within; /* DATA of the last item is to come */
	uint64_t got, acked;
	struct batch_store store; /* of storing */
	struct batch_store here;  /* of this thread */
};

static void store_clear(struct batch_store *s)
{
	fingerprint_free(s->fp);
	mem_free(s->buf);
}

/* Cut off, or told to stop: what has arrived whole need not come again. */
static void store_rest(struct receiver_small *m)
{
	if (m->storing) {
		while (!batch_wait(m->storing))
			;
		if (m->storing->failed.kind != ERR_NONE)
			return;
	}
	if (m->within)
		mem_closefd(&m->filling->item[m->filling->n - 1].fd);
	if (m->filling->n)
		batch_store(m->filling, &m->store);
}

void receiver_small_free(struct receiver_small *m)
{
	if (!m)
		return;
	store_rest(m);
	batch_free(m->storing);
	batch_free(m->filling);
	store_clear(&m->store);
	store_clear(&m->here);
	mem_free(m);
}

static struct enc *begin(struct receiver_small *m, enum small_type type)
{
	struct enc *out = chan_begin(m->c, XP_SMALL_ANSWER);

	enc_u8(out, (uint8_t)type);
	return out;
}

/* IT is out of the batch, with the reason WHY, which is cleared. */
static int fail(struct receiver_small *m, struct batch_item *it,
		struct err *why, struct err *e)
{
	struct enc *out = begin(m, SMALL_FAILED);

	mem_closefd(&it->fd);
	err_wrap(why, "%s", it->rel);
	enc_u32(out, it->id);
	enc_err(out, why);
	err_clear(why);
	return chan_end(m->c, NULL, 0, e);
}

/* ---- storing --------------------------------------------------------- */

static int tell(struct receiver_small *m, struct batch *b, struct err *e)
{
	struct enc *out;
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++) {
		n += b->item[i].fd >= 0;
		if (b->item[i].why.kind != ERR_NONE &&
		    fail(m, &b->item[i], &b->item[i].why, e))
			return -1;
	}
	out = begin(m, SMALL_STORED);
	enc_count(out, n);
	for (size_t i = 0; i < b->n; i++) {
		if (b->item[i].fd < 0)
			continue;
		enc_u32(out, b->item[i].id);
		enc_str(out, b->item[i].want);
		enc_u64(out, b->item[i].allocated);
	}
	return chan_end(m->c, NULL, 0, e);
}

/* Waits for the batch that is being stored, if any, and tells. */
static int settle(struct receiver_small *m, struct err *e)
{
	struct batch *b = m->storing;
	int rc;

	if (!b)
		return 0;
	while (!batch_wait(b))
		if (chan_alive(m->c, e))
			return -1;
	if (b->failed.kind != ERR_NONE) {
		err_move(e, &b->failed);
		return -1;
	}
	rc = tell(m, b, e);
	batch_free(b);
	m->storing = NULL;
	return rc;
}

/* The batch is full.  It is stored after the one before it, whose directories
 * it may need. */
static int next_batch(struct receiver_small *m, struct err *e)
{
	if (settle(m, e))
		return -1;
	m->storing = m->filling;
	m->filling = batch_new(m->cfg->root);
	batch_store(m->storing, &m->store);
	return 0;
}

/* ---- what is there --------------------------------------------------- */

struct looked {
	char text[DIGEST_TEXT_MAX];
	uint64_t allocated;
};

/* What has the name REL, if that could stay as it is; else its digest is empty,
 * as it is for whatever cannot be looked at: a PUT will say why. */
static void look(struct receiver_small *m, const char *rel, uint32_t mode,
		 bool full, struct looked *l)
{
	AUTO(mem_closefd) int fd = -1;
	struct err no = ERR_INIT;
	struct dirs_entry *d;
	struct stat st;
	const char *base;

	*l = (struct looked){.allocated = 0};
	if (!receiver_beneath(m->cfg, rel))
		return;
	d = dirs_find(&m->filling->dirs, rel, &base);
	if (d)
		fd = fs_open_beneath(d->fd, base, O_RDONLY | O_NONBLOCK, 0,
				     &no);
	/* One with another name, too, is not ours alone to be written to. */
	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) &&
	    st.st_nlink == 1 && st.st_size <= SMALL_MAX &&
	    (st.st_mode & 07777) == mode &&
	    !batch_digest(&m->here, fd, (uint64_t)st.st_size, full, l->text,
			  &no)) {
		l->allocated = (uint64_t)st.st_blocks * 512;
		d->dirty = true;
	} else {
		l->text[0] = '\0';
	}
	err_clear(&no);
}

static int on_list(struct receiver_small *m, struct dec *d, struct err *e)
{
	AUTO(enc_clear) struct enc answer = ENC_INIT;
	uint32_t first = dec_u32(d);
	size_t n = dec_count(d, 6);
	struct enc *out;

	if (n > SMALL_LIST_MAX)
		return err_set(e, ERR_BUG, "%zu names in a list", n);
	if (dirs_many(&m->filling->dirs) && next_batch(m, e))
		return -1;
	for (size_t i = 0; i < n; i++) {
		const char *rel = dec_str(d);
		uint32_t mode = dec_u32(d);
		bool full = dec_bool(d);
		struct looked l;

		if (d->bad)
			break;
		look(m, rel, mode, full, &l);
		enc_str(&answer, l.text);
		enc_u64(&answer, l.allocated);
		if (chan_alive(m->c, e))
			return -1;
	}
	if (dec_end(d, "list", e) || dirs_sync(&m->filling->dirs, m->c, e))
		return -1;
	out = begin(m, SMALL_LISTED);
	enc_u32(out, first);
	enc_count(out, n);
	return chan_end(m->c, answer.b.p, answer.b.len, e);
}

/* ---- taking files ---------------------------------------------------- */

static int ack(struct receiver_small *m, size_t n, struct err *e)
{
	m->got += xp_cost(n);
	if (!chan_ack_due(m->c, m->got - m->acked))
		return 0;
	m->acked = m->got;
	enc_u64(chan_begin(m->c, XP_ACK), m->got);
	return chan_end(m->c, NULL, 0, e);
}

/* The N bytes at OFF of the last item; of one that has failed they are
 * dropped. */
static int take(struct receiver_small *m, struct dec *d, struct err *e)
{
	struct batch *b = m->filling;
	struct batch_item *it = &b->item[b->n - 1];
	bool last = dec_bool(d);
	uint64_t off = dec_u64(d);
	size_t n;
	const void *p = zip_content(m->unzip, d, &n, e);
	struct err why = ERR_INIT;

	if (!p)
		return -1;
	if (off > it->size || n > it->size - off)
		return err_set(e, ERR_BUG, "%zu bytes at offset %llu of %s", n,
			       (unsigned long long)off, it->rel);
	m->within = !last;
	b->bytes += n;
	if (it->fd >= 0 &&
	    (batch_write(it, off, p, n, &why) ||
	     (last && batch_complete(it, &why))) &&
	    fail(m, it, &why, e))
		return -1;
	if (ack(m, n, e))
		return -1;
	if (last && (b->n == SMALL_BATCH || b->bytes >= SMALL_BATCH_BYTES))
		return next_batch(m, e);
	return 0;
}

static int open_item(struct receiver_small *m, struct batch_item *it,
		     uint32_t mode, struct err *e)
{
	if (!receiver_beneath(m->cfg, it->rel))
		return err_set(e, ERR_REFUSED, "not beneath %s",
			       m->cfg->prefix ? m->cfg->prefix : "the root");
	return batch_open(m->filling, it, mode, e);
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
	struct batch_item *it;

	if (d->bad || id < m->next_id || size > SMALL_MAX ||
	    !tags_text_ok(digest))
		return err_set(e, ERR_BUG, "a malformed put of %s", rel);
	if ((batch_has(m->filling, rel) || dirs_many(&m->filling->dirs)) &&
	    next_batch(m, e))
		return -1;
	if (batch_has(m->storing, rel) && settle(m, e))
		return -1;
	m->next_id = (uint64_t)id + 1;
	it = batch_add(m->filling, id, rel);
	it->size = size;
	it->full = full;
	memcpy(it->want, digest, strlen(digest) + 1);
	if (open_item(m, it, mode, &why) && fail(m, it, &why, e))
		return -1;
	return take(m, d, e);
}

static int on_end(struct receiver_small *m, struct dec *d, struct err *e)
{
	if (dec_end(d, "end", e) || (m->filling->n && next_batch(m, e)) ||
	    settle(m, e))
		return -1;
	begin(m, SMALL_ENDED);
	return chan_end(m->c, NULL, 0, e);
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
		*end = true;
		return on_end(m, d, e);
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
	m->unzip = cfg->unzip;
	m->filling = batch_new(m->cfg->root);
	m->store.fp = fingerprint_new(key);
	m->store.buf = mem_calloc(1, SMALL_MAX);
	m->here.fp = fingerprint_new(key);
	m->here.buf = mem_calloc(1, SMALL_MAX);
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
