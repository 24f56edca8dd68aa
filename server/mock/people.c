/* The mock's memory. */
#include "server/mock/people.h"

#include "protocol/wire_json.h"
#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/io/crypto.h"

const struct uuid mock_bot = {.b = {0xb0, 0xb0, 0xb0, 0xb0, 0xb0, 0xb0, 0x80, 0, 0x80, 0, 0, 0, 0, 0, 0, 1}};
const struct uuid mock_agent = {.b = {0xa9, 0xa9, 0xa9, 0xa9, 0xa9, 0xa9, 0x80, 0, 0x80, 0, 0, 0, 0, 0, 0, 2}};

struct refused {
    struct list node;
    parley_status why;
    char *token;
};

struct uuid mock_id(const char *what, struct uuid where, int64_t n)
{
    uint8_t digest[CRYPTO_DIGEST];
    struct buf cause;
    buf_init(&cause, 4096);
    buf_printf(&cause, "%s %lld ", what, (long long)n);
    buf_add(&cause, where.b, sizeof where.b);
    crypto_sha256(buf_span(&cause), digest);
    buf_done(&cause);
    return uuid_v8(digest);
}

/* --- tokens --- */

/* The claims are read, and nothing is verified: there is nothing here to protect. */
static char *sub_of(struct span claims)
{
    struct wire_limits limits = {.depth = WIRE_DEPTH_MAX, .nodes = LIMIT_NODES};
    struct wire_error error;
    struct arena arena;
    struct value v;
    struct buf text;
    char *sub = NULL;
    arena_init(&arena, 1 << 20);
    buf_init(&text, LIMIT_TOKEN);
    if (crypto_unbase64url(claims, &text) == PARLEY_OK &&
        wire_json_read(&arena, buf_span(&text), &limits, &v, &error) == PARLEY_OK && v.type == VALUE_MAP) {
        const struct value *found = value_find(&v, "sub");
        if (found && found->type == VALUE_TEXT && found->text.len)
            sub = mem_span(found->text);
    }
    buf_done(&text);
    arena_done(&arena);
    return sub;
}

char *token_owner(struct span token, bool *out_guest)
{
    const char *one = memchr(token.ptr, '.', token.len), *end = token.ptr + token.len;
    const char *two = one ? memchr(one + 1, '.', (size_t)(end - one - 1)) : NULL;
    *out_guest = token.len > 3 && memcmp(token.ptr, "pg_", 3) == 0;
    char *sub = two && !*out_guest ? sub_of(span_of(one + 1, (size_t)(two - one - 1))) : NULL;
    if (sub)
        return sub;
    size_t n = 0;
    while (n < token.len && token.ptr[n] != '.' && token.ptr[n] != ':')
        n++;
    return mem_span(span_of(token.ptr, n));
}

/* --- people --- */

static void entry_free(struct entry *e)
{
    mem_free(e->kind);
    mem_free(e->body);
    mem_free(e);
}

static void talk_free(struct talk *t)
{
    for (size_t i = 0; i < t->count; i++)
        entry_free(t->entries[i]);
    LIST_EACH(&t->processes, node)
    {
        struct transaction *p = LIST_ITEM(node, struct transaction, node);
        mem_free(p->data);
        mem_free(p);
    }
    mem_free(t->entries);
    mem_free(t->context);
    mem_free(t);
}

void people_free(struct list *people)
{
    LIST_EACH(people, node)
    {
        struct person *p = LIST_ITEM(node, struct person, node);
        LIST_EACH(&p->talks, at)
        {
            talk_free(LIST_ITEM(at, struct talk, node));
        }
        LIST_EACH(&p->refused, at)
        {
            struct refused *r = LIST_ITEM(at, struct refused, node);
            mem_free(r->token);
            mem_free(r);
        }
        mem_free(p->name);
        mem_free(p);
    }
    list_init(people);
}

struct person *person_of(struct list *people, struct span name, bool guest)
{
    static const struct uuid nowhere;
    LIST_EACH(people, node)
    {
        struct person *p = LIST_ITEM(node, struct person, node);
        if (span_is(name, p->name))
            return p;
    }
    struct person *p = mem_alloc(sizeof *p);
    p->name = mem_span(name);
    p->id = mock_id(p->name, nowhere, 0);
    p->guest = guest;
    list_init(&p->talks);
    list_init(&p->refused);
    list_push(people, &p->node);
    talk_open(p, span_str("main"));
    return p;
}

parley_status person_refuses(const struct person *p, struct span token)
{
    LIST_EACH(&p->refused, node)
    {
        struct refused *r = LIST_ITEM(node, struct refused, node);
        if (span_is(token, r->token))
            return r->why;
    }
    return PARLEY_OK;
}

void person_refuse(struct person *p, struct span token, parley_status why)
{
    if (person_refuses(p, token) != PARLEY_OK)
        return;
    struct refused *r = mem_alloc(sizeof *r);
    r->token = mem_span(token);
    r->why = why;
    list_push(&p->refused, &r->node);
}

/* --- conversations --- */

struct talk *talk_find(struct person *p, struct uuid id)
{
    LIST_EACH(&p->talks, node)
    {
        if (uuid_equal(LIST_ITEM(node, struct talk, node)->id, id))
            return LIST_ITEM(node, struct talk, node);
    }
    return NULL;
}

struct talk *talk_open(struct person *p, struct span topic)
{
    LIST_EACH(&p->talks, node)
    {
        if (span_is(topic, LIST_ITEM(node, struct talk, node)->topic))
            return LIST_ITEM(node, struct talk, node);
    }
    struct talk *t = mem_alloc(sizeof *t);
    t->person = p;
    memcpy(t->topic, topic.ptr, topic.len);
    t->id = mock_id(t->topic, p->id, 0);
    list_init(&t->processes);
    list_push(&p->talks, &t->node);
    return t;
}

struct talk *talk_main(struct person *p)
{
    return LIST_ITEM(p->talks.next, struct talk, node);
}

struct entry *talk_add(struct talk *t, struct uuid id, int role, struct uuid author, const char *kind, int audience,
                       struct span body)
{
    struct entry *e = mem_alloc(sizeof *e);
    *e = (struct entry){.id = id, .author = author, .role = role, .audience = audience, .prev = t->head};
    e->seq = (int64_t)t->count + 1;
    e->at = clock_ms();
    e->kind = mem_text(kind);
    e->body = mem_span(body);
    if ((t->count & (t->count + 1)) == 0) /* full at every power of two */
        t->entries = mem_resize(t->entries, (2 * t->count + 2) * sizeof *t->entries);
    t->entries[t->count++] = e;
    if (audience == audience_public)
        t->head = e->seq;
    return e;
}

struct entry *talk_said(const struct talk *t, struct uuid author, struct uuid id)
{
    for (size_t i = t->count; i-- > 0;)
        if (uuid_equal(t->entries[i]->id, id) && uuid_equal(t->entries[i]->author, author))
            return t->entries[i];
    return NULL;
}
