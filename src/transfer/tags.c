/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/tags.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fs.h"
#include "transfer/extents.h"
#include "transfer/tags_priv.h"

enum {
	RESIDENT = 64,	   /* pages in memory beside a file */
	MEMORY_MAX = 4096, /* without one */
	IN_FILE = 0x80,	   /* the file has something at this page's place */
};

/* Of a page. */
enum { UNKNOWN = 0, ZERO, FULL, SOME };

typedef uint8_t tag_t[FINGERPRINT_LEN];

struct page {
	uint64_t k;
	unsigned unknown; /* blocks */
	bool dirty;
	tag_t tag[TAGS_PAGE];
};

struct tags {
	int fd;
	bool stuck; /* FD cannot be written to: what is in memory stays there */
	bool over;  /* there was no room */
	bool touched; /* the header is no longer true */
	uint64_t size, n, npages;
	uint64_t next;	    /* no page below it has an unknown block */
	uint8_t *state;	    /* of a page, with IN_FILE */
	struct page **page; /* those in memory */
	uint64_t resident;
	uint64_t ring[RESIDENT]; /* their numbers, when there is a file */
	unsigned hand;
	uint8_t *buf; /* of tags_step() */
};

/* Stands for a block that is not known; no fingerprint is it. */
static const tag_t unknown = {[0 ... FINGERPRINT_LEN - 1] = 0xff};

static uint64_t count(uint64_t size)
{
	return size / FINGERPRINT_BLOCK + (size % FINGERPRINT_BLOCK != 0);
}

static uint64_t pages(uint64_t n)
{
	return n / TAGS_PAGE + (n % TAGS_PAGE != 0);
}

static int state_of(const struct tags *t, uint64_t k)
{
	return t->state[k] & ~IN_FILE;
}

static void set_state(struct tags *t, uint64_t k, int state)
{
	t->state[k] = (uint8_t)(state | (t->state[k] & IN_FILE));
}

/* Blocks of page K that the file has. */
static unsigned in_page(const struct tags *t, uint64_t k)
{
	uint64_t left = t->n - k * TAGS_PAGE;

	return left < TAGS_PAGE ? (unsigned)left : TAGS_PAGE;
}

struct tags *tags_new(int fd, uint64_t size)
{
	struct tags *t = MEM_NEW(struct tags);

	t->fd = fd;
	t->size = size;
	t->n = count(size);
	t->npages = pages(t->n);
	t->state = mem_calloc(t->npages + 1, 1);
	t->page = mem_calloc(t->npages + 1, sizeof(struct page *));
	for (int i = 0; i < RESIDENT; i++)
		t->ring[i] = UINT64_MAX;
	return t;
}

static void drop(struct tags *t, uint64_t k)
{
	if (!t->page[k])
		return;
	mem_free(t->page[k]);
	t->page[k] = NULL;
	t->resident--;
}

static void drop_all(struct tags *t)
{
	for (uint64_t k = 0; t->resident && k < t->npages; k++)
		drop(t, k);
}

void tags_free(struct tags *t)
{
	if (!t)
		return;
	drop_all(t);
	mem_free(t->page);
	mem_free(t->state);
	mem_free(t->buf);
	mem_closefd(&t->fd);
	mem_free(t);
}

void tags_freep(struct tags **t)
{
	tags_free(*t);
}

int tags_fd(const struct tags *t)
{
	return t->fd;
}

uint64_t tags_size(const struct tags *t)
{
	return t->size;
}

uint64_t tags_blocks(const struct tags *t)
{
	return t->n;
}

uint32_t tags_block(const struct tags *t, uint64_t i)
{
	uint64_t left = t->size - i * FINGERPRINT_BLOCK;

	return left < FINGERPRINT_BLOCK ? (uint32_t)left : FINGERPRINT_BLOCK;
}

/* ---- the file -------------------------------------------------------- */

static off_t place(uint64_t k)
{
	return (off_t)(TAGS_BASE + k * sizeof(tag_t[TAGS_PAGE]));
}

/* Before the first change: what the header says of the tags is over. */
static void touch(struct tags *t)
{
	static const char zero[TAGS_BASE];
	struct err e = ERR_INIT;

	if (t->touched)
		return;
	t->touched = true;
	if (t->fd < 0 || !fs_pwrite_all(t->fd, zero, sizeof(zero), 0, &e))
		return;
	t->stuck = true;
	err_clear(&e);
}

static bool write_page(struct tags *t, uint64_t k, const tag_t *tag)
{
	struct err e = ERR_INIT;

	if (t->fd < 0 || t->stuck)
		return false;
	touch(t);
	if (t->stuck ||
	    fs_pwrite_all(t->fd, tag, sizeof(tag_t[TAGS_PAGE]), place(k), &e)) {
		err_clear(&e);
		t->stuck = true;
		return false;
	}
	t->state[k] |= IN_FILE;
	return true;
}

/* Makes room for one more page in memory, by writing one of them. */
static bool evict(struct tags *t)
{
	uint64_t k = t->ring[t->hand];
	struct page *p = k < t->npages ? t->page[k] : NULL;

	if (!p)
		return true;
	if (p->dirty && !write_page(t, k, p->tag))
		return t->resident < MEMORY_MAX;
	drop(t, k);
	return true;
}

static unsigned count_unknown(const struct page *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < TAGS_PAGE; i++)
		n += !memcmp(p->tag[i], unknown, sizeof(unknown));
	return n;
}

static void read_page(struct tags *t, struct page *p)
{
	struct err e = ERR_INIT;

	if (fs_pread_full(t->fd, p->tag, sizeof(p->tag), place(p->k), &e) ==
	    (ssize_t)sizeof(p->tag))
		return;
	err_clear(&e);
	/* Lost: they have to be made again. */
	memset(p->tag, 0, sizeof(p->tag));
	for (unsigned i = 0; i < in_page(t, p->k); i++)
		memcpy(p->tag[i], unknown, sizeof(unknown));
	p->dirty = true;
}

/* Page K in memory; NULL when there is no room for it. */
static struct page *load(struct tags *t, uint64_t k)
{
	bool file = t->fd >= 0 && !t->stuck;
	struct page *p = t->page[k];

	if (p)
		return p;
	if (file ? !evict(t) : t->resident >= MEMORY_MAX) {
		t->over = true;
		return NULL;
	}
	p = MEM_NEW(struct page);
	p->k = k;
	if (state_of(t, k) == UNKNOWN)
		for (unsigned i = 0; i < in_page(t, k); i++)
			memcpy(p->tag[i], unknown, sizeof(unknown));
	else if (state_of(t, k) != ZERO)
		read_page(t, p);
	p->unknown = count_unknown(p);
	if (p->unknown && state_of(t, k) == FULL)
		set_state(t, k, SOME);
	t->page[k] = p;
	t->resident++;
	if (file) {
		t->ring[t->hand] = k;
		t->hand = (t->hand + 1) % RESIDENT;
	}
	return p;
}

int tags_flush(struct tags *t, struct err *e)
{
	static const tag_t zero[TAGS_PAGE];

	if (t->fd < 0 || t->stuck)
		return err_set(e, ERR_FAILED, "the tags are not in a file");
	if (ftruncate(t->fd, place(t->npages)))
		return err_sys(e, ERR_FAILED, errno, "tags");
	for (uint64_t k = 0; k < t->npages; k++) {
		struct page *p = t->page[k];

		if (t->state[k] == (ZERO | IN_FILE)) {
			if (!write_page(t, k, zero))
				return err_set(e, ERR_FAILED, "writing tags");
			t->state[k] = ZERO;
		}
		if (!p || !p->dirty)
			continue;
		if (!write_page(t, k, p->tag))
			return err_set(e, ERR_FAILED, "writing tags");
		p->dirty = false;
	}
	return 0;
}

void tags_sealed(struct tags *t)
{
	t->touched = false;
}

bool tags_load(struct tags *t, char text[DIGEST_TEXT_MAX])
{
	struct err e = ERR_INIT;
	struct stat st;
	struct extents x;
	struct extent ext;
	uint64_t end = (uint64_t)place(t->npages);

	if (t->fd < 0 || fstat(t->fd, &st) || (uint64_t)st.st_size != end)
		return false;
	memset(t->state, ZERO, t->npages);
	extents_init(&x, t->fd, TAGS_BASE, end);
	for (;;) {
		uint64_t k;

		if (extents_next(&x, &ext, &e)) {
			err_clear(&e);
			tags_reset(t);
			return false;
		}
		if (!ext.len)
			break;
		k = (ext.off - TAGS_BASE) / sizeof(tag_t[TAGS_PAGE]);
		for (; ext.data && k < t->npages &&
		       (uint64_t)place(k) < ext.off + ext.len;
		     k++)
			t->state[k] = FULL | IN_FILE;
	}
	t->next = t->npages;
	if (!tags_text(t, text, &e))
		return true;
	err_clear(&e);
	tags_reset(t);
	return false;
}

/* ---- the tags -------------------------------------------------------- */

void tags_reset(struct tags *t)
{
	drop_all(t);
	memset(t->state, UNKNOWN, t->npages);
	t->next = 0;
	t->over = false;
	t->touched = true;
	t->stuck = t->fd >= 0 && ftruncate(t->fd, 0) != 0;
}

/* All of P is known: a page of zeros takes no room. */
static void settle(struct tags *t, struct page *p)
{
	uint64_t k = p->k;

	if (!extents_zero(p->tag, sizeof(p->tag))) {
		set_state(t, k, FULL);
		return;
	}
	set_state(t, k, ZERO);
	drop(t, k);
}

static void put(struct tags *t, uint64_t i, const uint8_t *tag)
{
	struct page *p = load(t, i / TAGS_PAGE);
	uint8_t *to = p ? p->tag[i % TAGS_PAGE] : NULL;

	if (!p) { /* what was known of the page is not true any more */
		set_state(t, i / TAGS_PAGE, UNKNOWN);
		return;
	}
	if (!memcmp(to, tag, sizeof(tag_t)))
		return;
	touch(t);
	if (!memcmp(tag, unknown, sizeof(unknown)))
		p->unknown++;
	else if (!memcmp(to, unknown, sizeof(unknown)))
		p->unknown--;
	memcpy(to, tag, sizeof(tag_t));
	p->dirty = true;
	if (p->unknown)
		set_state(t, p->k, SOME);
	else
		settle(t, p);
}

enum tags_state tags_get(struct tags *t, uint64_t i,
			 uint8_t tag[FINGERPRINT_LEN])
{
	uint64_t k = i / TAGS_PAGE;
	const struct page *p;

	memset(tag, 0, sizeof(tag_t));
	if (i >= t->n || state_of(t, k) == UNKNOWN)
		return TAGS_UNKNOWN;
	if (state_of(t, k) == ZERO)
		return TAGS_ZERO;
	p = load(t, k);
	if (!p || !memcmp(p->tag[i % TAGS_PAGE], unknown, sizeof(unknown)))
		return TAGS_UNKNOWN;
	memcpy(tag, p->tag[i % TAGS_PAGE], sizeof(tag_t));
	return extents_zero(tag, sizeof(tag_t)) ? TAGS_ZERO : TAGS_DATA;
}

void tags_set(struct tags *t, uint64_t i, const uint8_t tag[FINGERPRINT_LEN])
{
	if (i < t->n)
		put(t, i, tag);
}

void tags_zero(struct tags *t, uint64_t i, uint64_t n)
{
	static const tag_t zero;
	uint64_t end = i + n < t->n ? i + n : t->n;

	while (i < end) {
		uint64_t k = i / TAGS_PAGE;

		if (i % TAGS_PAGE || end - i < in_page(t, k)) {
			put(t, i++, zero);
			continue;
		}
		if (state_of(t, k) != ZERO) {
			touch(t);
			drop(t, k);
			set_state(t, k, ZERO);
		}
		i += in_page(t, k);
	}
}

uint64_t tags_not_zero(struct tags *t, uint64_t i, uint64_t n)
{
	uint64_t end = i + n;
	tag_t tag;

	while (i < end && i < t->n) {
		if (state_of(t, i / TAGS_PAGE) == ZERO)
			i += TAGS_PAGE - i % TAGS_PAGE;
		else if (tags_get(t, i, tag) == TAGS_ZERO)
			i++;
		else
			return i;
	}
	return end;
}

void tags_dirty(struct tags *t, uint64_t off, uint64_t len)
{
	uint64_t i = off / FINGERPRINT_BLOCK, last;

	if (!len || off >= t->size)
		return;
	if (len > t->size - off)
		len = t->size - off;
	last = (off + len - 1) / FINGERPRINT_BLOCK;
	if (i / TAGS_PAGE < t->next)
		t->next = i / TAGS_PAGE;
	while (i <= last) {
		uint64_t k = i / TAGS_PAGE;

		if (state_of(t, k) == UNKNOWN) {
			i = (k + 1) * TAGS_PAGE;
			continue;
		}
		if (i % TAGS_PAGE || last - i + 1 < in_page(t, k)) {
			put(t, i++, unknown);
			continue;
		}
		touch(t);
		drop(t, k);
		set_state(t, k, UNKNOWN);
		i += in_page(t, k);
	}
}

void tags_resize(struct tags *t, uint64_t size)
{
	static const tag_t zero;
	uint64_t n = count(size), low = n < t->n ? n : t->n;
	uint64_t npages = pages(n), old = t->n, was = t->npages;

	if (size == t->size)
		return;
	/* The last block of the shorter file has another length now. */
	if (low)
		tags_dirty(t, (low - 1) * FINGERPRINT_BLOCK, 1);
	/* What is beyond the end counts as zero. */
	for (uint64_t i = n; i < old && i < npages * TAGS_PAGE; i++)
		if (state_of(t, i / TAGS_PAGE) != UNKNOWN)
			put(t, i, zero);
	for (uint64_t k = npages; k < was; k++)
		drop(t, k);
	t->state = mem_realloc(t->state, npages + 1, 1);
	t->page = mem_realloc(t->page, npages + 1, sizeof(*t->page));
	for (uint64_t k = was; k < npages; k++) {
		t->state[k] = UNKNOWN;
		t->page[k] = NULL;
	}
	t->size = size;
	t->n = n;
	t->npages = npages;
	for (uint64_t i = old; i < n && i < was * TAGS_PAGE; i++)
		if (state_of(t, i / TAGS_PAGE) != UNKNOWN)
			put(t, i, unknown);
	/* A page that was not in memory counted those beyond the end. */
	t->next = 0;
}

/* ---- the digest ------------------------------------------------------ */

int tags_text(struct tags *t, char text[DIGEST_TEXT_MAX], struct err *e)
{
	AUTO(tags_root_clear) struct tags_root r = {0};

	tags_root_begin(&r, t->size);
	for (uint64_t k = 0; k < t->npages; k++) {
		const struct page *p = NULL;

		if (state_of(t, k) == ZERO) {
			tags_root_page(&r, NULL);
			continue;
		}
		if (state_of(t, k) == FULL)
			p = load(t, k);
		if (p && !p->unknown) {
			tags_root_page(&r, p->tag);
			continue;
		}
		if (!t->over)
			return err_set(e, ERR_FAILED,
				       "a block near offset %llu has no tag",
				       (unsigned long long)k * TAGS_PAGE *
					       FINGERPRINT_BLOCK);
		err_set(e, ERR_FAILED,
			"no room for the fingerprints of %llu bytes",
			(unsigned long long)t->size);
		e->sys = ENOSPC;
		return err_hint(e,
				"they take 1/4096 of the disk's data beneath "
				".novahaul: make room, then novahaul "
				"resume");
	}
	tags_root_end(&r, text);
	return 0;
}

/* ---- what is not known ------------------------------------------------ */

uint64_t tags_unknown(struct tags *t, uint64_t i, uint64_t *n)
{
	uint64_t from, max;
	tag_t tag;

	while (i < t->n && state_of(t, i / TAGS_PAGE) != UNKNOWN) {
		if (state_of(t, i / TAGS_PAGE) != SOME)
			i += TAGS_PAGE - i % TAGS_PAGE;
		else if (tags_get(t, i, tag) != TAGS_UNKNOWN)
			i++;
		else
			break;
	}
	from = i;
	while (i < t->n && state_of(t, i / TAGS_PAGE) == UNKNOWN)
		i += TAGS_PAGE - i % TAGS_PAGE;
	if (i == from) {
		max = from - from % TAGS_PAGE + TAGS_PAGE;
		while (i < t->n && i < max &&
		       tags_get(t, i, tag) == TAGS_UNKNOWN)
			i++;
	}
	*n = (i < t->n ? i : t->n) - from;
	return from;
}

uint8_t **tags_buf(struct tags *t)
{
	return &t->buf;
}

uint64_t tags_next(struct tags *t)
{
	while (t->next < t->npages &&
	       (state_of(t, t->next) == FULL || state_of(t, t->next) == ZERO))
		t->next++;
	return t->over ? t->n : t->next * TAGS_PAGE;
}
