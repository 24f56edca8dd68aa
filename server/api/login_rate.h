/* How often an account may try to sign in, right or wrong; kept by a digest of its name, bounded. One worker's thread.
 */
#ifndef SERVER_API_LOGIN_RATE_H
#define SERVER_API_LOGIN_RATE_H

#include "protocol/span.h"
#include "server/base/conf.h"

struct login_rate;

struct login_rate *login_rate_new(struct conf_rate rate);
void login_rate_free(struct login_rate **rate);

/* 0: go on. Else how many ms to wait. */
int64_t login_rate_take(struct login_rate *rate, struct span account, int64_t now_ms);

#endif
