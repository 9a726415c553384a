/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/kept.h"

#include <string.h>
#include <sys/stat.h>

#include "core/mem.h"

/* 33 bytes each: 13 MiB. */
enum { SEGMENTS_MAX = 400000 };

struct kept_file {
	char *rel;
	struct stat st;
	struct digest *sum;
	char text[DIGEST_TEXT_MAX];
	struct kept_file *next;
};

static struct kept_file *unlink_file(struct kept *k, const char *rel)
{
	struct kept_file **p = &k->first, *f;

	while (*p && strcmp((*p)->rel, rel) != 0)
		p = &(*p)->next;
	f = *p;
	if (f) {
		*p = f->next;
		k->segments -= digest_segments(f->sum);
	}
	return f;
}

static void file_free(struct kept_file *f)
{
	if (!f)
		return;
	digest_free(f->sum);
	mem_free(f->rel);
	mem_free(f);
}

void kept_clear(struct kept *k)
{
	while (k->first)
		file_free(unlink_file(k, k->first->rel));
}

void kept_put(struct kept *k, const char *rel, int fd, struct digest *sum,
	      const char *text)
{
	struct kept_file *f = MEM_NEW(struct kept_file);

	file_free(unlink_file(k, rel));
	f->sum = sum;
	f->rel = mem_strdup(rel);
	memcpy(f->text, text, sizeof(f->text));
	if (fstat(fd, &f->st) ||
	    k->segments + digest_segments(sum) > SEGMENTS_MAX) {
		file_free(f);
		return;
	}
	k->segments += digest_segments(sum);
	f->next = k->first;
	k->first = f;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size && same_time(a->st_mtim, b->st_mtim) &&
	       same_time(a->st_ctim, b->st_ctim);
}

struct digest *kept_take(struct kept *k, const char *rel, int fd,
			 char text[DIGEST_TEXT_MAX])
{
	struct kept_file *f = unlink_file(k, rel);
	struct digest *sum = NULL;
	struct stat st;

	text[0] = '\0';
	if (f && !fstat(fd, &st) && same_file(&st, &f->st)) {
		memcpy(text, f->text, sizeof(f->text));
		sum = f->sum;
		f->sum = NULL;
	}
	file_free(f);
	return sum;
}
