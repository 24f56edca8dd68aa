/* From a token to a principal, whatever kind of token it is. No secret is kept, logged or compared in the open. */
#ifndef SERVER_API_AUTH_H
#define SERVER_API_AUTH_H

#include "server/api/api.h"
#include "server/store/customer_row.h"

/* What a good token leads to. */
struct admission {
    struct principal who;
    struct uuid conversations[CUSTOMER_CONVERSATIONS]; /* of a customer, `main` first */
    int conversations_count;
};

/* Exactly once, later or at once. admission is NULL unless status is OK, then borrowed. why may be NULL. */
typedef void auth_done(void *arg, parley_status status, const struct admission *admission, const char *why);

struct credentials {
    struct span token;
    struct uuid device; /* nil: none */
    struct span locale;
    uint64_t peer; /* who shows it: link->peer, http_peer */
};

/* 0: this peer may show a token. Else how many ms it has to wait, because too many of its tokens were refused. */
#define AUTH_TOO_OFTEN "too many tokens from your address were refused"
int64_t auth_wait_ms(struct api *api, uint64_t peer);

void auth_check(struct api *api, const struct credentials *credentials, auth_done *done, void *arg);

/* A random token with its prefix, and the digest it is known by. */
enum { AUTH_TOKEN = 64, AUTH_DIGEST = 32, AUTH_BOT_CAPACITY = 20 };
void auth_token_new(const char *prefix, char out[AUTH_TOKEN], uint8_t digest[AUTH_DIGEST]);
void auth_digest(struct span token, uint8_t digest[AUTH_DIGEST]);

#endif
