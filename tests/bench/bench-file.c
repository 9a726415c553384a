/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-file: what the benchmark does to files beside copying them.
 *
 *	bench-file dirty FILE BLOCK PERCENT VERSION
 *		rewrites PERCENT of the blocks of BLOCK bytes in place: always
 *		the same blocks, whose content VERSION decides; prints the bytes
 *	bench-file same A B
 *		0 when their bytes are equal; what is a hole in both is not read
 *	bench-file hash FILE
 *		reads what is data in it once, through Poly1305 with a key of
 *		its own for every 64 KiB: what a pass over a disk costs at least
 *	bench-file noise FILE BYTES SEED
 *		BYTES that no compressor makes smaller
 *	bench-file scatter FILE EVERY SEED
 *		4 KiB of noise at the start of every EVERY bytes
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fs.h"
#include "core/mem.h"

enum { CHUNK = 1 << 20, BLOCK = 65536 };

static int fail(const char *what)
{
	fprintf(stderr, "bench-file: %s: %s\n", what, strerror(errno));
	return 2;
}

static uint64_t next(uint64_t *s)
{
	uint64_t z = *s += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static void noise(void *p, size_t n, uint64_t seed)
{
	uint64_t v;

	for (size_t i = 0; i < n; i += sizeof(v)) {
		v = next(&seed);
		memcpy((char *)p + i, &v,
		       n - i < sizeof(v) ? n - i : sizeof(v));
	}
}

static off_t size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : st.st_size;
}

/* One block of every 100/PERCENT, anywhere among them. */
static int dirty(const char *path, size_t block, double percent,
		 uint64_t version)
{
	AUTO(mem_closefd) int fd = open(path, O_RDWR | O_CLOEXEC);
	AUTO(mem_freep) char *b = mem_calloc(1, block);
	uint64_t stride = (uint64_t)(100 / percent), bytes = 0;
	struct err e = ERR_INIT;
	off_t size = size_of(fd);

	if (fd < 0 || size < 0 || !stride)
		return fail(path);
	for (uint64_t i = 0;; i++) {
		uint64_t pick = i;
		off_t at = (off_t)((i * stride + next(&pick) % stride) * block);

		if ((off_t)(i * stride * block) >= size)
			break;
		/* Holes stay; a file ends where it did. */
		if (at + (off_t)block > size || lseek(fd, at, SEEK_DATA) != at)
			continue;
		noise(b, block, version * 0x10001 + (uint64_t)at);
		if (fs_pwrite_all(fd, b, block, at, &e))
			return fail(err_msg(&e));
		bytes += block;
	}
	printf("%llu\n", (unsigned long long)bytes);
	return 0;
}

/* The next offset from AT on where FD has data, or SIZE. */
static off_t data_at(int fd, off_t at, off_t size)
{
	off_t d = lseek(fd, at, SEEK_DATA);

	return d < 0 ? size : d;
}

static int same(const char *pa, const char *pb)
{
	AUTO(mem_closefd) int a = open(pa, O_RDONLY | O_CLOEXEC);
	AUTO(mem_closefd) int b = open(pb, O_RDONLY | O_CLOEXEC);
	AUTO(mem_freep) char *va = mem_calloc(1, CHUNK);
	AUTO(mem_freep) char *vb = mem_calloc(1, CHUNK);
	struct err e = ERR_INIT;
	off_t at = 0, size = size_of(a);

	if (a < 0 || b < 0)
		return fail(a < 0 ? pa : pb);
	if (size_of(b) != size) {
		fprintf(stderr, "%s: another size\n", pb);
		return 1;
	}
	while (at < size) {
		off_t da = data_at(a, at, size), db = data_at(b, at, size);
		ssize_t n, m;

		at = da < db ? da : db;
		if (at >= size)
			break;
		n = fs_pread_full(a, va, CHUNK, at, &e);
		m = fs_pread_full(b, vb, CHUNK, at, &e);
		if (n < 0 || m < 0)
			return fail(err_msg(&e));
		if (n != m || memcmp(va, vb, (size_t)n)) {
			fprintf(stderr,
				"%s: differs within %d bytes from %lld\n", pb,
				CHUNK, (long long)at);
			return 1;
		}
		at += n;
	}
	return 0;
}

static bool hash_chunk(EVP_MAC_CTX *c, const char *p, size_t n, off_t at)
{
	unsigned char key[32] = {1}, tag[16];
	size_t len;

	for (size_t i = 0; i < n; i += BLOCK) {
		off_t off = at + (off_t)i;

		memcpy(key, &off, sizeof(off));
		if (!EVP_MAC_init(c, key, sizeof(key), NULL) ||
		    !EVP_MAC_update(c, (const unsigned char *)p + i,
				    n - i < BLOCK ? n - i : BLOCK) ||
		    !EVP_MAC_final(c, tag, &len, sizeof(tag)))
			return false;
	}
	return true;
}

static int hash(const char *path)
{
	AUTO(mem_closefd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO(mem_freep) char *b = mem_calloc(1, CHUNK);
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "POLY1305", NULL);
	EVP_MAC_CTX *c = EVP_MAC_CTX_new(mac);
	off_t size = size_of(fd), at = 0;
	struct err e = ERR_INIT;
	bool ok = c && fd >= 0;

	while (ok && (at = data_at(fd, at, size)) < size) {
		ssize_t n = fs_pread_full(fd, b, CHUNK, at, &e);

		ok = n > 0 && hash_chunk(c, b, (size_t)n, at);
		at += n;
	}
	EVP_MAC_CTX_free(c);
	EVP_MAC_free(mac);
	return ok ? 0 : fail(path);
}

static int put_noise(const char *path, uint64_t bytes, uint64_t seed)
{
	AUTO(mem_closefd)
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	AUTO(mem_freep) char *b = mem_calloc(1, CHUNK);
	struct err e = ERR_INIT;

	if (fd < 0)
		return fail(path);
	for (uint64_t at = 0; at < bytes; at += CHUNK) {
		size_t n = bytes - at < CHUNK ? (size_t)(bytes - at) : CHUNK;

		noise(b, n, seed * 0x10001 + at);
		if (fs_write_all(fd, b, n, &e))
			return fail(err_msg(&e));
	}
	return 0;
}

static int scatter(const char *path, uint64_t every, uint64_t seed)
{
	AUTO(mem_closefd) int fd = open(path, O_RDWR | O_CLOEXEC);
	struct err e = ERR_INIT;
	off_t size = size_of(fd);
	char b[4096];

	if (fd < 0 || !every)
		return fail(path);
	for (off_t at = 0; at + (off_t)sizeof(b) <= size; at += (off_t)every) {
		noise(b, sizeof(b), seed * 0x10001 + (uint64_t)at);
		if (fs_pwrite_all(fd, b, sizeof(b), at, &e))
			return fail(err_msg(&e));
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (!strcmp(verb, "dirty") && argc == 6)
		return dirty(argv[2], strtoull(argv[3], NULL, 10),
			     strtod(argv[4], NULL),
			     strtoull(argv[5], NULL, 10));
	if (!strcmp(verb, "same") && argc == 4)
		return same(argv[2], argv[3]);
	if (!strcmp(verb, "hash") && argc == 3)
		return hash(argv[2]);
	if (!strcmp(verb, "noise") && argc == 5)
		return put_noise(argv[2], strtoull(argv[3], NULL, 10),
				 strtoull(argv[4], NULL, 10));
	if (!strcmp(verb, "scatter") && argc == 5)
		return scatter(argv[2], strtoull(argv[3], NULL, 10),
			       strtoull(argv[4], NULL, 10));
	fputs("usage: bench-file dirty FILE BLOCK PERCENT VERSION\n"
	      "       bench-file same A B\n"
	      "       bench-file hash FILE\n"
	      "       bench-file noise FILE BYTES SEED\n"
	      "       bench-file scatter FILE EVERY SEED\n",
	      stderr);
	return 2;
}
