/* What every read of rows does: make them of the result when the group is done, and hand them on. For use in .c files.
 *
 *   ROWS_READ(agent, struct agent_row, agent_rows, row_of)
 *
 * defines for a row type and its callback, given struct agent_row row_of(const struct pg_result *, int row,
 * struct pg_group *), which may allocate from the group:
 *
 *   struct agent_read *read = agent_read_new(store_reading(store), done, arg);
 *   pg_uuid(agent_read_add(read, &STATEMENT), id);
 *   return agent_read_send(read);
 *
 * and, for a statement with one id or with nothing at all:
 *
 *   return agent_read_by(store_reading(store), &STATEMENT, id, done, arg);
 *   return agent_read_all(store_reading(store), &STATEMENT, done, arg); */
#ifndef SERVER_STORE_ROWS_H
#define SERVER_STORE_ROWS_H

#include "server/io/pg.h"

/* An update that must touch one row, or the transaction ends: UPDATE_ONE("agent", "load = $2 where id = $1"). */
#define UPDATE_ONE(table, changes)                                                                                     \
    "with u as (update " table " set " changes " returning 1) select parley_one((select count(*) from u), '" table "'" \
    ")"

#define ROWS_READ(name, row_type, callback, row_of)                                                                    \
    struct name##_read {                                                                                               \
        struct pg_group *group;                                                                                        \
        row_type *rows;                                                                                                \
        int n;                                                                                                         \
        callback *done;                                                                                                \
        void *arg;                                                                                                     \
    };                                                                                                                 \
                                                                                                                       \
    static void name##_on_rows(void *arg, const struct pg_result *result)                                              \
    {                                                                                                                  \
        struct name##_read *read = arg;                                                                                \
        read->n = pg_rows(result);                                                                                     \
        read->rows = pg_group_alloc(read->group, (size_t)read->n * sizeof *read->rows);                                \
        for (int i = 0; i < read->n; i++)                                                                              \
            read->rows[i] = row_of(result, i, read->group);                                                            \
    }                                                                                                                  \
                                                                                                                       \
    static void name##_on_read(void *arg, parley_status status, const struct pg_fault *fault)                          \
    {                                                                                                                  \
        struct name##_read *read = arg;                                                                                \
        read->done(read->arg, status, read->rows, read->n);                                                            \
    }                                                                                                                  \
                                                                                                                       \
    static struct name##_read *name##_read_new(struct pg_group *group, callback *done, void *arg)                      \
    {                                                                                                                  \
        struct name##_read *read = pg_group_alloc(group, sizeof *read);                                                \
        read->group = group;                                                                                           \
        read->done = done;                                                                                             \
        read->arg = arg;                                                                                               \
        return read;                                                                                                   \
    }                                                                                                                  \
                                                                                                                       \
    static struct pg_params *name##_read_add(struct name##_read *read, const struct pg_statement *statement)           \
    {                                                                                                                  \
        return pg_group_add(read->group, statement, name##_on_rows, read);                                             \
    }                                                                                                                  \
                                                                                                                       \
    static parley_status name##_read_send(struct name##_read *read)                                                    \
    {                                                                                                                  \
        struct pg_group *group = read->group;                                                                          \
        return pg_group_send(&group, name##_on_read, read);                                                            \
    }                                                                                                                  \
                                                                                                                       \
    __attribute__((unused)) static parley_status name##_read_by(                                                       \
        struct pg_group *group, const struct pg_statement *statement, struct uuid id, callback *done, void *arg)       \
    {                                                                                                                  \
        struct name##_read *read = name##_read_new(group, done, arg);                                                  \
        pg_uuid(name##_read_add(read, statement), id);                                                                 \
        return name##_read_send(read);                                                                                 \
    }                                                                                                                  \
                                                                                                                       \
    __attribute__((unused)) static parley_status name##_read_all(                                                      \
        struct pg_group *group, const struct pg_statement *statement, callback *done, void *arg)                       \
    {                                                                                                                  \
        struct name##_read *read = name##_read_new(group, done, arg);                                                  \
        name##_read_add(read, statement);                                                                              \
        return name##_read_send(read);                                                                                 \
    }

#endif
