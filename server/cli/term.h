/* A terminal with a line being edited at the bottom and things being said above it. When standard input or output is no
 * terminal, lines are read and written plainly. One at a time; single thread. The only user of libedit and utf8proc. */
#ifndef SERVER_CLI_TERM_H
#define SERVER_CLI_TERM_H

#include "protocol/span.h"

#include <stdint.h>

struct term;

enum tone { TONE_PLAIN, TONE_DIM, TONE_BOLD, TONE_MINE, TONE_BOT, TONE_AGENT, TONE_GOOD, TONE_BAD };

/* `color` as cli_color has it. Never NULL. */
struct term *term_open(bool color);

/* Gives the terminal back as it was. */
void term_close(struct term **term);

bool term_is_interactive(const struct term *term);

/* What stands before the line that is edited; shown at once when it changed. Copied. */
void term_prompt(struct term *term, const char *prompt);

/* Above it: a label in its column, then the text, wrapped by words under itself. Control characters of the text are
 * not shown, so that nobody who writes to us writes to the terminal. The label may be NULL. */
void term_say(struct term *term, enum tone tone, const char *label, struct span text);
void term_line(struct term *term, enum tone tone, const char *format, ...) __attribute__((format(printf, 3, 4)));

enum term_news { TERM_TIMEOUT, TERM_LINE, TERM_EVENT, TERM_END, TERM_INTERRUPT };

/* Waits for a line, for the descriptor to be readable, for the end of input, for SIGINT or SIGTERM, or for the time
 * (ms, negative: for ever). */
enum term_news term_wait(struct term *term, int fd, int timeout_ms);

/* While held, nothing is read. */
void term_hold(struct term *term, bool hold);

/* The line that was read, without its end; the caller frees. */
char *term_take_line(struct term *term);

/* A secret, without showing it; into `out`, terminated. False at the end of input, or when it is longer. */
bool term_ask_secret(const char *question, char *out, size_t size);

/* Cells that the text takes on a terminal. */
size_t term_width(struct span text);

#endif
