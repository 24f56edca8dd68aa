/* A run that stands anywhere, tried on a version that differs anywhere: what comes later is of no matter, what was
 * before or is under way is named with its line; and a run that is moved goes on as if nothing had been. */
#include "tests/unit/unit.h"

#include "protocol/item.h"
#include "server/base/mem.h"
#include "server/flow/host_memory.h"
#include "server/flow/rehearse.h"

#include <stdio.h>
#include <stdlib.h>

/* Every kind of call that a run can stand in, each with a mark of its own in its line, in the order of the dialogue. */
static const char every_place[] =
    "flow { id = 'places', title = 'Places', escape = { queue = 'care' } }\n"
    "local seen = context.get('q00')\n"
    "local a = ask { text = 'q01', id = 'a' }\n"
    "say 'q02' wait { delay = '2h' }\n"
    "wait { event = 'q03', timeout = '5d', remind = { after = '1d', say = 'Still waiting.' } }\n"
    "http.get { url = '{shop}/q04', timeout = '5s', tries = 1 }\n"
    "form { title = 'q05', fields = { { id = 'f', label = 'F', required = true } } }\n"
    "local r = handoff { queue = 'care', reason = 'q06' }\n"
    "pcall(function() ask { text = 'q07' } end)\n"
    "local data = call('sub', { n = 1 })\n"
    "local list = { 3, 1 }\n"
    "table.sort(list, function(x, y) ask { text = 'q09', choices = { { 'yes', 'Yes' }, { 'no', 'No' } } } return x < y "
    "end)\n"
    "local strange = setmetatable({}, { __index = function(t, k) return ask { text = 'q10', rating = 5 } end })\n"
    "local points = strange.x\n"
    "for word in function() return nil, ask 'q11' end do end\n"
    "local ok, why = pcall(function() ask 'q12' error('no') end)\n"
    "local p = process.start { type = 'q13', key = tostring(ok) } wait { till = now() + 1000 }\n"
    "p:step('q14') ask { text = 'Wrong first', type = 'number' }\n"
    "local last = ask { text = 'q15', secret = true }\n"
    "say('Done ' .. a .. ' ' .. r.outcome .. ' ' .. points .. ' ' .. data)\n"
    "--@flow sub\n"
    "flow { id = 'sub', title = 'Sub' }\n"
    "local given = ... return given.n .. ask { text = 'q08' }\n";

/* What leads from each place to the next. */
static const char *const acts[] = {
    "say:first", "advance:7200",  "advance:86400", "event:q03",      "advance:600",
    "form",      "back:resolved", "say:seventh",   "say:eighth",     "tap:yes",
    "rate:4",    "say:ten",       "say:eleventh",  "advance:1",      "say:no number",
    "say:12",    "escape",        "back:resolved", "say:thirteenth",
};

/* The newest mark that the run has come to when it stands after so many acts. */
static const int places[] = {1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 14, 15, 15, 15};

/* What may change while a run stands there, since it is not what the call goes by. */
static bool may_change(int mark)
{
    return mark == 1 || mark == 2 || mark == 6;
}

enum { ACTS = sizeof acts / sizeof *acts, MARKS = 16 };

static const char *after(const char *act, const char *word)
{
    size_t n = strlen(word);
    return strncmp(act, word, n) == 0 ? act + n : NULL;
}

static void fill_in(struct host_memory *h)
{
    char body[128];
    long long question = host_memory_rows(h)->question_seq;
    snprintf(body, sizeof body, "{\"to\":%lld,\"values\":{\"f\":\"filled in\"}}", question);
    host_memory_post(h, ITEM_form_answer, body);
}

static void act(struct host_memory *h, const char *act)
{
    const char *rest;
    if ((rest = after(act, "say:")))
        host_memory_say(h, rest);
    else if ((rest = after(act, "tap:")))
        host_memory_tap(h, rest);
    else if ((rest = after(act, "rate:")))
        host_memory_say(h, rest);
    else if ((rest = after(act, "back:")))
        host_memory_back(h, rest, "", "Mira");
    else if ((rest = after(act, "advance:")))
        host_memory_advance(h, atoll(rest) * 1000);
    else if (after(act, "event:"))
        host_memory_post(h, ITEM_custom, "{\"data\":{},\"type\":\"q03\",\"fallback\":\"\"}");
    else if (after(act, "form"))
        fill_in(h);
    else
        host_memory_escape(h);
}

static struct host_memory *begun(const char *source)
{
    const struct memory_options options = {.limits = flow_limits_default};
    struct flow_error error;
    struct host_memory *h = host_memory_new(&options);
    if (host_memory_use(h, "places.lua", span_str(source), &error) != PARLEY_OK)
        fail_msg("%s:%d: %s", error.file, error.line, error.text);
    host_memory_stub(h, &(struct memory_stub){.method = "GET", .url = "*", .why = "hang"});
    host_memory_start(h, "hello");
    return h;
}

/* The same source with the mark written otherwise; the caller frees it. */
static char *changed(const char *source, int mark)
{
    char was[16];
    char *copy = mem_text(source);
    snprintf(was, sizeof was, "q%02d", mark);
    char *at = strstr(copy, was);
    assert_non_null(at);
    *at = 'x';
    return copy;
}

static int line_of(const char *source, int mark)
{
    char word[16];
    int line = 1;
    snprintf(word, sizeof word, "q%02d", mark);
    const char *end = strstr(source, word), *part = strstr(source, "--@flow");
    for (const char *at = part && part < end ? strchr(part, '\n') + 1 : source; at < end; at++)
        line += *at == '\n';
    return line;
}

static parley_status try_on(const struct host_memory *h, const char *source, struct flow_error *error)
{
    struct rehearsal *r = rehearsal_new(&flow_limits_default);
    *error = (struct flow_error){0};
    assert_int_equal(rehearsal_use(r, "places.lua", span_str(source), error), PARLEY_OK);
    parley_status st = host_memory_rehearse(h, r, error);
    rehearsal_free(&r);
    return st;
}

static void judge_place(const struct host_memory *h, int reached)
{
    struct flow_error error;
    if (try_on(h, every_place, &error) != PARLEY_OK)
        fail_msg("after %d the same version: %s", reached, error.text);
    for (int mark = 0; mark < MARKS; mark++) {
        char *source = changed(every_place, mark);
        parley_status st = try_on(h, source, &error);
        mem_free(source);
        if (mark > reached || (mark == reached && may_change(mark))) {
            if (st != PARLEY_OK)
                fail_msg("at %d with a change at %d: %s", reached, mark, error.text);
            continue;
        }
        if (st != PARLEY_CONFLICT)
            fail_msg("at %d with a change at %d: it goes on", reached, mark);
        assert_string_equal(error.code, "E301");
        assert_int_equal(error.line, line_of(every_place, mark));
        assert_int_equal(error.was_line, error.line);
        assert_true(error.was_step > 0);
    }
}

static void every_change_is_found_from_every_place_and_no_other_is(void **state)
{
    struct host_memory *h = begun(every_place);
    for (int n = 0; n < ACTS; n++) {
        assert_true(host_memory_state(h) == FLOW_WAITING || host_memory_state(h) == FLOW_HANDOFF);
        judge_place(h, places[n]);
        act(h, acts[n]);
    }
    assert_int_equal(host_memory_state(h), FLOW_ENDED);
    host_memory_free(&h);
}

/* The script of a run that was moved at this place, to its end. */
static char *moved_at(int place, const char *source)
{
    struct flow_error error;
    struct buf dump;
    struct host_memory *h = begun(every_place);
    for (int n = 0; n < ACTS; n++) {
        if (n == place) {
            host_memory_crash(h);
            assert_int_equal(host_memory_use(h, "places.lua", span_str(source), &error), PARLEY_OK);
        }
        act(h, acts[n]);
    }
    assert_int_equal(host_memory_state(h), FLOW_ENDED);
    buf_init(&dump, 1 << 20);
    host_memory_dialogue(h, &dump);
    buf_add_char(&dump, '\0');
    char *text = mem_text(dump.ptr);
    buf_done(&dump);
    host_memory_free(&h);
    return text;
}

static void a_run_that_is_moved_goes_on_as_if_nothing_had_been(void **state)
{
    struct buf shifted;
    buf_init(&shifted, 1 << 16);
    buf_printf(&shifted, "-- a line more\n%s", every_place);
    buf_add_char(&shifted, '\0');
    char *whole = moved_at(-1, every_place);
    for (int place = 0; place < ACTS; place++) {
        char *moved = moved_at(place, shifted.ptr);
        assert_string_equal(moved, whole);
        mem_free(moved);
    }
    mem_free(whole);
    buf_done(&shifted);
}

static void what_is_new_is_said_by_a_run_that_is_moved_before_it(void **state)
{
    char *source = changed(every_place, 15);
    for (int place = 0; place < ACTS && places[place] < 15; place++) {
        char *moved = moved_at(place, source);
        assert_non_null(strstr(moved, "x15"));
        assert_null(strstr(moved, "q15"));
        mem_free(moved);
    }
    mem_free(source);
}

/* ---- what does not matter, and what is meant ---- */

static const char before_since[] = "flow { id = 'order', title = 'Order' }\n"
                                   "local a = ask 'One?'\n"
                                   "local b = ask 'Two?'\n"
                                   "say 'Thank you.'\n";

static const char with_since[] = "flow { id = 'order', title = 'Your order', language = 'de', apology = 'Oh.' }\n"
                                 "texts { en = { hi = 'Hi' } }\n"
                                 "log.info('came by')\n"
                                 "local a = ask 'One?'\n"
                                 "if since 'between' then say(t 'hi') ask 'One and a half?' end\n"
                                 "local b = ask 'Two?'\n"
                                 "if since 'thanks' then say 'Thanks a lot.' else say 'Thank you.' end\n";

static char *dialogue_since(int moved)
{
    static const char *const said[] = {"one", "two", "three"};
    struct flow_error error;
    struct buf text;
    struct host_memory *h = begun(before_since);
    for (int n = 0; host_memory_state(h) == FLOW_WAITING; n++) {
        if (n == moved) {
            assert_int_equal(try_on(h, with_since, &error), PARLEY_OK);
            host_memory_crash(h);
            assert_int_equal(host_memory_use(h, "places.lua", span_str(with_since), &error), PARLEY_OK);
        }
        host_memory_crash(h);
        host_memory_say(h, said[n]);
    }
    assert_int_equal(host_memory_state(h), FLOW_ENDED);
    buf_init(&text, 1 << 16);
    host_memory_dialogue(h, &text);
    buf_add_char(&text, '\0');
    char *copy = mem_text(text.ptr);
    buf_done(&text);
    host_memory_free(&h);
    return copy;
}

static void since_carries_a_run_over_a_change_that_is_meant(void **state)
{
    char *early = dialogue_since(0), *late = dialogue_since(1);
    assert_non_null(strstr(early, "Hi"));
    assert_non_null(strstr(early, "One and a half?"));
    assert_null(strstr(late, "half"));
    assert_non_null(strstr(late, "Two?"));
    assert_non_null(strstr(late, "Thanks a lot."));
    mem_free(early);
    mem_free(late);
}

static void a_version_that_fails_or_ends_on_the_way_is_no_match(void **state)
{
    static const struct {
        const char *source, *code;
    } worse[] = {
        {"flow { id = 'order', title = 'Order' }\nerror('broken')\n", "E501"},
        {"flow { id = 'order', title = 'Order' }\n", "E301"},
        {"flow { id = 'order', title = 'Order' }\nwhile true do end\n", "E401"},
        {"flow { id = 'order', title = 'Order' }\npcall(ask, 'Other?') say 'Caught.' ask 'One?'\n", "E301"},
        {"flow { id = 'order', title = 'Order' }\nhandoff { queue = 'care' }\n", "E301"},
        {"flow { id = 'order', title = 'Order' }\ncustomer.name()\n", "E301"},
        {"flow { id = 'order', title = 'Order' }\nnow() ask 'One?'\n", "E301"},
    };
    struct flow_error error;
    struct host_memory *h = begun(before_since);
    for (size_t i = 0; i < sizeof worse / sizeof *worse; i++) {
        assert_int_equal(try_on(h, worse[i].source, &error), PARLEY_CONFLICT);
        if (strcmp(error.code, worse[i].code) != 0)
            fail_msg("%zu: %s %s", i, error.code, error.text);
        assert_true(error.line > 0 || i == 1);
    }
    assert_int_equal(try_on(h, before_since, &error), PARLEY_OK);
    host_memory_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_change_is_found_from_every_place_and_no_other_is),
        cmocka_unit_test(a_run_that_is_moved_goes_on_as_if_nothing_had_been),
        cmocka_unit_test(what_is_new_is_said_by_a_run_that_is_moved_before_it),
        cmocka_unit_test(since_carries_a_run_over_a_change_that_is_meant),
        cmocka_unit_test(a_version_that_fails_or_ends_on_the_way_is_no_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
