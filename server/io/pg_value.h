/* Values to and from Postgres in its binary format. Parameters are added in order and must be of the declared types;
 * anything else is a mistake of ours and asserted. */
#ifndef SERVER_IO_PG_VALUE_H
#define SERVER_IO_PG_VALUE_H

#include "protocol/span.h"
#include "protocol/uuid.h"

#include <stdbool.h>
#include <stdint.h>

struct pg_params;
struct pg_result;

/* The server's type numbers. */
enum pg_type {
    PG_BOOL = 16,
    PG_BYTES = 17,
    PG_I64 = 20,
    PG_I16 = 21,
    PG_I32 = 23,
    PG_TEXT = 25,
    PG_TIME = 1184,
    PG_UUID = 2950,
    PG_JSONB = 3802,
    PG_BYTES_ARRAY = 1001,
    PG_I16_ARRAY = 1005,
    PG_I32_ARRAY = 1007,
    PG_TEXT_ARRAY = 1009,
    PG_I64_ARRAY = 1016,
    PG_TIME_ARRAY = 1185,
    PG_UUID_ARRAY = 2951,
    PG_JSONB_ARRAY = 3807,
};

/* ---- parameters ---- */

void pg_null(struct pg_params *p);
void pg_bool(struct pg_params *p, bool v);
void pg_i16(struct pg_params *p, int16_t v);
void pg_i32(struct pg_params *p, int32_t v);
void pg_i64(struct pg_params *p, int64_t v);
void pg_uuid(struct pg_params *p, struct uuid v);
void pg_text(struct pg_params *p, struct span v);
void pg_bytes(struct pg_params *p, struct span v);
void pg_jsonb(struct pg_params *p, struct span text);

/* Milliseconds since 1970. */
void pg_time_ms(struct pg_params *p, int64_t ms);

/* Null for the nil UUID, for a span without bytes, for time 0. */
void pg_uuid_or_null(struct pg_params *p, struct uuid v);
void pg_text_or_null(struct pg_params *p, struct span v);
void pg_bytes_or_null(struct pg_params *p, struct span v);
void pg_jsonb_or_null(struct pg_params *p, struct span text);
void pg_time_ms_or_null(struct pg_params *p, int64_t ms);

/* Begins an array: the next n values are its entries. */
void pg_array(struct pg_params *p, enum pg_type type, int n);

/* An array of one member of each row: PG_ARRAY_OF(p, PG_I64_ARRAY, pg_i64, rows, n, seq). */
#define PG_ARRAY_OF(p, type, add, rows, n, member)                                                                     \
    do {                                                                                                               \
        pg_array(p, type, n);                                                                                          \
        for (int i_ = 0; i_ < (n); i_++)                                                                               \
            add(p, (rows)[i_].member);                                                                                 \
    } while (0)

/* ---- results: borrowed as long as the result; null reads as nil, 0, false or the empty span ---- */

int pg_rows(const struct pg_result *r);

bool pg_is_null(const struct pg_result *r, int row, int col);
bool pg_get_bool(const struct pg_result *r, int row, int col);
int16_t pg_get_i16(const struct pg_result *r, int row, int col);
int32_t pg_get_i32(const struct pg_result *r, int row, int col);
int64_t pg_get_i64(const struct pg_result *r, int row, int col);
struct uuid pg_get_uuid(const struct pg_result *r, int row, int col);
struct span pg_get_text(const struct pg_result *r, int row, int col);
struct span pg_get_bytes(const struct pg_result *r, int row, int col);

/* Bytes of a known length, as a digest; zeros when it has another one. */
void pg_copy_bytes(const struct pg_result *r, int row, int col, uint8_t *out, size_t len);

/* JSON text, as Postgres prints it. */
struct span pg_get_jsonb(const struct pg_result *r, int row, int col);

/* Milliseconds since 1970; INT64_MIN and INT64_MAX for the infinities. */
int64_t pg_get_time_ms(const struct pg_result *r, int row, int col);

/* The entries of an array of one dimension:
 *   struct pg_list list = pg_get_list(r, row, col, PG_UUID_ARRAY);
 *   while (pg_list_next(&list)) add(pg_list_uuid(&list)); */
struct pg_list {
    int left;
    const char *next, *end;
    struct span value; /* of the entry; ptr NULL for null */
};

struct pg_list pg_get_list(const struct pg_result *r, int row, int col, enum pg_type type);
bool pg_list_next(struct pg_list *list);
int16_t pg_list_i16(const struct pg_list *list);
int64_t pg_list_i64(const struct pg_list *list);
int64_t pg_list_time_ms(const struct pg_list *list);
struct uuid pg_list_uuid(const struct pg_list *list);

#endif
