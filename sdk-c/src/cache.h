/* What the server has told, on disk: conversations, items, names, questions, processes. All of it can be had again, so
 * a failure is never fatal: a damaged file is made anew, and where the disk refuses, the rest of this run is cached in
 * memory. Part of the client, under its lock. */
#ifndef SDK_C_SRC_CACHE_H
#define SDK_C_SRC_CACHE_H

#include "protocol/frame.h"

struct parley_client;
struct parley_event;
struct conversation;

enum { CACHE_ITEMS = 10000 };

/* Reads what there is into the inbox, without telling the app. */
parley_status cache_open(struct parley_client *c);

/* It was found to contradict itself: made anew. */
void cache_damaged(struct parley_client *c);

/* An item, as the JSON that events show. Failures come out at the commit. */
void cache_item(struct parley_client *c, struct conversation *conv, const struct frame_item *item, struct span json);
void cache_person(struct parley_client *c, const struct frame_person *p);

/* So that what belongs to a conversation can name it. */
void cache_make_row(struct parley_client *c, struct conversation *conv);

/* A process as it stands; tells the app when that is news. */
parley_status cache_process(struct parley_client *c, const struct frame_process *p);

/* Up to `count` items with from <= seq <= to, the newest of them, ascending. True to go on. */
typedef bool cache_item_seen(void *arg, int64_t seq, int64_t prev, struct uuid author, struct span json);
parley_status cache_page(struct parley_client *c, struct conversation *conv, int64_t from, int64_t to, uint32_t count,
                         cache_item_seen *seen, void *arg);

/* Items of others above a number that a person would read: words, not changes of state. */
int64_t cache_unread(struct parley_client *c, struct conversation *conv, int64_t above);

/* The name behind an author; false when it is not known. Lives in the client's arena. */
bool cache_find_person(struct parley_client *c, struct uuid id, struct frame_person *out);

/* The newest question (choices, form) without an answer in the session that is open; 0: none. */
int64_t cache_question(struct parley_client *c, struct conversation *conv);

/* That number is a question; `answered`: it waits no longer. Known answers stay. */
void cache_ask(struct parley_client *c, struct conversation *conv, int64_t seq, bool answered);

/* The PROCESS event: what is known, with what waits to be sent on top of it. PARLEY_NOT_FOUND: it is neither known nor
 * to begin. */
parley_status cache_tell_process(struct parley_client *c, const struct conversation *conv, struct uuid process,
                                 struct span known);

/* As the server said it last, JSON in the arena, and its revision; empty and 0: it is not known. */
struct span cache_known_process(struct parley_client *c, const struct conversation *conv, struct uuid process,
                                struct arena *arena);
int64_t cache_process_revision(struct parley_client *c, const struct conversation *conv, struct uuid process);

bool cache_knows_process(struct parley_client *c, const struct conversation *conv, struct uuid process,
                         int64_t revision);

/* Asks how it stands, unless that is about to be asked. */
parley_status cache_ask_process(struct parley_client *c, const struct conversation *conv, struct uuid process);

/* Asks how those stand that are open here and not among what the server says is open. */
parley_status cache_ask_ended(struct parley_client *c, struct conversation *conv, const struct frame_recap *recap);

/* Adds `processes`: the open ones. */
void cache_put_processes(struct parley_client *c, struct parley_event *e, struct conversation *conv);

/* Keeps a conversation within CACHE_ITEMS, about. */
void cache_trim(struct parley_client *c, struct conversation *conv);

/* Saves what has changed. After a failure another cache is there, and what it lacks is asked for. */
void cache_commit(struct parley_client *c);

#endif
