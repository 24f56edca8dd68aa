/* Filling in a form, one field after the other. Single thread. */
#ifndef SERVER_CLI_CHAT_FORM_H
#define SERVER_CLI_CHAT_FORM_H

#include "protocol/arena.h"
#include "protocol/value.h"
#include "sdk-c/include/parley/client.h"

struct chat;

struct chat_form {
    int64_t seq;      /* of the one that is open; 0: none */
    struct span json; /* the event that brought it; owned */
    bool filling;
    struct arena arena; /* while it is filled in: all of the rest */
    const struct value *fields;
    struct value values;
    uint32_t at;
};

/* An item of kind form. */
void chat_form_keep(struct chat *chat, parley_event *event);
void chat_form_done(struct chat *chat);

void chat_form_begin(struct chat *chat);
void chat_form_leave(struct chat *chat);
void chat_form_line(struct chat *chat, const char *line);
/* What is asked. */
void chat_form_prompt(const struct chat *chat, char *out, size_t size);

#endif
