/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/pagecache.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

static uint64_t page(void)
{
	long n = sysconf(_SC_PAGESIZE);

	return n < PAGECACHE_PAGE_MIN ? PAGECACHE_PAGE_MIN : (uint64_t)n;
}

static bool is_cold(const struct pagecache_window *w, uint64_t i)
{
	return w->cold[i / 8] & 1U << i % 8;
}

static uint64_t pages_of(const struct pagecache *p, uint64_t off)
{
	uint64_t n = p->size - off;

	if (n > PAGECACHE_WINDOW)
		n = PAGECACHE_WINDOW;
	return (n + page() - 1) / page();
}

/* Which of its pages are not there; unknown ones are left alone. */
static bool look(const struct pagecache *p, struct pagecache_window *w)
{
	uint64_t n = pages_of(p, w->off);
	unsigned char there[PAGECACHE_BITS];
	bool any = false;
	void *m = mmap(NULL, n * page(), PROT_READ, MAP_SHARED, p->fd,
		       (off_t)w->off);

	memset(w->cold, 0, sizeof(w->cold));
	if (m == MAP_FAILED)
		return false;
	if (!mincore(m, n * page(), there))
		for (uint64_t i = 0; i < n; i++)
			if (!(there[i] & 1)) {
				w->cold[i / 8] |= (uint8_t)(1U << i % 8);
				any = true;
			}
	munmap(m, n * page());
	return any;
}

/* Reading ahead of a hole would fill the cache with zeros. */
static bool has_data(const struct pagecache *p, uint64_t *from)
{
	off_t at = lseek(p->fd, (off_t)*from, SEEK_DATA);

	if (at < 0 || (uint64_t)at >= *from + PAGECACHE_WINDOW)
		return false;
	*from = (uint64_t)at;
	return true;
}

static void fetch(struct pagecache *p, struct pagecache_window *w, uint64_t off)
{
	uint64_t from = off, end = off + PAGECACHE_WINDOW, to;
	off_t hole;

	w->off = off;
	w->used = off < p->size && has_data(p, &from);
	if (!w->used || !look(p, w))
		return;
	hole = lseek(p->fd, (off_t)from, SEEK_HOLE);
	to = hole > 0 && (uint64_t)hole < end ? (uint64_t)hole : end;
	posix_fadvise(p->fd, (off_t)from, (off_t)(to - from),
		      POSIX_FADV_WILLNEED);
}

static void drop(struct pagecache *p, struct pagecache_window *w)
{
	uint64_t n = w->used ? pages_of(p, w->off) : 0;

	for (uint64_t i = 0, from; i < n; i++) {
		if (!is_cold(w, i))
			continue;
		for (from = i; i < n && is_cold(w, i);)
			i++;
		posix_fadvise(p->fd, (off_t)(w->off + from * page()),
			      (off_t)((i - from) * page()),
			      POSIX_FADV_DONTNEED);
	}
	w->used = false;
}

uint64_t pagecache_room(void)
{
	struct sysinfo si;

	return sysinfo(&si) ? 0 : (uint64_t)si.freeram * si.mem_unit / 2;
}

void pagecache_begin(struct pagecache *p, int fd, uint64_t room)
{
	struct stat st;

	*p = (struct pagecache){.fd = fd};
	if (fstat(fd, &st) || st.st_size <= 0)
		return;
	if ((uint64_t)st.st_blocks * 512 <= room) {
		posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
		return;
	}
	if (PAGECACHE_WINDOW % page() != 0 ||
	    posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM))
		return;
	p->size = (uint64_t)st.st_size;
	p->on = true;
}

void pagecache_at(struct pagecache *p, uint64_t off)
{
	uint64_t start = off - off % PAGECACHE_WINDOW;

	if (!p->on || (p->now.used && p->now.off == start))
		return;
	drop(p, &p->now);
	if (p->next.used && p->next.off == start) {
		p->now = p->next;
	} else {
		drop(p, &p->next);
		fetch(p, &p->now, start);
	}
	fetch(p, &p->next, start + PAGECACHE_WINDOW);
}

void pagecache_end(struct pagecache *p)
{
	if (!p->on)
		return;
	drop(p, &p->now);
	drop(p, &p->next);
	posix_fadvise(p->fd, 0, 0, POSIX_FADV_NORMAL);
	p->on = false;
}

void pagecache_behind(int fd, uint64_t pos, uint64_t *done)
{
	uint64_t to = pos > PAGECACHE_BEHIND ? pos - PAGECACHE_BEHIND : 0;

	/* Half of it once more: it may not have been written back yet. */
	if (to < *done + PAGECACHE_BEHIND / 2)
		return;
	posix_fadvise(fd, (off_t)*done, (off_t)(to - *done),
		      POSIX_FADV_DONTNEED);
	*done = to - PAGECACHE_BEHIND / 4;
}

void pagecache_drop(int fd)
{
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}
