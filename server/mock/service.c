/* The bot and the agent. */
#include "server/mock/service.h"

#include "protocol/item.h"
#include "protocol/wire_json.h"
#include "server/base/clock.h"

#include <stdio.h>

enum { BODY_MAX = 1 << 16, JOIN_MS = 1500 };

/* Words that the bot knows, and what it posts then: one of each kind that a screen must be able to show, and one
 * of a kind of the future. */
static const struct {
    const char *word, *kind, *body;
} SHOWS[] = {
    {"choices", "choices",
     "{\"text\":\"Which one?\",\"options\":[{\"label\":\"The red one\",\"value\":\"red\"},"
     "{\"label\":\"The blue one\",\"value\":\"blue\"}]}"},
    {"form", "form",
     "{\"title\":\"Your "
     "address\",\"fields\":[{\"id\":\"street\",\"type\":\"text\",\"label\":\"Street\",\"required\":true},"
     "{\"id\":\"day\",\"type\":\"date\",\"label\":\"Day of delivery\"},"
     "{\"id\":\"gift\",\"type\":\"boolean\",\"label\":\"Is it a gift?\"}]}"},
    {"card", "card",
     "{\"title\":\"Order A123456\",\"text\":\"On its way, comes tomorrow.\",\"buttons\":[{\"label\":\"Track it\","
     "\"value\":\"track\"}]}"},
    {"location", "location", "{\"label\":\"Our shop\",\"latitude\":52.5163,\"longitude\":13.3777}"},
    {"custom", "custom",
     "{\"type\":\"coupon\",\"fallback\":\"A coupon: 10 % with SUN10\",\"data\":{\"code\":\"SUN10\"}}"},
    {"unknown", "hologram", "{\"fallback\":\"A picture of your parcel, to walk around\",\"turns\":3}"},
};

static void store(struct mock *m, struct talk *t, int role, struct uuid author, const char *kind, struct span body)
{
    struct uuid id = mock_id("item", t->id, (int64_t)t->count + 1);
    mock_stored(m, 0, t, talk_add(t, id, role, author, kind, audience_public, body));
}

static void speak(struct mock *m, struct talk *t, const char *kind, struct span body)
{
    bool live = t->state == session_state_live;
    store(m, t, live ? role_agent : role_bot, live ? mock_agent : mock_bot, kind, body);
}

static void say(struct mock *m, struct talk *t, const char *before, struct span text)
{
    struct buf body, words;
    buf_init(&words, BODY_MAX);
    buf_add_str(&words, before);
    buf_add_span(&words, text);
    buf_init(&body, BODY_MAX);
    buf_add_str(&body, "{\"text\":");
    wire_json_put_text(&body, span_of(words.ptr, words.len < LIMIT_TEXT ? words.len : 0));
    buf_add_str(&body, "}");
    speak(m, t, "text", buf_span(&body));
    buf_done(&body);
    buf_done(&words);
}

void mock_say(struct mock *m, struct talk *t, const char *text)
{
    say(m, t, "", span_str(text));
}

/* --- sessions --- */

/* A change of hands is an item that names session and epoch; `more` is the rest of its body. */
static void move(struct mock *m, struct talk *t, const char *kind, int state, const char *more)
{
    static const struct uuid parley;
    char session[UUID_TEXT + 1];
    struct buf body;
    uuid_format(t->session, session);
    t->epoch++;
    t->state = state;
    buf_init(&body, BODY_MAX);
    buf_printf(&body, "{\"session\":\"%s\",\"epoch\":%lld%s}", session, (long long)t->epoch, more);
    store(m, t, role_system, parley, kind, buf_span(&body));
    buf_done(&body);
}

static void open_session(struct mock *m, struct talk *t)
{
    t->session = mock_id("session", t->id, (int64_t)t->count);
    t->epoch = 0;
    move(m, t, "opened", session_state_bot, ",\"flow\":\"mock\"");
}

void service_before(struct mock *m, struct talk *t)
{
    if (uuid_is_nil(t->session))
        open_session(m, t);
}

parley_status service_ask(struct mock *m, struct talk *t, struct span reason)
{
    if (uuid_is_nil(t->session))
        open_session(m, t);
    if (t->state != session_state_bot)
        return PARLEY_WRONG_STATE;
    t->joins_at = clock_mono_ms() + JOIN_MS;
    move(m, t, "queued", session_state_queued, ",\"queue\":\"mock\",\"why\":\"customer\"");
    loop_timer_start(m->loop, &m->joining, JOIN_MS, m->joining.fn, m);
    return PARLEY_OK;
}

parley_status service_leave(struct mock *m, struct talk *t)
{
    if (uuid_is_nil(t->session) || t->state != session_state_queued)
        return PARLEY_WRONG_STATE;
    t->joins_at = 0;
    move(m, t, "left", session_state_bot, ",\"who\":\"customer\",\"outcome\":\"left\"");
    return PARLEY_OK;
}

static void join(struct mock *m, struct talk *t)
{
    char more[128], agent[UUID_TEXT + 1];
    uuid_format(mock_agent, agent);
    snprintf(more, sizeof more, ",\"agent\":\"%s\",\"name\":\"" MOCK_AGENT_NAME "\"", agent);
    t->joins_at = 0;
    move(m, t, "joined", session_state_live, more);
    say(m, t, "Hello, this is " MOCK_AGENT_NAME ". Say bye when we are through.", span_str(""));
}

static void resolve(struct mock *m, struct talk *t)
{
    move(m, t, "resolved", session_state_closed, ",\"outcome\":\"resolved\",\"closed\":true");
    t->session = (struct uuid){0};
}

int64_t service_join(struct mock *m)
{
    int64_t now = clock_mono_ms(), next = -1;
    LIST_EACH(&m->people, node)
    {
        struct person *p = LIST_ITEM(node, struct person, node);
        LIST_EACH(&p->talks, at)
        {
            struct talk *t = LIST_ITEM(at, struct talk, node);
            if (t->joins_at && t->joins_at <= now)
                join(m, t);
            else if (t->joins_at && (next < 0 || t->joins_at - now < next))
                next = t->joins_at - now;
        }
    }
    return next;
}

/* --- the bot --- */

static void read_by_agent(struct mock *m, struct talk *t, int64_t seq)
{
    t->agent_read = seq;
    mock_marked(m, t,
                &(struct frame_mark){.participant = mock_agent, .role = role_agent, .read = seq, .delivered = seq});
}

static struct span text_of(const struct entry *e, struct arena *arena)
{
    struct wire_limits limits = {.depth = WIRE_DEPTH_MAX, .nodes = LIMIT_NODES};
    struct wire_error error;
    struct value v;
    if (wire_json_read(arena, span_str(e->body), &limits, &v, &error) != PARLEY_OK)
        return span_str("");
    const struct value *text = value_find(&v, "text");
    return text && text->type == VALUE_TEXT ? text->text : span_str("");
}

static void reply(struct mock *m, struct talk *t, const struct entry *e, struct span text)
{
    for (size_t i = 0; i < sizeof SHOWS / sizeof *SHOWS; i++) {
        if (span_is(text, SHOWS[i].word)) {
            speak(m, t, SHOWS[i].kind, span_str(SHOWS[i].body));
            return;
        }
    }
    if (span_is(text, "person"))
        service_ask(m, t, span_str(""));
    else if (span_is(text, "bye") && t->state == session_state_live)
        resolve(m, t);
    else if (strcmp(e->kind, "text") == 0)
        say(m, t, "You said: ", text);
    else
        say(m, t, "I got your ", span_str(e->kind));
}

void service_after(struct mock *m, struct talk *t, const struct entry *e)
{
    struct arena arena;
    if (!m->script.echo)
        return;
    read_by_agent(m, t, e->seq);
    arena_init(&arena, 1 << 20);
    reply(m, t, e, text_of(e, &arena));
    arena_done(&arena);
}
