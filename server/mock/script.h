/* What goes wrong, as a text: settings, and rules of which the first that fits an event acts.
 *
 *   history 40                      the conversation has so many items before anybody connects
 *   chatter 300ms 20                something is said so often, also while the app is away; at most so many times
 *   beacon 1s                       heads are told, and silence is noticed, so often
 *   echo no                         the bot says nothing
 *   on EVENT [TYPE] [WHICH]: ACTION
 *   every 3s [WHICH]: ACTION        by the clock of each connection
 *   after 500ms [WHICH]: ACTION     once a connection
 *
 * README.md has the events, types and actions. Owned by the mock; one thread. */
#ifndef SERVER_MOCK_SCRIPT_H
#define SERVER_MOCK_SCRIPT_H

#include "protocol/frame.h"

enum rule_event { ON_OPEN, ON_REQUEST, ON_ANSWER, ON_PUSH, ON_EVERY, ON_AFTER };

enum rule_which { WHICH_ALL, WHICH_ONE_IN, WHICH_EACH, WHICH_FIRST, WHICH_FROM };

enum rule_action {
    ACT_CUT,     /* the connection breaks without a word */
    ACT_CLOSE,   /* with a code */
    ACT_SILENCE, /* nothing more is read or said; the socket stays */
    ACT_LOSE,    /* this frame only */
    ACT_TWICE,
    ACT_LATE,   /* behind `amount` other frames, or so many milliseconds later */
    ACT_REFUSE, /* the request counts for nothing and gets this status */
    ACT_TORN,   /* half a WebSocket frame, then a cut */
    ACT_HALF,   /* a whole message with half of its bytes */
    ACT_HEAD,   /* a head that lies by `amount` */
    ACT_EXPIRE, /* the token ends after so many milliseconds */
    ACT_DRAIN,  /* the server says that it goes down, and does */
    ACT_SAY     /* whoever serves says `text` */
};

enum { RULE_TEXT = 96, RULES_MAX = 64, SCRIPT_MAX = 64 << 10 };

struct rule {
    int line;
    enum rule_event event;
    enum frame_type type; /* of the request, also for its answer; FRAME_none: any */
    int64_t period_ms;    /* ON_EVERY, ON_AFTER */
    enum rule_which which;
    int64_t n;
    enum rule_action action;
    int64_t amount; /* a close code, frames, a lie */
    int64_t ms;     /* 0: not given */
    parley_status status;
    char text[RULE_TEXT];
    int64_t seen; /* events, in the whole run */
};

struct script {
    struct rule rules[RULES_MAX];
    size_t count;
    int64_t history, chatter_ms, chatter_count, beacon_ms;
    bool echo;
};

/* Where a text is wrong, and what to do. */
struct script_error {
    int line;
    char text[160];
};

/* PARLEY_INVALID, with *out_error filled in. */
parley_status script_read(struct script *s, struct span text, struct script_error *out_error);

/* The rule that acts on this event, or NULL. `chance` is a fresh random number for each call. */
struct rule *script_match(struct script *s, enum rule_event event, enum frame_type type, uint32_t chance);

/* Whether a rule of the clock acts this time. */
bool rule_counts(struct rule *rule, uint32_t chance);

const char *rule_action_name(enum rule_action action);

/* The scripts that come with the program; the last has no name. The first line of each says what it is for. */
struct builtin {
    const char *name;
    const char *text;
};
extern const struct builtin builtins[];

const struct builtin *builtin_find(const char *name);

/* The first line, without the '#'; borrowed from the text. */
struct span builtin_about(const struct builtin *b);

#endif
