/* Flows driven through dialogues, with a crash before every event, before every commit and between each commit and its
 * acknowledgement: what is stored must be the same, nothing twice, nothing missing. */
#include "tests/unit/unit.h"

#include "protocol/item.h"
#include "server/base/mem.h"
#include "server/flow/host_memory.h"

#include <stdio.h>
#include <stdlib.h>

/* What a world does: a word for each thing that happens. */
struct dialogue {
    const char *file;
    const char *customer, *context;
    const char *const
        *script; /* say:, tap:, fill:, post:KIND:, escape, back:, advance:SECONDS, touch:TYPE; NULL at the end */
    const char *expected; /* the dialogue; NULL: only compared between the worlds */
};

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    static char text[65536];
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    return text;
}

static const char *after(const char *line, const char *word)
{
    size_t n = strlen(word);
    return strncmp(line, word, n) == 0 ? line + n : NULL;
}

static void act(struct host_memory *h, const char *line)
{
    const char *rest;
    if ((rest = after(line, "say:")))
        host_memory_say(h, rest);
    else if ((rest = after(line, "tap:")))
        host_memory_tap(h, rest);
    else if ((rest = after(line, "location:")))
        host_memory_post(h, ITEM_location, rest);
    else if ((rest = after(line, "old tap:")))
        host_memory_post(h, ITEM_choice, rest);
    else if ((rest = after(line, "fill:")))
        host_memory_post(h, ITEM_form_answer, rest);
    else if ((rest = after(line, "back:")))
        host_memory_back(h, rest, "all settled", "Mira");
    else if ((rest = after(line, "advance:")))
        host_memory_advance(h, atoll(rest) * 1000);
    else if ((rest = after(line, "touch:")))
        host_memory_move_process(h, &(struct flow_process){.type = span_str(rest), .state = process_state_open});
    else if (after(line, "escape"))
        host_memory_escape(h);
    else
        fail_msg("no such act: %s", line);
}

/* Plays it and gives all that is stored. */
static char *play(const struct dialogue *d, const char *source, enum memory_crash crash, bool at_once, char **out_said)
{
    struct memory_options options = {.crash = crash, .at_once = at_once, .limits = flow_limits_default};
    struct host_memory *h = host_memory_new(&options);
    struct flow_error error;
    if (host_memory_use(h, d->file, span_str(source), &error) != PARLEY_OK)
        fail_msg("%s:%d %s [%s]", error.file, error.line, error.text, error.code);
    if (d->customer)
        host_memory_set_customer(h, d->customer);
    if (d->context)
        host_memory_set_context(h, d->context);
    host_memory_start(h, "Hello");
    for (const char *const *line = d->script; *line; line++)
        act(h, *line);
    if (crash == MEMORY_CRASH_BEFORE_EVENT && *d->script)
        assert_true(host_memory_rebuilt(h) > 0);

    struct buf dump, said;
    buf_init(&dump, 1 << 20);
    buf_init(&said, 1 << 20);
    host_memory_dump(h, &dump);
    host_memory_dialogue(h, &said);
    char *text = mem_span(buf_span(&dump));
    *out_said = mem_span(buf_span(&said));
    buf_done(&dump);
    buf_done(&said);
    host_memory_free(&h);
    return text;
}

static void same_in_every_world(const struct dialogue *d, const char *source)
{
    static const enum memory_crash worlds[] = {MEMORY_CRASH_BEFORE_EVENT, MEMORY_CRASH_BEFORE_COMMIT,
                                               MEMORY_CRASH_AFTER_COMMIT, MEMORY_STALE_COMMIT};
    char *said, *other;
    char *calm = play(d, source, MEMORY_CRASH_NEVER, false, &said);
    if (d->expected)
        assert_string_equal(said, d->expected);
    char *quick = play(d, source, MEMORY_CRASH_NEVER, true, &other);
    assert_string_equal(quick, calm);
    mem_free(quick);
    mem_free(other);
    for (size_t i = 0; i < sizeof worlds / sizeof *worlds; i++) {
        char *rough = play(d, source, worlds[i], false, &other);
        assert_string_equal(other, said);
        assert_string_equal(rough, calm);
        mem_free(rough);
        mem_free(other);
    }
    mem_free(calm);
    mem_free(said);
}

static void same_for_file(const struct dialogue *d)
{
    same_in_every_world(d, read_file(d->file));
}

#define ORDER_STATUS "server/flow/examples/order-status.lua"
#define PEOPLE "server/flow/examples/people.lua"
#define REFUND "server/flow/examples/refund.lua"
#define SCRIPT(...)                                                                                                    \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        __VA_ARGS__, NULL                                                                                              \
    }

static void order_status_answers_and_ends(void **state)
{
    same_for_file(&(struct dialogue){
        .file = ORDER_STATUS,
        .customer = "{\"name\":\"Ana\"}",
        .script = SCRIPT("say:12", "say: A123456 ", "tap:yes"),
        .expected = "you text Hello\n"
                    "bot text Hello Ana, I can look that up for you.\n"
                    "bot text What is the order number? It is an A and six digits.\n"
                    "you text 12\n"
                    "bot text That does not look right. An order number is an A and six digits, as in A123456.\n"
                    "you text  A123456 \n"
                    "bot card Order A123456 left our warehouse and arrives tomorrow.\n"
                    "bot choices Did that help? [Yes] [No, I need a person] [Another order]\n"
                    "you choice yes\n"
                    "bot text Glad to hear it.\n",
    });
}

static void order_status_gives_up_after_three_tries(void **state)
{
    same_for_file(&(struct dialogue){
        .file = ORDER_STATUS,
        .script = SCRIPT("say:1", "location:{\"latitude\":1,\"longitude\":2}", "say:3", "back:resolved"),
        .expected = "you text Hello\n"
                    "bot text I can look that up for you.\n"
                    "bot text What is the order number? It is an A and six digits.\n"
                    "you text 1\n"
                    "bot text That does not look right. An order number is an A and six digits, as in A123456.\n"
                    "you location \n"
                    "bot text That does not look right. An order number is an A and six digits, as in A123456.\n"
                    "you text 3\n"
                    "queued orders (flow): no valid order number\n",
    });
}

static void order_status_starts_again_and_takes_the_apps_order(void **state)
{
    same_for_file(&(struct dialogue){
        .file = ORDER_STATUS,
        .context = "{\"order\":\"A000009\"}",
        .script = SCRIPT("say:another order", "tap:no", "back:left"),
    });
    same_for_file(&(struct dialogue){
        .file = ORDER_STATUS,
        .script = SCRIPT("say:A111111", "tap:again", "say:A222225", "tap:again", "say:x", "say:A333339", "tap:no",
                         "back:resolved"),
    });
}

static void order_status_times_out(void **state)
{
    same_for_file(&(struct dialogue){.file = ORDER_STATUS, .script = SCRIPT("advance:172800", "back:resolved")});
    same_for_file(
        &(struct dialogue){.file = ORDER_STATUS, .script = SCRIPT("say:A123451", "advance:3599", "advance:1")});
}

static void a_person_at_any_moment_then_the_question_again(void **state)
{
    same_for_file(&(struct dialogue){
        .file = ORDER_STATUS,
        .script =
            SCRIPT("escape", "say:are you there", "back:resolved", "say:A123451", "escape", "back:returned", "tap:yes"),
        .expected = "you text Hello\n"
                    "bot text I can look that up for you.\n"
                    "bot text What is the order number? It is an A and six digits.\n"
                    "queued orders (customer): asked for a person\n"
                    "you text are you there\n"
                    "bot text What is the order number? It is an A and six digits.\n"
                    "you text A123451\n"
                    "bot text Order A123451 is packed.\n"
                    "bot choices Did that help? [Yes] [No, I need a person] [Another order]\n"
                    "queued orders (customer): asked for a person\n"
                    "bot choices Did that help? [Yes] [No, I need a person] [Another order]\n"
                    "you choice yes\n"
                    "bot text Glad to hear it.\n",
    });
}

/* A tap on a question of before is no answer. A tap on the question as it was first asked is one, though it has been
 * asked once more. */
static void only_answers_to_this_question_count(void **state)
{
    static const char source[] = "flow { id = 'q', title = 'Q' }\n"
                                 "local a = ask { text = 'One?', choices = { 'a', 'b' } }\n"
                                 "local b = ask { text = 'Two?', choices = { 'a', 'b' } }\n"
                                 "say(a .. b)";
    same_in_every_world(
        &(struct dialogue){
            .file = "q.lua",
            .script =
                SCRIPT("say:what", "old tap:{\"to\":2,\"value\":\"b\"}", "old tap:{\"to\":2,\"value\":\"b\"}", "say:a"),
            .expected = "you text Hello\n"
                        "bot choices One? [a] [b]\n"
                        "you text what\n"
                        "bot choices Please choose one of these. [a] [b]\n"
                        "you choice b\n"
                        "bot choices Two? [a] [b]\n"
                        "you choice b\n"
                        "you text a\n"
                        "bot text ba\n",
        },
        source);
}

/* Also when the run comes into memory only after the wait is over, and finds the words and the timer together. */
static void words_during_a_wait_are_no_answer_to_what_is_asked_after_it(void **state)
{
    static const char source[] = "flow { id = 'w', title = 'W' }\n"
                                 "wait '1h'\n"
                                 "say('Hello ' .. ask 'Who are you?')";
    same_in_every_world(&(struct dialogue){.file = "w.lua",
                                           .script = SCRIPT("say:still there?", "advance:3600", "say:Ann"),
                                           .expected = "you text Hello\n"
                                                       "you text still there?\n"
                                                       "bot text Who are you?\n"
                                                       "you text Ann\n"
                                                       "bot text Hello Ann\n"},
                        source);
}

static void people_hands_over_and_asks_for_a_rating(void **state)
{
    same_for_file(&(struct dialogue){
        .file = PEOPLE,
        .customer = "{\"verified\":true}",
        .script = SCRIPT("tap:tech", "say:the screen stays white", "back:resolved",
                         "old tap:{\"to\":2,\"value\":\"4\"}", "say:so so"),
        .expected = "you text Hello\n"
                    "bot choices What is it about? [A bill] [Something does not work] [Something else]\n"
                    "you choice tech\n"
                    "bot text What happens, and what did you expect?\n"
                    "you text the screen stays white\n"
                    "queued tech (flow): about: tech\n"
                    "bot choices How did we do? [Very good] [Good] [So so] [Bad] [Very bad]\n"
                    "you choice 4\n"
                    "you text so so\n"
                    "bot text Thank you. We will do better.\n",
    });
    same_for_file(&(struct dialogue){.file = PEOPLE, .script = SCRIPT("tap:billing", "back:left")});
    same_for_file(
        &(struct dialogue){.file = PEOPLE, .script = SCRIPT("say:?", "say:??", "back:resolved", "advance:90000")});
}

/* The sheet is the second item, and the answer to it counts as one to the sheet that is asked again. */
#define FILL(order, reason) "fill:{\"to\":2,\"values\":{\"order\":\"" order "\",\"reason\":\"" reason "\"}}"

static void refund_lasts_for_days(void **state)
{
    same_for_file(&(struct dialogue){
        .file = REFUND,
        .script = SCRIPT(FILL("A777", "other"), FILL("A777777", "broken"), FILL("A777777", "other"), "say:hello?",
                         "advance:172800", "advance:259200", "back:resolved"),
        .expected = "you text Hello\n"
                    "bot form Return an item\n"
                    "you form_answer \n"
                    "bot text Please check: Order number\n"
                    "bot form Return an item\n"
                    "you form_answer \n"
                    "bot text Please check: Photo\n"
                    "bot form Return an item\n"
                    "you form_answer \n"
                    "bot process Refund A777777 open received\n"
                    "bot text Thank you. I will write to you here as soon as it is checked - you can close the app.\n"
                    "you text hello?\n"
                    "bot text Still being checked. You need not do anything.\n"
                    "bot process Refund A777777 open reminded\n"
                    "queued returns (flow): refund undecided after 5 days\n"
                    "bot process Refund A777777 done reminded\n"
                    "bot text Your refund has been decided. Thank you for your patience.\n",
    });
}

static void refund_survives_a_person_during_the_wait_and_others_at_its_process(void **state)
{
    same_for_file(&(struct dialogue){
        .file = REFUND,
        .script =
            SCRIPT(FILL("A777777", "size"), "escape", "advance:100", "touch:refund", "back:resolved", "advance:172800",
                   "escape", "advance:900000", "back:resolved", "touch:refund", "back:resolved"),
    });
}

static const char every_call[] =
    "flow { id = 'all', title = 'All', escape = { queue = 'q' } }\n"
    "local t = now()\n"
    "local a, b, c = random(), random(6), random(-3, 3)\n"
    "context.set('start', { t = t, a = a, b = b, c = c, words = started.text })\n"
    "say('It is ' .. t .. ' and ' .. b)\n"
    "local ok, got = pcall(function() return ask 'In pcall?' end)\n"
    "say(tostring(ok) .. tostring(got))\n"
    "local ok2, err = pcall(say, { txt = 'x' })\n"
    "say(err)\n"
    "local list = setmetatable({}, { __index = function(_, k) return ask('In a metamethod: ' .. k) end })\n"
    "say('got ' .. list.color)\n"
    "table.sort({ 3, 1, 2 }, function(x, y) if x == 1 then wait '1m' end return x < y end)\n"
    "for k, v in pairs { b = 1, a = 2, [1] = 0 } do say(tostring(k) .. tostring(v)) end\n"
    "local p = process.start { type = 'claim', step = 'one' }\n"
    "p = p:step('two', { n = 1 })\n"
    "say { text = 'and', choices = { 'Left', 'Right' } }\n"
    "say { custom = { type = 'map', fallback = 'a map', data = { zoom = 3 } } }\n"
    "wait { till = now() + 5000, timeout = '1s' }\n"
    "local q = process.get { type = 'claim' }\n"
    "q:failed('no')\n"
    "local r, why = q:step('three')\n"
    "say(tostring(r) .. why .. tostring(customer.outcome) .. tostring(context.get('screen')))\n"
    "say(tostring(random(1, 1000000)))\n"
    "stop()\n";

static void every_call_comes_out_the_same(void **state)
{
    same_in_every_world(
        &(struct dialogue){
            .file = "all.lua",
            .customer = "{\"outcome\":\"resolved\"}",
            .context = "{\"screen\":\"cart\"}",
            .script =
                SCRIPT("say:yes", "escape", "back:returned", "say:blue", "advance:60", "touch:claim", "advance:1"),
        },
        every_call);
}

static const char busy[] = "flow { id = 'busy', title = 'Busy' }\n"
                           "local n = 0\n"
                           "for i = 1, 60000 do n = n + i % 7 end\n"
                           "local a = ask('?' .. n)\n"
                           "for i = 1, 60000 do n = n + i % 5 end\n"
                           "say(a .. n)\n";

static void a_busy_script_is_sliced_and_comes_out_the_same(void **state)
{
    same_in_every_world(&(struct dialogue){.file = "busy.lua", .script = SCRIPT("say:x")}, busy);
}

static const char *const failures[] = {
    "flow { id = 'f', title = 'F' }\nask '?'\nlog.info('on the way') say 'lost'\nerror('boom')",
    "flow { id = 'f', title = 'F' }\nask '?'\nlog.info('on the way') say 'lost'\nwhile true do end",
    "flow { id = 'f', title = 'F' }\nask '?'\nlog.info('on the way') local s = 'x' while true do s = s .. s end",
    "flow { id = 'f', title = 'F' }\nask '?'\nlog.info('on the way') local t = nil; t.x = 1",
    "flow { id = 'f', title = 'F' }\nask '?'\nlog.info('on the way') for i = 1, 100 do say 'x' end",
    "flow { id = 'f', title = 'F' }\nask '?'\nlog.info('on the way') say { txt = 'x' }",
};

static void a_failed_step_is_an_apology_and_a_person(void **state)
{
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        struct dialogue d = {.file = "f.lua", .script = SCRIPT("say:x", "say:y", "escape")};
        char *said, *dump = play(&d, failures[i], MEMORY_CRASH_NEVER, false, &said);
        assert_non_null(strstr(said, "you text x\nbot text Something went wrong on our side. A person will help you.\n"
                                     "queued  (failed): the flow failed: f.lua, line "));
        assert_null(strstr(said, "lost"));
        assert_non_null(strstr(dump, "info  f.lua:3  on the way\nerror f.lua:"));
        assert_non_null(strstr(dump, "state 5 step 2 "));
        mem_free(said);
        mem_free(dump);
        same_in_every_world(&d, failures[i]);
    }
}

/* A run whose journal has grown too long goes to a person; one that restarts never does. */
/* Nothing of it is in the journal, so that nobody goes on by what has been erased. */
static void the_event_that_began_a_run_is_in_the_log_alone(void **state)
{
    static const char source[] = "flow { id = 'e', title = 'E' } local n = started.data.n ask '?' ask '!' say(n)";
    struct memory_options options = {.limits = flow_limits_default};
    struct flow_error error;
    for (int erased = 0; erased < 2; erased++) {
        struct host_memory *h = host_memory_new(&options);
        assert_int_equal(host_memory_use(h, "e.lua", span_str(source), &error), PARLEY_OK);
        host_memory_begin(h, ITEM_custom, "{\"type\":\"t\",\"fallback\":\"t\",\"data\":{\"n\":\"telling\"}}");
        host_memory_say(h, "yes");
        for (size_t i = 0; i < host_memory_rows(h)->journal_count; i++)
            assert_null(strstr(host_memory_rows(h)->journal[i].data, "telling"));
        if (erased)
            host_memory_erase(h, 1);
        host_memory_crash(h);
        host_memory_say(h, "yes");
        assert_int_equal(host_memory_state(h), erased ? FLOW_FAILED : FLOW_ENDED);
        if (erased)
            assert_string_equal(host_memory_error(h)->code, "E307");
        host_memory_free(&h);
    }
}

static void a_journal_has_a_bound_and_restart_begins_a_new_one(void **state)
{
    static const char endless[] = "flow { id = 'e', title = 'E' } while true do ask '?' end";
    static const char again[] =
        "flow { id = 'e', title = 'E' } ask '?' restart { n = (started.data and started.data.n or 0) + 1 }";
    struct memory_options options = {.limits = flow_limits_default};
    struct flow_error error;
    options.limits.journal_entries = 50;
    struct host_memory *h = host_memory_new(&options);
    assert_int_equal(host_memory_use(h, "e.lua", span_str(endless), &error), PARLEY_OK);
    host_memory_start(h, "x");
    for (int i = 0; i < 60; i++)
        host_memory_say(h, "x");
    assert_int_equal(host_memory_state(h), FLOW_FAILED);
    assert_string_equal(host_memory_error(h)->code, "E403");
    assert_true(host_memory_journal(h) <= 51);
    host_memory_free(&h);

    h = host_memory_new(&options);
    assert_int_equal(host_memory_use(h, "e.lua", span_str(again), &error), PARLEY_OK);
    host_memory_start(h, "x");
    for (int i = 0; i < 200; i++)
        host_memory_say(h, "x");
    assert_int_equal(host_memory_state(h), FLOW_WAITING);
    assert_int_equal(host_memory_journal(h), 1);
    assert_int_equal(host_memory_step(h), 201);
    host_memory_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_status_answers_and_ends),
        cmocka_unit_test(order_status_gives_up_after_three_tries),
        cmocka_unit_test(order_status_starts_again_and_takes_the_apps_order),
        cmocka_unit_test(order_status_times_out),
        cmocka_unit_test(a_person_at_any_moment_then_the_question_again),
        cmocka_unit_test(only_answers_to_this_question_count),
        cmocka_unit_test(words_during_a_wait_are_no_answer_to_what_is_asked_after_it),
        cmocka_unit_test(people_hands_over_and_asks_for_a_rating),
        cmocka_unit_test(refund_lasts_for_days),
        cmocka_unit_test(refund_survives_a_person_during_the_wait_and_others_at_its_process),
        cmocka_unit_test(every_call_comes_out_the_same),
        cmocka_unit_test(a_busy_script_is_sliced_and_comes_out_the_same),
        cmocka_unit_test(a_failed_step_is_an_apology_and_a_person),
        cmocka_unit_test(the_event_that_began_a_run_is_in_the_log_alone),
        cmocka_unit_test(a_journal_has_a_bound_and_restart_begins_a_new_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
