/* Days and times as the customer's language writes them, by the clock of a zone. */
#include "server/base/zone.h"
#include "server/flow/input.h"
#include "server/flow/json.h"
#include "server/flow/locale.h"
#include "server/flow/run.h"

#include <stdio.h>

enum { TEXT_OUT = 256 };

/* Seconds of the clock in the zone that the call names, or the flow. */
static int64_t clock_s(const struct flow_run *run, const struct flow_call *call, int64_t ms)
{
    struct span name = json_text(&call->args, "zone");
    struct zone zone = {0};
    zone_find(name.len ? name : span_str(run->version->about.zone), &zone);
    int64_t s = ms >= 0 ? ms / 1000 : -((999 - ms) / 1000);
    return s + zone_ahead_s(&zone, s);
}

static bool read_day(const struct flow_run *run, struct flow_call *call, struct zone_date *out)
{
    const struct value *v = value_find(&call->args, "day");
    struct value iso;
    char text[16];
    if (v && v->type == VALUE_INT) {
        *out = zone_date(zone_day_of(clock_s(run, call, v->integer)));
        return true;
    }
    if (!v || !input_read(INPUT_DATE, v, call->arena, &iso))
        return false;
    snprintf(text, sizeof text, "%.*s", SPAN_ARG(iso.text));
    return sscanf(text, "%d-%d-%d", &out->year, &out->month, &out->day) == 3;
}

enum sandbox_verdict call_fmt_date(struct flow_run *run, struct flow_call *call)
{
    enum sandbox_verdict verdict;
    struct zone_date d;
    struct buf out;
    if (!read_day(run, call, &d))
        return call_raise(call, "E203",
                          "fmt.date: 'day' must be a day, as \"2026-03-01\", or milliseconds as of now()");
    if (!speak_know_language(run, call, &verdict))
        return verdict;
    buf_init(&out, TEXT_OUT);
    locale_date(speak_language(run), d.year, d.month, d.day, &out);
    return speak_give(call, &out);
}

enum sandbox_verdict call_fmt_when(struct flow_run *run, struct flow_call *call)
{
    enum sandbox_verdict verdict;
    struct buf out;
    if (!speak_know_language(run, call, &verdict))
        return verdict;
    int64_t s = clock_s(run, call, json_int(&call->args, "time")), day = zone_day_of(s);
    struct zone_date d = zone_date(day);
    int minute = (int)((s - day * ZONE_DAY_S) / 60);
    buf_init(&out, TEXT_OUT);
    locale_date(speak_language(run), d.year, d.month, d.day, &out);
    buf_printf(&out, ", %02d:%02d", minute / 60, minute % 60);
    return speak_give(call, &out);
}
