/* The loop's timers, turn hooks, watches and mailboxes, on a real loop. */
#include "server/base/mem.h"
#include "server/io/loop.h"
#include "server/io/mailbox.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    struct loop *loop;
    struct loop_timer a, b, c;
    struct loop_turn turn, other_turn, last_turn;
    struct loop_watch *watch;
    char log[64];
    int64_t at;
    int count;
};

static void note(struct fixture *f, char c)
{
    size_t n = strlen(f->log);
    assert_true(n + 1 < sizeof f->log);
    f->log[n] = c;
}

static int setup(void **state)
{
    struct fixture *f = mem_alloc(sizeof *f);
    f->loop = loop_new();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    loop_free(&f->loop);
    mem_free(f);
    return 0;
}

static void note_a(void *arg)
{
    note(arg, 'a');
}

static void note_b(void *arg)
{
    note(arg, 'b');
}

static void note_and_stop(void *arg)
{
    struct fixture *f = arg;
    note(f, '.');
    f->at = loop_now_ms(f->loop);
    loop_stop(f->loop);
}

static void timers_fire_in_order_and_not_early(void **state)
{
    struct fixture *f = *state;
    int64_t start = loop_now_ms(f->loop);
    loop_timer_start(f->loop, &f->c, 200, note_and_stop, f);
    loop_timer_start(f->loop, &f->b, 120, note_b, f);
    loop_timer_start(f->loop, &f->a, 0, note_a, f);
    loop_run(f->loop);
    assert_string_equal(f->log, "ab.");
    assert_true(f->at - start >= 200);
}

static void a_stopped_timer_does_not_fire(void **state)
{
    struct fixture *f = *state;
    loop_timer_start(f->loop, &f->a, 50, note_a, f);
    assert_true(loop_timer_started(&f->a));
    loop_timer_stop(&f->a);
    loop_timer_stop(&f->a);
    assert_false(loop_timer_started(&f->a));
    loop_timer_start(f->loop, &f->c, 120, note_and_stop, f);
    loop_run(f->loop);
    assert_string_equal(f->log, ".");
}

static void note_b_and_stop_a(void *arg)
{
    struct fixture *f = arg;
    note(f, 'b');
    loop_timer_stop(&f->a);
}

static void a_timer_may_stop_another_of_the_same_slot(void **state)
{
    struct fixture *f = *state;
    loop_timer_start(f->loop, &f->b, 60, note_b_and_stop_a, f);
    loop_timer_start(f->loop, &f->a, 60, note_a, f);
    loop_timer_start(f->loop, &f->c, 160, note_and_stop, f);
    loop_run(f->loop);
    assert_string_equal(f->log, "b.");
}

static void again_until_three(void *arg)
{
    struct fixture *f = arg;
    note(f, 'a');
    if (++f->count < 3)
        loop_timer_start(f->loop, &f->a, 0, again_until_three, f);
    else
        note_and_stop(f);
}

static void a_timer_may_start_itself_again(void **state)
{
    struct fixture *f = *state;
    loop_timer_start(f->loop, &f->a, 0, again_until_three, f);
    loop_run(f->loop);
    assert_string_equal(f->log, "aaa.");
}

static void a_timer_beyond_a_round_of_the_wheel_waits(void **state)
{
    struct fixture *f = *state;
    loop_timer_start(f->loop, &f->b, 512 * LOOP_TICK_MS + 60, note_b, f); /* the slot of 60 ms, a round later */
    loop_timer_start(f->loop, &f->a, 60, note_a, f);
    loop_timer_start(f->loop, &f->c, 200, note_and_stop, f);
    loop_run(f->loop);
    assert_string_equal(f->log, "a.");
    assert_true(loop_timer_started(&f->b));
}

static void exact_timers_keep_the_millisecond_and_the_order(void **state)
{
    struct fixture *f = *state;
    int64_t start = loop_now_ms(f->loop);
    loop_timer_start_exact(f->loop, &f->c, 7, note_and_stop, f);
    loop_timer_start_exact(f->loop, &f->b, 3, note_b, f);
    loop_timer_start_exact(f->loop, &f->a, 0, note_a, f);
    loop_run(f->loop);
    assert_string_equal(f->log, "ab.");
    assert_true(f->at - start >= 7);
    assert_true(f->at - start < 7 + LOOP_TICK_MS * 20);
}

static void mark_again_once(void *arg)
{
    struct fixture *f = arg;
    note(f, 't');
    loop_at_turn_end(f->loop, &f->other_turn, note_b, f);
}

static void mark_twice(void *arg)
{
    struct fixture *f = arg;
    note(f, 'x');
    loop_at_turn_end(f->loop, &f->turn, mark_again_once, f);
    loop_at_turn_end(f->loop, &f->turn, mark_again_once, f);
}

static void a_turn_hook_runs_once_and_what_it_marks_runs_too(void **state)
{
    struct fixture *f = *state;
    loop_timer_start_exact(f->loop, &f->a, 0, mark_twice, f);
    loop_timer_start_exact(f->loop, &f->c, 5, note_and_stop, f);
    loop_run(f->loop);
    assert_string_equal(f->log, "xtb.");
}

static void mark_last_first(void *arg)
{
    struct fixture *f = arg;
    loop_at_turn_last(f->loop, &f->last_turn, note_a, f);
    loop_at_turn_end(f->loop, &f->turn, mark_again_once, f);
}

static void the_last_hook_runs_after_all_that_the_others_marked(void **state)
{
    struct fixture *f = *state;
    loop_timer_start_exact(f->loop, &f->a, 0, mark_last_first, f);
    loop_timer_start_exact(f->loop, &f->c, 5, note_and_stop, f);
    loop_run(f->loop);
    assert_string_equal(f->log, "tba.");
}

static void a_cancelled_turn_hook_does_not_run(void **state)
{
    struct fixture *f = *state;
    loop_at_turn_end(f->loop, &f->turn, note_a, f);
    loop_turn_cancel(&f->turn);
    loop_timer_start_exact(f->loop, &f->c, 1, note_and_stop, f);
    loop_run(f->loop);
    assert_string_equal(f->log, ".");
}

static void mark_for_ever(void *arg)
{
    struct fixture *f = arg;
    f->count++;
    loop_at_turn_end(f->loop, &f->turn, mark_for_ever, f);
}

static void a_hook_that_marks_itself_for_ever_does_not_stop_the_rest(void **state)
{
    struct fixture *f = *state;
    loop_at_turn_end(f->loop, &f->turn, mark_for_ever, f);
    loop_at_turn_last(f->loop, &f->last_turn, note_a, f);
    loop_timer_start_exact(f->loop, &f->c, 5, note_and_stop, f);
    loop_run(f->loop);
    assert_string_equal(f->log, "a.");
    assert_true(f->count > 16);
}

static void on_readable(void *arg, unsigned events)
{
    struct fixture *f = arg;
    assert_int_equal(events, LOOP_READ);
    note(f, 'r');
    loop_watch_close(&f->watch);
    loop_stop(f->loop);
}

static void a_watch_reports_what_is_wanted(void **state)
{
    struct fixture *f = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    f->watch = loop_watch_new(f->loop, ends[0], on_readable, f);
    assert_non_null(f->watch);
    loop_watch_set(f->watch, LOOP_READ);
    assert_int_equal(write(ends[1], "x", 1), 1);
    loop_run(f->loop);
    assert_string_equal(f->log, "r");
    close(ends[0]);
    close(ends[1]);
}

static void a_regular_file_cannot_be_watched(void **state)
{
    struct fixture *f = *state;
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_null(loop_watch_new(f->loop, fileno(file), on_readable, f));
    fclose(file);
}

static void keep_lag(void *arg, int64_t lag_us)
{
    struct fixture *f = arg;
    if (lag_us > f->at)
        f->at = lag_us;
}

static void block_the_loop(void *arg)
{
    usleep(3 * LOOP_TICK_MS * 1000);
}

static void stop_quietly(void *arg)
{
    loop_stop(((struct fixture *)arg)->loop);
}

static void a_blocked_loop_shows_as_lag(void **state)
{
    struct fixture *f = *state;
    loop_on_lag(f->loop, keep_lag, f);
    loop_timer_start_exact(f->loop, &f->a, 0, block_the_loop, f);
    loop_timer_start(f->loop, &f->c, 300, stop_quietly, f);
    loop_run(f->loop);
    assert_true(f->at >= 90000);
}

/* ---- mailboxes ---- */

enum { SENDERS = 4, MAILS = 20000 };

struct numbered {
    struct mail mail;
    int sender;
    int number;
};

struct post_office {
    struct loop *loop;
    struct mailbox *box;
    int next[SENDERS];
    int received;
    int discarded;
};

struct sender {
    pthread_t thread;
    struct post_office *office;
    int id;
};

static void open_numbered(struct mail *mail, void *receiver)
{
    struct post_office *office = receiver;
    struct numbered *n = (struct numbered *)mail;
    assert_int_equal(n->number, office->next[n->sender]);
    office->next[n->sender]++;
    mem_free(n);
    if (++office->received == SENDERS * MAILS) {
        mailbox_close(office->box);
        loop_stop(office->loop);
    }
}

static struct mail *numbered(int sender, int number)
{
    struct numbered *n = mem_alloc(sizeof *n);
    n->mail.open = open_numbered;
    n->sender = sender;
    n->number = number;
    return &n->mail;
}

static void *send_all(void *arg)
{
    struct sender *s = arg;
    for (int i = 0; i < MAILS; i++)
        mailbox_send(s->office->box, numbered(s->id, i));
    return NULL;
}

static void every_mail_arrives_once_in_its_senders_order(void **state)
{
    struct post_office office = {.loop = loop_new()};
    struct sender senders[SENDERS];
    office.box = mailbox_new(office.loop, &office);
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.office = &office, .id = i};
        pthread_create(&senders[i].thread, NULL, send_all, &senders[i]);
    }
    loop_run(office.loop);
    for (int i = 0; i < SENDERS; i++)
        pthread_join(senders[i].thread, NULL);
    assert_int_equal(office.received, SENDERS * MAILS);
    mailbox_free(&office.box);
    loop_free(&office.loop);
}

static struct post_office *discards_to;

static void discard_numbered(struct mail *mail)
{
    discards_to->discarded++;
    mem_free(mail);
}

static void a_closed_mailbox_discards_what_waits_and_what_comes(void **state)
{
    struct post_office office = {.loop = loop_new()};
    discards_to = &office;
    office.box = mailbox_new(office.loop, &office);
    for (int i = 0; i < 3; i++) {
        struct mail *mail = numbered(0, i);
        mail->discard = i ? discard_numbered : NULL;
        mailbox_send(office.box, mail);
    }
    mailbox_close(office.box);
    struct mail *late = numbered(0, 3);
    late->discard = discard_numbered;
    mailbox_send(office.box, late);
    assert_int_equal(office.discarded, 3);
    assert_int_equal(office.received, 0);
    mailbox_free(&office.box);
    loop_free(&office.loop);
}

int main(void)
{
#define ON_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ON_LOOP(timers_fire_in_order_and_not_early),
        ON_LOOP(a_stopped_timer_does_not_fire),
        ON_LOOP(a_timer_may_stop_another_of_the_same_slot),
        ON_LOOP(a_timer_may_start_itself_again),
        ON_LOOP(a_timer_beyond_a_round_of_the_wheel_waits),
        ON_LOOP(exact_timers_keep_the_millisecond_and_the_order),
        ON_LOOP(a_turn_hook_runs_once_and_what_it_marks_runs_too),
        ON_LOOP(the_last_hook_runs_after_all_that_the_others_marked),
        ON_LOOP(a_cancelled_turn_hook_does_not_run),
        ON_LOOP(a_hook_that_marks_itself_for_ever_does_not_stop_the_rest),
        ON_LOOP(a_watch_reports_what_is_wanted),
        ON_LOOP(a_regular_file_cannot_be_watched),
        ON_LOOP(a_blocked_loop_shows_as_lag),
        cmocka_unit_test(every_mail_arrives_once_in_its_senders_order),
        cmocka_unit_test(a_closed_mailbox_discards_what_waits_and_what_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
