/* SPDX-License-Identifier: Apache-2.0 */
/* Names and inodes. */
#include "fake/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t fake_hash(const void *p, size_t n)
{
	const unsigned char *b = p;
	uint64_t h = 0xcbf29ce484222325ull;

	while (n--)
		h = (h ^ *b++) * 0x100000001b3ull;
	return h;
}

static uint32_t hash_path(const char *path)
{
	uint64_t h = fake_hash(path, strlen(path));

	return (uint32_t)(h ^ h >> 32) | 1;
}

static void die(const char *what)
{
	fprintf(stderr, "fake world: %s\n", what);
	abort();
}

int fake_find(const struct fake_host *h, const char *path)
{
	uint32_t hash = hash_path(path);

	for (int i = 0; i < FAKE_NAMES; i++)
		if (h->names[i].hash == hash && !strcmp(h->names[i].path, path))
			return i;
	return -1;
}

struct fake_inode *fake_look(struct fake_host *h, const char *path)
{
	int i = fake_find(h, path);

	return i < 0 ? NULL : &h->inodes[h->names[i].ino];
}

int fake_inode_new(struct fake_host *h, bool dir)
{
	/* 0 is never used: no inode has that number. */
	for (int i = 1; i < FAKE_INODES; i++)
		if (!h->inodes[i].used) {
			h->inodes[i] = (struct fake_inode){
				.used = true,
				.dir = dir,
				.mode = dir ? 0700 : 0600,
				.user = "root",
				.group = "root",
			};
			return i;
		}
	die("out of inodes");
	return -1;
}

void fake_name_add(struct fake_host *h, const char *path, int ino)
{
	if (strlen(path) >= FAKE_PATH)
		die("a path is too long");
	for (int i = 0; i < FAKE_NAMES; i++)
		if (!h->names[i].hash) {
			h->names[i].hash = hash_path(path);
			h->names[i].ino = (uint16_t)ino;
			strcpy(h->names[i].path, path);
			return;
		}
	die("out of names");
}

int fake_links(const struct fake_host *h, int ino)
{
	int n = 0;

	for (int i = 0; i < FAKE_NAMES; i++)
		n += h->names[i].hash && h->names[i].ino == ino;
	return n;
}

void fake_name_drop(struct fake_host *h, int name)
{
	int ino = h->names[name].ino;

	h->names[name].hash = 0;
	/* A running guest keeps what it has open. */
	if (!fake_links(h, ino) &&
	    !(h->dom.running && (h->dom.disk == ino || h->dom.base == ino)))
		h->inodes[ino].used = false;
}

struct fake_inode *fake_file(struct fake_world *fw, struct fake_host *h,
			     const char *path, uint64_t content)
{
	int ino = fake_inode_new(h, false);
	struct fake_inode *i = &h->inodes[ino];

	fake_name_add(h, path, ino);
	i->content = content;
	i->size = 4096;
	i->mtime_us = fw->now_us;
	return i;
}

void fake_dir(struct fake_world *fw, struct fake_host *h, const char *path)
{
	int ino = fake_inode_new(h, true);

	h->inodes[ino].mtime_us = fw->now_us;
	fake_name_add(h, path, ino);
}

void fake_tree_drop(struct fake_host *h, const char *path)
{
	size_t n = strlen(path);

	for (int i = 0; i < FAKE_NAMES; i++)
		if (h->names[i].hash && !strncmp(h->names[i].path, path, n) &&
		    (!h->names[i].path[n] || h->names[i].path[n] == '/'))
			fake_name_drop(h, i);
}

void fake_at(char out[FAKE_PATH], const struct fake_host *h, const char *fmt,
	     ...)
{
	int n = snprintf(out, FAKE_PATH, "%s/", h->ip);
	va_list ap;

	va_start(ap, fmt);
	n += vsnprintf(out + n, (size_t)(FAKE_PATH - n), fmt, ap);
	va_end(ap);
	if (n >= FAKE_PATH)
		die("a path is too long");
}

void fake_digest(const struct fake_inode *i, unsigned char out[32])
{
	uint64_t v[4] = {i->content, i->header, i->partial, i->size};

	memcpy(out, v, 32);
}

void fake_digest_text(const struct fake_inode *i, bool job,
		      char text[HOST_DIGEST_MAX])
{
	unsigned char sum[32];

	fake_digest(i, sum);
	strcpy(text, job ? "p1305t64k:" : "sha256t4m:");
	hex_encode(sum, sizeof(sum), text + strlen(text));
}
