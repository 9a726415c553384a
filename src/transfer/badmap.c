/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/badmap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/fs.h"

static const char head[] =
	"# novahaul: what could not be read of this file's source; it is a "
	"hole here\n";
static const char mark[] = "damaged:";

enum { TEXT_MAX = 8 << 20 };

void badmap_clear(struct badmap *b)
{
	mem_free(b->r);
	*b = (struct badmap){NULL};
}

static uint64_t end_of(const struct transfer_range *r)
{
	return r->off + r->len;
}

/* The first range that ends at or after OFF. */
static size_t find(const struct badmap *b, uint64_t off)
{
	size_t lo = 0, hi = b->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (end_of(&b->r[mid]) < off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool badmap_has(const struct badmap *b, uint64_t off, uint64_t len)
{
	size_t i = find(b, off);

	if (i < b->n && end_of(&b->r[i]) == off)
		i++;
	return i < b->n && b->r[i].off < off + len;
}

int badmap_add(struct badmap *b, uint64_t off, uint64_t len, struct err *e)
{
	size_t i = find(b, off), k = i;
	uint64_t end = off + len;

	/* Those that it touches become one. */
	for (; k < b->n && b->r[k].off <= end; k++) {
		if (b->r[k].off < off)
			off = b->r[k].off;
		if (end_of(&b->r[k]) > end)
			end = end_of(&b->r[k]);
		b->bytes -= b->r[k].len;
	}
	if (k == i && b->n == BADMAP_MAX)
		return err_set(e, ERR_FAILED,
			       "more than %d places cannot be read",
			       BADMAP_MAX);
	if (k == i)
		b->r = mem_realloc(b->r, b->n + 1, sizeof(*b->r));
	memmove(&b->r[i + 1], &b->r[k], (b->n - k) * sizeof(*b->r));
	b->n = b->n + 1 - (k - i);
	b->r[i] = (struct transfer_range){off, end - off};
	b->bytes += end - off;
	return 0;
}

void badmap_put(struct enc *c, const struct badmap *b)
{
	enc_count(c, b->n);
	for (size_t i = 0; i < b->n; i++) {
		enc_u64(c, b->r[i].off);
		enc_u64(c, b->r[i].len);
	}
}

int badmap_get(struct dec *d, uint64_t size, struct badmap *b, struct err *e)
{
	size_t n = dec_count(d, 16);
	uint64_t last = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t off = dec_u64(d), len = dec_u64(d);

		if (!len || off < last || off > size || len > size - off)
			return err_set(e, ERR_BUG, "a malformed bad map");
		if (badmap_add(b, off, len, e))
			return -1;
		last = off + len;
	}
	return dec_end(d, "bad map", e);
}

static void mark_digest(char text[DIGEST_TEXT_MAX])
{
	const char *sum = strchr(text, ':');

	if (!sum)
		return;
	/* The mark is no longer than what stood there. */
	memmove(text + sizeof(mark) - 1, sum + 1, strlen(sum));
	memcpy(text, mark, sizeof(mark) - 1);
}

void badmap_result(const struct badmap *b, struct transfer_result *r)
{
	if (!b->n)
		return;
	r->bad_bytes = b->bytes;
	r->bad_ranges = b->n;
	for (size_t i = 0; i < b->n && i < TRANSFER_BAD_LIST; i++)
		r->bad[i] = b->r[i];
	mark_digest(r->src_digest);
	mark_digest(r->dst_digest);
}

static void line(struct buf *t, uint64_t from, uint64_t to, char what)
{
	if (to > from)
		buf_printf(t, "0x%08" PRIX64 "  0x%08" PRIX64 "  %c\n", from,
			   to - from, what);
}

static int name_bad(const char *name, char out[NAME_MAX + 1], struct err *e)
{
	if (strlen(name) + strlen(".bad") > NAME_MAX)
		return err_sys(e, ERR_REFUSED, ENAMETOOLONG, "%s.bad", name);
	snprintf(out, NAME_MAX + 1, "%s.bad", name);
	return 0;
}

/* Is what has our name for it ours?  A disk may be called so. */
static bool is_ours(int dir, const char *name)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	bool ours = !fs_read(dir, name, TEXT_MAX, &b, &e) &&
		    b.len >= sizeof(head) - 1 &&
		    !memcmp(b.p, head, sizeof(head) - 1);

	err_clear(&e);
	return ours;
}

int badmap_write(const struct badmap *b, int dir, const char *name,
		 uint64_t size, struct err *e)
{
	AUTO(buf_clear) struct buf t = BUF_INIT;
	char bad[NAME_MAX + 1];
	uint64_t at = 0;

	if (name_bad(name, bad, e))
		return -1;
	if (!faccessat(dir, bad, F_OK, AT_SYMLINK_NOFOLLOW) &&
	    !is_ours(dir, bad))
		return err_set(e, ERR_CONFLICT,
			       "%s is there and is no map of ours", bad);
	buf_put(&t, head, sizeof(head) - 1);
	buf_printf(&t, "# current_pos  current_status  current_pass\n"
		       "0x00000000     +               1\n"
		       "#      pos        size  status\n");
	for (size_t i = 0; i < b->n; i++) {
		line(&t, at, b->r[i].off, '+');
		at = end_of(&b->r[i]);
		line(&t, b->r[i].off, at, '-');
	}
	line(&t, at, size, '+');
	return fs_write_atomic(dir, bad, t.p, t.len, 0600, e);
}

int badmap_remove(int dir, const char *name, struct err *e)
{
	char bad[NAME_MAX + 1];

	if (strlen(name) + strlen(".bad") > NAME_MAX || name_bad(name, bad, e))
		return 0;
	if (faccessat(dir, bad, F_OK, AT_SYMLINK_NOFOLLOW) ||
	    !is_ours(dir, bad))
		return 0;
	if (unlinkat(dir, bad, 0) && errno != ENOENT)
		return err_sys(e, ERR_FAILED, errno, "%s", bad);
	return fs_fsync_parent(dir, bad, e);
}
