/* Keys that sign tokens, as JWK: ES256 (P-256), RS256 (2048 bits and more), HS256 (32 bytes and more).
 * A key has one algorithm for ever. Freed by whoever made it; one thread at a time. */
#ifndef SERVER_IO_JWS_KEY_H
#define SERVER_IO_JWS_KEY_H

#include "protocol/buf.h"
#include "protocol/status.h"

enum jws_algorithm { JWS_ES256, JWS_RS256, JWS_HS256 };

enum { JWS_KID = 64 };

struct jws_key;

/* "ES256"; and back, PARLEY_TOKEN_ALGORITHM for any other name. */
const char *jws_algorithm_name(enum jws_algorithm alg);
parley_status jws_algorithm_of(struct span name, enum jws_algorithm *out);

/* From a JWK, public or private. Its `alg`, where given, must fit its `kty`. PARLEY_INVALID with a sentence in
 * *out_why. */
parley_status jws_key_parse(struct span jwk, struct jws_key **out, const char **out_why);

/* HS256 from the bytes of a shared secret. */
parley_status jws_key_secret(struct span secret, struct jws_key **out);

/* A new one; PARLEY_INTERNAL when the library fails. */
parley_status jws_key_generate(enum jws_algorithm alg, struct jws_key **out);

void jws_key_free(struct jws_key **key);

enum jws_algorithm jws_key_algorithm(const struct jws_key *key);

/* Its `kid`, or "" without one. */
const char *jws_key_id(const struct jws_key *key);

/* ^[A-Za-z0-9._-]{1,64}$ */
bool jws_kid_is_good(struct span kid);
parley_status jws_key_set_id(struct jws_key *key, struct span kid);

/* As JWK with kid and alg. Without `with_secret` only what everybody may know; nothing for HS256 then. */
void jws_key_json(const struct jws_key *key, bool with_secret, struct buf *out);

/* The shared secret of HS256. */
void jws_key_secret_bytes(const struct jws_key *key, struct buf *out);

/* The compact form of a signed text: header {alg, kid, typ}. */
parley_status jws_key_sign(const struct jws_key *key, struct span payload, struct buf *out);

/* Whether the token's signature, whose length in bytes is given, is this key's. PARLEY_UNAUTHENTICATED otherwise. */
parley_status jws_key_verify(const struct jws_key *key, struct span token, size_t signature_len);

#endif
