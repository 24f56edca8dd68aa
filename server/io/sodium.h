/* Passwords. Each call takes about 70 ms and 64 MiB on purpose: never on a worker's loop, only through io/offload or in
 * a program of its own. The only user of libsodium. Any thread. */
#ifndef SERVER_IO_SODIUM_H
#define SERVER_IO_SODIUM_H

#include "protocol/span.h"
#include "protocol/status.h"

enum { SODIUM_HASH = 128, SODIUM_PASSWORD_MIN = 12, SODIUM_PASSWORD_MAX = 1024 };

/* Argon2id in the PHC form, terminated. TOO_BIG or INVALID for a length that is not allowed, NOMEM without 64 MiB. */
parley_status sodium_password_hash(struct span password, char out[SODIUM_HASH]);

/* UNAUTHENTICATED when it is another password, or `hash` is none. `hash` NULL takes the same time and is never right:
 * for accounts that do not exist. *out_again says that the password is right, and to be hashed anew with today's costs.
 */
parley_status sodium_password_verify(struct span password, const char *hash, bool *out_again);

#endif
