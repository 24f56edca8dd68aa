/* What must not be lost: who is signed in, what was said and is not stored yet, and what is half written. A small file
 * of its own beside the cache, so that a damaged cache can be thrown away; in memory when the app named no folder.
 * Part of the client, under its lock. */
#ifndef SDK_C_SRC_KEEP_H
#define SDK_C_SRC_KEEP_H

#include "protocol/span.h"
#include "protocol/status.h"
#include "protocol/uuid.h"

struct parley_client;
struct parley_event;
struct entry;

enum { KEEP_DRAFTS_MAX = 1000 };

/* Who this client acts for, and the entries of the outbox. What is damaged is put aside, as <name>.bad. */
parley_status keep_open(struct parley_client *c);

/* Deletes the file, and what was put aside. PARLEY_DENIED. */
parley_status keep_remove(struct parley_client *c);

/* Saved when the lock is released. */
void keep_owner(struct parley_client *c);
void keep_attempt(struct parley_client *c);
void keep_main_known(struct parley_client *c, struct uuid id);
void keep_entry_state(struct parley_client *c, const struct entry *e);
parley_status keep_entry_body(struct parley_client *c, const struct entry *e, struct span body); /* on disk at once */
void keep_entry_gone(struct parley_client *c, struct uuid id);
parley_status keep_entry_dropped(struct parley_client *c, struct uuid id); /* the same, on disk when it returns */

/* On disk when it returns. The draft that it was made from, number `draft`, is gone with it; negative: none. */
parley_status keep_entry(struct parley_client *c, const struct entry *e, int64_t draft);

/* On disk when it returns. A NULL ptr removes. PARLEY_LIMIT: there are too many, or the disk is full. */
parley_status keep_draft(struct parley_client *c, struct uuid conversation, int64_t number, struct span json);

/* Adds `drafts`: a list of {number, value}. */
void keep_put_drafts(struct parley_client *c, struct parley_event *e, struct uuid conversation);

/* A key of the context, json NULL: it is gone; and whether the server has all of them. */
void keep_context(struct parley_client *c, struct uuid conversation, struct span key, struct span json);
void keep_context_sent(struct parley_client *c, struct uuid conversation, bool sent);

/* The contexts, into the inbox: after the cache has filled it. PARLEY_NOMEM. */
parley_status keep_read_contexts(struct parley_client *c);

/* How the phone is woken; empty: it is not. On disk when it returns. */
parley_status keep_push(struct parley_client *c, struct span platform, struct span token, bool told);

/* Ends the changes that may wait. */
void keep_commit(struct parley_client *c);

#endif
