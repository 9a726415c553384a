/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/buf.h"
#include "core/fs.h"
#include "transfer/extents.h"
#include "transfer/tags_priv.h"

enum {
	CHUNK = 4, /* blocks read at once: they stay in the cache */
	LOOK = 16, /* between two looks for a hole */
	STEP = 16, /* at most in one step */
	BLOCK = FINGERPRINT_BLOCK,
};

static const char prefix[] = "p1305t64k:";

/* libcrypto fails here only when memory is out, which aborts like ours. */
static void must(int ok)
{
	if (ok != 1)
		abort();
}

/* ---- the digest ------------------------------------------------------ */

void tags_root_begin(struct tags_root *r, uint64_t size)
{
	uint8_t b[8];

	r->ctx = EVP_MD_CTX_new();
	must(r->ctx != NULL);
	for (int i = 0; i < 8; i++)
		b[i] = (uint8_t)(size >> (8 * i));
	must(EVP_DigestInit_ex(r->ctx, EVP_sha256(), NULL));
	must(EVP_DigestUpdate(r->ctx, b, sizeof(b)));
}

void tags_root_page(struct tags_root *r, const uint8_t (*tag)[FINGERPRINT_LEN])
{
	size_t n = (size_t)TAGS_PAGE * FINGERPRINT_LEN;
	uint8_t some = tag && !extents_zero(tag, n);

	must(EVP_DigestUpdate(r->ctx, &some, 1));
	if (some)
		must(EVP_DigestUpdate(r->ctx, tag, n));
}

void tags_root_end(struct tags_root *r, char text[DIGEST_TEXT_MAX])
{
	uint8_t sum[DIGEST_LEN];

	must(EVP_DigestFinal_ex(r->ctx, sum, NULL));
	memcpy(text, prefix, sizeof(prefix) - 1);
	hex_encode(sum, DIGEST_LEN, text + sizeof(prefix) - 1);
}

void tags_root_clear(struct tags_root *r)
{
	EVP_MD_CTX_free(r->ctx);
	r->ctx = NULL;
}

bool tags_text_ok(const char *s)
{
	size_t n = sizeof(prefix) - 1;
	uint8_t sum[DIGEST_LEN];

	return s && !strncmp(s, prefix, n) && strlen(s) == n + 2 * DIGEST_LEN &&
	       hex_decode(s + n, sum, DIGEST_LEN);
}

/* ---- reading --------------------------------------------------------- */

void tags_read_clear(struct tags_read *r)
{
	mem_free(r->buf);
	r->buf = NULL;
}

static int chunk(struct tags_read *r, uint64_t i, unsigned n, struct err *e)
{
	uint8_t tag[CHUNK][FINGERPRINT_LEN] = {{0}};
	uint64_t off = i * BLOCK;
	size_t len = r->size - off < (uint64_t)n * BLOCK
			     ? (size_t)(r->size - off)
			     : (size_t)n * BLOCK;
	ssize_t got;

	if (!r->buf)
		r->buf = mem_calloc(CHUNK, BLOCK);
	got = fs_pread_full(r->fd, r->buf, len, (off_t)off, e);
	if (got < 0)
		return err_wrap(e, "at offset %llu", (unsigned long long)off);
	if ((size_t)got < len)
		return err_set(e, ERR_CONFLICT,
			       "the file ends at %llu, not at %llu",
			       (unsigned long long)off + (size_t)got,
			       (unsigned long long)r->size);
	for (unsigned b = 0; b < n; b++) {
		size_t at = (size_t)b * BLOCK;
		size_t k = len - at < BLOCK ? len - at : BLOCK;

		if (!extents_zero(r->buf + at, k))
			fingerprint_tag(r->fp, off + at, r->buf + at, k,
					tag[b]);
	}
	if (r->put(r->to, i, n, (const uint8_t(*)[FINGERPRINT_LEN])tag, e))
		return -1;
	return r->tick ? r->tick(r->arg, len, e) : 0;
}

int tags_read(struct tags_read *r, uint64_t i, uint64_t n, struct err *e)
{
	uint64_t end = i + n;

	while (i < end) {
		uint64_t data, stop;

		if (extents_data(r->fd, i * BLOCK, &data, e))
			return -1;
		stop = data < r->size ? data / BLOCK : end;
		if (stop > end)
			stop = end;
		if (stop > i) {
			if (r->put(r->to, i, stop - i, NULL, e) ||
			    (r->tick && r->tick(r->arg, 0, e)))
				return -1;
			i = stop;
			continue;
		}
		stop = end - i < LOOK ? end : i + LOOK;
		for (; i < stop; i += CHUNK)
			if (chunk(r, i,
				  stop - i < CHUNK ? (unsigned)(stop - i)
						   : CHUNK,
				  e))
				return -1;
		i = stop;
	}
	return 0;
}

/* ---- what an object does not know ------------------------------------- */

static int store(void *arg, uint64_t i, uint64_t n,
		 const uint8_t (*tag)[FINGERPRINT_LEN], struct err *e)
{
	struct tags *t = arg;

	(void)e;
	if (!tag)
		tags_zero(t, i, n);
	for (uint64_t b = 0; tag && b < n; b++)
		tags_set(t, i + b, tag[b]);
	return 0;
}

int tags_scan(struct tags *t, int fd, struct fingerprint *fp, digest_tick *tick,
	      void *arg, struct err *e)
{
	struct tags_read r = {.fd = fd,
			      .size = tags_size(t),
			      .fp = fp,
			      .tick = tick,
			      .arg = arg,
			      .put = store,
			      .to = t};
	struct stat st;
	uint64_t i = 0, n;
	int rc = 0;

	if (fstat(fd, &st))
		return err_sys(e, ERR_FAILED, errno, "stat");
	/* A hole past the end would read as zeros that are not there. */
	if ((uint64_t)st.st_size < tags_size(t))
		return err_set(e, ERR_CONFLICT,
			       "the file ends at %llu, not at %llu",
			       (unsigned long long)st.st_size,
			       (unsigned long long)tags_size(t));
	while (!rc && (i = tags_unknown(t, i, &n), n)) {
		rc = tags_read(&r, i, n, e);
		i += n;
	}
	tags_read_clear(&r);
	return rc;
}

int tags_step(struct tags *t, int fd, struct fingerprint *fp, uint64_t limit,
	      bool *did, struct err *e)
{
	struct tags_read r = {.fd = fd,
			      .size = tags_size(t),
			      .fp = fp,
			      .put = store,
			      .to = t,
			      .buf = *tags_buf(t)};
	uint64_t i, n, whole = limit / FINGERPRINT_BLOCK;
	int rc;

	*did = false;
	if (limit >= tags_size(t))
		whole = tags_blocks(t);
	i = tags_next(t);
	if (i >= whole)
		return 0;
	i = tags_unknown(t, i, &n);
	if (!n || i >= whole)
		return 0;
	if (n > whole - i)
		n = whole - i;
	*did = true;
	rc = tags_read(&r, i, n < STEP ? n : STEP, e);
	*tags_buf(t) = r.buf;
	return rc;
}

/* ---- a file by itself ------------------------------------------------ */

struct stream {
	struct tags_root root;
	uint64_t i, n; /* blocks: done, of all */
	bool some;     /* in the page under way */
	uint8_t page[TAGS_PAGE][FINGERPRINT_LEN];
};

static void stream_step(struct stream *s, uint64_t n)
{
	s->i += n;
	if (s->i % TAGS_PAGE && s->i < s->n)
		return;
	tags_root_page(&s->root,
		       s->some ? (const uint8_t(*)[FINGERPRINT_LEN])s->page
			       : NULL);
	if (s->some)
		memset(s->page, 0, sizeof(s->page));
	s->some = false;
}

static int stream_put(void *to, uint64_t i, uint64_t n,
		      const uint8_t (*tag)[FINGERPRINT_LEN], struct err *e)
{
	struct stream *s = to;

	(void)e;
	(void)i;
	while (!tag && n) {
		uint64_t k = TAGS_PAGE - s->i % TAGS_PAGE;

		stream_step(s, n < k ? n : k);
		n -= n < k ? n : k;
	}
	for (uint64_t b = 0; tag && b < n; b++) {
		memcpy(s->page[s->i % TAGS_PAGE], tag[b], FINGERPRINT_LEN);
		s->some = true;
		stream_step(s, 1);
	}
	return 0;
}

int tags_digest_fd(int fd, struct fingerprint *fp, digest_tick *tick, void *arg,
		   char text[DIGEST_TEXT_MAX], struct err *e)
{
	struct tags_read r = {.fd = fd,
			      .fp = fp,
			      .tick = tick,
			      .arg = arg,
			      .put = stream_put};
	struct stream *s;
	struct stat st;
	int rc;

	if (fstat(fd, &st))
		return err_sys(e, ERR_FAILED, errno, "stat");
	s = MEM_NEW(struct stream);
	r.size = (uint64_t)st.st_size;
	r.to = s;
	s->n = r.size / BLOCK + (r.size % BLOCK != 0);
	tags_root_begin(&s->root, r.size);
	rc = tags_read(&r, 0, s->n, e);
	if (!rc)
		tags_root_end(&s->root, text);
	tags_root_clear(&s->root);
	tags_read_clear(&r);
	mem_free(s);
	return rc;
}
