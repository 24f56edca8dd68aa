/* The files that a flow may send: by their names' endings, which say what they are, and not larger than any file of a
 * conversation. */
#ifndef SERVER_FLOW_ATTACH_H
#define SERVER_FLOW_ATTACH_H

#include "protocol/limits.h"
#include "server/flow/error.h"

enum { ATTACH_BYTES_MAX = LIMIT_UPLOAD, ATTACH_NAME_MAX = 64, ATTACH_HEAD = 16 };

/* "image/png" of "logo.png"; NULL: flows send no files that are called so. */
const char *attach_type(struct span name);
bool attach_is_picture(struct span name);

/* "png, jpg, ..." */
const char *attach_endings(bool pictures);

/* Whether a file has the length and, if it is a picture, the first bytes (ATTACH_HEAD of them, or all) that its name
 * says. E114, E115 on PARLEY_INVALID. */
parley_status attach_judge(struct span name, struct span head, int64_t bytes, struct flow_error *error);

#endif
