/* Randomness, digests, sealing, text forms of bytes, and a look at TLS files. The only user of OpenSSL beside the TLS
 * of the WebSocket listener. No state; any thread. Nothing here waits except crypto_check_tls, which reads files. */
#ifndef SERVER_IO_CRYPTO_H
#define SERVER_IO_CRYPTO_H

#include "protocol/buf.h"
#include "protocol/uuid.h"

enum { CRYPTO_DIGEST = 32, CRYPTO_KEY = 32, CRYPTO_SEAL_EXTRA = 29, CRYPTO_TOKEN = 46 };

/* Bytes fit for keys; ends the process when the system has none. */
void crypto_random(void *out, size_t n);

/* A fresh version 7 of now. */
struct uuid crypto_uuid7(void);

/* An opaque token: prefix "pg_", "pa_" or "pk_" and 256 random bits, CRYPTO_TOKEN characters and a terminator. What is
 * kept of it anywhere is crypto_sha256 of the whole text. */
void crypto_token(const char *prefix, char out[CRYPTO_TOKEN + 1]);

void crypto_sha256(struct span bytes, uint8_t out[CRYPTO_DIGEST]);
void crypto_hmac_sha256(struct span key, struct span bytes, uint8_t out[CRYPTO_DIGEST]);

/* A digest of bytes that come in pieces. Done frees, and may be called without the digest being wanted (out NULL). */
struct crypto_hash;
struct crypto_hash *crypto_hash_new(void);
void crypto_hash_add(struct crypto_hash *hash, struct span bytes);
void crypto_hash_done(struct crypto_hash **hash, uint8_t out[CRYPTO_DIGEST]);

/* In a time that does not depend on where they differ. */
bool crypto_equal(struct span a, struct span b);

/* Zeroes, and the compiler may not leave it out. */
void crypto_wipe(void *secret, size_t n);

/* Lower-case; out holds 2 * len + 1. */
void crypto_hex(struct span bytes, char *out);
/* Takes exactly 2 * n digits, either case. */
parley_status crypto_unhex(struct span text, uint8_t *out, size_t n);

/* base64url without padding (JOSE) and base64 with it (webhooks). Decoding takes the one canonical form only: no other
 * alphabet, no white space, no stray bits. */
void crypto_base64url(struct span bytes, struct buf *out);
parley_status crypto_unbase64url(struct span text, struct buf *out);
void crypto_base64(struct span bytes, struct buf *out);
parley_status crypto_unbase64(struct span text, struct buf *out);

/* AES-256-GCM under a fresh nonce; `about` is not hidden but must be the same to open. Adds len + CRYPTO_SEAL_EXTRA. */
parley_status crypto_seal(const uint8_t key[CRYPTO_KEY], struct span about, struct span plain, struct buf *out);
/* PARLEY_UNAUTHENTICATED when it was sealed with another key or changed since; then nothing is added. */
parley_status crypto_open(const uint8_t key[CRYPTO_KEY], struct span about, struct span sealed, struct buf *out);

/* That the certificate chain can be read, is valid at that time, and belongs to the key, which others may not read.
 * On failure `why` has a sentence for a person; on success it may have a warning of an end within 14 days. */
parley_status crypto_check_tls(const char *certificate, const char *key, int64_t now_ms, struct buf *why);

#endif
