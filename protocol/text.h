/* What may stand in text, checked eight bytes at a time. */
#ifndef PROTOCOL_TEXT_H
#define PROTOCOL_TEXT_H

#include "protocol/span.h"

/* Length of the longest prefix that is UTF-8 without U+0000 (no surrogates, nothing overlong); s.len when all is. */
size_t text_valid(struct span s);

/* Length of the longest prefix that JSON shows as it is: no quote, backslash or control character. */
size_t text_plain(struct span s);

/* Of [a-z0-9_.:/-], starting with a letter or digit, and not empty. */
bool text_is_name(struct span s);

#endif
