/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "core/buf.h"
#include "transfer/tls.h"

int tls_key_make(struct tls_key *k, struct err *e)
{
	unsigned char name[TLS_NAME / 2];

	if (RAND_bytes(name, sizeof(name)) != 1 ||
	    RAND_priv_bytes(k->secret, sizeof(k->secret)) != 1)
		return err_set(e, ERR_FAILED, "no random bytes for a key");
	hex_encode(name, sizeof(name), k->name);
	return 0;
}

void tls_key_clear(struct tls_key *k)
{
	OPENSSL_cleanse(k, sizeof(*k));
}
