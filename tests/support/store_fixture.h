/* A store on a database of its own, connected, with an app, a customer and what is needed to make conversations. */
#ifndef TESTS_SUPPORT_STORE_FIXTURE_H
#define TESTS_SUPPORT_STORE_FIXTURE_H

#include "server/store/log.h"
#include "server/store/store.h"
#include "tests/support/pg_fixture.h"

struct store_fixture {
    struct loop *loop;
    struct store *store;
    struct uuid app, customer;
    bool up;
    /* What the last call answered, set by store_fixture_done. */
    bool done;
    parley_status status;
};

/* The program's: one is open at a time. */
extern struct store_fixture f;

/* For cmocka, once a program or before each test: opens `f` with all four connections up, and closes it. */
int store_fixture_setup(void **state);
int store_fixture_teardown(void **state);

/* A conversation of the customer without items. */
struct uuid store_fixture_conversation(void);

/* A pg_done; its arg is not looked at. */
void store_fixture_done(void *arg, parley_status status, const struct pg_fault *fault);

/* Checks that a call was accepted, waits until it is done, and gives its status. */
parley_status store_fixture_wait(parley_status accepted);

/* A public text item by `author`, one minute after the other, body {"text":"n <seq>"}. */
struct log_row store_fixture_row(struct uuid conversation, struct uuid author, int64_t seq, int64_t prev);

#endif
