/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fingerprints: do two hosts hold the same bytes at the same place?
 *
 * The tag of the bytes at offset OFF is Poly1305 with the key K(OFF, LEN) =
 * AES-256(key, OFF || LEN || 0) || AES-256(key, OFF || LEN || 1), where `key`
 * is 32 random bytes made for one job.  It is never 16 bytes of 0x00 or of
 * 0xff: those stand for zeros and for "not known" in transfer/tags.h.
 *
 * Why that is sound.  Poly1305 hashes a message to a polynomial in r mod
 * 2^130 - 5.  Two different messages of at most 64 KiB have equal tags under
 * one key for at most 8 * 4096 of the 2^106 values that r can take: with
 * probability <= 2^-91, whatever the messages are, as long as they were chosen
 * without knowledge of r.  What a guest writes to its disk is: `key` exists on
 * the two hosts only, in their memory and in a file of the job's work directory
 * that only root can read (transfer/tagdir.h), key and tags travel inside SSH
 * only, and the guest never sees either, nor anything that depends on them but
 * how long a copy takes.  What a disk or a controller makes of the bytes by
 * mistake does not depend on the key either.  A million million comparisons
 * leave 2^-51.
 *
 * Poly1305 is a one-time authenticator: who sees two tags under one key learns
 * r.  For comparing alone a single key would do, as nobody sees the tags; the
 * keys are derived per place all the same, so that a leaked list of one file's
 * tags gives nothing away (AES-256 being a pseudo-random function), at the
 * price of two AES blocks per tag.  A second pass over the same place uses the
 * same key again: for comparison only, as above.
 */
#ifndef NH_TRANSFER_FINGERPRINT_H
#define NH_TRANSFER_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

enum {
	FINGERPRINT_KEY = 32,
	FINGERPRINT_LEN = 16,
	FINGERPRINT_BLOCK = 65536, /* compared first */
	FINGERPRINT_FINE = 4096,   /* inside blocks that differ */
};

struct fingerprint;

struct fingerprint *fingerprint_new(const uint8_t key[FINGERPRINT_KEY]);
void fingerprint_free(struct fingerprint *f);
/* Of the N bytes (at most FINGERPRINT_BLOCK) at P, which stand at OFF. */
void fingerprint_tag(struct fingerprint *f, uint64_t off, const void *p,
		     size_t n, uint8_t tag[FINGERPRINT_LEN]);
/* Of each FINGERPRINT_FINE bytes of them, the last piece shorter; TAGS has room
 * for N / FINGERPRINT_FINE, rounded up.  Returns their number. */
size_t fingerprint_fine(struct fingerprint *f, uint64_t off, const void *p,
			size_t n, uint8_t (*tags)[FINGERPRINT_LEN]);

#endif
