/* SPDX-License-Identifier: Apache-2.0 */
#include "host/known.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "core/fs.h"

enum { FILE_MAX = 16 << 20 };

void known_clear(struct known *k)
{
	mem_free(k->file);
	strv_clear(&k->types);
	memset(k, 0, sizeof(*k));
}

/* "*" and "?", as in ssh_config(5); names are lower case. */
static bool matches(const char *pat, size_t n, const char *name)
{
	for (; n; pat++, n--) {
		if (*pat == '*') {
			for (const char *p = name;; p++) {
				if (matches(pat + 1, n - 1, p))
					return true;
				if (!*p)
					return false;
			}
		}
		if (!*name ||
		    (*pat != '?' && tolower((unsigned char)*pat) != *name))
			return false;
		name++;
	}
	return !*name;
}

/* "|1|salt|hmac": HMAC-SHA1 of the name, both in base64. */
static bool matches_hash(const char *field, const char *name)
{
	AUTO(strv_clear) struct strv f = STRV_INIT;
	unsigned char salt[64], want[64], got[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	int n;

	strv_split(&f, field, "|");
	if (f.n != 3 || strcmp(f.v[0], "1") || strlen(f.v[1]) != 28 ||
	    strlen(f.v[2]) != 28)
		return false;
	n = EVP_DecodeBlock(salt, (unsigned char *)f.v[1], 28);
	if (n != 21 || EVP_DecodeBlock(want, (unsigned char *)f.v[2], 28) != 21)
		return false;
	/* 20 bytes and one of padding. */
	if (!HMAC(EVP_sha1(), salt, 20, (const unsigned char *)name,
		  strlen(name), got, &len) ||
	    len != 20)
		return false;
	return !CRYPTO_memcmp(got, want, 20);
}

static bool names_host(const char *field, const char *name)
{
	bool yes = false;

	if (*field == '|')
		return matches_hash(field, name);
	for (const char *p = field; *p;) {
		size_t n = strcspn(p, ",");
		bool no = *p == '!';

		if (matches(p + no, n - no, name)) {
			if (no)
				return false;
			yes = true;
		}
		p += n + (p[n] == ',');
	}
	return yes;
}

struct asked {
	const char *name, *type, *base64;
};

static void note(struct known *k, enum known_verdict v, const char *file,
		 unsigned line)
{
	/* The worst stays, but a key that is known is not another one. */
	if (k->verdict == KNOWN_REVOKED ||
	    (k->verdict == KNOWN_OK && v == KNOWN_OTHER))
		return;
	k->verdict = v;
	mem_free(k->file);
	k->file = mem_strdup(file);
	k->line = line;
}

static void look(struct known *k, const struct asked *q, const char *file,
		 unsigned no, const char *text)
{
	AUTO(strv_clear) struct strv f = STRV_INIT;
	const char *const *w;
	bool revoked, same;

	strv_split(&f, text, " \t\r");
	w = (const char *const *)f.v;
	if (!f.n || *w[0] == '#')
		return;
	revoked = !strcmp(w[0], "@revoked");
	if (*w[0] == '@' && !revoked)
		return;
	if (f.n < 3u + revoked || !names_host(w[0 + revoked], q->name))
		return;
	w += revoked;
	same = q->type && !strcmp(w[1], q->type) && !strcmp(w[2], q->base64);
	if (revoked) {
		if (same)
			note(k, KNOWN_REVOKED, file, no);
		return;
	}
	if (!strv_has(&k->types, w[1]))
		strv_add(&k->types, w[1]);
	if (q->type && !strcmp(w[1], q->type))
		note(k, same ? KNOWN_OK : KNOWN_OTHER, file, no);
}

static char *asked_name(const char *host, int port)
{
	char *s = port == 22 ? mem_strdup(host)
			     : mem_printf("[%s]:%d", host, port);

	for (char *p = s; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return s;
}

void known_check(struct known *k, const struct strv *files, const char *host,
		 int port, const char *type, const char *base64)
{
	AUTO(mem_freep) char *name = asked_name(host, port);
	struct asked q = {name, type, base64};

	memset(k, 0, sizeof(*k));
	for (size_t i = 0; i < files->n; i++) {
		AUTO(buf_clear) struct buf b = BUF_INIT;
		struct err e = ERR_INIT;
		unsigned no = 0;
		char *p, *next;

		if (fs_read_path(files->v[i], FILE_MAX, &b, &e)) {
			err_clear(&e);
			continue;
		}
		for (p = b.p; p && *p; p = next) {
			size_t n = strcspn(p, "\n");

			next = p + n + (p[n] == '\n');
			p[n] = '\0';
			look(k, &q, files->v[i], ++no, p);
		}
	}
}
