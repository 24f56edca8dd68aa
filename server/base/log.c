/* Log lines for people (text) and machines (JSON), each written with one write so that threads do not mix. */
#include "server/base/log.h"

#include "protocol/buf.h"
#include "server/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096, CONTEXT_DEPTH = 8 };

static enum log_level threshold = LOG_INFO;
static enum log_format style = LOG_TEXT;

void log_setup(enum log_level level, enum log_format format)
{
    threshold = level;
    style = format;
}

enum log_level log_level(void)
{
    return threshold;
}

static void add_escaped(struct buf *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)(text ? text : ""); *p; p++) {
        if (*p == '"' || *p == '\\')
            buf_printf(out, "\\%c", *p);
        else if (*p < 0x20 || *p == 0x7f)
            buf_printf(out, "\\u%04x", *p);
        else
            buf_add_char(out, (char)*p);
    }
}

static void add_value(struct buf *out, const struct log_field *f)
{
    char uuid[UUID_TEXT + 1];
    switch (f->type) {
    case LOG_T_U64:
        buf_printf(out, "%" PRIu64, f->u64);
        return;
    case LOG_T_I64:
        buf_printf(out, "%" PRId64, f->i64);
        return;
    case LOG_T_UUID:
        uuid_format(f->uuid, uuid);
        buf_printf(out, style == LOG_JSON ? "\"%s\"" : "%s", uuid);
        return;
    case LOG_T_STATUS:
        buf_printf(out, style == LOG_JSON ? "\"%s\"" : "%s", status_name(f->status));
        return;
    case LOG_T_STR:
    case LOG_END:
        buf_add_char(out, '"');
        add_escaped(out, f->str);
        buf_add_char(out, '"');
        return;
    }
}

static void add_field(struct buf *out, const struct log_field *f)
{
    buf_printf(out, style == LOG_JSON ? ",\"%s\":" : " %s=", f->name);
    add_value(out, f);
}

static void add_context(struct buf *out, const struct log_context *context, int depth)
{
    if (!context || depth == CONTEXT_DEPTH)
        return;
    add_context(out, context->outer, depth + 1);
    add_field(out, &context->field);
}

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    return names[level];
}

static void add_head(struct buf *out, enum log_level level, const char *text)
{
    int64_t now = clock_ms();
    time_t seconds = (time_t)(now / 1000);
    struct tm tm;
    char stamp[32];
    gmtime_r(&seconds, &tm);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    if (style == LOG_TEXT) {
        buf_printf(out, "%s.%03dZ %-5s %s", stamp, (int)(now % 1000), log_level_name(level), text);
        return;
    }
    buf_printf(out, "{\"ts\":\"%s.%03dZ\",\"level\":\"%s\",\"msg\":\"", stamp, (int)(now % 1000),
               log_level_name(level));
    add_escaped(out, text);
    buf_add_char(out, '"');
}

void log_event(enum log_level level, const struct log_context *context, const char *text,
               const struct log_field *fields)
{
    struct buf out;
    buf_init(&out, LINE_MAX_BYTES);
    add_head(&out, level, text);
    add_context(&out, context, 0);
    for (const struct log_field *f = fields; f->type != LOG_END; f++)
        add_field(&out, f);
    buf_add_str(&out, style == LOG_JSON ? "}\n" : "\n");
    if (out.status == PARLEY_OK && write(STDERR_FILENO, out.ptr, out.len) < 0)
        threshold = LOG_ERROR; /* nobody reads: at least stop formatting for them */
    buf_done(&out);
}
