/* A bot from outside on the SDK: it tells where orders are, and gets a person for anything else.
 *   cc bot.c $(pkg-config --cflags --libs parley libcrypto) -o bot
 *   PARLEY_URL=ws://127.0.0.1:8300/v1/ws PARLEY_TOKEN=pk_... ./bot
 * The library keeps the connection, comes back after a break, and sends again what was not answered. */
#include <parley/client.h>

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SESSIONS = 20, ID = 37, ORDER = 8 };

/* A conversation in which there is something to answer: the customer's last words that nobody has answered yet. */
struct session {
    char conversation[ID], item[ID], order[ORDER];
    uint64_t accept; /* the call that takes it; 0: it is ours */
};

static struct session sessions[SESSIONS];

static struct session *session_of(const char *conversation)
{
    for (int i = 0; conversation && i < SESSIONS; i++)
        if (strcmp(sessions[i].conversation, conversation) == 0)
            return &sessions[i];
    return NULL;
}

/* The id of an answer is made of what it answers: whoever says it again, even another process, says it once. */
static void answer_id(const char *item, int n, char out[ID])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char text[64];
    int length = snprintf(text, sizeof text, "%s/%d", item, n);
    SHA256((unsigned char *)text, (size_t)length, digest);
    snprintf(out, ID, "%.13s-7%03x-%04x-", item, (digest[0] << 8 | digest[1]) & 0xfff,
             ((digest[2] << 8 | digest[3]) & 0x3fff) | 0x8000);
    for (int i = 0; i < 6; i++)
        snprintf(out + 24 + 2 * i, 3, "%02x", digest[4 + i]);
}

/* The epoch is added by the library. */
static void say(parley_client *client, const struct session *s, int n, const char *text)
{
    char id[ID], json[512];
    answer_id(s->item, n, id);
    snprintf(json, sizeof json,
             "{\"type\":\"post\",\"data\":{\"conversation\":\"%s\",\"id\":\"%s\",\"kind\":\"text\",\"body\":{\"text\":"
             "\"%s\"}}}",
             s->conversation, id, text);
    parley_call_json(client, json, NULL);
}

static void hand_off(parley_client *client, struct session *s)
{
    char json[512];
    say(client, s, 0, "I only know about orders. A person will help you.");
    snprintf(json, sizeof json,
             "{\"type\":\"handoff.request\",\"data\":{\"conversation\":\"%s\",\"reason\":\"not about an order\","
             "\"summary\":\"The bot was asked something else.\"}}",
             s->conversation);
    parley_call_json(client, json, NULL);
    memset(s, 0, sizeof *s);
}

static void answer(parley_client *client, struct session *s)
{
    char text[64];
    if (!s->item[0] || s->accept)
        return;
    if (!s->order[0]) {
        hand_off(client, s);
        return;
    }
    snprintf(text, sizeof text, "Order %s is on its way.", s->order);
    say(client, s, 0, text);
    s->item[0] = '\0';
}

/* An A and six digits. */
static void find_order(const char *text, char out[ORDER])
{
    out[0] = '\0';
    for (; text && (text = strchr(text, 'A')); text++)
        if (strspn(text + 1, "0123456789") == 6)
            snprintf(out, ORDER, "%.7s", text);
}

static void on_offer(parley_client *client, parley_event *e)
{
    const char *conversation = parley_event_text(e, "offer.conversation");
    struct session *s = session_of(conversation);
    if (!s)
        s = session_of("");
    if (!s)
        return; /* it goes to another process in 5 s */
    memset(s, 0, sizeof *s);
    snprintf(s->conversation, ID, "%s", conversation);
    if (parley_accept(client, conversation, parley_event_text(e, "offer.offer"), &s->accept) != PARLEY_OK)
        memset(s, 0, sizeof *s);
}

/* A person has it, nobody has it, or it is over. */
static int is_lost(parley_event *e)
{
    const char *kind = parley_event_text(e, "item.kind");
    if (strcmp(kind, "control") == 0)
        return !parley_event_text(e, "item.body.holder");
    return strcmp(kind, "queued") == 0 || strcmp(kind, "joined") == 0 || strcmp(kind, "resolved") == 0;
}

/* What a customer says waits for an answer; what a bot has said since is one. */
static void on_item(parley_client *client, parley_event *e)
{
    struct session *s = session_of(parley_event_text(e, "conversation"));
    const char *role = parley_event_text(e, "item.role"), *id = parley_event_text(e, "item.id");
    if (!s || !role || !id)
        return;
    if (strcmp(role, "system") == 0 && !s->accept && is_lost(e))
        memset(s, 0, sizeof *s);
    if (strcmp(role, "bot") == 0 || strcmp(role, "agent") == 0)
        s->item[0] = '\0';
    if (strcmp(role, "customer") != 0 && strcmp(role, "guest") != 0)
        return;
    snprintf(s->item, ID, "%s", id);
    find_order(parley_event_text(e, "item.body.text"), s->order);
    answer(client, s);
}

static void on_reply(parley_client *client, parley_event *e)
{
    for (int i = 0; i < SESSIONS; i++) {
        struct session *s = &sessions[i];
        if (!s->accept || s->accept != parley_event_call(e))
            continue;
        s->accept = 0;
        if (parley_event_status(e) == PARLEY_OK)
            answer(client, s); /* the thread was told before, item by item */
        else
            memset(s, 0, sizeof *s); /* another process was faster */
    }
}

/* What a process says of itself is the connection's: it is said on each of them. */
static int on_state(parley_client *client, parley_event *e)
{
    int32_t state = parley_event_state(e);
    if (state == PARLEY_STATE_ONLINE)
        parley_call_json(client, "{\"type\":\"status.set\",\"data\":{\"status\":\"online\",\"capacity\":20}}", NULL);
    printf("%s\n", parley_event_text(e, "state"));
    fflush(stdout);
    return state != PARLEY_STATE_NEEDS_TOKEN && state != PARLEY_STATE_BLOCKED;
}

int main(void)
{
    parley_config config;
    parley_client *client;
    parley_config_init(&config, sizeof config);
    config.url = getenv("PARLEY_URL");
    config.token = getenv("PARLEY_TOKEN");
    if (parley_client_new(&config, &client) != PARLEY_OK)
        return fprintf(stderr, "bot: PARLEY_URL is missing, or no address\n"), 1;
    parley_connect(client);
    int more = 1;
    while (more) {
        parley_event *e = parley_next_event(client, -1);
        if (!e)
            break;
        switch (parley_event_type(e)) {
        case PARLEY_EVENT_STATE:
            more = on_state(client, e);
            break;
        case PARLEY_EVENT_OFFER:
            on_offer(client, e);
            break;
        case PARLEY_EVENT_ITEM:
            on_item(client, e);
            break;
        case PARLEY_EVENT_REPLY:
            on_reply(client, e);
            break;
        default:
            break;
        }
        parley_event_free(e);
    }
    parley_client_free(client);
    return 1;
}
