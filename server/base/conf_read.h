/* What the reader of the configuration remembers: every value of every layer as it was written, and where. */
#ifndef SERVER_BASE_CONF_READ_H
#define SERVER_BASE_CONF_READ_H

#include "server/base/conf_key.h"

enum conf_layer { LAYER_DEFAULT, LAYER_FILE, LAYER_ENV, LAYER_SET, LAYERS };

struct conf_raw {
    char *text; /* NULL: this layer says nothing */
    int line;   /* of the file */
};

struct conf_memory {
    struct conf_raw raw[CONF_KEYS][LAYERS];
    char *file;
    bool file_is_open; /* everybody may read it */
    char *named;       /* as the source named it, or NULL */
    const char **sets; /* of the source, ended by NULL */
    void **owned;      /* everything that struct conf points to */
    size_t owned_count;
    struct buf *problems; /* while loading */
};

/* Frees it with the configuration. */
void *conf_keep(struct conf_memory *m, void *owned);

/* Fills the layers. What cannot be placed goes to the problems. */
void conf_read_defaults(struct conf_memory *m);
void conf_read_file(struct conf_memory *m, const char *path, struct span text);
void conf_read_env(struct conf_memory *m, char *const *env);
void conf_read_sets(struct conf_memory *m, const char *const *sets);

/* The highest layer that has the key. */
enum conf_layer conf_top(const struct conf_memory *m, int row);

/* "parley.conf:3", "env PARLEY_LOG_LEVEL", "--set log.level". */
void conf_place(const struct conf_memory *m, int row, enum conf_layer layer, struct buf *out);

/* A line of problems that begins with such a place. */
void conf_problem(struct conf_memory *m, int row, enum conf_layer layer, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A small file as text without its last newline, kept. NULL and a sentence when it cannot be. */
const char *conf_read_secret(struct conf_memory *m, const char *path, const char **out_why);

#endif
