/* What survives the process: what was said, what was heard, what is half written; and what must not. */
#include "tests/unit/sdk-c/fake.h"
#include "tests/unit/sdk-c/folder.h"

#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *folder;

static int setup(void **state)
{
    static struct fake fake;
    disk_fails_at(-1, 0);
    folder = folder_make();
    assert_int_equal(fake_start_in(&fake, 0, folder, "ana"), PARLEY_OK);
    *state = &fake;
    return 0;
}

static int teardown(void **state)
{
    disk_fails_at(-1, 0);
    fake_stop(*state);
    folder_remove(folder);
    return 0;
}

static void again(struct fake *f)
{
    fake_stop(f);
    assert_int_equal(fake_start_in(f, 0, folder, "ana"), PARLEY_OK);
}

static void expect_outbox(struct fake *f, const char *id, int32_t wanted)
{
    parley_event *e;
    while ((e = fake_event(f, PARLEY_EVENT_OUTBOX)) && strcmp(parley_event_text(e, "id"), id) != 0)
        ;
    if (!e || parley_event_state(e) != wanted)
        fail_msg("outbox state %d was expected: %s", wanted, e ? parley_event_json(e) : "no event");
}

static void expect_post(struct fake *f, const char *id)
{
    char found[37];
    uuid_format(fake_expect(f, FRAME_post)->post.id, found);
    assert_string_equal(found, id);
}

/* --- the outbox --- */

static void what_a_killed_process_said_is_sent_by_the_next(void **state)
{
    struct fake *f = *state;
    char ids[3][37];
    int pipe_ends[2];
    fake_stop(f);
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct fake mine;
        if (fake_start_in(&mine, 0, folder, "ana") != PARLEY_OK)
            _exit(1);
        for (int i = 0; i < 3; i++) {
            parley_send_text(mine.client, NULL, "hello", ids[i]);
            if (write(pipe_ends[1], ids[i], 37) != 37)
                _exit(1);
        }
        _exit(0); /* nothing is closed, as when it is killed */
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(read(pipe_ends[0], ids[i], 37), 37);
    waitpid(child, NULL, 0);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    assert_int_equal(fake_start_in(f, 0, folder, "ana"), PARLEY_OK);
    assert_int_equal(parley_outbox_count(f->client), 3);
    for (int i = 0; i < 3; i++)
        expect_outbox(f, ids[i], PARLEY_OUTBOX_QUEUED);
    fake_online(f, 0, 0);
    for (int i = 0; i < 3; i++)
        expect_post(f, ids[i]);
}

static void what_was_answered_is_not_sent_again(void **state)
{
    struct fake *f = *state;
    char one[37], two[37];
    fake_online(f, 0, 0);
    parley_send_text(f->client, NULL, "one", one);
    parley_send_text(f->client, NULL, "two", two);
    expect_post(f, one);
    fake_reply(f, posted, .seq = 1, .at = 1);
    expect_post(f, two); /* its answer is lost */
    again(f);
    assert_int_equal(parley_outbox_count(f->client), 1);
    fake_online(f, 0, 0);
    expect_post(f, two);
    fake_reply(f, posted, .seq = 2, .at = 1, .has_duplicate = true, .duplicate = true);
    again(f);
    assert_int_equal(parley_outbox_count(f->client), 0);
}

static void what_failed_is_shown_until_it_is_discarded(void **state)
{
    struct fake *f = *state;
    char id[37];
    fake_online(f, 0, 0);
    parley_send_text(f->client, NULL, "no", id);
    fake_expect(f, FRAME_post);
    fake_refuse(f, PARLEY_DENIED, 0);
    again(f);
    expect_outbox(f, id, PARLEY_OUTBOX_FAILED_FINAL);
    assert_int_equal(parley_event_status(f->event), PARLEY_DENIED);
    parley_event *list = parley_outbox_list(f->client);
    assert_int_equal(parley_event_count(list, "outbox"), 1);
    assert_string_equal(parley_event_text(list, "outbox.0.id"), id);
    assert_string_equal(parley_event_text(list, "outbox.0.state"), "failed_final");
    assert_string_equal(parley_event_text(list, "outbox.0.reason"), "denied");
    assert_string_equal(parley_event_text(list, "outbox.0.body.text"), "no");
    parley_event_free(list);
    assert_int_equal(parley_outbox_discard(f->client, id), PARLEY_OK);
    again(f);
    fake_expect_no(f, PARLEY_EVENT_OUTBOX);
}

static void a_retry_is_remembered(void **state)
{
    struct fake *f = *state;
    char id[37];
    fake_online(f, 0, 0);
    parley_send_text(f->client, NULL, "later", id);
    fake_expect(f, FRAME_post);
    fake_refuse(f, PARLEY_LIMIT, 0);
    again(f);
    expect_outbox(f, id, PARLEY_OUTBOX_FAILED_RETRY);
    assert_int_equal(parley_outbox_retry(f->client, id), PARLEY_OK);
    again(f);
    expect_outbox(f, id, PARLEY_OUTBOX_QUEUED);
}

static void a_full_disk_takes_nothing_it_cannot_keep(void **state)
{
    struct fake *f = *state;
    char one[37], id[37];
    int tried = 0;
    assert_int_equal(parley_send_text(f->client, NULL, "one", one), PARLEY_OK);
    disk_fails_at(0, SQLITE_FULL);
    again(f); /* the disk fails those that are open from here on */
    disk_fails_at(-1, 0);
    for (int n = 0; n < 20; n++) {
        disk_fails_at(n, SQLITE_FULL);
        parley_status st = parley_send_text(f->client, NULL, "two", id);
        bool failed = disk_fails_at(-1, 0);
        assert_int_equal(st, failed ? PARLEY_LIMIT : PARLEY_OK);
        tried += failed;
        if (st == PARLEY_OK)
            assert_int_equal(parley_outbox_discard(f->client, id), PARLEY_OK);
    }
    assert_true(tried > 0);
    again(f);
    expect_outbox(f, one, PARLEY_OUTBOX_QUEUED);
    assert_int_equal(parley_outbox_count(f->client), 1);
}

static void waited(parley_status st)
{
    assert_int_equal(st, PARLEY_OK);
    assert_true(disk_has_all());
}

/* Not only for the next process, also for the next start of the phone. */
static void what_is_said_is_on_disk_when_the_call_returns(void **state)
{
    struct fake *f = *state;
    char id[37];
    assert_int_equal(parley_context_set(f->client, NULL, "screen", "\"cart\""), PARLEY_OK);
    assert_false(disk_has_all()); /* this may wait: the app shows it again */
    waited(parley_send_text(f->client, NULL, "one", id));
    waited(parley_draft_set(f->client, NULL, 0, "\"tw\""));
    waited(parley_draft_set(f->client, NULL, 0, NULL));
    waited(parley_submit_form(f->client, NULL, 7, "{\"name\":\"Ana\"}", NULL));
    waited(parley_tap(f->client, NULL, 8, "yes", NULL, NULL));
    waited(parley_process_begin(f->client, NULL, "claim", NULL, NULL, NULL, NULL));
    waited(parley_push_register(f->client, "fcm", "token"));
    waited(parley_outbox_discard(f->client, id));
}

/* What the user took back must not be sent after all by the next process. */
static void a_discard_is_on_disk_or_refused(void **state)
{
    struct fake *f = *state;
    char id[37];
    int tried = 0;
    for (int n = 0; n < 20; n++) {
        disk_fails_at(0, SQLITE_FULL); /* the disk fails those that are open from here on */
        again(f);
        disk_fails_at(-1, 0);
        assert_int_equal(parley_send_text(f->client, NULL, "no, wait", id), PARLEY_OK);
        disk_fails_at(n, SQLITE_FULL);
        parley_status st = parley_outbox_discard(f->client, id);
        bool failed = disk_fails_at(-1, 0);
        assert_int_equal(st, failed ? PARLEY_LIMIT : PARLEY_OK);
        tried += failed;
        again(f);
        assert_int_equal(parley_outbox_count(f->client), failed ? 1 : 0);
        if (failed)
            assert_int_equal(parley_outbox_discard(f->client, id), PARLEY_OK);
    }
    assert_true(tried > 0);
}

/* --- drafts --- */

static void expect_draft(struct fake *f, int64_t number, const char *path, const char *value)
{
    parley_event *e = parley_recap(f->client, NULL);
    assert_non_null(e);
    assert_int_equal(parley_event_count(e, "drafts"), value ? 1 : 0);
    if (value) {
        assert_int_equal(parley_event_int(e, "drafts.0.number", -1), number);
        assert_string_equal(parley_event_text(e, path), value);
    }
    parley_event_free(e);
}

static void what_is_half_written_survives(void **state)
{
    struct fake *f = *state;
    assert_int_equal(parley_draft_set(f->client, NULL, 0, "\"Dear"), PARLEY_MALFORMED);
    assert_int_equal(parley_draft_set(f->client, NULL, 0, "\"Dear\""), PARLEY_OK);
    again(f);
    expect_draft(f, 0, "drafts.0.value", "Dear");
    fake_online(f, 0, 0); /* the main conversation gets its id */
    again(f);
    expect_draft(f, 0, "drafts.0.value", "Dear");
    assert_int_equal(parley_send_text(f->client, NULL, "Dear Sir", NULL), PARLEY_OK);
    expect_draft(f, 0, NULL, NULL);
    assert_int_equal(parley_draft_set(f->client, NULL, 7, "{\"name\":\"Ana\"}"), PARLEY_OK);
    again(f);
    expect_draft(f, 7, "drafts.0.value.name", "Ana");
    assert_int_equal(parley_submit_form(f->client, NULL, 7, "{\"name\":\"Ana\"}", NULL), PARLEY_OK);
    again(f);
    expect_draft(f, 0, NULL, NULL);
    assert_int_equal(parley_outbox_count(f->client), 2);
}

/* One that is there already may be written again when there is no room for another one. */
static void drafts_have_a_limit(void **state)
{
    struct fake *f = *state;
    for (int i = 0; i < KEEP_DRAFTS_MAX; i++)
        assert_int_equal(parley_draft_set(f->client, NULL, i, "1"), PARLEY_OK);
    assert_int_equal(parley_draft_set(f->client, NULL, KEEP_DRAFTS_MAX, "1"), PARLEY_LIMIT);
    assert_int_equal(parley_draft_set(f->client, NULL, 7, "2"), PARLEY_OK);
    assert_int_equal(parley_draft_set(f->client, NULL, 8, NULL), PARLEY_OK);
    assert_int_equal(parley_draft_set(f->client, NULL, KEEP_DRAFTS_MAX, "1"), PARLEY_OK);
}

/* --- the cache --- */

static void the_thread_is_there_before_the_first_byte(void **state)
{
    struct fake *f = *state;
    fake_online(f, 100, 1);
    again(f);
    assert_non_null(fake_event(f, PARLEY_EVENT_CONVERSATION));
    assert_int_equal(parley_event_int(f->event, "head", 0), 100);
    for (int64_t seq = 51; seq <= 100; seq++)
        fake_expect_item(f, seq, false);
    fake_expect_no(f, PARLEY_EVENT_ITEM);
    assert_int_equal(f->opens, 0);
    uint64_t call;
    assert_int_equal(parley_load_older(f->client, NULL, 30, &call), PARLEY_OK);
    for (int64_t seq = 21; seq <= 50; seq++)
        fake_expect_item(f, seq, false);
    assert_non_null(fake_event(f, PARLEY_EVENT_REPLY));
    assert_int_equal(parley_event_call(f->event), call);
    assert_int_equal(parley_event_int(f->event, "data.count", 0), 30);
    assert_false(parley_event_int(f->event, "data.start", -1));
    assert_int_equal(parley_load_older(f->client, NULL, 30, &call), PARLEY_OK);
    assert_non_null(fake_event(f, PARLEY_EVENT_REPLY));
    assert_true(parley_event_int(f->event, "data.start", -1));
}

static void only_what_was_missed_is_asked_for(void **state)
{
    struct fake *f = *state;
    fake_online(f, 100, 51);
    again(f);
    parley_connect(f->client);
    fake_open(f);
    const struct frame *hello = fake_expect(f, FRAME_hello);
    assert_int_equal(hello->hello.have_count, 1);
    assert_int_equal(hello->hello.have[0].seq, 100);
    fake_welcome(f, 102, 101);
    for (int64_t seq = 51; seq <= 100; seq++)
        fake_expect_item(f, seq, false);
    fake_expect_item(f, 101, true);
    fake_expect_item(f, 102, true);
    assert_non_null(fake_event(f, PARLEY_EVENT_SYNCED));
    fake_expect(f, FRAME_none);
    /* beyond what is here the server is asked */
    assert_int_equal(parley_load_older(f->client, NULL, 10, NULL), PARLEY_OK);
    const struct frame *r = fake_find(f, FRAME_range);
    assert_int_equal(r->range.before, 51);
    fake_answer_range(f, 102);
    for (int64_t seq = 41; seq <= 50; seq++)
        fake_expect_item(f, seq, false);
}

static void a_hole_is_remembered_and_filled(void **state)
{
    struct fake *f = *state;
    fake_online(f, 10, 1);
    fake_again(f, 1006);
    fake_welcome(f, 500, 451); /* 11 to 450 are missing */
    assert_int_equal(fake_expect(f, FRAME_range)->range.before, 451);
    again(f);
    for (int64_t seq = 451; seq <= 500; seq++)
        fake_expect_item(f, seq, false);
    fake_online(f, 500, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fake_expect(f, FRAME_range)->range.before, i ? 201 : 451);
        fake_answer_range(f, 500);
    }
    assert_non_null(fake_event(f, PARLEY_EVENT_SYNCED));
    fake_expect(f, FRAME_none);
    parley_load_older(f->client, NULL, 250, NULL);
    for (int64_t seq = 201; seq <= 450; seq++)
        fake_expect_item(f, seq, false);
    fake_expect(f, FRAME_none);
}

static int64_t cached(struct fake *f)
{
    int64_t count = 0;
    while (fake_event(f, PARLEY_EVENT_ITEM))
        count++;
    return count;
}

static void the_cache_keeps_the_newest(void **state)
{
    struct fake *f = *state;
    fake_online(f, 10, 1);
    f->client->cache_items = 100;
    fake_again(f, 1006);
    fake_welcome(f, 1000, 951);
    assert_int_equal(fake_expect(f, FRAME_range)->range.before, 951);
    fake_answer_range(f, 1000);
    fake_expect(f, FRAME_none); /* what is older gives way, and is not fetched any more */
    assert_non_null(fake_event(f, PARLEY_EVENT_SYNCED));
    parley_load_older(f->client, NULL, 10, NULL);
    assert_int_equal(fake_expect(f, FRAME_range)->range.before, 901);
    again(f);
    assert_int_equal(cached(f), 50);
    parley_load_older(f->client, NULL, 250, NULL);
    assert_int_equal(cached(f), 50);
}

static void a_damaged_cache_is_fetched_again(void **state)
{
    struct fake *f = *state;
    static const long from[] = {0, 30, 100, 5000, 9000};
    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        char id[37];
        fake_online(f, 100, 1);
        parley_send_text(f->client, NULL, "kept", id);
        fake_stop(f);
        folder_damage(folder, ".cache", from[i]);
        assert_int_equal(fake_start_in(f, 0, folder, "ana"), PARLEY_OK);
        if (i == 0)
            assert_string_equal(parley_event_text(fake_event(f, PARLEY_EVENT_CACHE), "state"), "rebuilt");
        expect_outbox(f, id, PARLEY_OUTBOX_QUEUED);
        parley_load_older(f->client, NULL, 250, NULL); /* wherever the damage is */
        fake_online(f, 100, 51);
        while (fake_next(f))
            if (f->request.type == FRAME_range)
                fake_answer_range(f, 100);
        assert_int_equal(parley_outbox_discard(f->client, id), PARLEY_WRONG_STATE); /* it is on its way */
        again(f);
        int seen = 0;
        while (fake_event(f, PARLEY_EVENT_ITEM))
            seen++;
        assert_true(seen >= 50);
        again(f);
        fake_stop(f);
        folder_remove(folder);
        folder = folder_make();
        assert_int_equal(fake_start_in(f, 0, folder, "ana"), PARLEY_OK);
    }
}

static void a_damaged_outbox_is_put_aside(void **state)
{
    struct fake *f = *state;
    parley_send_text(f->client, NULL, "lost", NULL);
    fake_stop(f);
    folder_damage(folder, ".keep", 0);
    assert_int_equal(fake_start_in(f, 0, folder, "ana"), PARLEY_OK);
    assert_non_null(fake_event(f, PARLEY_EVENT_CACHE));
    assert_string_equal(parley_event_text(f->event, "state"), "reset");
    assert_int_equal(folder_count(folder, ".keep.bad"), 1);
    assert_int_equal(parley_send_text(f->client, NULL, "new", NULL), PARLEY_OK);
}

static void a_full_disk_does_not_stop_the_conversation(void **state)
{
    struct fake *f = *state;
    disk_fails_at(-1, 0);
    again(f);
    fake_online(f, 10, 1);
    disk_fails_at(0, SQLITE_FULL);
    fake_push_item(f, 11);
    assert_non_null(fake_event(f, PARLEY_EVENT_ITEM));
    assert_non_null(fake_event(f, PARLEY_EVENT_CACHE));
    assert_string_equal(parley_event_text(f->event, "state"), "memory");
    assert_int_equal(parley_event_status(f->event), PARLEY_LIMIT);
    assert_int_equal(parley_state(f->client), PARLEY_STATE_ONLINE);
    fake_find(f, FRAME_range);
    fake_answer_range(f, 11);
    fake_push_item(f, 12);
    fake_expect_item(f, 12, true);
    fake_expect_no(f, PARLEY_EVENT_ITEM); /* nothing is told twice */
    disk_fails_at(-1, 0);
    again(f); /* what was written before is there */
    fake_expect_item(f, 1, false);
}

/* --- who may see it --- */

static void another_user_sees_nothing(void **state)
{
    struct fake *f = *state;
    fake_online(f, 10, 1);
    parley_send_text(f->client, NULL, "mine", NULL);
    fake_stop(f);
    assert_int_equal(fake_start_in(f, 0, folder, "bob"), PARLEY_OK);
    assert_null(fake_event(f, -1));
    assert_int_equal(parley_outbox_count(f->client), 0);
    again(f);
    assert_int_equal(parley_outbox_count(f->client), 1);
}

static void somebody_else_under_the_same_name_finds_nothing(void **state)
{
    struct fake *f = *state;
    fake_online(f, 10, 1);
    parley_send_text(f->client, NULL, "mine", NULL);
    parley_draft_set(f->client, NULL, 0, "\"and more\"");
    again(f);
    parley_connect(f->client);
    fake_open(f);
    fake_expect(f, FRAME_hello);
    struct frame_thread main = {.conversation = fake_agent, .topic = span_str("main")};
    fake_reply(f, welcome, .me = fake_agent, .role = role_customer, .time = 1, .ping_ms = 25000,
               .server = span_str("fake"), .threads = &main, .threads_count = 1);
    while (fake_event(f, PARLEY_EVENT_CACHE))
        assert_string_equal(parley_event_text(f->event, "state"), "reset");
    fake_expect(f, FRAME_none);
    assert_int_equal(parley_outbox_count(f->client), 0);
    expect_draft(f, 0, NULL, NULL);
    again(f);
    fake_expect_no(f, PARLEY_EVENT_ITEM);
}

static void signing_out_deletes_everything(void **state)
{
    struct fake *f = *state;
    fake_online(f, 10, 1);
    parley_send_text(f->client, NULL, "mine", NULL);
    assert_int_equal(parley_sign_out(f->client), PARLEY_OK);
    assert_int_equal(folder_count(folder, ""), 0);
    fake_expect_state(f, PARLEY_STATE_CLOSED, PARLEY_SIGNED_OUT);
    assert_null(fake_event(f, -1));
    again(f);
    assert_null(fake_event(f, -1));
}

/* Who was here last was written in the other file, and that one is gone. */
static void a_cache_of_nobody_known_is_not_shown(void **state)
{
    struct fake *f = *state;
    fake_online(f, 10, 1);
    fake_stop(f);
    folder_damage(folder, ".keep", 0);
    assert_int_equal(fake_start_in(f, 0, folder, "ana"), PARLEY_OK);
    fake_expect_no(f, PARLEY_EVENT_ITEM);
    again(f);
    fake_expect_no(f, PARLEY_EVENT_ITEM);
    fake_online(f, 10, 1); /* and it is fetched again */
    fake_expect_item(f, 1, true);
}

/* Also what was put aside, as it could not be read: there may be words in it. */
static void signing_out_deletes_what_was_damaged(void **state)
{
    struct fake *f = *state;
    parley_send_text(f->client, NULL, "mine", NULL);
    fake_stop(f);
    folder_damage(folder, ".keep", 0);
    assert_int_equal(fake_start_in(f, 0, folder, "ana"), PARLEY_OK);
    assert_int_equal(folder_count(folder, ".keep.bad"), 1);
    assert_int_equal(parley_sign_out(f->client), PARLEY_OK);
    assert_int_equal(folder_count(folder, ""), 0);
}

static void a_file_has_one_client(void **state)
{
    struct fake other;
    assert_int_equal(fake_start_in(&other, 0, folder, "ana"), PARLEY_TAKEN);
    assert_int_equal(fake_start_in(&other, 0, folder, NULL), PARLEY_INVALID);
    assert_int_equal(fake_start_in(&other, 0, "/proc/nothing/here", "ana"), PARLEY_DENIED);
}

static void the_device_stays_the_same(void **state)
{
    struct fake *f = *state;
    struct uuid device = f->client->device;
    again(f);
    assert_memory_equal(f->client->device.b, device.b, 16);
}

static int64_t attempt(struct fake *f)
{
    fake_open(f);
    int64_t number = fake_expect(f, FRAME_hello)->hello.attempt;
    assert_int_not_equal(number, 0);
    return number;
}

static void a_later_connection_says_so(void **state)
{
    struct fake *f = *state;
    int64_t last = 0;
    for (int life = 0; life < 3; life++) { /* each with the clock put back to where the first began */
        parley_connect(f->client);
        for (int i = 0; i < 3; i++) {
            int64_t number = attempt(f);
            assert_true(number > last);
            last = number;
            fake_close(f, 1006);
            fake_advance(f, BACKOFF_MAX_MS);
        }
        again(f);
    }
}

static void a_later_connection_says_so_without_its_files(void **state)
{
    struct fake *f = *state;
    parley_connect(f->client);
    int64_t last = attempt(f), now = f->now;
    assert_int_equal(parley_sign_out(f->client), PARLEY_OK);
    again(f);
    f->now = now + 1;
    parley_connect(f->client);
    assert_true(attempt(f) > last);
}

int main(void)
{
    disk_fails_at(-1, 0);
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(what_a_killed_process_said_is_sent_by_the_next),
        CASE(what_was_answered_is_not_sent_again),
        CASE(what_failed_is_shown_until_it_is_discarded),
        CASE(a_retry_is_remembered),
        CASE(a_full_disk_takes_nothing_it_cannot_keep),
        CASE(a_discard_is_on_disk_or_refused),
        CASE(what_is_said_is_on_disk_when_the_call_returns),
        CASE(what_is_half_written_survives),
        CASE(drafts_have_a_limit),
        CASE(the_thread_is_there_before_the_first_byte),
        CASE(only_what_was_missed_is_asked_for),
        CASE(a_hole_is_remembered_and_filled),
        CASE(the_cache_keeps_the_newest),
        CASE(a_damaged_cache_is_fetched_again),
        CASE(a_damaged_outbox_is_put_aside),
        CASE(a_full_disk_does_not_stop_the_conversation),
        CASE(another_user_sees_nothing),
        CASE(somebody_else_under_the_same_name_finds_nothing),
        CASE(signing_out_deletes_everything),
        CASE(signing_out_deletes_what_was_damaged),
        CASE(a_cache_of_nobody_known_is_not_shown),
        CASE(a_file_has_one_client),
        CASE(the_device_stays_the_same),
        CASE(a_later_connection_says_so),
        CASE(a_later_connection_says_so_without_its_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
