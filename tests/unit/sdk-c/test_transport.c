/* The built-in transport as the loop sees it: it waits as long as it is told to, and no longer. */
#include "tests/unit/unit.h"

#include "sdk-c/src/client.h"

#include <unistd.h>

enum { STEPS = 200, GIVE_UP_S = 30 };

static int64_t minutes; /* of the app's clock, which runs as the test likes */

static int64_t now_ms(void *arg)
{
    return minutes * 60000;
}

static void give_random(void *arg, uint8_t *out, size_t size)
{
    memset(out, 7, size);
}

static parley_client *start(void)
{
    struct hooks hooks = {.now_ms = now_ms, .unix_ms = now_ms, .random = give_random};
    parley_config config;
    parley_client *client;
    parley_config_init(&config, sizeof config);
    config.flags = PARLEY_HOST_DRIVEN;
    config.url = "ws://127.0.0.1:1/v1/ws"; /* where nobody listens */
    config.token = "a-token";
    assert_int_equal(client_new(&config, &hooks, &client), PARLEY_OK);
    return client;
}

/* Without a socket nothing but the time ends a wait; one that is slept through lasts for ever. */
static void a_step_that_may_not_wait_does_not(void **state)
{
    parley_client *client = start();
    alarm(GIVE_UP_S);
    for (int i = 0; i < STEPS; i++)
        assert_int_equal(parley_step(client, 0), PARLEY_OK);
    alarm(0);
    parley_client_free(client);
}

static void what_is_due_at_once_is_not_slept_through(void **state)
{
    parley_client *client = start();
    alarm(GIVE_UP_S);
    parley_connect(client);
    for (int i = 0; i < 20; i++) { /* each attempt is refused, and the next is due when the clock has moved */
        assert_int_equal(parley_step(client, 1), PARLEY_OK);
        minutes++;
    }
    alarm(0);
    assert_int_equal(parley_state(client), PARLEY_STATE_BACKOFF);
    parley_client_free(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_that_may_not_wait_does_not),
        cmocka_unit_test(what_is_due_at_once_is_not_slept_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
