/* A server in the same process, as a transport of the host: the test reads each request, decides the answer, and owns
 * time and chance. The client is driven by hand, so nothing here waits. */
#ifndef TESTS_UNIT_SDK_C_FAKE_H
#define TESTS_UNIT_SDK_C_FAKE_H

#include "tests/unit/unit.h"

#include "sdk-c/src/client.h"

enum { FAKE_MESSAGES = 512 };

struct fake {
    parley_client *client;
    enum encoding encoding;
    int64_t now;
    uint32_t seed;
    uint64_t socket; /* the last one asked for */
    bool asked;      /* to open it, and not told yet how that went */
    bool is_open;
    int close_code; /* what the client closed with, 0: it did not */
    int opens;
    bool refuse_open;
    struct span messages[FAKE_MESSAGES]; /* sent by the client, not read yet */
    size_t first, count;
    struct arena arena;
    struct frame request; /* the last one read */
    parley_event *event;  /* the last one pulled */
};

extern const struct uuid fake_main, fake_me, fake_agent;

/* A client that was not asked to connect yet. */
void fake_start(struct fake *f, uint32_t flags);
void fake_stop(struct fake *f);

/* For cmocka: the state is a fake, for the one encoding or the other. */
int fake_setup(void **state);
int fake_setup_json(void **state);
int fake_teardown(void **state);

/* The same with files; where it fails there is nothing to stop. */
parley_status fake_start_in(struct fake *f, uint32_t flags, const char *folder, const char *user);

/* Setup and teardown of a test that needs files: *state is the fake, with the user ana in fake_folder. */
extern const char *fake_folder;
int fake_setup_kept(void **state);
int fake_teardown_kept(void **state);

/* The app of such a test ends, and starts again. */
void fake_restart(struct fake *f);

/* Lets the client do what is due; the second after some time. */
void fake_step(struct fake *f);
void fake_advance(struct fake *f, int64_t ms);

/* The socket opens, ends, or drops without a word. */
void fake_open(struct fake *f);
void fake_close(struct fake *f, int code);

/* The connection ends, and after the wait there is another one: its hello, borrowed until the next request. */
const struct frame *fake_again(struct fake *f, int code);

/* The next request, which must be of the type; borrowed until the next one. FRAME_none: there must be none. */
const struct frame *fake_expect(struct fake *f, enum frame_type type);

/* Whatever comes next, as f->request; false when nothing does. */
bool fake_next(struct fake *f);

/* The first request of the type; those before it are dropped. */
const struct frame *fake_find(struct fake *f, enum frame_type type);

/* Answers the last request read, or pushes. */
void fake_send(struct fake *f, enum frame_type type, int64_t id, const void *content);
#define fake_reply(f, name, ...) fake_send(f, FRAME_##name, (f)->request.id, &(struct frame_##name){__VA_ARGS__})
#define fake_push(f, name, ...) fake_send(f, FRAME_push_##name, 0, &(struct frame_push_##name){__VA_ARGS__})
void fake_refuse(struct fake *f, parley_status st, int64_t retry_after_ms);

/* Connects to the end: hello, and a welcome with the main conversation, its head and a page of texts from `from` to the
 * head; from 0: no items. */
void fake_online(struct fake *f, int64_t head, int64_t from);
void fake_welcome(struct fake *f, int64_t head, int64_t from);

/* Item n of the agent, with the text "n"; every number is public. */
struct frame_item fake_item(int64_t seq);
void fake_push_item(struct fake *f, int64_t seq);
void fake_push_head(struct fake *f, int64_t seq);
/* Answers a range as a server would whose log has `head` such items. */
void fake_answer_range(struct fake *f, int64_t head);

/* The next event of the type, those before it dropped; NULL when there is none. Borrowed until the next one. */
parley_event *fake_event(struct fake *f, int32_t type);
/* The next ITEM must be this one; the next ones these, in order. */
void fake_expect_item(struct fake *f, int64_t seq, bool fresh);
void fake_expect_items(struct fake *f, int64_t first, int64_t last, bool fresh);
void fake_expect_no(struct fake *f, int32_t type);
void fake_expect_state(struct fake *f, int32_t state, parley_status reason);

#endif
