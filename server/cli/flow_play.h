/* What `parley flow play` is made of, for its debugger (flow_step.c). */
#ifndef SERVER_CLI_FLOW_PLAY_H
#define SERVER_CLI_FLOW_PLAY_H

#include "server/cli/flow_tools.h"

enum { ACTS_MAX = 2000, LINE_ROOM = 1 << 16, PATH_ROOM = 1024 };

struct cli;
struct stage;
struct stepping;
struct term;

struct play {
    struct cli *cli;
    struct term *term;
    struct stage *stage;
    char path[PATH_ROOM];
    char folder[PATH_ROOM]; /* empty: one flow; else its first words say which, and path is empty till then */
    struct flow_source source;
    char *acts[ACTS_MAX];
    size_t act_count;
    bool json, over;
    struct stepping *stepping; /* NULL: a dialogue */
};

/* One more thing happens: a line of stage.h. What is said is shown. */
void play_happens(struct play *play, const char *line);
/* The same, of a word and what stands behind it. */
void play_word(struct play *play, const char *word, const char *rest);
/* The flow from its beginning; false, and said why, when it does not compile. */
bool play_open(struct play *play);
/* Everything once more, and shown. */
void play_again(struct play *play);
/* Everything once more, without a word: the acts have changed. */
void play_anew(struct play *play);
/* Whether it is known which flow this is; else says how that is said. */
bool play_has_flow(struct play *play);
/* What stands behind a slash. */
void play_command(struct play *play, char *line);
void play_journal(struct play *play);

/* Goes through what has happened, from the beginning of its last act; at the next act's when there is none yet. */
void stepping_open(struct play *play);
void stepping_close(struct play *play);
/* A line that was typed. */
void stepping_line(struct play *play, char *line);

#endif
