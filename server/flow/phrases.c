/* The phrases, as patterns: a row may say a thing in one language. */
#include "server/flow/phrases.h"

#include "server/base/mem.h"
#include "server/flow/pattern.h"

#include <assert.h>

#define ALL(words) "(?i)^\\s*(?:" words ")[\\s.!?]*$"

static const struct {
    enum phrase phrase;
    const char *pattern;
} rows[] = {
    {PHRASE_PERSON,
     ALL("(?:an? )?(?:real |live )?(?:human(?: agent| being)?|agent|operator|representative|(?:real|live) "
         "person)(?: please)?")},
    {PHRASE_PERSON,
     ALL("(?:please |can i |could i |may i |i want(?: to)? |i need(?: to)? |i would like(?: to)? |i'd like(?: to)? "
         "|let "
         "me )*(?:talk|speak|chat|connect me|transfer me|put me through)(?: to| with) (?:an? |the )?(?:real |live "
         "|human "
         ")?(?:person|human|human being|agent|operator|representative|somebody|someone|advisor|member of staff)(?: "
         "please| now)*")},
    {PHRASE_PERSON, ALL("(?:(?:ich (?:möchte|will|würde gern|würde gerne)|kann ich|bitte) )*(?:mit )?(?:(?:einem|einer|"
                        "jemand(?:em)?) )?(?:echten |richtigen )?(?:mensch|menschen|mitarbeiter|mitarbeiterin|berater|"
                        "beraterin|person|jemandem)(?: bitte)?(?: sprechen| reden| schreiben| verbunden werden)")},
    {PHRASE_PERSON,
     ALL("(?:ein(?:en|e)? )?(?:mensch|menschen|mitarbeiter|mitarbeiterin|berater|beraterin)(?: bitte)?")},
    {PHRASE_PERSON, ALL("(?:(?:je (?:veux|voudrais|souhaite)|puis-je) )?parler (?:à|avec) (?:quelqu'un|(?:un|une) "
                        "(?:vraie )?(?:humain|conseiller|conseillère|agent|personne|opérateur))"
                        "(?: s'il vous plaît)?")},
    {PHRASE_PERSON,
     ALL("(?:quiero |quisiera |puedo |me gustaría )?hablar con (?:alguien|(?:una?) (?:persona|agente|humano|"
         "asesor|asesora|operador))(?: por favor)?")},
    {PHRASE_PERSON, ALL("(?:voglio |vorrei |posso )?parlare con (?:qualcuno|(?:un |una |un')(?:persona|operatore|"
                        "operatrice|umano|agente))(?: per favore)?")},
    {PHRASE_PERSON, ALL("(?:ik wil |kan ik |mag ik )?(?:graag )?(?:met )?(?:een )?(?:echt )?(?:mens|medewerker|persoon|"
                        "iemand)(?: alstublieft)?(?: spreken| praten)")},
    {PHRASE_PERSON,
     ALL("(?:quero |queria |gostaria de |posso )?falar com (?:alguém|(?:um|uma) (?:pessoa|atendente|agente|"
         "humano))(?: por favor)?")},
    {PHRASE_PERSON,
     ALL("(?:أريد |اريد |أود )?(?:التحدث|الحديث|أتكلم|اتكلم|التكلم) (?:مع|إلى|الى) (?:شخص|موظف|إنسان|انسان|"
         "أحد)(?: من فضلك)?")},
    {PHRASE_CANCEL, ALL("cancel|never ?mind|forget (?:it|that|about it)|leave it")},
    {PHRASE_CANCEL, ALL("abbrechen|vergiss es|vergessen sie (?:es|das)|schon gut|lass(?:en sie)? (?:es|das)")},
    {PHRASE_CANCEL, ALL("annuler|laisse(?:z)? tomber|oublie(?:z)? (?:ça|cela)")},
    {PHRASE_CANCEL, ALL("cancelar|olvídalo|déjalo|da igual")},
    {PHRASE_CANCEL, ALL("annulla|lascia (?:stare|perdere)|non importa")},
    {PHRASE_CANCEL, ALL("annuleren|laat maar")},
    {PHRASE_CANCEL, ALL("deixa pra lá|esquece|esqueça")},
    {PHRASE_CANCEL, ALL("إلغاء|الغاء|لا يهم")},
};

enum { PHRASES = sizeof rows / sizeof *rows, SAID_MAX = 200 };

struct phrases {
    struct pattern *patterns[PHRASES]; /* compiling them costs more than matching */
};

struct phrases *phrases_new(void)
{
    struct phrases *p = mem_alloc(sizeof *p);
    for (size_t i = 0; i < PHRASES; i++) {
        char why[PATTERN_WHY_MAX];
        parley_status st = pattern_new(span_str(rows[i].pattern), &p->patterns[i], why);
        assert(st == PARLEY_OK);
    }
    return p;
}

void phrases_free(struct phrases **phrases)
{
    if (!*phrases)
        return;
    for (size_t i = 0; i < PHRASES; i++)
        pattern_free(&(*phrases)->patterns[i]);
    mem_free(*phrases);
    *phrases = NULL;
}

bool phrases_say(const struct phrases *p, enum phrase phrase, struct span text)
{
    struct pattern_match match = {.work = 0};
    bool is = false;
    for (size_t i = 0; !is && text.len <= SAID_MAX && i < PHRASES; i++)
        is = rows[i].phrase == phrase && pattern_search(p->patterns[i], text, 0, &match) == PARLEY_OK;
    return is;
}
