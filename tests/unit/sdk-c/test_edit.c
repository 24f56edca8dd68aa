/* Processes as objects: shown at once, sent on whatever they have become, and nothing that was typed is lost. */
#include "tests/unit/sdk-c/fake.h"
#include "tests/unit/sdk-c/folder.h"

#include "protocol/wire_json.h"

#include <stdio.h>

static const char *folder;
static char id[37];

static int setup(void **state)
{
    static struct fake fake;
    folder = folder_make();
    assert_int_equal(fake_start_in(&fake, 0, folder, "ana"), PARLEY_OK);
    uuid_format(fake_agent, id); /* of the process */
    *state = &fake;
    return 0;
}

static int teardown(void **state)
{
    fake_stop(*state);
    folder_remove(folder);
    return 0;
}

static void restart(struct fake *f, uint32_t flags)
{
    fake_stop(f);
    assert_int_equal(fake_start_in(f, flags, folder, "ana"), PARLEY_OK);
}

/* How the server has it. */
static struct frame_process process(int64_t revision, const char *data)
{
    static const struct frame_missing missing[] = {{.field = {"street", 6}}, {.field = {"iban", 4}}};
    struct frame_process p = {.process = fake_agent,
                              .conversation = fake_main,
                              .type = span_str("order"),
                              .state = process_state_open,
                              .revision = revision,
                              .step = span_str("cart"),
                              .has_step = true,
                              .missing = missing,
                              .missing_count = 2};
    p.data.json = span_str(data);
    return p;
}

/* Online, with the process known at revision 1 as {"n":1,"street":"Old St"}. */
static void online(struct fake *f)
{
    uint64_t call;
    fake_online(f, 0, 0);
    assert_int_equal(parley_process_get(f->client, NULL, id, &call), PARLEY_OK);
    fake_step(f);
    fake_expect(f, FRAME_process_get);
    struct frame_process p = process(1, "{\"n\":1,\"street\":\"Old St\"}");
    fake_reply(f, process_list, .processes = &p, .processes_count = 1);
    assert_non_null(fake_event(f, PARLEY_EVENT_PROCESS));
}

static void edit(struct fake *f, const char *step, const char *data, char *out_id)
{
    assert_int_equal(parley_process_edit(f->client, NULL, id, step, NULL, data, out_id), PARLEY_OK);
    fake_step(f);
}

static void expect_shown(struct fake *f, const char *data, int64_t pending)
{
    parley_event *e = NULL, *last = NULL;
    fake_step(f);
    static char text[512];
    int64_t waits = -1;
    while ((e = parley_next_event(f->client, 0))) {
        if (parley_event_type(e) == PARLEY_EVENT_PROCESS) {
            const char *at = strstr(parley_event_json(e), "\"data\":");
            size_t n = strcspn(at + 7, "}") + 1;
            snprintf(text, sizeof text, "%.*s", (int)n, at + 7);
            waits = parley_event_int(e, "pending", -1);
            last = e;
        }
        parley_event_free(e);
    }
    assert_non_null(last);
    assert_string_equal(text, data);
    assert_int_equal(waits, pending);
}

/* The step that goes out next: on that revision, with that data. Its item's id. */
static struct uuid expect_step(struct fake *f, int64_t revision, const char *data)
{
    struct buf json;
    fake_step(f);
    const struct frame_process_step *s = &fake_expect(f, FRAME_process_step)->process_step;
    assert_int_equal(s->revision, revision);
    buf_init(&json, 4096);
    if (s->has_data)
        wire_json_put_value(&json, s->data.value);
    buf_add_char(&json, '\0');
    assert_string_equal(json.ptr, data);
    buf_done(&json);
    return s->id;
}

static void stands(struct fake *f, int64_t revision, const char *data)
{
    struct frame_process p = process(revision, data);
    fake_reply(f, process_is, .process = p);
}

static void listed(struct fake *f, int64_t revision, const char *data)
{
    struct frame_process p = process(revision, data);
    fake_find(f, FRAME_process_get);
    fake_reply(f, process_list, .processes = &p, .processes_count = 1);
}

static void moved_on(struct fake *f)
{
    struct frame_error error = frame_error_status(PARLEY_STALE);
    error.path = span_str("data.revision");
    error.has_path = true;
    fake_send(f, FRAME_error, f->request.id, &error);
}

static void an_edit_is_shown_before_anybody_knows_it(void **state)
{
    struct fake *f = *state;
    online(f);
    edit(f, NULL, "{\"street\":\"High St\",\"n\":null}", NULL);
    parley_event *e = parley_recap(f->client, NULL);
    assert_string_equal(parley_event_text(e, "processes.0.data.street"), "High St");
    assert_int_equal(parley_event_count(e, "processes.0.missing"), 1);
    assert_string_equal(parley_event_text(e, "processes.0.missing.0.field"), "iban");
    parley_event_free(e);
    expect_shown(f, "{\"street\":\"High St\"}", 1);
    expect_step(f, 1, "{\"n\":null,\"street\":\"High St\"}");
    stands(f, 2, "{\"street\":\"High St\"}");
    expect_shown(f, "{\"street\":\"High St\"}", 0);
    assert_int_equal(parley_outbox_count(f->client), 0);
}

static void edits_go_one_after_the_other(void **state)
{
    struct fake *f = *state;
    online(f);
    edit(f, "address", "{\"a\":1}", NULL);
    edit(f, "pay", "{\"a\":2}", NULL);
    assert_int_equal(parley_send_text(f->client, NULL, "and words beside them", NULL), PARLEY_OK);
    expect_step(f, 1, "{\"a\":1}");
    fake_step(f);
    const struct frame_process_step first = f->request.process_step;
    assert_true(first.has_step);
    int64_t asked = f->request.id;
    fake_expect(f, FRAME_post);
    fake_expect(f, FRAME_none);
    struct frame_process p = process(2, "{\"a\":1,\"n\":1,\"street\":\"Old St\"}");
    p.step = span_str("address");
    fake_send(f, FRAME_process_is, asked, &(struct frame_process_is){.process = p});
    expect_step(f, 2, "{\"a\":2}");
    fake_expect_no(f, PARLEY_EVENT_CONFLICT);
}

static void offline_and_over_a_restart(void **state)
{
    struct fake *f = *state;
    static char begun[37];
    online(f);
    fake_close(f, 1006);
    edit(f, NULL, "{\"street\":\"High St\"}", NULL);
    assert_int_equal(parley_process_begin(f->client, NULL, "claim", "A claim", NULL, "{\"x\":1}", begun), PARLEY_OK);
    assert_int_equal(parley_process_edit(f->client, NULL, begun, "photo", NULL, "{\"x\":2}", NULL), PARLEY_OK);
    restart(f, 0);
    expect_shown(f, "{\"x\":2}", 2);
    parley_event *e = parley_recap(f->client, NULL);
    assert_int_equal(parley_event_count(e, "processes"), 2);
    assert_string_equal(parley_event_text(e, "processes.0.data.street"), "High St");
    assert_string_equal(parley_event_text(e, "processes.1.title"), "A claim");
    assert_string_equal(parley_event_text(e, "processes.1.step"), "photo");
    parley_event_free(e);
    fake_online(f, 0, 0);
    struct uuid step = expect_step(f, 1, "{\"street\":\"High St\"}");
    int64_t asked = f->request.id;
    const struct frame_process_start *start = &fake_expect(f, FRAME_process_start)->process_start;
    char text[37];
    uuid_format(start->process, text);
    assert_string_equal(text, begun);
    fake_expect(f, FRAME_none); /* its step waits for it */
    struct frame_process p = process(1, "{\"x\":1}");
    p.process = start->process;
    fake_reply(f, process_is, .process = p);
    fake_step(f);
    assert_int_equal(fake_expect(f, FRAME_process_step)->process_step.revision, 1);
    /* the answer to the first is lost; it comes again with its id, and is found in the log */
    fake_close(f, 1006);
    fake_advance(f, 60000);
    fake_online(f, 0, 0);
    assert_memory_equal(expect_step(f, 1, "{\"street\":\"High St\"}").b, step.b, 16);
    (void)asked;
    struct frame_item item = fake_item(1);
    static char body[200];
    snprintf(body, sizeof body, "{\"process\":\"%s\",\"revision\":2,\"state\":\"open\",\"type\":\"order\"}", id);
    item.kind = span_str("process");
    item.body.json = span_str(body);
    item.author = fake_me;
    item.id = step;
    fake_push(f, item, .conversation = fake_main, .item = item);
    assert_int_equal(parley_outbox_count(f->client), 1);
}

static void what_others_changed_elsewhere_stays(void **state)
{
    struct fake *f = *state;
    online(f);
    edit(f, NULL, "{\"street\":\"High St\"}", NULL);
    struct uuid first = expect_step(f, 1, "{\"street\":\"High St\"}");
    moved_on(f);
    listed(f, 5, "{\"n\":7,\"street\":\"Old St\"}");
    assert_memory_equal(expect_step(f, 5, "{\"street\":\"High St\"}").b, first.b, 16);
    expect_shown(f, "{\"n\":7,\"street\":\"High St\"}", 1);
    stands(f, 6, "{\"n\":7,\"street\":\"High St\"}");
    fake_expect_no(f, PARLEY_EVENT_CONFLICT);
    assert_int_equal(parley_outbox_count(f->client), 0);
}

static void the_same_field_is_told_and_what_was_said_here_counts(void **state)
{
    struct fake *f = *state;
    online(f);
    edit(f, NULL, "{\"street\":\"High St\",\"n\":2}", NULL);
    expect_step(f, 1, "{\"n\":2,\"street\":\"High St\"}");
    moved_on(f);
    listed(f, 5, "{\"n\":1,\"street\":\"Low St\"}");
    parley_event *e = fake_event(f, PARLEY_EVENT_CONFLICT);
    assert_non_null(e);
    assert_int_equal(parley_event_int(e, "merged", 0), 1);
    assert_int_equal(parley_event_count(e, "fields"), 1);
    assert_string_equal(parley_event_text(e, "fields.0"), "street");
    assert_string_equal(parley_event_text(e, "mine.data.street"), "High St");
    assert_string_equal(parley_event_text(e, "base.data.street"), "Old St");
    assert_string_equal(parley_event_text(e, "process.data.street"), "Low St");
    expect_step(f, 5, "{\"n\":2,\"street\":\"High St\"}");
    moved_on(f); /* once more, elsewhere: no news */
    listed(f, 6, "{\"n\":1,\"other\":1,\"street\":\"Low St\"}");
    expect_step(f, 6, "{\"n\":2,\"street\":\"High St\"}");
    fake_expect_no(f, PARLEY_EVENT_CONFLICT);
}

static void the_app_is_asked_and_answers(void **state)
{
    struct fake *f = *state;
    char edit_id[37];
    restart(f, PARLEY_ASK_MERGE);
    online(f);
    edit(f, "pay", "{\"street\":\"High St\"}", edit_id);
    assert_int_equal(parley_process_merge(f->client, edit_id, NULL, NULL, NULL), PARLEY_WRONG_STATE);
    expect_step(f, 1, "{\"street\":\"High St\"}");
    moved_on(f);
    listed(f, 2, "{\"street\":\"Low St\"}");
    parley_event *e = fake_event(f, PARLEY_EVENT_CONFLICT);
    assert_int_equal(parley_event_int(e, "merged", 1), 0);
    fake_expect(f, FRAME_none);
    restart(f, PARLEY_ASK_MERGE); /* it waits for the answer, also over a restart */
    expect_shown(f, "{\"street\":\"High St\"}", 1);
    fake_online(f, 0, 0);
    fake_step(f);
    fake_expect(f, FRAME_none);
    assert_int_equal(parley_outbox_count(f->client), 1);
    assert_int_equal(parley_process_merge(f->client, id, NULL, NULL, NULL), PARLEY_NOT_FOUND);
    assert_int_equal(parley_process_merge(f->client, edit_id, NULL, NULL, "{\"street\":\"Low and High St\"}"),
                     PARLEY_OK);
    expect_step(f, 2, "{\"street\":\"Low and High St\"}");
    assert_true(span_is(f->request.process_step.step, "pay"));
    stands(f, 3, "{\"street\":\"Low and High St\"}");
    expect_shown(f, "{\"street\":\"Low and High St\"}", 0);
}

static void what_is_refused_or_discarded_is_shown_no_more(void **state)
{
    struct fake *f = *state;
    char edit_id[37];
    online(f);
    edit(f, NULL, "{\"street\":\"High St\"}", NULL);
    expect_step(f, 1, "{\"street\":\"High St\"}");
    fake_refuse(f, PARLEY_TOO_BIG, 0);
    expect_shown(f, "{\"n\":1,\"street\":\"Old St\"}", 0);
    fake_close(f, 1006);
    edit(f, NULL, "{\"n\":9}", edit_id);
    expect_shown(f, "{\"n\":9,\"street\":\"Old St\"}", 1);
    assert_int_equal(parley_outbox_discard(f->client, edit_id), PARLEY_OK);
    expect_shown(f, "{\"n\":1,\"street\":\"Old St\"}", 0);
}

static void what_cannot_be_is_said_at_once(void **state)
{
    struct fake *f = *state;
    online(f);
    parley_client *c = f->client;
    assert_int_equal(parley_process_edit(c, NULL, "no id", "a", NULL, NULL, NULL), PARLEY_BAD_ID);
    assert_int_equal(parley_process_edit(c, NULL, "01234567-0123-7123-8123-012345678901", "a", NULL, NULL, NULL),
                     PARLEY_NOT_FOUND);
    assert_int_equal(parley_process_edit(c, NULL, id, NULL, NULL, NULL, NULL), PARLEY_INVALID);
    assert_int_equal(parley_process_edit(c, NULL, id, NULL, "nonsense", NULL, NULL), PARLEY_INVALID);
    assert_int_equal(parley_process_edit(c, NULL, id, "A b", NULL, NULL, NULL), PARLEY_INVALID);
    assert_int_equal(parley_process_edit(c, NULL, id, NULL, NULL, "[1]", NULL), PARLEY_INVALID);
    assert_int_equal(parley_process_begin(c, NULL, NULL, NULL, NULL, NULL, NULL), PARLEY_INVALID);
    assert_int_equal(parley_call_json(c, "{\"type\":\"process.begin\",\"data\":{\"type\":\"order\"}}", NULL),
                     PARLEY_OK);
    fake_step(f);
    fake_expect(f, FRAME_process_start);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(an_edit_is_shown_before_anybody_knows_it),
        CASE(edits_go_one_after_the_other),
        CASE(offline_and_over_a_restart),
        CASE(what_others_changed_elsewhere_stays),
        CASE(the_same_field_is_told_and_what_was_said_here_counts),
        CASE(the_app_is_asked_and_answers),
        CASE(what_is_refused_or_discarded_is_shown_no_more),
        CASE(what_cannot_be_is_said_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
