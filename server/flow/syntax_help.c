/* A table of habits: what the compiler says, what stands in the line, what to write instead. The first that fits
 * counts. */
#include "server/flow/syntax_help.h"

#include <string.h>

static const struct {
    const char *said; /* in the message; "": anything */
    const char *line; /* in the line, or anywhere for `anywhere`; "": anything */
    bool anywhere;
    const char *help;
} habits[] = {
    {"", "!=", false, "\"not equal\" is written  ~="},
    {"near '!'", "", false, "write  not x  for !x"},
    {"near '&'", "", false, "write  and"},
    {"near '|'", "", false, "write  or"},
    {"near '='", "if ", false, "compare with  =="},
    {"near '='", "while ", false, "compare with  =="},
    {"", "+=", false, "write  n = n + 1"},
    {"", "-=", false, "write  n = n - 1"},
    {"", "++", false, "write  n = n + 1"},
    {"near '//'", "", false, "a remark begins with  --"},
    {"near '{'", "if ", false, "write  if ... then ... end"},
    {"near '{'", "while ", false, "write  while ... do ... end"},
    {"near '{'", "for ", false, "write  for i = 1, 3 do ... end"},
    {"near '`'", "", false, "a text stands in \"...\"; texts are put together with  .."},
    {"near '..'", "", false, "with anything but one text the brackets are needed:  say(\"Hello \" .. name)"},
    {"", "\xe2\x80\x9c", false, "these quotes are of a word processor: write  \"...\""},
    {"", "\xe2\x80\x9d", false, "these quotes are of a word processor: write  \"...\""},
    {"", "\xe2\x80\x98", false, "these quotes are of a word processor: write  '...'"},
    {"", "\xe2\x80\x99", false, "these quotes are of a word processor: write  '...'"},
    {"", "continue", false, "Lua has no continue: put what follows into an  if"},
    {"", "elif ", false, "write  elseif"},
    {"'end' expected", "else if", true, "write  elseif : an  else if  needs an  end  of its own"},
    {"'end' expected", "", false, "every if, for, while and function ends with  end"},
    {"near '<\\239>'", "\xef\xbb\xbf", false, "the file begins with a byte order mark: save it as UTF-8 without one"},
    {"unfinished string", "", false, "a text ends in its line; [[...]] may go over several"},
    {"'}' expected", "", false, "a comma is missing, or the  }"},
    {"')' expected", "", false, "a comma is missing, or the  )"},
    {"<name> expected", ": ", false, "in a table it is  name = value"},
};

static struct span line_of(struct span source, int number)
{
    const char *at = source.ptr, *end = source.ptr + source.len;
    for (int line = 1; at < end; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (line == number || !newline)
            return span_of(at, (size_t)((newline ? newline : end) - at));
        at = newline + 1;
    }
    return span_of("", 0);
}

static bool has(struct span text, const char *word)
{
    return *word == '\0' || (text.len && memmem(text.ptr, text.len, word, strlen(word)));
}

/* 'it's': letters on both sides of the mark. */
static bool has_apostrophe(struct span line)
{
    for (size_t i = 1; i + 1 < line.len; i++)
        if (line.ptr[i] == '\'' && ((line.ptr[i - 1] | 32) >= 'a' && (line.ptr[i - 1] | 32) <= 'z') &&
            ((line.ptr[i + 1] | 32) >= 'a' && (line.ptr[i + 1] | 32) <= 'z'))
            return true;
    return false;
}

void flow_syntax_help(struct flow_error *error, struct span source)
{
    struct span line = line_of(source, error->line);
    if (strcmp(error->code, "E101") != 0)
        return;
    for (size_t i = 0; i < sizeof habits / sizeof *habits; i++) {
        if (!strstr(error->text, habits[i].said) || !has(habits[i].anywhere ? source : line, habits[i].line))
            continue;
        flow_error_help(error, "%s", habits[i].help);
        return;
    }
    if (has_apostrophe(line))
        flow_error_help(error, "the ' ends the text: write  \"it's\"");
}
