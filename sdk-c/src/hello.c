/* What each connection begins with: who this is, and what of the conversations is here already. */
#include "sdk-c/src/hello.h"

#include "sdk-c/src/client.h"

/* By this the server knows the later of two connections of the device, whichever hello comes first: one of an earlier
 * life of the app may still be on its way. The clock, for the file may be gone; the file, for the clock may be put
 * back. */
static int64_t next_attempt(struct parley_client *c)
{
    int64_t now = client_unix(c);
    c->attempt = now > c->attempt ? now : c->attempt + 1;
    keep_attempt(c);
    return c->attempt;
}

static struct frame_hello hello_of(struct parley_client *c)
{
    const struct settings *s = &c->settings;
    struct frame_hello hello = {.token = span_str(s->token), .has_device = true, .device = c->device};
    hello.has_attempt = true;
    hello.attempt = next_attempt(c);
    hello.has_client = s->app_name != NULL;
    hello.client.name = span_str(s->app_name);
    hello.client.has_version = s->app_version != NULL;
    hello.client.version = span_str(s->app_version);
    hello.has_locale = s->locale != NULL;
    hello.locale = span_str(s->locale);
    hello.has_time_zone = s->time_zone != NULL;
    hello.time_zone = span_str(s->time_zone);
    hello.has_page = s->page != SETTINGS_PAGE;
    hello.page = s->page;
    hello.has_recap = hello.recap = !client_is_staff(c);
    return hello;
}

parley_status hello_say(struct parley_client *c, request_done *done)
{
    struct frame_cursor have[LIMIT_HAVE];
    struct frame_hello hello = hello_of(c);
    struct request *r;
    parley_status st;
    hello.have = have;
    hello.have_count = inbox_have(&c->inbox, have);
    while ((st = request_make(c, FRAME_hello, &hello, REQUEST_DROP, done, &r)) == PARLEY_TOO_BIG &&
           hello.have_count > 0)
        hello.have_count /= 2; /* the rest is subscribed to after welcome */
    if (st == PARLEY_OK)
        r->deadline = INT64_MAX;
    return st;
}
