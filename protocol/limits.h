/* The limits of limits.def as constants: LIMIT_TEXT is 16384. */
#ifndef PROTOCOL_LIMITS_H
#define PROTOCOL_LIMITS_H

#define LIMIT(name, value, unit, meaning) LIMIT_##name = value,
enum {
#include "protocol/limits.def"
};
#undef LIMIT

#endif
