/* Tokens good and bad, for a table of one key of each algorithm: "es", "rs" and "hs". Bad ones are signed by hand with
 * HMAC, so that header and claims may be anything. */
#ifndef TESTS_UNIT_SERVER_IO_TOKENS_H
#define TESTS_UNIT_SERVER_IO_TOKENS_H

#include "protocol/buf.h"
#include "protocol/uuid.h"
#include "server/io/jws.h"

#define TOKENS_NOW_S INT64_C(1800000000)

static const char tokens_secret[] = "0123456789abcdef0123456789abcdef";
static const char tokens_header[] = "{\"alg\":\"HS256\",\"kid\":\"hs\",\"typ\":\"JWT\"}";

/* Between setup and teardown. */
extern struct jws_table *tokens;
extern struct jws_key *es_private, *rs_private; /* as the app's server has them */
extern const struct uuid app;                   /* whose keys they are */

int tokens_setup(void **state);
int tokens_teardown(void **state);

/* An empty table; issuer "": any. */
struct jws_table *tokens_table(const char *issuer);

/* Signs whatever it is given. */
void tokens_sign(struct buf *out, const char *header, const char *claims, struct span key);

/* A good one, by this key. */
void tokens_mint(const struct jws_key *key, struct buf *out);

/* At TOKENS_NOW_S. Checks that there is a reason exactly when it is refused. */
parley_status tokens_verify(struct jws_table *t, struct span token);

/* Signed with tokens_secret, against `tokens`. */
parley_status tokens_verify_signed(const char *header, const char *claims);

#endif
