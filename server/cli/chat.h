/* parley chat from the inside: what is kept between what arrives (chat.c) and what is typed (chat_line.c, chat_form.c,
 * chat_file.c). Single thread. */
#ifndef SERVER_CLI_CHAT_H
#define SERVER_CLI_CHAT_H

#include "server/cli/chat_form.h"
#include "server/cli/view.h"

enum { CHAT_PROMPT = 256, CHAT_OPTIONS = 10, CHAT_PROCESSES = 9 };

struct chat_option {
    char value[65];
    char label[257];
};

struct chat_process {
    char id[37];
    int64_t revision;
};

struct chat {
    parley_client *client;
    struct term *term;
    struct view view;
    bool quit;
    bool been_online, told_why;
    int code;

    int32_t state;
    int64_t retry_at;
    char who[CHAT_PROMPT]; /* who serves, for the prompt */
    bool typing;
    bool read; /* the last thing we said */

    bool said_any;     /* the conversation is not empty */
    bool starts_stand; /* the options are what one may begin with */
    int64_t choices;   /* the question that is open; 0: none */
    struct chat_option options[CHAT_OPTIONS];
    uint32_t option_count;

    struct chat_form form;
    struct chat_upload *upload; /* a file whose place is being asked for; NULL: none */
    const struct sign_in *sign_in;

    struct chat_process processes[CHAT_PROCESSES];
    uint32_t process_count;
    uint64_t older_call, human_call, leave_call, process_call, starts_call;
};

/* A line as it was typed; it may be changed. */
void chat_line(struct chat *c, char *line);

/* Says what became of a call, if it did not work. */
void chat_complain(struct chat *c, parley_status st);

/* Takes what has arrived; waits so long for the first of it. */
void chat_events(struct chat *c, int timeout_ms);

/* Uploads a file of one of those types (empty: of any) into the conversation; `out` is what a form or a `media` item
 * says of it. False: it has been said why not. */
bool chat_file(struct chat *c, struct span accept, const char *path, struct arena *arena, struct value *out);

/* Says it as a picture or file. */
void chat_send_file(struct chat *c, const char *path);
/* What the server says of a file's place. */
void chat_file_reply(struct chat *c, parley_event *event);

#endif
