/* Fields of an event by a path that is put together: field_text(e, "%s.%u.name", at, i). Single thread. */
#ifndef SERVER_CLI_FIELD_H
#define SERVER_CLI_FIELD_H

#include "sdk-c/include/parley/client.h"

#define FIELD_PATH(n, m) __attribute__((format(printf, n, m)))

/* "" when there is no text there; the second NULL. Borrowed until the event is freed. */
const char *field_text(parley_event *e, const char *path, ...) FIELD_PATH(2, 3);
const char *field_text_or_null(parley_event *e, const char *path, ...) FIELD_PATH(2, 3);

/* 0 when there is none. */
int64_t field_int(parley_event *e, const char *path, ...) FIELD_PATH(2, 3);
double field_real(parley_event *e, const char *path, ...) FIELD_PATH(2, 3);
uint32_t field_count(parley_event *e, const char *path, ...) FIELD_PATH(2, 3);

/* The name of the i-th member of a map; NULL beyond the last. */
const char *field_key(parley_event *e, uint32_t i, const char *path, ...) FIELD_PATH(3, 4);

/* A value of whatever type in words, cut to the room: "cart", "3", "sku 17, price 4.5". */
void field_words(char *out, size_t size, parley_event *e, const char *path, ...) FIELD_PATH(4, 5);

/* Copies field_text, cut to the room. */
void field_copy(char *out, size_t size, parley_event *e, const char *path, ...) FIELD_PATH(4, 5);

#endif
