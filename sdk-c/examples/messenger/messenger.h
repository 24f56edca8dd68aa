/* A messenger for the terminal, as an app on parley/client.h would be: what it shows is what views tell, what it knows
 * of the network is a banner, and what is typed is never lost. One thread, one poll loop. */
#ifndef MESSENGER_H
#define MESSENGER_H

#include <parley/client.h>

#include <stdbool.h>
#include <wchar.h>

enum { INPUT_MAX = 4000, INPUT_BYTES = INPUT_MAX * 4 + 1, OPTIONS_MAX = 20, FIELDS_MAX = 32, ID = 37 };

struct option {
    char *value, *label;
};

/* An answer further up that a question asks for. */
struct condition {
    char field[65], is[65];
};

/* A question of a form. */
struct field {
    char *id, *label, type[16];
    bool required;
    struct option options[OPTIONS_MAX];
    unsigned option_count;
    struct condition show_if[OPTIONS_MAX];
    unsigned condition_count;
};

/* A message, as a view of the thread tells it. */
struct row {
    char id[ID], role[16], state[16];
    char *name, *text, *why;
    struct option options[OPTIONS_MAX];
    unsigned option_count;
    struct field *fields; /* of a form; NULL: it is none */
    unsigned field_count;
    int64_t seq, at;
    bool mine, is_notice;
};

/* A form being filled in: the composer holds the answer to one field after the other. */
struct filling {
    int64_t seq; /* of the form; 0: none is being filled in */
    unsigned at;
    char *answers[FIELDS_MAX]; /* as typed; NULL: nothing yet */
    bool is_left;              /* for later: it does not come back by itself */
    int64_t begun;             /* a form that was begun when the app was here last, for when it is on the screen */
};

struct thread {
    uint64_t view;
    struct row *rows;
    size_t count;
    bool asks_older, has_start;
};

/* A conversation, as the view of the list tells it. */
struct entry {
    char id[ID], *topic, *last;
    int64_t unread;
};

struct list {
    uint64_t view;
    struct entry *entries;
    size_t count;
};

struct app {
    parley_client *client;
    struct list list;
    struct thread thread;
    char open[ID];   /* the conversation on the screen; "" is the main one, before its id is known */
    char typist[64]; /* who types, or "" */
    char service[160], notice[200], agent[64];
    int32_t state;
    char *why;
    int64_t retry_at; /* when the next attempt is due, monotonic ms; 0: none */
    wchar_t input[INPUT_MAX + 1];
    size_t input_len, cursor;
    int64_t draft_at; /* when the draft is to be kept, monotonic ms; 0: it is */
    struct filling filling;
    int scroll; /* lines above the newest */
    bool quits;
};

/* events.c: what the library tells. */
void app_event(struct app *app, parley_event *event);
void app_open(struct app *app, const char *conversation); /* shows another thread, with its draft */
const char *app_conversation(const struct app *app);      /* for calls: NULL is the main one */
void app_free(struct app *app);
int64_t now_ms(void);

/* rows.c: the thread's rows, and the list's. */
void thread_change(struct thread *thread, parley_event *event);
void thread_clear(struct thread *thread);
const struct row *thread_question(const struct thread *thread); /* the choices that wait for an answer, or NULL */
const struct row *thread_form(const struct thread *thread);     /* the form that does */
int64_t thread_last(const struct thread *thread);               /* the newest number shown */
void list_change(struct list *list, parley_event *event);
void list_clear(struct list *list);

/* keys.c: what the user does. */
void app_key(struct app *app, wint_t key, bool is_function);
void app_keep_draft(struct app *app);
void app_set_input(struct app *app, const char *text); /* NULL: none */
char *app_input(const struct app *app, char *room);    /* of INPUT_BYTES; NULL: it is no text */
char *quoted(const char *text);                        /* as JSON, to be freed */
void app_report(struct app *app, parley_status st);

/* fields.c: what a question of a form takes. */
char *field_value(const struct field *field, const char *answer); /* as JSON, to be freed; NULL: it is none */
bool field_is_known(const struct field *field);                   /* this app can ask it */
bool field_is_shown(const struct row *form, unsigned at, char *const *answers);

/* form.c: filling in a form. */
void form_recap(struct app *app, parley_event *recap); /* what was begun */
void form_begin(struct app *app);                      /* the form on the screen, where it was left */
void form_resume(struct app *app);                     /* the same, if it was begun and nothing else is being typed */
void form_back(struct app *app);
void form_leave(struct app *app); /* its answers are kept */
void form_next(struct app *app);  /* the next field, or away with it */
void form_keep(struct app *app);  /* as a draft */
void form_forget(struct app *app);
const char *form_prompt(const struct app *app, char *room, size_t size); /* NULL: none is being filled in */

/* lines.c: the thread as lines of a width, oldest first. */
enum look { LOOK_PLAIN, LOOK_DIM, LOOK_NAME, LOOK_MINE, LOOK_THEIRS, LOOK_FAILED, LOOK_BANNER, LOOK_BAR, LOOKS };
struct line {
    wchar_t *text;
    int column;
    enum look look;
};
struct lines {
    struct line *at;
    size_t count;
};
struct lines lines_of(const struct thread *thread, int width);
void lines_free(struct lines *lines);
/* The first piece of text that fits into `width` columns: its length; *out_skip is how much more the break takes. */
size_t wrap(const wchar_t *text, size_t len, int width, size_t *out_skip);
wchar_t *widen(const char *text); /* without what would move the cursor; to be freed */
int columns(const wchar_t *text, size_t len);

/* screen.c: ncurses. */
void screen_open(void);
void screen_close(void);
void screen_draw(struct app *app);
int screen_page(void);                               /* lines of the thread that fit */
bool screen_key(wint_t *out, bool *out_is_function); /* false: none waits */

#endif
