/* The sandbox under attack: each script ends in the limit or the refusal that is named, soon, and the worker lives. */
#include "tests/unit/unit.h"

#include "server/flow/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Of processor time, so that a busy machine does not count: what a script may take in all, and in one slice. Sanitizers
 * make it several times slower. */
enum { TOTAL_US = 10000000, SLICE_US = 400000 };

static int64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- a host of three calls ---- */

enum { CALL_SAY, CALL_ASK, CALL_STOP, CALL_OTHER };

static const char *const names[] = {"say",           "ask",         "stop",         "customer.read", "started.read",
                                    "process.start", "process.get", "process.step", "process.done",  "process.failed",
                                    "on.leave"};

struct world {
    struct sandbox *box;
    struct sandbox_run *run;
    char said[512];
    int calls, slices;
    int64_t longest_us; /* of a slice */
};

static enum sandbox_verdict on_call(void *owner, struct sandbox_call *call)
{
    struct world *w = owner;
    w->calls++;
    if (call->function == CALL_ASK)
        return SANDBOX_WAIT;
    if (call->function == CALL_STOP) {
        sandbox_stop(w->run);
        return SANDBOX_WAIT;
    }
    if (call->function != CALL_SAY)
        return SANDBOX_RETURN;
    if (call->count != 1 || call->args[0].type != VALUE_TEXT) {
        flow_error_set(call->error, "E203", "say: expected text");
        return SANDBOX_RAISE;
    }
    size_t used = strlen(w->said);
    snprintf(w->said + used, sizeof w->said - used, "%s%.*s", used ? "|" : "", SPAN_ARG(call->args[0].text));
    return SANDBOX_RETURN;
}

static const struct sandbox_functions functions = {names, sizeof names / sizeof *names, on_call};

static parley_status open_world(struct world *w, struct span source, struct flow_error *error)
{
    *w = (struct world){0};
    return sandbox_new("t.lua", source, &functions, &sandbox_limits_default, &w->box, error);
}

static void close_world(struct world *w)
{
    sandbox_run_free(&w->run);
    if (w->box)
        sandbox_free(&w->box);
}

static enum sandbox_result run_world(struct world *w)
{
    struct value answer = value_text(span_str("answer"));
    enum sandbox_result result;
    size_t count = 0;
    w->run = sandbox_run_new(w->box, w);
    assert_non_null(w->run);
    do {
        int64_t start = cpu_us();
        result = sandbox_resume(w->run, &answer, count);
        int64_t took = cpu_us() - start;
        if (took > w->longest_us)
            w->longest_us = took;
        w->slices++;
        count = result == SANDBOX_WAITS;
        if (result == SANDBOX_WAITS)
            sandbox_step(w->run);
    } while ((result == SANDBOX_SLICE || result == SANDBOX_WAITS) && w->slices < 100000);
    return result;
}

/* ---- attacks ---- */

struct attack {
    const char *name;
    const char *source;
    const char *code; /* that it fails with; NULL: it ends, having said `text` */
    const char *text; /* part of the error */
};

static const struct attack attacks[] = {
    /* time */
    {"plain loop", "while true do end", "E401", "more than 1000000"},
    {"repeat loop", "repeat until false", "E401", ""},
    {"goto loop", "::a:: goto a", "E401", ""},
    {"numeric loop", "for i = 1, math.maxinteger do end", "E401", ""},
    {"loop in pcall", "while true do pcall(function() while true do end end) end", "E401", ""},
    {"loop of pcalls", "while true do pcall(error) end", "E401", ""},
    {"nested pcalls", "local function f() pcall(f) f() end f()", "E402", ""},
    {"pcall of pcall", "local p = pcall while true do p(p, p, p, error) end", "E401", ""},
    {"xpcall with a looping handler", "xpcall(error, function() while true do end end)", "E401", ""},
    {"xpcall with a failing handler", "while true do pcall(xpcall, error, error) end", "E401", ""},
    {"loop in __index", "local t = setmetatable({}, {__index = function() while true do end end}) return t.x", "E401",
     ""},
    {"loop in __newindex", "local t = setmetatable({}, {__newindex = function() while true do end end}) t.x = 1",
     "E401", ""},
    {"loop in __eq",
     "local m = {__eq = function() while true do end end} return setmetatable({}, m) == setmetatable({}, m)", "E401",
     ""},
    {"loop in __lt",
     "local m = {__lt = function() while true do end end} return setmetatable({}, m) < setmetatable({}, m)", "E401",
     ""},
    {"loop in __concat", "local m = {__concat = function() while true do end end} return setmetatable({}, m) .. 'x'",
     "E401", ""},
    {"loop in __len", "local m = {__len = function() while true do end end} return #setmetatable({}, m)", "E401", ""},
    {"loop in __call", "setmetatable({}, {__call = function() while true do end end})()", "E401", ""},
    {"loop in __tostring", "tostring(setmetatable({}, {__tostring = function() while true do end end}))", "E401", ""},
    {"loop in __pairs", "for k in pairs(setmetatable({}, {__pairs = function() while true do end end})) do end", "E401",
     ""},
    {"loop in an iterator", "for k in function() return 1 end do end", "E401", ""},
    {"ipairs over an endless __index", "for i in ipairs(setmetatable({}, {__index = function() return 1 end})) do end",
     "E401", ""},
    {"loop in a comparison of sort", "table.sort({3, 2, 1}, function() while true do end end)", "E401", ""},
    {"sort that never agrees",
     "local t = {} for i = 1, 9000 do t[i] = i end while true do table.sort(t, function() return true end) end", "E401",
     ""},
    {"chain of __index", "local t = {} t.__index = t setmetatable(t, t) return t.x", "E501", "loop"},
    {"tail calls", "local function f() return f() end f()", "E401", ""},
    {"loop that yields to nobody", "while true do say('x') end", "E401", ""},
    {"pattern bomb", "match(('a'):rep(2000) .. 'b', '^(a+)+$')", "E406", ""},
    {"pattern bomb twelve times", "match(('a'):rep(200) .. 'b', '^(a*)*(a*)*(a*)*(a*)*(a*)*$')", "E406", ""},
    {"pattern bombs in a loop", "while true do pcall(match, ('a'):rep(100), '(a|aa)+$b') end", "E401", ""},
    {"pattern that recurses", "match(('('):rep(5000), '^(\\\\((?1)*\\\\))*$x')", "E406", ""},
    {"spaces before the end", "for i = 1, 1000 do match((' '):rep(16000), ' *$x') end", "E40", ""},
    {"pattern of many parts", "match('x', ('(a?){9}'):rep(60) .. ('a{9}'):rep(60) .. ('((a{30}){30}){30}'))", "E205",
     ""},
    {"pattern that goes far from wherever it begins", "match(('a'):rep(16000), 'a+?b|a+?c')", "E406", ""},
    {"pattern that goes far from match to match", "match_all(('a'):rep(8000), 'a(?=a*+b)|a')", "E406", ""},
    {"short matches in a long text", "while true do match_all(('a'):rep(9000), 'a') end", "E401", ""},
    {"pattern too long", "match('x', ('a'):rep(1025))", "E205", "at most 1024"},
    {"text too long for a pattern", "match(('a'):rep(16385), 'b')", "E405", "16384"},
    {"equal long texts", "local a, b = ('x'):rep(65536) .. 'a', ('x'):rep(65536) .. 'a' while a == b do end", "E401",
     ""},
    {"joining long texts", "local a = ('x'):rep(65536) while true do local b = a .. 'y' end", "E401", ""},
    {"upper of long texts", "local a = ('x'):rep(65536) while true do a:upper() end", "E401", ""},
    {"utf8.len of long texts", "local a = ('x'):rep(65536) while true do utf8.len(a) end", "E401", ""},
    {"insert at the front", "local t = {} while true do table.insert(t, 1, 0) end", "E40", ""},
    {"pairs of a large table", "local t = {} for i = 1, 4000 do t['k' .. i] = i end while true do pairs(t) end", "E401",
     ""},
    {"next of a large table", "local t = {} for i = 1, 4000 do t['k' .. i] = i end while true do next(t) end", "E401",
     ""},
    {"format without end", "while true do string.format('%99.99f', 1e308) end", "E401", ""},
    /* memory */
    {"doubling text", "local s = 'x' while true do s = s .. s end", "E402", ""},
    {"doubling text in pcall", "local s = 'x' while true do pcall(function() s = s .. s end) end", "E402", ""},
    {"list without end", "local t = {} for i = 1, 1e9 do t[i] = i end", "E402", ""},
    {"map without end", "local t = {} for i = 1, 1e9 do t['k' .. i] = i end", "E402", ""},
    {"tables without end", "local t = {} for i = 1, 1e9 do t = {t} end", "E40", ""},
    {"deep recursion", "local function f(n) return 1 + f(n + 1) end f(1)", "E402", ""},
    {"closures without end", "local f = function() end for i = 1, 1e9 do local g = f f = function() return g end end",
     "E40", ""},
    {"recursion in __index", "local t = {} setmetatable(t, {__index = function(_, k) return t[k] end}) return t.x",
     "E501", "overflow"},
    {"__call of itself", "local t = {} setmetatable(t, {__call = t}) t()", "E305", "__call"},
    {"__call of another", "local t = setmetatable({}, {__call = setmetatable({}, {__call = print})}) t()", "E107", ""},
    {"unpack of a large table", "local t = {} for i = 1, 10001 do t[i] = i end return table.unpack(t)", "E405",
     "10000"},
    {"unpack of everything", "table.unpack({}, 1, 1e8)", "E405", ""},
    {"unpack past the integers", "table.unpack({}, math.mininteger, math.maxinteger)", "E405", ""},
    {"bytes of a long text", "('x'):rep(65536):byte(1, -1)", "E402", ""},
    /* library calls that loop in C elsewhere */
    {"rep a billion times", "('x'):rep(1e9)", "E405", "65536"},
    {"rep of nothing", "say(tostring(#string.rep('', 1e10)))", NULL, "0"},
    {"rep past the integers", "string.rep('x', 1 << 62)", "E405", ""},
    {"rep with a separator", "string.rep('', 1e10, 'x')", "E405", ""},
    {"concat of too many", "table.concat({}, ',', 1, 1e9)", "E405", ""},
    {"concat of much", "local s, t = ('x'):rep(60000), {} for i = 1, 9 do t[i] = s end table.concat(t)", "E405", ""},
    {"move of everything", "table.move({}, 1, 1e10, 2)", "E405", ""},
    {"move past the end", "table.move({1}, 1, 2, math.maxinteger)", "E204", ""},
    {"format of a wide field", "string.format('%100d', 1)", "E203", ""},
    {"format of an address", "string.format('%p', {})", "E203", "%p"},
    {"replace that grows", "replace(('a'):rep(400), 'a', ('b'):rep(400))", "E405", ""},
    {"replace of empty matches", "say(replace('abc', '', '-'))", NULL, "-a-b-c-"},
    {"split into too many", "split(('a,'):rep(10001), ',')", "E405", ""},
    {"sort of nothing sensible", "table.sort({1, 'a', {}})", "E501", "compare"},
    /* getting out */
    {"bytecode through load", "load('return 1')", "E107", "load"},
    {"string.dump", "string.dump(function() end)", "E107", "dump"},
    {"require", "require 'os'", "E107", "require"},
    {"dofile", "dofile '/etc/passwd'", "E107", "dofile"},
    {"loadfile", "loadfile '/etc/passwd'", "E107", "loadfile"},
    {"io", "io.open('/etc/passwd')", "E107", "io"},
    {"os", "os.execute('id')", "E107", "os"},
    {"debug", "debug.sethook()", "E107", "debug"},
    {"package", "package.loadlib('x', 'y')", "E107", "package"},
    {"coroutine", "coroutine.wrap(function() end)()", "E107", "coroutine"},
    {"collectgarbage", "collectgarbage('stop')", "E107", "collectgarbage"},
    {"math.random", "math.random(6)", "E107", "random(n)"},
    {"string.find", "('x'):find('x')", "E107", "match(text, pattern)"},
    {"string.gsub", "string.gsub('a', 'a', 'b')", "E107", "replace"},
    {"print", "print 'x'", "E107", "say"},
    {"_G", "_G.say = nil", "E107", "_G"},
    {"rawset on the library", "rawset(string, 'len', 1)", "E107", "rawset"},
    {"writing into the library", "string.len = nil", "E304", "string"},
    {"writing into a name of the library", "say = nil", "E304", "say"},
    {"insert into the library", "table.insert(string, 1)", "E304", ""},
    {"move into the library", "table.move({1}, 1, 1, 1, string)", "E304", ""},
    {"metatable of text", "say(tostring(getmetatable('')))", NULL, "nil"},
    {"metatable of the library", "say(tostring(getmetatable(string)))", NULL, "false"},
    {"new metatable for the library", "setmetatable(string, {})", "E304", ""},
    {"__gc", "setmetatable({}, {__gc = function() while true do end end})", "E305", "__gc"},
    {"__close", "local x <close> = setmetatable({}, {__close = function() end})", "E305", "__close"},
    {"__mode", "setmetatable({}, {__mode = 'k'})", "E305", "__mode"},
    {"__gc that comes later",
     "local m = {} setmetatable({}, m) m.__gc = function() while true do end end setmetatable({}, m)", "E305", ""},
    {"__mode that comes later",
     "local m = {} local t = setmetatable({}, m) m.__mode = 'v' t[1] = {} say(tostring(t[1] ~= nil))", NULL, "true"},
    {"__close that comes later",
     "local m = {} local t = setmetatable({}, m) m.__close = function() end local x <close> = t", "E501", "closable"},
    {"__metatable keeps others out", "setmetatable(setmetatable({}, {__metatable = 1}), {})", "E304", ""},
    {"tostring of a table has no address", "say(tostring({}) .. tostring(say) .. string.format('%s', {}))", NULL,
     "tablefunctiontable"},
    {"pairs in an order that is the same",
     "for k in pairs {z = 1, a = 1, [2] = 1, [1.5] = 1, [true] = 1, [-1] = 1} do say(tostring(k)) end", NULL,
     "-1|1.5|2|a|z|true"},
    {"pairs over tables as keys", "for k in pairs {[{}] = 1} do end", "E303", "no order"},
    {"text is no number", "return '10' + 1", "E501", "arithmetic"},
    /* calls and errors */
    {"a function as an argument", "say(function() end)", "E207", "function"},
    {"a cycle as an argument", "local t = {} t.t = t say(t)", "E207", "holds itself"},
    {"a huge argument", "local t = {} for i = 1, 5000 do t[i] = i end say(t)", "E207", "entries"},
    {"NaN as an argument", "say(0 / 0)", "E207", "finite"},
    {"text that is not UTF-8", "say('\\xff')", "E207", "UTF-8"},
    {"a zero byte", "say('a\\0b')", "E207", "zero byte"},
    {"a list with holes", "say({1, nil, 3})", "E207", "list"},
    {"metamethods do not run for C",
     "say(setmetatable({}, {__index = function() while true do end end, __tostring = function() while true do end "
     "end}))",
     "E203", ""},
    {"too many arguments", "say(1, 2, 3, 4, 5, 6, 7, 8, 9)", "E204", ""},
    {"error with a table", "error(setmetatable({}, {__tostring = function() while true do end end}))", "E501",
     "of type table"},
    {"error with a huge text", "error(('x'):rep(60000))", "E501", "xxx"},
    {"error with nothing", "error()", "E501", "nil"},
    {"unknown name", "sya 'x'", "E102", "did you mean 'say'"},
    {"unknown method", "('x'):uper()", "E102", "string.upper"},
    {"stop is not caught", "pcall(stop) say('after')", NULL, ""},
    {"waiting inside everything",
     "local t = setmetatable({}, {__index = function(_, k) return ask(k) end}) say(t.x) table.sort({2, 1}, function(a, "
     "b) ask() return a < b end) say(select(2, pcall(ask)))",
     NULL, "answer|answer"},
    {"a run has its own globals", "x = 1 say(tostring(x))", NULL, "1"},
    {"assert and select", "say(tostring(select('#', assert(1, 2))))", NULL, "2"},
};

static void ends_as_named(const struct attack *a)
{
    struct world w;
    struct flow_error error = {0};
    if (open_world(&w, span_str(a->source), &error) != PARLEY_OK)
        fail_msg("%s: does not compile: %s", a->name, error.text);
    int64_t start = cpu_us();
    enum sandbox_result result = run_world(&w);
    int64_t took = cpu_us() - start;
    if (took > TOTAL_US || w.longest_us > SLICE_US)
        fail_msg("%s: took %lld ms, %lld ms in one slice", a->name, (long long)took / 1000,
                 (long long)w.longest_us / 1000);
    if (getenv("SLICES"))
        print_message("%6lld us in all %6lld us in a slice  %s\n", (long long)took, (long long)w.longest_us, a->name);
    const struct flow_error *e = sandbox_error(w.run);
    if (!a->code) {
        if (result != SANDBOX_ENDED || strcmp(w.said, a->text) != 0)
            fail_msg("%s: said '%s', result %d (%s %s)", a->name, w.said, result, e->code, e->text);
    } else if (result != SANDBOX_FAILED || strncmp(e->code, a->code, strlen(a->code)) != 0 ||
               !strstr(e->text, a->text)) {
        fail_msg("%s: result %d, %s '%s'", a->name, result, e->code, e->text);
    } else if (e->line != 1 || strcmp(e->file, "t.lua") != 0) {
        fail_msg("%s: at %s:%d", a->name, e->file, e->line);
    }
    close_world(&w);
}

static void every_attack_ends_as_named(void **state)
{
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++)
        ends_as_named(&attacks[i]);
    print_message("%zu attacks\n", sizeof attacks / sizeof *attacks);
}

/* ---- sources ---- */

static void expect_refused(struct span source, const char *code, const char *text)
{
    struct world w;
    struct flow_error error = {0};
    assert_int_equal(open_world(&w, source, &error), PARLEY_SCRIPT);
    assert_string_equal(error.code, code);
    if (!strstr(error.text, text))
        fail_msg("%s: '%s'", code, error.text);
    assert_string_equal(error.file, "t.lua");
}

static void sources_that_are_not_lua_are_refused(void **state)
{
    static char text[70000];
    expect_refused(span_str("x = = 1"), "E101", "unexpected symbol");
    expect_refused(span_of("\x1bLua\x54\x00", 6), "E104", "UTF-8");
    expect_refused(span_of("\x1bLua", 4), "E104", "UTF-8");
    expect_refused(span_of("say 'a\0b'", 9), "E104", "UTF-8");
    expect_refused(span_str("say '\xff'"), "E104", "UTF-8");
    memset(text, ' ', sizeof text);
    expect_refused(span_of(text, 65537), "E103", "65537");
    memset(text, '(', 300);
    expect_refused(span_of(text, 300), "E101", "");
    for (size_t i = 0; i < 300; i++)
        text[i] = '{';
    expect_refused(span_of(text, 300), "E101", "");
    expect_refused(span_str("say 'x' end, function() say 'y'"), "E101", "<eof>");
    expect_refused(span_str("goto nowhere"), "E101", "label");
}

static void a_source_cannot_leave_the_function_around_it(void **state)
{
    struct world w;
    struct flow_error error;
    assert_int_equal(open_world(&w, span_str("--[[ x ]] say 'a' -- end"), &error), PARLEY_OK);
    assert_int_equal(run_world(&w), SANDBOX_ENDED);
    assert_string_equal(w.said, "a");
    close_world(&w);
}

/* ---- many runs in one state ---- */

static void runs_share_nothing(void **state)
{
    struct world w;
    struct flow_error error;
    static const char source[] = "count = (pcall(function() return count end) and count or 0) + 1\n"
                                 "say(tostring(count)) ask() say(tostring(count))";
    assert_int_equal(open_world(&w, span_str(source), &error), PARLEY_OK);
    struct sandbox_run *runs[3];
    struct value answer = value_bool(true);
    for (int i = 0; i < 3; i++) {
        runs[i] = w.run = sandbox_run_new(w.box, &w);
        assert_int_equal(sandbox_resume(runs[i], NULL, 0), SANDBOX_WAITS);
    }
    for (int i = 2; i >= 0; i--)
        assert_int_equal(sandbox_resume(runs[i], &answer, 1), SANDBOX_ENDED);
    assert_string_equal(w.said, "1|1|1|1|1|1");
    for (int i = 0; i < 3; i++)
        sandbox_run_free(&runs[i]);
    w.run = NULL;
    close_world(&w);
}

/* As many slices as it needs. answer NULL: it has not asked yet. */
static enum sandbox_result resume(struct sandbox_run *run, const struct value *answer)
{
    enum sandbox_result result = sandbox_resume(run, answer, answer ? 1 : 0);
    while (result == SANDBOX_SLICE)
        result = sandbox_resume(run, NULL, 0);
    return result;
}

/* One run's memory is its own: another's bomb does not end it, another's garbage is not charged to it, and what a run
 * held is there for the next one. */
static void a_greedy_run_harms_no_other(void **state)
{
    struct world w = {0};
    struct flow_error error;
    static const char source[] = "local mine = ('x'):rep(50000) "
                                 "if ask() then local t = {} for i = 1, 1e9 do t = {t, {}} end end "
                                 "local more = {} for i = 1, 40 do more[i] = i .. mine .. mine .. mine end say('fine')";
    struct sandbox_limits limits = sandbox_limits_default;
    limits.memory_state = 3 * limits.memory_run;
    assert_int_equal(sandbox_new("t.lua", span_str(source), &functions, &limits, &w.box, &error), PARLEY_OK);
    struct value yes = value_bool(true), no = value_bool(false);
    struct sandbox_run *good = sandbox_run_new(w.box, &w);
    assert_int_equal(resume(good, NULL), SANDBOX_WAITS);
    for (int i = 0; i < 10; i++) {
        struct sandbox_run *bad = sandbox_run_new(w.box, &w);
        assert_int_equal(resume(bad, NULL), SANDBOX_WAITS);
        assert_int_equal(resume(bad, &yes), SANDBOX_FAILED);
        assert_string_equal(sandbox_error(bad)->code, "E402");
        sandbox_run_free(&bad);
    }
    assert_int_equal(resume(good, &no), SANDBOX_ENDED);
    assert_string_equal(w.said, "fine");
    sandbox_run_free(&good);
    close_world(&w);
}

static void failures_name_their_line(void **state)
{
    static const struct {
        const char *source;
        int line;
    } rows[] = {
        {"say('a')\n\nwhile true do end\n", 3},
        {"say('a')\nwhile true do\n\nend\nsay('b')", 2},
        {"local function f()\n  while true do end\nend\nsay('a')\npcall(f)", 2},
        {"local s = 'x'\nwhile true do\n  pcall(function()\n    s = s .. s\n  end)\nend", 4},
        {"local t = {}\nfor i = 1, 1e9 do\n  t[i] = i\nend", 3},
        {"local x\nsay('a')\n\nx.y = 1", 4},
        {"say('a')\nlocal function f()\n  error('no')\nend\nf()", 3},
        {"say('a')\ntable.sort({ 2, 1 },\n  function(a, b)\n    return a.x < b.x\n  end)", 4},
        {"say('a')\nfor k in pairs(nil) do\nend", 2},
        {"say('a')\nlocal s = string.rep(\n  'x', 1e9)", 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world w;
        struct flow_error error;
        assert_int_equal(open_world(&w, span_str(rows[i].source), &error), PARLEY_OK);
        assert_int_equal(run_world(&w), SANDBOX_FAILED);
        if (sandbox_error(w.run)->line != rows[i].line)
            fail_msg("%s\n  line %d: %s", rows[i].source, sandbox_error(w.run)->line, sandbox_error(w.run)->text);
        close_world(&w);
    }
}

static int slices_within(int64_t slice_us)
{
    struct world w = {0};
    struct flow_error error;
    struct sandbox_limits limits = sandbox_limits_default;
    struct span source = span_str("for i = 1, 400000 do end say('done')");
    limits.slice_us = slice_us;
    assert_int_equal(sandbox_new("t.lua", source, &functions, &limits, &w.box, &error), PARLEY_OK);
    assert_int_equal(run_world(&w), SANDBOX_ENDED);
    assert_string_equal(w.said, "done");
    close_world(&w);
    return w.slices;
}

static void a_busy_run_gives_way(void **state)
{
    int by_instructions = slices_within(60 * 1000000);
    assert_in_range(by_instructions, 60, 100);
    assert_in_range(slices_within(0), 2 * by_instructions, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_attack_ends_as_named),
        cmocka_unit_test(sources_that_are_not_lua_are_refused),
        cmocka_unit_test(a_source_cannot_leave_the_function_around_it),
        cmocka_unit_test(runs_share_nothing),
        cmocka_unit_test(a_greedy_run_harms_no_other),
        cmocka_unit_test(failures_name_their_line),
        cmocka_unit_test(a_busy_run_gives_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
