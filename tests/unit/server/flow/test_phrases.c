/* What is understood in any flow, and what only sounds like it. */
#include "server/flow/phrases.h"
#include "tests/unit/unit.h"

#include <ctype.h>
#include <stdio.h>

static const char *const person[] = {
    "agent",
    "human agent please",
    "a live person",
    "representative",
    "talk to a person",
    "I want to talk to a person",
    "can I speak to someone",
    "please connect me to an agent now",
    "I'd like to chat with a real human being",
    "let me talk to somebody please",
    "Mitarbeiter bitte",
    "einen Menschen bitte",
    "Ich möchte mit einem Menschen sprechen",
    "kann ich mit jemandem reden",
    "parler à un conseiller s'il vous plaît",
    "je voudrais parler à quelqu'un",
    "quiero hablar con una persona por favor",
    "vorrei parlare con un operatore",
    "ik wil een medewerker spreken",
    "gostaria de falar com alguém",
    "أريد التحدث مع موظف من فضلك",
};

static const char *const cancel[] = {"cancel",           "Never mind", "nevermind",      "forget about it",
                                     "vergessen Sie es", "annuler",    "laissez tomber", "da igual",
                                     "lascia stare",     "laat maar",  "esqueça",        "لا يهم"};

static const char *const neither[] = {
    "yes",
    "no",
    "A222220",
    "a person took my parcel",
    "the agent was rude",
    "talk",
    "persona",
    "i want to",
    "cancel my order",
    "never",
    "forget it all",
    "3,5",
    "",
    " ",
    "agentur",
    "a human, please",
    "my agent",
    "parlare",
    "cancellation",
    "speak to a persons",
    "\xff\xfe",
};

static bool says(const struct phrases *p, enum phrase phrase, const char *before, const char *words, const char *behind)
{
    char text[256];
    int n = snprintf(text, sizeof text, "%s%s%s", before, words, behind);
    return phrases_say(p, phrase, span_of(text, (size_t)n));
}

static bool says_loudly(const struct phrases *p, enum phrase phrase, const char *words)
{
    char text[256];
    size_t n = strlen(words);
    for (size_t i = 0; i < n; i++) /* ASCII alone; what is beyond stays */
        text[i] = (char)((unsigned char)words[i] < 128 ? toupper((unsigned char)words[i]) : words[i]);
    return phrases_say(p, phrase, span_of(text, n));
}

static void expect_all(const struct phrases *p, enum phrase phrase, enum phrase other, const char *const *list,
                       size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!says(p, phrase, "", list[i], "") || !says(p, phrase, "  ", list[i], " !?. ") ||
            !says_loudly(p, phrase, list[i]))
            fail_msg("'%s'", list[i]);
        if (says(p, phrase, "x", list[i], "") || says(p, phrase, "", list[i], " x") || says(p, other, "", list[i], ""))
            fail_msg("more than '%s'", list[i]);
    }
}

static void wishes_and_ends_are_understood_as_a_whole_and_in_any_language(void **state)
{
    struct phrases *p = phrases_new();
    expect_all(p, PHRASE_PERSON, PHRASE_CANCEL, person, sizeof person / sizeof *person);
    expect_all(p, PHRASE_CANCEL, PHRASE_PERSON, cancel, sizeof cancel / sizeof *cancel);
    phrases_free(&p);
}

static void other_words_are_neither(void **state)
{
    struct phrases *p = phrases_new();
    for (size_t i = 0; i < sizeof neither / sizeof *neither; i++)
        if (says(p, PHRASE_PERSON, "", neither[i], "") || says(p, PHRASE_CANCEL, "", neither[i], ""))
            fail_msg("'%s'", neither[i]);
    phrases_free(&p);
}

static void what_is_meant_is_found_in_every_language(void **state)
{
    static const struct {
        const char *said, *meant;
    } rows[] = {
        {"No, I meant the 5th of May.", "the 5th of May"},
        {"i meant A13", "A13"},
        {"Oh sorry - I mean: \"Dinner\"!", "Dinner"},
        {"Actually, make it 3", "3"},
        {"correction: 12", "12"},
        {"Nein, ich meinte den 5. Mai", "den 5. Mai"},
        {"Entschuldigung, gemeint war Köln.", "Köln"},
        {"non, je voulais dire Lyon", "Lyon"},
        {"Perdón, quería decir mañana", "mañana"},
        {"no, me refería a Sevilla", "Sevilla"},
        {"Scusi, intendevo domani!", "domani"},
        {"nee, ik bedoelde morgen", "morgen"},
        {"Não, quis dizer amanhã", "amanhã"},
        {"لا، أقصد الغد", "الغد"},
    };
    struct phrases *p = phrases_new();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span meant = {0};
        if (!phrases_meant(p, span_str(rows[i].said), &meant) || !span_is(meant, rows[i].meant))
            fail_msg("\"%s\" means \"%.*s\"", rows[i].said, (int)meant.len, meant.ptr ? meant.ptr : "");
    }
    phrases_free(&p);
}

static void other_words_put_nothing_right(void **state)
{
    static const char *const rows[] = {"no",
                                       "I meant",
                                       "I meant.",
                                       "she said what I meant to say",
                                       "No, not that one",
                                       "meant 5",
                                       "",
                                       "I am sorry, what do you mean?",
                                       "makes it 3",
                                       "nein danke"};
    struct phrases *p = phrases_new();
    struct span meant;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (phrases_meant(p, span_str(rows[i]), &meant))
            fail_msg("\"%s\" means \"%.*s\"", rows[i], (int)meant.len, meant.ptr);
    phrases_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wishes_and_ends_are_understood_as_a_whole_and_in_any_language),
        cmocka_unit_test(other_words_are_neither),
        cmocka_unit_test(what_is_meant_is_found_in_every_language),
        cmocka_unit_test(other_words_put_nothing_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
