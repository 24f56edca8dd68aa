/* crypto_pwhash with the costs of this year. */
#include "server/io/sodium.h"

#include <stdlib.h>

#include <sodium.h>

enum { COST_PASSES = 3, COST_BYTES = 64 << 20 };

/* Safe to call from several threads and more than once. */
static void prepare(void)
{
    if (sodium_init() < 0)
        abort();
}

parley_status sodium_password_hash(struct span password, char out[SODIUM_HASH])
{
    _Static_assert(SODIUM_HASH >= crypto_pwhash_STRBYTES, "the PHC form fits");
    prepare();
    if (password.len > SODIUM_PASSWORD_MAX)
        return PARLEY_TOO_BIG;
    if (password.len < SODIUM_PASSWORD_MIN)
        return PARLEY_INVALID;
    char hash[crypto_pwhash_STRBYTES];
    if (crypto_pwhash_str_alg(hash, password.ptr, password.len, COST_PASSES, COST_BYTES,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
        return PARLEY_NOMEM;
    memcpy(out, hash, sizeof hash);
    return PARLEY_OK;
}

/* Argon2id of a random text that nobody knows, with today's costs. */
static const char nobody[crypto_pwhash_STRBYTES] =
    "$argon2id$v=19$m=65536,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

parley_status sodium_password_verify(struct span password, const char *hash, bool *out_again)
{
    prepare();
    if (password.len > SODIUM_PASSWORD_MAX)
        return PARLEY_UNAUTHENTICATED;
    int wrong = crypto_pwhash_str_verify(hash ? hash : nobody, password.ptr ? password.ptr : "", password.len);
    if (wrong || !hash)
        return PARLEY_UNAUTHENTICATED;
    *out_again = crypto_pwhash_str_needs_rehash(hash, COST_PASSES, COST_BYTES) != 0;
    return PARLEY_OK;
}
