/* Small helps with trees and their text, for what a run keeps and writes. */
#ifndef SERVER_FLOW_JSON_H
#define SERVER_FLOW_JSON_H

#include "protocol/arena.h"
#include "protocol/value.h"

/* A map or an array; PARLEY_INVALID for anything else. Takes no more than flows may have made. */
parley_status json_read(struct arena *arena, struct span text, struct value *out);

/* Canonical text in the arena; ptr NULL when there is no room. */
struct span json_write(struct arena *arena, const struct value *v);

/* A deep copy that borrows nothing but the arena. */
parley_status json_copy(struct arena *arena, const struct value *v, struct value *out);

/* The text at a key, empty when there is none; the same for whole numbers, with 0, and for what must be true. */
struct span json_text(const struct value *map, const char *key);
int64_t json_int(const struct value *map, const char *key);
bool json_true(const struct value *map, const char *key);

/* A map of one member; PARLEY_NOMEM when the arena is full. */
parley_status json_pair(struct arena *arena, const char *key, struct value v, struct value *out);

#endif
