/* Who was ever here and what was said, in memory: as the server's log, with numbers, `prev`, ids that count once, and
 * items for staff alone, so that an app's numbers have holes as they do in earnest.
 * Owned by the mock, freed at its end. One thread. */
#ifndef SERVER_MOCK_PEOPLE_H
#define SERVER_MOCK_PEOPLE_H

#include "protocol/frame.h"
#include "server/base/list.h"

struct entry {
    struct uuid id, author;
    int64_t seq, prev, at;
    int role, audience;
    char *kind;
    char *body; /* canonical JSON */
};

struct transaction {
    struct list node;
    struct uuid id;
    char type[LIMIT_NAME + 1], step[LIMIT_NAME + 1], title[LIMIT_TITLE + 1];
    int state;
    int64_t revision;
    char *data; /* canonical JSON, a map */
};

struct talk {
    struct list node;
    struct person *person;
    struct uuid id;
    char topic[LIMIT_NAME + 1];
    struct entry **entries; /* item n at n - 1 */
    size_t count;
    int64_t head;            /* the last public number */
    int64_t read, delivered; /* by the customer */
    int64_t agent_read;
    struct uuid session; /* nil: none is open */
    int state;
    int64_t epoch;
    char *context; /* NULL: none yet */
    int64_t context_seq;
    struct list processes;
    int64_t joins_at; /* by clock_mono_ms, an agent; 0: nobody was asked for */
};

struct person {
    struct list node;
    char *name;
    struct uuid id;
    bool guest;
    struct list talks;   /* main first */
    struct list refused; /* tokens that are not let in any more */
    int64_t chattered;
};

extern const struct uuid mock_bot, mock_agent;
#define MOCK_BOT_NAME "Bot"
#define MOCK_AGENT_NAME "Kim"

/* Whose token it is: the `sub` of a JWT, whoever signed it, else what stands before the first '.' or ':'. A guest's
 * begins with pg_. Terminated, for the caller to free. */
char *token_owner(struct span token, bool *out_guest);

/* Found, or made with a main conversation. */
struct person *person_of(struct list *people, struct span name, bool guest);
void people_free(struct list *people);

/* PARLEY_OK, or why this token is not let in any more. */
parley_status person_refuses(const struct person *p, struct span token);
void person_refuse(struct person *p, struct span token, parley_status why);

/* NULL when this person has none of that id. */
struct talk *talk_find(struct person *p, struct uuid id);
/* Found by topic, or made. */
struct talk *talk_open(struct person *p, struct span topic);
struct talk *talk_main(struct person *p);

/* The next item; `body` is JSON. */
struct entry *talk_add(struct talk *t, struct uuid id, int role, struct uuid author, const char *kind, int audience,
                       struct span body);
/* What this author has said under this id, or NULL. */
struct entry *talk_said(const struct talk *t, struct uuid author, struct uuid id);

/* An id that follows from its cause. */
struct uuid mock_id(const char *what, struct uuid where, int64_t n);

#endif
