/* A customer says hello and shows what comes back: cc hello.c $(pkg-config --cflags --libs parley) -o hello
 * PARLEY_URL=ws://127.0.0.1:8300/v1/ws PARLEY_TOKEN=$(parley token mint ...) ./hello */
#include <parley/client.h>

#include <stdio.h>
#include <stdlib.h>

/* Returns 0 when there is nothing to wait for any more. */
static int show(parley_event *e)
{
    const char *text = parley_event_text(e, "item.body.text"), *why = parley_event_text(e, "text");
    int32_t type = parley_event_type(e), state = parley_event_state(e);
    if (type == PARLEY_EVENT_STATE)
        printf("state   %s%s%s\n", parley_event_text(e, "state"), why ? ": " : "", why ? why : "");
    else if (type == PARLEY_EVENT_OUTBOX)
        printf("mine    %s\n", parley_event_text(e, "state"));
    else if (type == PARLEY_EVENT_ITEM)
        printf("%-7s %s\n", parley_event_text(e, "item.role"), text ? text : parley_event_text(e, "item.kind"));
    return type != PARLEY_EVENT_STATE || (state != PARLEY_STATE_NEEDS_TOKEN && state != PARLEY_STATE_BLOCKED);
}

int main(void)
{
    parley_config config;
    parley_config_init(&config, sizeof config);
    config.url = getenv("PARLEY_URL");
    config.token = getenv("PARLEY_TOKEN");
    parley_client *client;
    parley_status st = parley_client_new(&config, &client);
    if (st != PARLEY_OK)
        return fprintf(stderr, "hello: PARLEY_URL: %s\n", parley_status_text(st)), 1;
    parley_connect(client);
    parley_send_text(client, NULL, "Hello", NULL);
    int more = 1;
    for (parley_event *e; more && (e = parley_next_event(client, 10000)); parley_event_free(e))
        more = show(e);
    parley_client_free(client);
    return 0;
}
