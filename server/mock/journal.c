/* The lines of the journal. */
#include "server/mock/journal.h"

#include "protocol/wire_json.h"
#include "server/base/clock.h"
#include "server/mock/people.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { LINE_MAX = 256 << 10, SHOWN_MAX = 100 };

static void put_key(struct buf *out, const char *name)
{
    buf_printf(out, ",\"%s\":", name);
}

static void put_id(struct buf *out, const char *name, struct uuid id)
{
    put_key(out, name);
    wire_json_put_id(out, id);
}

static void put_text(struct buf *out, const char *name, const char *text)
{
    put_key(out, name);
    wire_json_put_text(out, span_str(text));
}

static void put_field(struct buf *out, const struct log_field *f)
{
    if (f->type == LOG_T_STR)
        put_text(out, f->name, f->str);
    else if (f->type == LOG_T_UUID)
        put_id(out, f->name, f->uuid);
    else if (f->type == LOG_T_STATUS)
        put_text(out, f->name, status_name(f->status));
    else
        buf_printf(out, ",\"%s\":%" PRId64, f->name, f->i64);
}

static void begin(struct journal *j, struct buf *out, const char *what, int64_t peer, const char *who)
{
    buf_init(out, LINE_MAX);
    buf_printf(out, "{\"t\":%" PRId64 ",\"n\":%" PRId64 ",\"k\":\"%s\"", clock_mono_us() * 1000, ++j->lines, what);
    if (peer)
        buf_printf(out, ",\"peer\":%" PRId64, peer);
    if (who)
        put_text(out, "who", who);
}

static void end(struct buf *out)
{
    buf_add_str(out, "}\n");
    if (out->status == PARLEY_OK)
        fwrite(out->ptr, 1, out->len, stdout);
    buf_done(out);
    fflush(stdout);
}

/* --- for people --- */

static void say_begin(const char *what, int64_t peer, const char *who)
{
    int64_t now = clock_ms();
    time_t seconds = now / 1000;
    struct tm tm;
    localtime_r(&seconds, &tm);
    printf("%02d:%02d:%02d.%03d ", tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(now % 1000));
    if (peer)
        printf(" #%-3" PRId64, peer);
    else
        printf("     ");
    printf(" %-10s %s", who ? who : "", what);
}

static void say_field(const struct log_field *f)
{
    char id[UUID_TEXT + 1];
    if (f->type == LOG_T_UUID)
        uuid_format(f->uuid, id);
    if (f->type == LOG_T_STR)
        printf("  %s=%.*s", f->name, SHOWN_MAX, f->str);
    else if (f->type == LOG_T_UUID)
        printf("  %s=%s", f->name, id);
    else if (f->type == LOG_T_STATUS)
        printf("  %s=%s", f->name, status_name(f->status));
    else
        printf("  %s=%" PRId64, f->name, f->i64);
}

void journal_write(struct journal *j, const char *what, int64_t peer, const char *who, const struct log_field *fields)
{
    struct buf out;
    if (j->json) {
        begin(j, &out, what, peer, who);
        for (const struct log_field *f = fields; f->type != LOG_END; f++)
            put_field(&out, f);
        end(&out);
        return;
    }
    say_begin(what, peer, who);
    for (const struct log_field *f = fields; f->type != LOG_END; f++)
        say_field(f);
    printf("\n");
    fflush(stdout);
}

void journal_stored(struct journal *j, int64_t peer, const struct talk *t, const struct entry *e)
{
    struct buf out;
    if (!j->json) {
        JOURNAL(j, "stored", peer, t->person->name, LOG_I64("seq", e->seq), LOG_STR("role", role_name(e->role)),
                LOG_STR("kind", e->kind), LOG_STR("body", e->body));
        return;
    }
    begin(j, &out, "stored", peer, t->person->name);
    put_id(&out, "conversation", t->id);
    put_id(&out, "customer", t->person->id);
    put_id(&out, "id", e->id);
    put_id(&out, "author", e->author);
    put_text(&out, "role", role_name(e->role));
    put_text(&out, "kind", e->kind);
    put_text(&out, "audience", audience_name(e->audience));
    buf_printf(&out, ",\"seq\":%" PRId64 ",\"prev\":%" PRId64 ",\"body\":%s", e->seq, e->prev, e->body);
    end(&out);
}
