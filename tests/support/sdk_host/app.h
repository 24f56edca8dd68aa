/* An app on the SDK: it says numbers, notes all it is told, keeps a screen, gives a new token when asked for one. Its
 * clock may run faster than the world's, so that the library's long waits are short here. One thread, beside the
 * library's own. */
#ifndef TESTS_SUPPORT_SDK_HOST_APP_H
#define TESTS_SUPPORT_SDK_HOST_APP_H

#include "sdk-c/src/client.h"
#include "tests/support/sdk_host/socket.h"
#include "tests/unit/sdk-c/mirror.h"

enum { APP_ITEMS = 1 << 16 };

struct app_options {
    int port;
    const char *who;    /* whose tokens it has: who.1, who.2 ... */
    const char *folder; /* NULL: nothing is kept */
    int speed;          /* of its clock */
    uint64_t seed;
    bool json, threaded, own_socket;
};

struct app {
    struct app_options options;
    parley_client *client;
    struct ws_socket socket;
    struct mirror screen;
    int64_t began;
    int tokens;
    bool asking;             /* for older items */
    int64_t prev[APP_ITEMS]; /* of each item told, plus 1; 0: not told */
    int64_t newest;
    int mine, others;    /* items told: numbers of this app; what was said by the way */
    parley_event *recap; /* as app_is_complete last saw it */
};

void app_start(struct app *a, const struct app_options *options);
void app_stop(struct app *a);

/* Lets the library do what is due, waits up to so long for more, takes every event. */
void app_turn(struct app *a, int timeout_ms);

/* Says a number. It is noted before and after. */
void app_say(struct app *a, int number);

/* Whether every item up to this one was told, back to the first; what is missing is asked for. */
bool app_has_all(struct app *a, int64_t upto);

/* Whether the library says that nothing is missing. This very answer is what the judge will see: a moment later the
 * server may claim more. */
bool app_is_complete(struct app *a);

/* What the screen shows, and what the library says of itself, for the judge. */
void app_note_end(struct app *a);

uint32_t app_chance(struct app *a);

#endif
