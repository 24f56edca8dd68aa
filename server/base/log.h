/* One line per event: a fixed sentence, then fields. Never bodies, tokens, names or addresses.
 *   log_warn(link->log, "outbox full", LOG_U64("queued", n));
 * Fields of the context come first, outermost first. Any thread; a line is written at once and whole, to stderr. */
#ifndef SERVER_BASE_LOG_H
#define SERVER_BASE_LOG_H

#include "protocol/status.h"
#include "protocol/uuid.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

enum log_type { LOG_END, LOG_T_STR, LOG_T_U64, LOG_T_I64, LOG_T_UUID, LOG_T_STATUS };

struct log_field {
    enum log_type type;
    const char *name;
    union {
        const char *str;
        uint64_t u64;
        int64_t i64;
        struct uuid uuid;
        parley_status status;
    };
};

/* What is known about where an event happens; chained, borrowed, const once linked. NULL is the empty context. */
struct log_context {
    const struct log_context *outer;
    struct log_field field;
};

#define LOG_STR(n, v) ((struct log_field){.type = LOG_T_STR, .name = n, .str = v})
#define LOG_U64(n, v) ((struct log_field){.type = LOG_T_U64, .name = n, .u64 = v})
#define LOG_I64(n, v) ((struct log_field){.type = LOG_T_I64, .name = n, .i64 = v})
#define LOG_UUID(n, v) ((struct log_field){.type = LOG_T_UUID, .name = n, .uuid = v})
#define LOG_STATUS(v) ((struct log_field){.type = LOG_T_STATUS, .name = "status", .status = v})

/* Once, before threads start. */
void log_setup(enum log_level level, enum log_format format);
enum log_level log_level(void);
const char *log_level_name(enum log_level level);

void log_event(enum log_level level, const struct log_context *context, const char *text,
               const struct log_field *fields);

#define LOG_AT(level, context, text, ...)                                                                              \
    do {                                                                                                               \
        if ((level) >= log_level())                                                                                    \
            log_event(level, context, text, (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.type = LOG_END}});  \
    } while (0)

#define log_debug(context, text, ...) LOG_AT(LOG_DEBUG, context, text __VA_OPT__(, ) __VA_ARGS__)
#define log_info(context, text, ...) LOG_AT(LOG_INFO, context, text __VA_OPT__(, ) __VA_ARGS__)
#define log_warn(context, text, ...) LOG_AT(LOG_WARN, context, text __VA_OPT__(, ) __VA_ARGS__)
#define log_error(context, text, ...) LOG_AT(LOG_ERROR, context, text __VA_OPT__(, ) __VA_ARGS__)

#endif
