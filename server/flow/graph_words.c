/* Words by what is written in the flow; widths by kinds of letters. */
#include "server/flow/graph_words.h"

#include "server/flow/api.h"
#include "server/flow/lexer.h"

/* ---- from a flow's text to words ---- */

static bool add(struct arena *arena, struct span *out, struct span more)
{
    char *both = arena_alloc(arena, out->len + more.len + 1);
    if (!both)
        return false;
    memcpy(both, out->ptr ? out->ptr : "", out->len);
    memcpy(both + out->len, more.ptr ? more.ptr : "", more.len);
    *out = span_of(both, out->len + more.len);
    return true;
}

static struct span text_of_key(const struct value *texts, struct span key)
{
    const struct value *text = texts && texts->type == VALUE_MAP ? value_get(texts, key) : NULL;
    if (text && text->type == VALUE_MAP)
        text = value_find(text, "other");
    return text && text->type == VALUE_TEXT ? text->text : (struct span){0};
}

static int depth_of(const struct token *t)
{
    bool sign = t->type == TOKEN_SIGN;
    if (sign && t->word.len == 1 && strchr("({[", *t->word.ptr))
        return 1;
    return sign && t->word.len == 1 && strchr(")}]", *t->word.ptr) ? -1 : 0;
}

/* One operand of `..`: a text as it is, t "key" as its text, anything else as it is written. */
static struct span operand_words(struct arena *arena, struct span source, const struct value *texts, bool *out_text)
{
    struct lexer lexer;
    lexer_init(&lexer, source, arena);
    struct token first = lexer_next(&lexer), second = lexer_next(&lexer);
    *out_text = true;
    if (first.type == TOKEN_TEXT && second.type == TOKEN_END)
        return first.word;
    if (second.type == TOKEN_SIGN && span_is(second.word, "("))
        second = lexer_next(&lexer);
    struct span text = {0};
    if (first.type == TOKEN_NAME && span_is(first.word, "t") && second.type == TOKEN_TEXT)
        text = text_of_key(texts, second.word);
    *out_text = text.ptr != NULL;
    return text.ptr ? text : source;
}

static bool add_operand(struct arena *arena, struct span *words, struct span source, const struct value *texts,
                        bool alone)
{
    bool text;
    struct span operand = operand_words(arena, source, texts, &text);
    if (text || alone)
        return add(arena, words, operand);
    return add(arena, words, span_str("{")) && add(arena, words, operand) && add(arena, words, span_str("}"));
}

/* "A " .. b .. "." is  A {b}. */
static struct span source_words(struct arena *arena, struct span source, const struct value *texts)
{
    struct span words = {0};
    struct lexer lexer;
    struct token t;
    const char *from = NULL, *behind = NULL;
    int depth = 0, operands = 0;
    lexer_init(&lexer, source, arena);
    do {
        t = lexer_next(&lexer);
        depth += depth_of(&t);
        bool joint = t.type == TOKEN_END || (depth == 0 && t.type == TOKEN_SIGN && span_is(t.word, ".."));
        if (!joint) {
            from = from ? from : t.from;
            behind = t.behind;
        } else if (from) {
            bool alone = t.type == TOKEN_END && operands++ == 0;
            if (!add_operand(arena, &words, span_of(from, (size_t)(behind - from)), texts, alone))
                return source;
            operands++;
            from = NULL;
        }
    } while (t.type != TOKEN_END);
    return words;
}

static struct span words_of(struct arena *arena, const struct value *v, const struct value *texts)
{
    if (v && v->type == VALUE_TEXT)
        return v->text;
    if (v && v->type == VALUE_ARRAY && v->count)
        return words_of(arena, &v->items[0], texts);
    return v && flow_is_unknown(v) && v->text.len ? source_words(arena, v->text, texts) : (struct span){0};
}

struct span graph_words(struct arena *arena, const struct value *args, size_t count, const struct value *texts)
{
    static const char *const keys[] = {"text", "title", "reason", "url",   "event", "delay", "till",
                                       "key",  "type",  "flow",   "image", "file",  "queue"};
    struct span words = {0};
    if (count == 0)
        return words;
    if (args[0].type != VALUE_MAP)
        return words_of(arena, &args[0], texts);
    for (size_t i = 0; words.len == 0 && i < sizeof keys / sizeof *keys; i++)
        words = words_of(arena, value_find(&args[0], keys[i]), texts);
    const struct value *card = value_find(&args[0], "card");
    if (words.len == 0 && card && card->type == VALUE_MAP)
        words = words_of(arena, value_find(card, "title"), texts);
    return words;
}

/* ---- what can be chosen ---- */

/* The label of a choice, a field or a button. */
static struct span label_of(struct arena *arena, const struct value *v, const struct value *texts)
{
    if (v->type == VALUE_ARRAY)
        return v->count > 1 ? words_of(arena, &v->items[1], texts) : (struct span){0};
    if (v->type == VALUE_MAP)
        return words_of(arena, value_find(v, "label"), texts);
    return words_of(arena, v, texts);
}

/* What a field asks for before it is shown: ", if reason, sure". */
static void add_condition(struct arena *arena, const struct value *v, struct span *out)
{
    const struct value *show_if = v->type == VALUE_MAP ? value_find(v, "show_if") : NULL;
    for (uint32_t i = 0; show_if && show_if->type == VALUE_MAP && i < show_if->count; i++) {
        add(arena, out, span_str(i ? ", " : ", if "));
        add(arena, out, show_if->members[i].key);
    }
}

static void add_labels(struct arena *arena, const struct value *list, const struct value *texts, struct span *out)
{
    for (uint32_t i = 0; list && list->type == VALUE_ARRAY && i < list->count; i++) {
        struct span label = label_of(arena, &list->items[i], texts);
        if (label.len == 0)
            continue;
        add(arena, out, span_str(out->len ? " [" : "["));
        add(arena, out, label);
        add_condition(arena, &list->items[i], out);
        add(arena, out, span_str("]"));
    }
}

struct span graph_more(struct arena *arena, const struct value *args, size_t count, const struct value *texts)
{
    struct span more = {0};
    if (count == 0 || args[0].type != VALUE_MAP)
        return more;
    static const char *const lists[] = {"choices", "buttons", "fields"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        add_labels(arena, value_find(&args[0], lists[i]), texts, &more);
    const struct value *queue = value_find(&args[0], "queue"), *card = value_find(&args[0], "card");
    if (card && card->type == VALUE_MAP)
        add_labels(arena, value_find(card, "buttons"), texts, &more);
    if (queue && words_of(arena, queue, texts).len) {
        add(arena, &more, span_str("→ "));
        add(arena, &more, words_of(arena, queue, texts));
    }
    return more;
}

/* ---- room ---- */

static size_t next_letter(struct span s, size_t at, uint32_t *out)
{
    unsigned char c = (unsigned char)s.ptr[at];
    size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    uint32_t letter = c < 0x80 ? c : c & (0x7fu >> len);
    for (size_t i = 1; i < len && at + i < s.len; i++)
        letter = letter << 6 | ((unsigned char)s.ptr[at + i] & 0x3f);
    *out = letter;
    return at + len < s.len ? at + len : s.len;
}

struct range {
    uint32_t first, last;
};

static bool within(uint32_t letter, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (letter >= ranges[i].first && letter <= ranges[i].last)
            return true;
    return false;
}

#define WITHIN(letter, ranges) within(letter, ranges, sizeof(ranges) / sizeof *(ranges))

/* Of letters 13 pixels high: marks have no width, what is written in squares has the most. */
static int letter_width(uint32_t letter)
{
    static const struct range none[] = {{0x300, 0x36f}, {0x64b, 0x65f}, {0x200b, 0x200f}, {0xfe00, 0xfe0f}};
    static const struct range square[] = {{0x1100, 0x115f}, {0x2e80, 0xa4cf}, {0xac00, 0xd7a3},   {0xf900, 0xfaff},
                                          {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0x1f300, 0x1faff}, {0x20000, 0x3ffff}};
    if (letter < 0x80 && strchr("ijlI.,:;'|! []()ft", (int)letter))
        return 5;
    if (letter < 0x80 && strchr("mwMW%@", (int)letter))
        return 13;
    if (letter < 0x80 && strchr("=+<>~#&_", (int)letter))
        return 11;
    if (letter >= 'A' && letter <= 'Z')
        return 10;
    if (WITHIN(letter, none))
        return 0;
    return WITHIN(letter, square) ? 14 : letter == 0x2026 ? 13 : 9;
}

int graph_text_width(struct span text)
{
    int width = 0;
    uint32_t letter;
    for (size_t at = 0; at < text.len;) {
        at = next_letter(text, at, &letter);
        width += letter_width(letter);
    }
    return width;
}

struct span graph_take_line(struct span *rest, int room)
{
    struct span s = *rest;
    size_t at = 0, space = 0;
    uint32_t letter;
    while (at < s.len && s.ptr[at] != '\n') {
        size_t next = next_letter(s, at, &letter);
        room -= letter_width(letter);
        if (room < 0 && at > 0)
            break;
        if (letter == ' ')
            space = at;
        at = next;
    }
    if (at < s.len && space && s.ptr[at] != '\n' && s.ptr[at] != ' ')
        at = space;
    size_t skip = at;
    while (skip < s.len && (s.ptr[skip] == ' ' || s.ptr[skip] == '\n'))
        skip++;
    *rest = span_of(s.ptr + skip, s.len - skip);
    return span_of(s.ptr, at);
}

bool graph_is_rtl(struct span text)
{
    static const struct range right[] = {{0x590, 0x8ff}, {0xfb1d, 0xfdff}, {0xfe70, 0xfeff}};
    static const struct range left[] = {{'A', 'Z'}, {'a', 'z'}, {0xc0, 0x2af}, {0x370, 0x58f}, {0x900, 0x1fff}};
    uint32_t letter;
    for (size_t at = 0; at < text.len;) {
        at = next_letter(text, at, &letter);
        if (WITHIN(letter, right))
            return true;
        if (WITHIN(letter, left))
            return false;
    }
    return false;
}
