/* Signing what is posted to others, as Standard Webhooks 1.0 has it: HMAC-SHA256 over id, time and body. */
#ifndef SERVER_IO_WEBHOOK_H
#define SERVER_IO_WEBHOOK_H

#include "protocol/buf.h"

#include <stdint.h>

/* Whether it can sign: one or two of "whsec_" and base64 of 24 to 64 bytes, with a space between. */
bool webhook_secret_ok(const char *secrets);

/* The value of the header webhook-signature, "v1,...": one for each secret, so that receivers may change theirs at any
 * time. INVALID when a secret is none; then nothing was added. */
parley_status webhook_sign(const char *secrets, struct span id, int64_t seconds, struct span body, struct buf *out);

#endif
