/* The words of a configuration value: numbers, durations, sizes, rates, addresses. Strict: what is not understood to
 * its last byte is refused. The `out_` of a refused value is untouched. Any thread. */
#ifndef SERVER_BASE_CONF_VALUE_H
#define SERVER_BASE_CONF_VALUE_H

#include "server/base/conf.h"

parley_status conf_parse_int(const char *text, int64_t *out);
parley_status conf_parse_bool(const char *text, bool *out);
parley_status conf_parse_time(const char *text, int64_t *out_ms);
parley_status conf_parse_size(const char *text, int64_t *out_bytes);
parley_status conf_parse_rate(const char *text, struct conf_rate *out);

/* "8300", "host:8300", "[::1]:8300", "*:8300". */
parley_status conf_check_address(const char *text);

/* http:// or https:// with a host. */
parley_status conf_check_url(const char *text);

/* The place of text in "a|b|c"; PARLEY_INVALID when it is not there. */
parley_status conf_parse_choice(const char *text, const char *choices, int *out);

#endif
