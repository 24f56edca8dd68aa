/* The phrases, as patterns for the whole of what is said: a row may say a thing in one language. */
#include "server/flow/phrases.h"

#include "protocol/buf.h"
#include "server/base/mem.h"
#include "server/flow/pattern.h"

#include <assert.h>

/* "No, sorry - " */
#define BEFORE(words) "(?:(?:" words ")[\\s,،.!:-]+)*"

static const struct {
    enum phrase phrase;
    const char *pattern;
} rows[] = {
    {PHRASE_PERSON, "(?:an? )?(?:real |live )?(?:human(?: agent| being)?|agent|operator|representative|(?:real|live) "
                    "person)(?: please)?"},
    {PHRASE_PERSON,
     "(?:please |can i |could i |may i |i want(?: to)? |i need(?: to)? |i would like(?: to)? |i'd like(?: to)? "
     "|let "
     "me )*(?:talk|speak|chat|connect me|transfer me|put me through)(?: to| with) (?:an? |the )?(?:real |live "
     "|human "
     ")?(?:person|human|human being|agent|operator|representative|somebody|someone|advisor|member of staff)(?: "
     "please| now)*"},
    {PHRASE_PERSON, "(?:(?:ich (?:möchte|will|würde gern|würde gerne)|kann ich|bitte) )*(?:mit )?(?:(?:einem|einer|"
                    "jemand(?:em)?) )?(?:echten |richtigen )?(?:mensch|menschen|mitarbeiter|mitarbeiterin|berater|"
                    "beraterin|person|jemandem)(?: bitte)?(?: sprechen| reden| schreiben| verbunden werden)"},
    {PHRASE_PERSON, "(?:ein(?:en|e)? )?(?:mensch|menschen|mitarbeiter|mitarbeiterin|berater|beraterin)(?: bitte)?"},
    {PHRASE_PERSON, "(?:(?:je (?:veux|voudrais|souhaite)|puis-je) )?parler (?:à|avec) (?:quelqu'un|(?:un|une) "
                    "(?:vraie )?(?:humain|conseiller|conseillère|agent|personne|opérateur))"
                    "(?: s'il vous plaît)?"},
    {PHRASE_PERSON, "(?:quiero |quisiera |puedo |me gustaría )?hablar con (?:alguien|(?:una?) (?:persona|agente|humano|"
                    "asesor|asesora|operador))(?: por favor)?"},
    {PHRASE_PERSON, "(?:voglio |vorrei |posso )?parlare con (?:qualcuno|(?:un |una |un')(?:persona|operatore|"
                    "operatrice|umano|agente))(?: per favore)?"},
    {PHRASE_PERSON, "(?:ik wil |kan ik |mag ik )?(?:graag )?(?:met )?(?:een )?(?:echt )?(?:mens|medewerker|persoon|"
                    "iemand)(?: alstublieft)?(?: spreken| praten)"},
    {PHRASE_PERSON, "(?:quero |queria |gostaria de |posso )?falar com (?:alguém|(?:um|uma) (?:pessoa|atendente|agente|"
                    "humano))(?: por favor)?"},
    {PHRASE_PERSON, "(?:أريد |اريد |أود )?(?:التحدث|الحديث|أتكلم|اتكلم|التكلم) (?:مع|إلى|الى) (?:شخص|موظف|إنسان|انسان|"
                    "أحد)(?: من فضلك)?"},
    {PHRASE_CANCEL, "cancel|never ?mind|forget (?:it|that|about it)|leave it"},
    {PHRASE_CANCEL, "abbrechen|vergiss es|vergessen sie (?:es|das)|schon gut|lass(?:en sie)? (?:es|das)"},
    {PHRASE_CANCEL, "annuler|laisse(?:z)? tomber|oublie(?:z)? (?:ça|cela)"},
    {PHRASE_CANCEL, "cancelar|olvídalo|déjalo|da igual"},
    {PHRASE_CANCEL, "annulla|lascia (?:stare|perdere)|non importa"},
    {PHRASE_CANCEL, "annuleren|laat maar"},
    {PHRASE_CANCEL, "deixa pra lá|esquece|esqueça"},
    {PHRASE_CANCEL, "إلغاء|الغاء|لا يهم"},
    {PHRASE_MEANT,
     BEFORE("no|oh|oops|sorry|wait|pardon|actually") "(?:i (?:really )?meant(?: to (?:say|write|type))?|i mean|"
                                                     "make (?:that|it)|correction)"},
    {PHRASE_MEANT, BEFORE("nein|oh|ups|sorry|entschuldigung|verzeihung|moment|doch") "(?:ich (?:meinte|meine)|"
                                                                                     "gemeint (?:ist|war)|korrektur)"},
    {PHRASE_MEANT, BEFORE("non|oh|pardon|désolée?|excusez-moi|attendez") "(?:je (?:voulais|veux) (?:dire|écrire)|"
                                                                         "correction)"},
    {PHRASE_MEANT,
     BEFORE("no|oh|perdón|perdona|perdone|disculpe|lo siento") "(?:(?:quería|quise|quiero) (?:decir|escribir)|"
                                                               "me refería al?|corrección)"},
    {PHRASE_MEANT,
     BEFORE("no|oh|scusi|scusa|scusate|pardon") "(?:(?:volevo|voglio) (?:dire|scrivere)|intendevo|correzione)"},
    {PHRASE_MEANT, BEFORE("nee|oh|oeps|sorry|pardon") "(?:ik (?:bedoelde|bedoel)|correctie)"},
    {PHRASE_MEANT,
     BEFORE("não|oh|ops|desculpe|desculpa|perdão") "(?:(?:queria|quis|quero) (?:dizer|escrever)|correção)"},
    {PHRASE_MEANT, BEFORE("لا|عفوا|عفوًا|آسف|آسفة|معذرة") "(?:(?:كنت )?(?:أقصد|اقصد|أعني|اعني)|قصدت|تصحيح)"},
};

enum { ROWS = sizeof rows / sizeof *rows, PHRASES = PHRASE_MEANT + 1, SAID_MAX = 200, ALL_MAX = 8192 };

struct phrases {
    struct pattern *patterns[PHRASES]; /* all rows of a phrase as one: most words are none by their first letter */
};

static struct pattern *compile(enum phrase phrase)
{
    char why[PATTERN_WHY_MAX];
    struct pattern *made;
    struct buf all;
    buf_init(&all, ALL_MAX);
    buf_add_str(&all, "(?i)^\\s*+(?:");
    for (size_t i = 0, n = 0; i < ROWS; i++) {
        if (rows[i].phrase != phrase)
            continue;
        if (n++)
            buf_add_char(&all, '|');
        buf_add_str(&all, rows[i].pattern);
    }
    buf_add_str(&all, phrase == PHRASE_MEANT ? ")[\\s,:]+[\"']?(.+?)[\\s.!\"']*$" : ")[\\s.!?]*$");
    parley_status st = pattern_new_own(buf_span(&all), &made, why);
    assert(st == PARLEY_OK);
    buf_done(&all);
    return made;
}

struct phrases *phrases_new(void)
{
    struct phrases *p = mem_alloc(sizeof *p);
    for (int i = 0; i < PHRASES; i++)
        p->patterns[i] = compile((enum phrase)i);
    return p;
}

void phrases_free(struct phrases **phrases)
{
    if (!*phrases)
        return;
    for (int i = 0; i < PHRASES; i++)
        pattern_free(&(*phrases)->patterns[i]);
    mem_free(*phrases);
    *phrases = NULL;
}

bool phrases_say(const struct phrases *p, enum phrase phrase, struct span text)
{
    struct pattern_match match = {.work = 0};
    return text.len <= SAID_MAX && pattern_search(p->patterns[phrase], text, 0, &match) == PARLEY_OK;
}

bool phrases_meant(const struct phrases *p, struct span text, struct span *out)
{
    struct pattern_match match = {.work = 0};
    if (text.len > SAID_MAX || pattern_search(p->patterns[PHRASE_MEANT], text, 0, &match) != PARLEY_OK)
        return false;
    *out = match.group[1];
    return true;
}
