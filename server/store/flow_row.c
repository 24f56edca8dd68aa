/* The flow tables. */
#include "server/store/flow_row.h"

#include <string.h>

struct flow_run_row flow_run_of_result(const struct pg_result *r, int row, int col)
{
    struct flow_run_row run = {
        .id = pg_get_uuid(r, row, col),
        .session = pg_get_uuid(r, row, col + 1),
        .conversation = pg_get_uuid(r, row, col + 2),
        .state = pg_get_i16(r, row, col + 4),
        .step = pg_get_i64(r, row, col + 5),
        .input_seq = pg_get_i64(r, row, col + 6),
        .waiting = pg_get_jsonb(r, row, col + 7),
        .started_at_ms = pg_get_time_ms(r, row, col + 8),
        .updated_at_ms = pg_get_time_ms(r, row, col + 9),
    };
    struct span hash = pg_get_bytes(r, row, col + 3);
    if (hash.len == sizeof run.hash)
        memcpy(run.hash, hash.ptr, sizeof run.hash);
    return run;
}
