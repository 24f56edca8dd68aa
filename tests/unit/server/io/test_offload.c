/* Blocking work beside a real loop: answered on its thread, bounded, and nothing lost at the end. */
#include "server/base/mem.h"
#include "server/io/loop.h"
#include "server/io/offload.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { ALL = OFFLOAD_THREADS + OFFLOAD_QUEUE };

struct office {
    struct loop *loop;
    struct mailbox *box;
    struct offload *offload;
    pthread_t thread;
    pthread_barrier_t begun; /* both helpers are at work */
    pthread_mutex_t gate;    /* and stay there while it is held */
    int done;
    atomic_int dropped;
};

struct job {
    struct offload_job job;
    struct office *office;
    pthread_t worked_on;
    bool waits;
};

static void work(struct offload_job *job)
{
    struct job *j = (struct job *)job;
    j->worked_on = pthread_self();
    if (!j->waits)
        return;
    pthread_barrier_wait(&j->office->begun);
    pthread_mutex_lock(&j->office->gate);
    pthread_mutex_unlock(&j->office->gate);
}

static void done(struct offload_job *job)
{
    struct job *j = (struct job *)job;
    struct office *office = j->office;
    assert_true(pthread_equal(pthread_self(), office->thread));
    assert_false(pthread_equal(j->worked_on, office->thread));
    mem_free(j);
    if (++office->done == ALL) {
        mailbox_close(office->box);
        loop_stop(office->loop);
    }
}

static void drop(struct offload_job *job)
{
    struct job *j = (struct job *)job;
    j->office->dropped++;
    mem_free(j);
}

static struct job *job_new(struct office *office, bool waits)
{
    struct job *j = mem_alloc(sizeof *j);
    j->job = (struct offload_job){.home = office->box, .work = work, .done = done, .drop = drop};
    j->office = office;
    j->waits = waits;
    return j;
}

/* Both helpers held at work, the queue full. */
static void fill(struct office *office)
{
    office->loop = loop_new();
    office->box = mailbox_new(office->loop, office);
    office->thread = pthread_self();
    pthread_barrier_init(&office->begun, NULL, OFFLOAD_THREADS + 1);
    pthread_mutex_init(&office->gate, NULL);
    pthread_mutex_lock(&office->gate);
    office->offload = offload_new();
    for (int i = 0; i < OFFLOAD_THREADS; i++)
        assert_int_equal(offload_start(office->offload, &job_new(office, true)->job), PARLEY_OK);
    pthread_barrier_wait(&office->begun);
    for (int i = 0; i < OFFLOAD_QUEUE; i++)
        assert_int_equal(offload_start(office->offload, &job_new(office, false)->job), PARLEY_OK);
}

static void end(struct office *office)
{
    offload_free(&office->offload);
    mailbox_free(&office->box);
    loop_free(&office->loop);
    pthread_barrier_destroy(&office->begun);
    pthread_mutex_destroy(&office->gate);
}

static void every_job_is_done_and_answered_on_the_loop(void **state)
{
    struct office office = {0};
    fill(&office);
    struct job *one_more = job_new(&office, false);
    assert_int_equal(offload_start(office.offload, &one_more->job), PARLEY_BUSY);
    mem_free(one_more);
    pthread_mutex_unlock(&office.gate);
    loop_run(office.loop);
    assert_int_equal(office.done, ALL);
    end(&office);
    assert_int_equal(office.dropped, 0);
}

static void what_is_left_at_the_end_is_dropped(void **state)
{
    struct office office = {0};
    fill(&office);
    mailbox_close(office.box);
    pthread_mutex_unlock(&office.gate);
    end(&office);
    assert_int_equal(office.done, 0);
    assert_int_equal(office.dropped, ALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_is_done_and_answered_on_the_loop),
        cmocka_unit_test(what_is_left_at_the_end_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
