/* Tables of a few languages. */
#include "server/flow/locale.h"

#include <math.h>
#include <stdio.h>
#include <strings.h>

struct locale {
    const char *language;
    const char *point, *group;
    bool sign_behind; /* 12,50 € */
    const char *date; /* d, m and y stand for day, month by name, year */
    const char *months[12];
};

#define NARROW "\u202f"
#define HARD "\u00a0"

static const struct locale locales[] = {
    {"en",
     ".",
     ",",
     false,
     "d m y",
     {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
      "December"}},
    {"de",
     ",",
     ".",
     true,
     "d. m y",
     {"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
      "Dezember"}},
    {"fr",
     ",",
     NARROW,
     true,
     "d m y",
     {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
      "décembre"}},
    {"es",
     ",",
     ".",
     true,
     "d de m de y",
     {"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre",
      "diciembre"}},
    {"it",
     ",",
     ".",
     true,
     "d m y",
     {"gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre",
      "novembre", "dicembre"}},
    {"nl",
     ",",
     ".",
     false,
     "d m y",
     {"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november",
      "december"}},
    {"pt",
     ",",
     ".",
     false,
     "d de m de y",
     {"janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro", "novembro",
      "dezembro"}},
    {"ar",
     ".",
     ",",
     true,
     "d m y",
     {"يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر"}},
};

static size_t primary(struct span tag)
{
    size_t n = 0;
    while (n < tag.len && tag.ptr[n] != '-' && tag.ptr[n] != '_')
        n++;
    return n;
}

bool locale_same(struct span a, struct span b)
{
    return primary(a) == primary(b) && strncasecmp(a.ptr, b.ptr, primary(a)) == 0;
}

static bool is_one_of(struct span language, const char *list)
{
    for (; *list; list += 3)
        if (locale_same(language, span_of(list, 2)))
            return true;
    return false;
}

/* NULL for a language that is not known. */
static const struct locale *find(struct span language)
{
    for (size_t i = 0; i < sizeof locales / sizeof *locales; i++)
        if (locale_same(language, span_str(locales[i].language)))
            return &locales[i];
    return NULL;
}

/* ---- counting ---- */

static const char *slavic(long long n, bool one_is_one)
{
    bool teen = n % 100 >= 11 && n % 100 <= 14;
    if (one_is_one ? n == 1 : n % 10 == 1 && !teen)
        return "one";
    return n % 10 >= 2 && n % 10 <= 4 && !teen ? "few" : "many";
}

static const char *arabic(long long n)
{
    if (n <= 2)
        return n == 0 ? "zero" : n == 1 ? "one" : "two";
    if (n % 100 >= 3 && n % 100 <= 10)
        return "few";
    return n % 100 >= 11 ? "many" : "other";
}

const char *locale_plural(struct span language, double n)
{
    double size = fabs(n);
    if (is_one_of(language, "fr pt ") && size < 2)
        return "one";
    if (size != floor(size) || size > 1e15)
        return "other";
    long long whole = (long long)size;
    if (is_one_of(language, "ja zh ko th vi id ms "))
        return "other";
    if (is_one_of(language, "ru uk sr hr bs be "))
        return slavic(whole, false);
    if (is_one_of(language, "pl "))
        return slavic(whole, true);
    if (is_one_of(language, "cs sk "))
        return whole == 1 ? "one" : whole >= 2 && whole <= 4 ? "few" : "other";
    if (is_one_of(language, "ar "))
        return arabic(whole);
    if (is_one_of(language, "he iw ") && whole == 2)
        return "two";
    return whole == 1 ? "one" : "other";
}

/* ---- writing ---- */

void locale_number(struct span language, double n, int decimals, struct buf *out)
{
    const struct locale *l = find(language);
    const char *point = l ? l->point : ".", *group = l ? l->group : ",";
    char digits[400];
    snprintf(digits, sizeof digits, "%.*f", decimals, fabs(n));
    size_t whole = strcspn(digits, ".");
    if (n < 0 && strspn(digits, "0.") != strlen(digits))
        buf_add_char(out, '-');
    for (size_t i = 0; i < whole; i++) {
        if (i > 0 && (whole - i) % 3 == 0)
            buf_add_str(out, group);
        buf_add_char(out, digits[i]);
    }
    if (digits[whole]) {
        buf_add_str(out, point);
        buf_add_str(out, digits + whole + 1);
    }
}

static int decimals_of(struct span currency)
{
    static const char *const none[] = {"JPY", "KRW", "VND", "CLP", "ISK", "XOF", "XAF", "UGX"};
    static const char *const three[] = {"KWD", "BHD", "OMR", "JOD", "TND"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (span_is(currency, none[i]))
            return 0;
    for (size_t i = 0; i < sizeof three / sizeof *three; i++)
        if (span_is(currency, three[i]))
            return 3;
    return 2;
}

static struct span sign_of(struct span currency)
{
    static const char *const signs[][2] = {{"EUR", "€"}, {"USD", "$"}, {"GBP", "£"}, {"JPY", "¥"}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (span_is(currency, signs[i][0]))
            return span_str(signs[i][1]);
    return currency;
}

void locale_money(struct span language, double amount, struct span currency, struct buf *out)
{
    const struct locale *l = find(language);
    struct span sign = sign_of(currency);
    bool word = span_equal(sign, currency), behind = l && l->sign_behind;
    if (!behind) {
        if (amount < 0)
            buf_add_char(out, '-');
        buf_add_span(out, sign);
        if (word)
            buf_add_str(out, HARD);
        locale_number(language, fabs(amount), decimals_of(currency), out);
        return;
    }
    locale_number(language, amount, decimals_of(currency), out);
    buf_add_str(out, HARD);
    buf_add_span(out, sign);
}

void locale_date(struct span language, int year, int month, int day, struct buf *out)
{
    const struct locale *l = find(language);
    if (!l) {
        buf_printf(out, "%04d-%02d-%02d", year, month, day);
        return;
    }
    for (const char *p = l->date; *p; p++) {
        bool alone = (p == l->date || p[-1] == ' ') && (p[1] == ' ' || p[1] == '.' || !p[1]);
        if (alone && *p == 'd')
            buf_printf(out, "%d", day);
        else if (alone && *p == 'm')
            buf_add_str(out, l->months[month - 1]);
        else if (alone && *p == 'y')
            buf_printf(out, "%d", year);
        else
            buf_add_char(out, *p);
    }
}
