/* A bounded queue and two threads. The job is its own mail back, so that nothing is allocated on the way. */
#include "server/io/offload.h"

#include "server/base/mem.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>

struct offload {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t threads[OFFLOAD_THREADS];
    struct mail *first, **last; /* waiting, oldest first */
    unsigned waiting;
    bool stopping;
};

static void open_done(struct mail *mail, void *receiver)
{
    struct offload_job *job = (struct offload_job *)mail;
    job->done(job);
}

static void open_drop(struct mail *mail)
{
    struct offload_job *job = (struct offload_job *)mail;
    job->drop(job);
}

/* With the lock held. */
static struct offload_job *take(struct offload *offload)
{
    struct mail *mail = offload->first;
    if (!mail)
        return NULL;
    offload->first = mail->next;
    if (!offload->first)
        offload->last = &offload->first;
    offload->waiting--;
    return (struct offload_job *)mail;
}

static struct offload_job *wait_for_one(struct offload *offload)
{
    pthread_mutex_lock(&offload->lock);
    while (!offload->first && !offload->stopping)
        pthread_cond_wait(&offload->changed, &offload->lock);
    struct offload_job *job = offload->stopping ? NULL : take(offload);
    pthread_mutex_unlock(&offload->lock);
    return job;
}

static void *help(void *arg)
{
    struct offload *offload = arg;
    struct offload_job *job;
    while ((job = wait_for_one(offload))) {
        job->work(job);
        mailbox_send(job->home, &job->mail);
    }
    return NULL;
}

struct offload *offload_new(void)
{
    struct offload *offload = mem_alloc(sizeof *offload);
    pthread_mutex_init(&offload->lock, NULL);
    pthread_cond_init(&offload->changed, NULL);
    offload->last = &offload->first;
    for (int i = 0; i < OFFLOAD_THREADS; i++) {
        int failed = pthread_create(&offload->threads[i], NULL, help, offload);
        assert(!failed);
    }
    return offload;
}

void offload_free(struct offload **at)
{
    struct offload *offload = *at;
    if (!offload)
        return;
    pthread_mutex_lock(&offload->lock);
    offload->stopping = true;
    pthread_cond_broadcast(&offload->changed);
    pthread_mutex_unlock(&offload->lock);
    for (int i = 0; i < OFFLOAD_THREADS; i++)
        pthread_join(offload->threads[i], NULL);
    for (struct offload_job *job; (job = take(offload));)
        job->drop(job);
    pthread_cond_destroy(&offload->changed);
    pthread_mutex_destroy(&offload->lock);
    mem_free(offload);
    *at = NULL;
}

parley_status offload_start(struct offload *offload, struct offload_job *job)
{
    job->mail = (struct mail){.open = open_done, .discard = open_drop};
    pthread_mutex_lock(&offload->lock);
    bool full = offload->waiting == OFFLOAD_QUEUE;
    if (!full) {
        *offload->last = &job->mail;
        offload->last = &job->mail.next;
        offload->waiting++;
        pthread_cond_signal(&offload->changed);
    }
    pthread_mutex_unlock(&offload->lock);
    return full ? PARLEY_BUSY : PARLEY_OK;
}
