/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/sshkey.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "core/uuid.h"

enum { KEY = 32, LINE = 70 };

static const char type[] = "ssh-ed25519";

static void put32(struct buf *b, uint32_t v)
{
	for (int i = 3; i >= 0; i--)
		buf_putc(b, (char)(v >> (8 * i)));
}

static void put_string(struct buf *b, const void *p, size_t n)
{
	put32(b, (uint32_t)n);
	buf_put(b, p, n);
}

static void wipe(struct buf *b)
{
	if (b->p)
		OPENSSL_cleanse(b->p, b->cap);
	buf_clear(b);
}

/* Base64 of IN, in lines of at most WIDTH (0: one line without an end). */
static void put_base64(struct buf *out, const struct buf *in, size_t width)
{
	size_t n = (in->len + 2) / 3 * 4;
	unsigned char *t = mem_calloc(1, n + 1);

	EVP_EncodeBlock(t, (const unsigned char *)in->p, (int)in->len);
	if (!width)
		buf_put(out, t, n);
	for (size_t i = 0; width && i < n; i += width) {
		buf_put(out, t + i, n - i < width ? n - i : width);
		buf_putc(out, '\n');
	}
	OPENSSL_cleanse(t, n);
	mem_free(t);
}

static int generate(uint8_t secret[KEY], uint8_t public[KEY], struct err *e)
{
	EVP_PKEY *k = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	size_t n = KEY, m = KEY;
	bool ok = k && EVP_PKEY_get_raw_private_key(k, secret, &n) == 1 &&
		  EVP_PKEY_get_raw_public_key(k, public, &m) == 1 && n == KEY &&
		  m == KEY;

	EVP_PKEY_free(k);
	return ok ? 0
		  : err_set(e, ERR_FAILED, "libcrypto makes no Ed25519 key");
}

/* The format of PROTOCOL.key in OpenSSH's sources, without encryption. */
static void put_private(struct buf *out, const struct buf *blob,
			const uint8_t secret[KEY], const uint8_t public[KEY],
			const char *comment)
{
	static const char magic[] = "openssh-key-v1";
	struct buf body = BUF_INIT, part = BUF_INIT;
	uint8_t both[2 * KEY];
	uint32_t check;

	random_bytes(&check, sizeof(check));
	memcpy(both, secret, KEY);
	memcpy(both + KEY, public, KEY);
	/* No growth may leave a copy behind in freed memory. */
	buf_reserve(&part, 512 + strlen(comment));
	buf_reserve(&body, 1024 + strlen(comment));
	buf_reserve(out, 2048 + 2 * strlen(comment));
	put32(&part, check);
	put32(&part, check);
	put_string(&part, type, strlen(type));
	put_string(&part, public, KEY);
	put_string(&part, both, sizeof(both));
	put_string(&part, comment, strlen(comment));
	for (char pad = 1; part.len % 8; pad++)
		buf_putc(&part, pad);
	buf_put(&body, magic, sizeof(magic));
	put_string(&body, "none", 4);
	put_string(&body, "none", 4);
	put_string(&body, "", 0);
	put32(&body, 1);
	put_string(&body, blob->p, blob->len);
	put_string(&body, part.p, part.len);
	buf_puts(out, "-----BEGIN OPENSSH PRIVATE KEY-----\n");
	put_base64(out, &body, LINE);
	buf_puts(out, "-----END OPENSSH PRIVATE KEY-----\n");
	OPENSSL_cleanse(both, sizeof(both));
	wipe(&part);
	wipe(&body);
}

int sshkey_make(struct sshkey *k, const char *comment, struct err *e)
{
	AUTO(buf_clear) struct buf blob = BUF_INIT, line = BUF_INIT;
	uint8_t secret[KEY], public[KEY];

	*k = (struct sshkey){0};
	if (generate(secret, public, e))
		return -1;
	put_string(&blob, type, strlen(type));
	put_string(&blob, public, KEY);
	buf_printf(&line, "%s ", type);
	put_base64(&line, &blob, 0);
	k->line = buf_steal(&line);
	put_private(&k->secret, &blob, secret, public, comment);
	OPENSSL_cleanse(secret, sizeof(secret));
	return 0;
}

void sshkey_clear(struct sshkey *k)
{
	wipe(&k->secret);
	mem_free(k->line);
	*k = (struct sshkey){0};
}
