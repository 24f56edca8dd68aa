/* parley chat from the inside: what is kept between what arrives (chat.c) and what is typed (chat_line.c). Single
 * thread.
 */
#ifndef SERVER_CLI_CHAT_H
#define SERVER_CLI_CHAT_H

#include "server/cli/view.h"

enum { CHAT_PROMPT = 256, CHAT_OPTIONS = 10, CHAT_FIELDS = 40, CHAT_PROCESSES = 9 };

struct chat_option {
    char value[65];
    char label[257];
};

struct chat_field {
    char id[65], label[257];
    bool required;
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

    int64_t choices; /* the question that is open; 0: none */
    struct chat_option options[CHAT_OPTIONS];
    uint32_t option_count;

    int64_t form; /* the form that is open; 0: none */
    bool filling;
    struct chat_field fields[CHAT_FIELDS];
    uint32_t field_count, field;
    char *values; /* JSON so far, without its closing brace */

    struct chat_process processes[CHAT_PROCESSES];
    uint32_t process_count;
    uint64_t older_call, human_call, leave_call, process_call;
};

/* A line as it was typed; it may be changed. */
void chat_line(struct chat *c, char *line);

#endif
