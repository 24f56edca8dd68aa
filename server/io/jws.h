/* Tokens of customers: signed by the company's app servers, checked here.
 * A table holds the keys of all apps as they were read at one time, and remembers, bounded, which tokens it has found
 * good; when keys change, a new table takes its place. Owned by one worker, used by its thread only. Nothing waits. */
#ifndef SERVER_IO_JWS_H
#define SERVER_IO_JWS_H

#include "protocol/uuid.h"
#include "server/io/jws_key.h"

struct jws_rules {
    const char *audience;
    const char *issuer; /* "": any */
    int64_t leeway_ms;
    int64_t ttl_max_ms;
};

/* What a good token says. Texts are terminated and never NULL. */
struct jws_claims {
    struct uuid app;
    const char *kid;
    const char *sub;      /* 1 to 128 bytes without control characters */
    const char *name;     /* "" when the token has none */
    const char *language; /* BCP 47 as given, or "" */
    const char *traits;   /* a JSON object, "{}" without */
    int64_t not_before_ms;
    int64_t expires_ms;
};

struct jws_table;

/* Copies the rules. */
struct jws_table *jws_table_new(const struct jws_rules *rules);
void jws_table_free(struct jws_table **table);

/* Takes the key, and frees it when it cannot be added: PARLEY_CONFLICT when its kid is there, INVALID without a kid. */
parley_status jws_table_add(struct jws_table *table, struct uuid app, struct jws_key **key);

/* The claims of a token that is good at that time; borrowed until the next call with this table.
 * Else why not: TOKEN_ALGORITHM none, unknown, or not the one of its key - TOKEN_KEY no such key, or one brought along
 * - TOKEN_EXPIRED, TOKEN_NOT_YET, TOKEN_AUDIENCE - TOO_BIG - UNAUTHENTICATED anything else. *out_why is then a constant
 * sentence for the developer of the app; it says nothing about the token's content. */
parley_status jws_verify(struct jws_table *table, struct span token, int64_t now_ms, const struct jws_claims **out,
                         const char **out_why);

/* What to put in a token. NULL or "" leaves a claim out. */
struct jws_draft {
    const char *audience, *issuer, *sub, *name, *language;
    int64_t issued_ms, expires_ms;
};

/* A token by this key, which must have a kid. */
parley_status jws_mint(const struct jws_key *key, const struct jws_draft *draft, struct buf *out);

#endif
