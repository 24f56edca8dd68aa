/* Text is walked once; at each word every class says how much of what follows is its own. No class looks further than
 * what it would mask, so long text costs no more than short. */
#include "sdk-c/src/mask.h"

#include "protocol/buf.h"
#include "protocol/limits.h"
#include "protocol/text.h"

#include <stdio.h>
#include <string.h>

enum { CARD_MIN = 13, CARD_MAX = 19, IBAN_MIN = 15, IBAN_MAX = 34, PHONE_MAX = 15, EMAIL_MAX = 254 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(char c)
{
    return is_digit(c) || is_letter(c) || (c & 0x80);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Whether a word ends there. */
static size_t whole(struct span text, size_t len)
{
    return len == text.len || !is_word(text.ptr[len]) ? len : 0;
}

/* ---- what is built in ---- */

static bool luhn(const char *digits, size_t n)
{
    int sum = 0;
    for (size_t i = 0; i < n; i++) {
        int d = digits[n - 1 - i] - '0';
        d = i % 2 ? 2 * d : d;
        sum += d > 9 ? d - 9 : d;
    }
    return sum % 10 == 0;
}

/* Digits, with so many separators at most between two of them; how long they are with those. */
static size_t digits_of(struct span text, const char *between, size_t apart, size_t most, char *out, size_t *out_count)
{
    size_t len = 0, n = 0;
    for (size_t at = 0; at < text.len && n <= most; at++) {
        char c = text.ptr[at];
        if (is_digit(c)) {
            if (n < most)
                out[n] = c;
            n++;
            len = at + 1;
        } else if (!n || at - len >= apart || !c || !strchr(between, c)) {
            break;
        }
    }
    *out_count = n;
    return len;
}

static size_t find_card(struct span text)
{
    char digits[CARD_MAX];
    size_t n, len = digits_of(text, " -", 1, CARD_MAX, digits, &n);
    return n >= CARD_MIN && n <= CARD_MAX && luhn(digits, n) ? whole(text, len) : 0;
}

static bool mod97_is_1(const char *iban, size_t n)
{
    unsigned rest = 0;
    for (size_t i = 0; i < n; i++) {
        char c = iban[(i + 4) % n];
        rest = is_digit(c) ? rest * 10 + (unsigned)(c - '0') : rest * 100 + (unsigned)(lower(c) - 'a') + 10;
        rest %= 97;
    }
    return rest == 1;
}

/* The longest that adds up: a word may follow after a space. */
static size_t find_iban(struct span text)
{
    char iban[IBAN_MAX];
    size_t n = 0, found = 0;
    for (size_t at = 0; at < text.len && n < IBAN_MAX; at++) {
        char c = text.ptr[at];
        if (c == ' ' && n && text.ptr[at - 1] != ' ')
            continue;
        bool fits = n < 2 ? is_letter(c) : n < 4 ? is_digit(c) : is_digit(c) || is_letter(c);
        if (!fits)
            break;
        iban[n++] = c;
        if (n >= IBAN_MIN && mod97_is_1(iban, n) && whole(text, at + 1))
            found = at + 1;
    }
    return found;
}

static bool is_local(char c)
{
    return is_word(c) || (c && strchr("._%+-'", c));
}

static size_t find_email(struct span text)
{
    size_t at = 0, dots = 0, end = 0;
    while (at < text.len && at < EMAIL_MAX && is_local(text.ptr[at]))
        at++;
    if (!at || at >= text.len || text.ptr[at] != '@')
        return 0;
    for (at++; at < text.len && at < EMAIL_MAX; at++) {
        char c = text.ptr[at];
        if (c == '.' && end == at)
            dots++;
        else if (is_word(c) || c == '-')
            end = at + 1;
        else
            break;
        if (c != '.' && dots)
            dots = dots == 1 ? 2 : dots; /* something stands after the first dot */
    }
    return dots >= 2 ? end : 0;
}

/* With a country, or with the 0 that a number within one begins with: what is shorter may be a date. */
static size_t find_phone(struct span text)
{
    char digits[PHONE_MAX];
    size_t n, from = 0, least = 9;
    if (text.len && text.ptr[0] == '+')
        from = 1, least = 7;
    if (from < text.len && text.ptr[from] == '(')
        from++;
    struct span rest = span_of(text.ptr + from, text.len - from);
    if (!rest.len || (least == 9 && rest.ptr[0] != '0'))
        return 0;
    size_t len = digits_of(rest, " -/()", 2, PHONE_MAX, digits, &n);
    return n >= least && n <= PHONE_MAX ? whole(text, from + len) : 0;
}

static const struct mask_class built_in[] = {
    {.name = "secret",
     .keys = "*password* *passwd* *passphrase* *passcode* *secret* *token* *apikey* *authorization* *credential* pin "
             "*pincode cvv* cvc* *cvv *cvc otp"},
    {.name = "email", .find = find_email},
    {.name = "iban", .find = find_iban},
    {.name = "card", .keys = "*cardnumber* pan", .find = find_card},
    {.name = "phone", .find = find_phone},
};

void mask_init(struct mask *mask)
{
    mask->count = sizeof built_in / sizeof *built_in;
    memcpy(mask->classes, built_in, sizeof built_in);
}

/* ---- classes of the app's own ---- */

static bool take(char *room, size_t size, struct span text)
{
    if (text.len > size || text_valid(text) != text.len)
        return false;
    if (text.len)
        memcpy(room, text.ptr, text.len);
    room[text.len] = '\0';
    return true;
}

parley_status mask_set(struct mask *mask, struct span name, struct span keys, struct span shape)
{
    struct mask_class made = {.find = NULL};
    size_t at = 0;
    if (!text_is_name(name))
        return PARLEY_INVALID;
    if (!take(made.name, MASK_NAME, name) || !take(made.keys, MASK_PATTERN_MAX, keys) ||
        !take(made.shape, MASK_PATTERN_MAX, shape))
        return PARLEY_TOO_BIG;
    while (at < mask->count && !span_is(name, mask->classes[at].name))
        at++;
    if (at == MASK_CLASSES_MAX)
        return PARLEY_LIMIT;
    mask->count += at == mask->count;
    mask->classes[at] = made;
    return PARLEY_OK;
}

static size_t find_shape(const char *shape, struct span text)
{
    size_t len = strlen(shape);
    if (!len || text.len < len)
        return 0;
    for (size_t i = 0; i < len; i++) {
        char c = text.ptr[i], want = shape[i];
        bool fits = want == '#'   ? is_digit(c)
                    : want == '@' ? is_letter(c)
                    : want == '?' ? is_digit(c) || is_letter(c)
                                  : lower(want) == lower(c);
        if (!fits)
            return 0;
    }
    return whole(text, len);
}

/* ---- names ---- */

/* As names are compared: card_number, cardNumber and Card-Number are one. */
static struct span plain(struct span key, char *room, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < key.len && n < size; i++)
        if (is_word(key.ptr[i]) || key.ptr[i] == '*')
            room[n++] = lower(key.ptr[i]);
    return span_of(room, n);
}

/* One star is tried after the other; going back to the last one is enough. */
static bool matches(struct span pattern, struct span key)
{
    size_t p = 0, k = 0, star = SIZE_MAX, from = 0;
    while (k < key.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            from = k;
        } else if (p < pattern.len && pattern.ptr[p] == key.ptr[k]) {
            p++, k++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            k = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

static bool names(const struct mask_class *class, struct span key)
{
    char room[MASK_PATTERN_MAX];
    const char *at = class->keys;
    while (*at) {
        size_t len = strcspn(at, " ");
        struct span pattern = plain(span_of(at, len), room, sizeof room);
        if (pattern.len && matches(pattern, key))
            return true;
        at += len + strspn(at + len, " ");
    }
    return false;
}

static const struct mask_class *class_of_key(const struct mask *mask, struct span key)
{
    char room[MASK_PATTERN_MAX];
    struct span name = plain(key, room, sizeof room);
    for (size_t i = 0; name.len && i < mask->count; i++)
        if (names(&mask->classes[i], name))
            return &mask->classes[i];
    return NULL;
}

/* ---- values ---- */

static parley_status stand_in(const struct mask_class *class, struct arena *arena, struct value *v)
{
    char text[MASK_NAME + 3];
    int n = snprintf(text, sizeof text, "[%s]", class->name);
    *v = value_text(arena_span(arena, span_of(text, (size_t)n)));
    return v->text.ptr ? PARLEY_OK : PARLEY_NOMEM;
}

static size_t find(const struct mask *mask, struct span text, const struct mask_class **out)
{
    for (size_t i = 0; i < mask->count; i++) {
        const struct mask_class *class = &mask->classes[i];
        size_t n = class->find ? class->find(text) : find_shape(class->shape, text);
        if (n) {
            *out = class;
            return n;
        }
    }
    return 0;
}

/* How much of a word may be jumped over: within it nothing begins. */
static size_t word(struct span text)
{
    size_t n = 1;
    while (is_word(text.ptr[0]) && n < text.len && is_word(text.ptr[n]))
        n++;
    return n;
}

static parley_status mask_text(const struct mask *mask, struct arena *arena, struct span *text)
{
    const struct mask_class *class;
    struct buf out;
    size_t found = 0;
    buf_init(&out, LIMIT_MESSAGE);
    for (size_t at = 0, n; at < text->len; at += n) {
        struct span rest = span_of(text->ptr + at, text->len - at);
        if ((n = find(mask, rest, &class))) {
            buf_printf(&out, "[%s]", class->name);
            found++;
        } else {
            n = word(rest);
            buf_add(&out, rest.ptr, n);
        }
    }
    parley_status st = found ? out.status : PARLEY_OK;
    if (found && st == PARLEY_OK) {
        *text = arena_span(arena, buf_span(&out));
        st = text->ptr ? PARLEY_OK : PARLEY_NOMEM;
    }
    buf_done(&out);
    return st;
}

/* A number may be a card's, or of a shape; nothing else has no more than digits. */
static parley_status mask_number(const struct mask *mask, struct arena *arena, struct value *v)
{
    char digits[24];
    const struct mask_class *class;
    struct span text = span_of(digits, (size_t)snprintf(digits, sizeof digits, "%lld", (long long)v->integer));
    return find(mask, text, &class) == text.len ? stand_in(class, arena, v) : PARLEY_OK;
}

static parley_status mask_members(const struct mask *mask, struct arena *arena, struct value *v)
{
    struct value made;
    parley_status st = value_map(arena, v->count, &made);
    for (uint32_t i = 0; st == PARLEY_OK && i < v->count; i++) {
        struct value_member member = v->members[i];
        st = mask_value(mask, arena, member.key, &member.value);
        if (st == PARLEY_OK)
            st = mask_text(mask, arena, &member.key);
        if (st == PARLEY_OK)
            value_put(&made, member.key, member.value);
    }
    *v = made;
    return st;
}

parley_status mask_value(const struct mask *mask, struct arena *arena, struct span key, struct value *v)
{
    const struct mask_class *class = v->type == VALUE_NULL ? NULL : class_of_key(mask, key);
    parley_status st = PARLEY_OK;
    if (class)
        return stand_in(class, arena, v);
    if (v->type == VALUE_TEXT)
        return mask_text(mask, arena, &v->text);
    if (v->type == VALUE_INT)
        return mask_number(mask, arena, v);
    if (v->type == VALUE_MAP)
        return mask_members(mask, arena, v);
    for (uint32_t i = 0; v->type == VALUE_ARRAY && st == PARLEY_OK && i < v->count; i++)
        st = mask_value(mask, arena, (struct span){0}, &v->items[i]);
    return st;
}
