/* The checker: what it finds, where, and that it finds nothing in what is right. */
#include "tests/unit/unit.h"

#include "server/flow/api.h"
#include "server/flow/check.h"

#include <stdio.h>

#define FLOW "flow { id = 'x', title = 'X' }\n"

struct finding {
    const char *source; /* behind flow{}, which is line 1 */
    const char *code;   /* NULL: nothing to find */
    int line;
    const char *text;
};

/* A form with fields to go by, and one more. */
#define FIELDS(more)                                                                                                   \
    "form { title = 'F', fields = { { id = 'name', label = 'N' }, { id = 'sure', label = 'S', type = 'boolean' }, "    \
    "{ id = 'reason', label = 'R', options = { 'x', 'y' } }, { " more " } } }"

static const struct finding findings[] = {
    /* names */
    {"local order = 1\nsay(rader)", "E102", 3, "undefined name 'rader', did you mean 'order'?"},
    {"sya 'x'", "E102", 2, "did you mean 'say'?"},
    {"local function greet() return grete end greet()", "E102", 2, "did you mean 'greet'?"},
    {"context.gte('x')", "E102", 2, "did you mean 'context.get'?"},
    {"local x = string.uper('x')", "E102", 2, "did you mean 'string.upper'?"},
    {"do local inner = 1 end\nsay(inner)", "E102", 3, "undefined name 'inner'"},
    {"for i = 1, 3 do end\nlog.info('x', i)", "E102", 3, "undefined name 'i'"},
    {"local x = x", "E102", 2, "undefined name 'x'"},
    {"local a = string.gsub('a', 'b', 'c')", "E107", 2, "use replace(text, pattern, with)"},
    {"print('x')", "E107", 2, "use say(text)"},
    {"local t = os.time()", "E107", 2, "now()"},
    {"say = 1", "E304", 2, "belongs to the library"},
    {"function ask() end", "E304", 2, "belongs to the library"},
    {"local _ENV = {}", "E105", 2, "_ENV"},
    {"say(_ENV.x)", "E105", 2, "_ENV"},
    /* arguments */
    {"ask { text = 'Why?', option = { 'a', 'b' } }", "E201", 2, "ask: unknown field 'option'"},
    {"ask { text = 'Why?', choises = { 'a', 'b' } }", "E201", 2, "did you mean 'choices'?"},
    {"ask { choices = { 'a', 'b' } }", "E202", 2, "'text' is missing"},
    {"ask {\n  text = 'Why?',\n  choices = { 'Too small' },\n}", "E204", 2, "'choices' needs 2 to 10 entries, got 1"},
    {"ask { text = 'Why?', choices = { a = 'A', b = 'B' } }", "E203", 2, "has no order"},
    {"ask { text = 'Why?', choices = { 'a', 'a' } }", "E204", 2, "twice"},
    {"ask { text = 'Why?', choices = { { 'a' }, 'b' } }", "E203", 2, "entry 1"},
    {"ask { text = 'Why?', match = '^A(' }", "E205", 2, "at character"},
    {"ask { text = 'Why?', match = { '^A$', '[' } }", "E205", 2, "'match'"},
    {"ask { text = 'Why?', match = '^A%d+(?' }", "E205", 2, "'match'"},
    {"ask { text = 'Why?', tries = 0 }", "E204", 2, "'tries' must be 1 to 20, got 0"},
    {"ask { text = 'Why?', tries = '3' }", "E203", 2, "'tries' must be a whole number, got text"},
    {"ask { text = 'Why?', timeout = '2 hours' }", "E206", 2, "no duration"},
    {"ask { text = 'Why?', timeout = 7200 }", "E203", 2, "'timeout' must be a duration"},
    {"ask { text = 'Why?', choices = { 'a', 'b' }, match = 'x' }", "E201", 2, "exclude each other"},
    {"ask { text = 'Why?', choices = { 'a', 'b' }, rating = 5 }", "E201", 2, "exclude each other"},
    {"ask { text = 'Why?', type = 'color' }", "E204", 2, "'type' must be \"text\", \"number\""},
    {"ask { text = 'Why?', rating = 1 }", "E204", 2, "'rating' must be 2 to 10"},
    {"ask { text = 'Why?', secret = 'yes' }", "E203", 2, "'secret' must be true or false"},
    {"ask { text = 'Why?', min = 'x' }", "E203", 2, "'min' must be a number"},
    {"form { title = 'F', fields = { { id = 'a' } } }", "E202", 2, "form field: 'label' is missing"},
    {"form { title = 'F', fields = { { id = 'a', label = 'A' }, { id = 'a', label = 'B' } } }", "E204", 2, "twice"},
    {"form { title = 'F', fields = { { id = 'a', label = 'A', type = 'color' } } }", "E204", 2, "'type' must be text"},
    {"form { title = 'F', fields = { { id = 'a', label = 'A', type = 'choice' } } }", "E202", 2, "belong together"},
    {"form { title = 'F', fields = { { id = 'a', label = 'A', options = { 'x' } } } }", "E204", 2, "'options' needs 2"},
    {"form { title = 'F', fields = { { id = 'a', label = 'A', match = '(' } } }", "E205", 2, "'match'"},
    {"form { title = 'F', fields = 5 }", "E203", 2, "'fields' must be a list"},
    {FIELDS("id = 'b', label = 'B', accept = 'image/*'"), "E202", 2, "'accept' is for type \"file\""},
    {FIELDS("id = 'b', label = 'B', type = 'file', accept = 'jpg'"), "E204", 2, "'accept' must be a media type"},
    {FIELDS("id = 'b', label = 'B', type = 'file', accept = { 'image/*', 'a/b/c' }"), "E204", 2, "or a few of them"},
    {FIELDS("id = 'b', label = 'B', type = 'file', accept = {}"), "E204", 2, "'accept' must be a media type"},
    {FIELDS("id = 'b', label = 'B', type = 'file', accept = { 'image/*', context.get 'x' }"), NULL, 0, NULL},
    {FIELDS("id = 'b', label = 'B', type = context.get 'x', accept = 'image/*'"), NULL, 0, NULL},
    {FIELDS("id = 'b', label = 'B', show_if = { reson = 'x' }"), "E201", 2, "no such field, did you mean 'reason'?"},
    {FIELDS("id = 'b', label = 'B', show_if = { b = true }"), "E204", 2, "'b', which does not stand above it"},
    {FIELDS("id = 'b', label = 'B', show_if = { c = true } }, { id = 'c', label = 'C', type = 'boolean', show_if = { b "
            "= 'x' }"),
     "E204", 2, "'c', which does not stand above it"},
    {FIELDS("id = 'b', label = 'B', show_if = { reason = 'z' }"), "E204", 2,
     "'z' in 'show_if' is none of the options of 'reason'"},
    {FIELDS("id = 'b', label = 'B', show_if = { reason = { 'x', true } }"), "E203", 2, "must have text for 'reason'"},
    {FIELDS("id = 'b', label = 'B', show_if = { sure = 'yes' }"), "E203", 2, "must say true or false of 'sure'"},
    {FIELDS("id = 'b', label = 'B', show_if = { name = 'x' }"), "E202", 2, "choice or boolean, 'name' is text"},
    {FIELDS("id = 'b', label = 'B', show_if = 'reason'"), "E203", 2, "'show_if' must be a table with keys"},
    {FIELDS("id = 'b', label = 'B', show_if = { reason = { 'x', 'y' }, sure = true }"), NULL, 0, NULL},
    {FIELDS("id = 'b', label = 'B', show_if = { reason = context.get 'x' }"), NULL, 0, NULL},
    {"form { title = 'F', submit = '', fields = { { id = 'a', label = 'A' } } }", "E204", 2, "'submit' must have"},
    {"wait { event = 'x', delay = '1h' }", "E201", 2, "give 'timeout' instead"},
    {"wait { delay = '1h', where = { a = 1 } }", "E202", 2, "are for an 'event'"},
    {"wait { event = 'x', where = { a = { b = 1 } } }", "E203", 2, "'where' may have text, numbers and booleans"},
    {"http.get { url = '{shop}/a', query = { a = { 1 } } }", "E203", 2, "'query' may have text, numbers and booleans"},
    {"wait { event = 'x', remind = { after = 'soon', say = 'x' } }", "E206", 2, "remind: 'after'"},
    {"wait { event = 'x', remind = { after = '1h' } }", "E202", 2, "remind: 'say' is missing"},
    {"say { carousel = { { text = 'x' } } }", "E202", 2, "card: 'title' is missing"},
    {"wait '365250d'", NULL, 0, NULL},
    {"wait '365251d'", "E204", 2, "'delay' may be 1,000 years at most: 365250d"},
    {"wait { event = 'x', timeout = '999999999d' }", "E204", 2, "'timeout' may be 1,000 years at most"},
    {"wait { event = 'x', remind = { after = '999999999d', say = 'x' } }", "E204", 2, "remind: 'after' may be 1,000"},
    {"wait { till = 253402300799000 }", NULL, 0, NULL},
    {"wait { till = 253402300799001 }", "E204", 2, "'till' must be 0 to 253402300799000"},
    {"ask { text = 'Why?', timeout = '365250d' }", NULL, 0, NULL},
    {"ask { text = 'Why?', timeout = '365251d' }", "E204", 2, "'timeout' may be 1,000 years at most"},
    {"form { title = 'F', fields = { { id = 'a', label = 'A' } }, timeout = '365250d' }", NULL, 0, NULL},
    {"if since 'X' then end", "E204", 2, "'mark' must be a name"},
    {"http.get { url = 'https://x.example' }", "E204", 2, "must begin with a service"},
    {"http.get '{shop}x'", "E204", 2, "no path of a service"},
    {"http.get '{shop}/../x'", "E204", 2, "no path of a service"},
    {"http.get '{shop}/a/..'", "E204", 2, "no path of a service"},
    {"http.get '{shop}/%2e%2e/x'", "E204", 2, "no path of a service"},
    {"http.get '{shop}/a/.%2E'", "E204", 2, "no path of a service"},
    {"http.get '{shop}/a/%2E./x'", "E204", 2, "no path of a service"},
    {"http.get '{shop}/a#b'", "E204", 2, "no path of a service"},
    {"http.get '{shop}/a b'", "E204", 2, "no path of a service"},
    {"http.get { url = '{shop}/a', auth = 'text' }", "E203", 2, "must be secret"},
    {"http.get { url = '{shop}/a', json = 1 }", "E201", 2, "unknown field 'json'"},
    {"http.get { url = '{shop}/a', timeout = '2m' }", "E204", 2, "'timeout' must be 1 to 60 seconds"},
    {"http.patch '{shop}/a'", "E102", 2, "http.patch"},
    {"local name = 'x'\ncall(name)", "E108", 3, "call: the flow's name must be written out"},
    {"jump()", "E202", 2, "'flow' is missing"},
    {"local x = 'a'\njump(x .. 'b')", "E108", 3, "jump: the flow's name must be written out"},
    {"call('X')", "E204", 2, "'flow' must be a name"},
    {"call('identity', 5)", "E203", 2, "'data' must be a table"},
    {"texts { en = { a = 'A', b = 'B' }, de = { a = 'A' } }", "E110", 2, "de has no 'b', which en has"},
    {"texts { en = { a = 'A' }, de = { a = 'A', b = 'B' } }", "E110", 2, "en has no 'b', which de has"},
    {"texts { en = { a = { one = 'A' } } }", "E203", 2, "other"},
    {"texts { en = { a = { other = 'A', some = 'B' } } }", "E201", 2, "has the forms"},
    {"texts { en = 'A' }", "E203", 2, "must be a language with its texts"},
    {"texts {}", "E203", 2, "a table of languages"},
    {"say(fmt.money(1, 'EURO'))", "E204", 2, "'currency' must have 3"},
    {"say(fmt.number('1'))", "E203", 2, "'n' must be a number"},
    {"stop()\nsay 'x'", "E111", 3, "never reached"},
    {"if customer.name then jump 'a'; say 'x' end", "E111", 2, "never reached"},
    {"error 'x'\nsay 'x'", "E111", 3, "never reached"},
    {"say(customer.nam)", "E102", 2, "customer has no 'nam', did you mean 'name'?"},
    {"say(started.subject)", "E102", 2, "started has no 'subject'"},
    {"say(customer.traits.plan)", NULL, 0, NULL},
    {"local a = ask '?'\nif a:match('x') then say 'y' end", "E107", 3, "use match(text, pattern)"},
    {"local a = { match = function(self) return self end }\na:match('x')", NULL, 0, NULL},
    {"local T = {}\nfunction T:find(x) return x end\nT:find('x')", NULL, 0, NULL},
    {"say(('x'):rep(3):upper())", NULL, 0, NULL},
    {"ask { text = '?', match = '^A%d+$' }", "E205", 2, "%d is of Lua's patterns"},
    {"ask { text = '?', match = { 'x', '%a' } }", "E205", 2, "%a is of Lua's patterns"},
    {"on.topic('%s+', function() end)", "E205", 2, "on.topic: 'match': %s"},
    {"ask { text = '?', match = '50%discount' }", NULL, 0, NULL},
    {"ask { text = '?', match = '^\\\\d+%d$' }", NULL, 0, NULL},
    {"texts { en = { a = 'A {x}' } }\nsay(t('a', { y = 1 }))", "E202", 3, "t: 'a' needs a value for {x} (en)"},
    {"texts { en = { a = 'A' }, de = { a = 'A {x}' } }\nsay(t 'a')", "E202", 3, "{x} (de)"},
    {"texts { en = { a = { one = '{n} A', other = '{n} As, {x}' } } }\nsay(t('a', { n = 1 }))", "E202", 3, "{x}"},
    {"texts { en = { a = 'A {x}, {no word}' } }\nsay(t('a', { x = ask '?' }))", NULL, 0, NULL},
    {"local v = {}\ntexts { en = { a = 'A {x}' } }\nsay(t('a', v))", NULL, 0, NULL},
    {"say(null)", "E107", 2, "use nil"},
    {"texts { en = { a = 'A' } }\ntexts { de = { a = 'A' } }", "E110", 3, "the first catalogue of a file counts alone"},
    {"do return say 'x' end\nsay 'y'", "E111", 3, "never reached"},
    {"if customer.name then return else stop() end\nsay 'x'", "E111", 3, "never reached"},
    {"if customer.name then return elseif customer.language then do return end else error 'x' end\nsay 'x'", "E111", 3,
     "never reached"},
    {"while customer.name do\n  break\n  say 'x'\nend", "E111", 4, "never reached"},
    {"::again::\nask '?'\ngoto again\nsay 'x'", "E111", 5, "never reached"},
    {"while true do\n  ask '?'\nend\nsay 'x'", "E111", 5, "never reached"},
    {"while true do\n  if ask '?' then break end\nend\nsay 'x'", NULL, 0, NULL},
    {"if customer.name then while true do ask '?' end end\nsay 'x'", NULL, 0, NULL},
    {"while true do\n  while true do ask '?' end\nend\nsay 'x'", "E111", 5, "never reached"},
    {"while customer.name do ask '?' end\nsay 'x'", NULL, 0, NULL},
    {"xpcall(function() ask 'a' end, function(why)\n  ask 'b'\nend)", "E306", 3, "'ask' cannot wait here"},
    {"xpcall(function() ask 'a' end, function(why) log.info(why) end)\nask 'b'", NULL, 0, NULL},
    {"xpcall(function() end, function() if 1 then http.get '{shop}/x' end end)", "E306", 2, "'http'"},
    {"texts { en = { hello = 'Hello' } }\nsay(t('helo'))", "E110", 3, "no text 'helo', did you mean 'hello'?"},
    {"say(t('hello'))\ntexts { en = { hello = 'Hello' } }", NULL, 0, NULL},
    {"local other = { a = 'A' }\ntexts { en = other }\nsay(t('b'))", NULL, 0, NULL},
    {"ask '?' restart { a = 1 }\nlocal x = 1", "E111", 3, "never reached"},
    {"if customer.name then stop() end say 'x'", NULL, 0, NULL},
    {"pcall(function() stop() end) say 'x'", NULL, 0, NULL},
    {"do local stop = log.info; stop('x') say 'x' end", NULL, 0, NULL},
    {"if customer.name then goto on end\nstop() ::on:: say 'x'", NULL, 0, NULL},
    {"goto on\nstop() ::on:: say 'x'", "E111", 3, "never reached"},
    {"ask('a', 'b')", "E204", 2, "takes one table, or one text; got 2"},
    {"ask(5)", "E203", 2, "takes a table with named fields"},
    {"say {}", "E202", 2, "nothing to say"},
    {"handoff { queue = 'a', mode = 'x' }", "E204", 2, "'mode' must be \"wait\" or \"message\""},
    {"handoff { queue = 'a', mode = 'message', max_wait = '1h' }", "E202", 2, "'max_wait' is for somebody who waits"},
    {"handoff { queue = 'a', mode = 'wait', max_wait = '1h' }", NULL, 0, NULL},
    {"say { text = 'x', fallback = 'y' }", "E202", 2, "'fallback' belongs to a picture, a file, a card or choices"},
    {"say { custom = { type = 'map', fallback = 'x' }, fallback = 'y' }", "E202", 2, "'fallback' belongs to"},
    {"say { carousel = { { title = 'x' } }, fallback = 'y' }", NULL, 0, NULL},
    {"say { alt = 'us' }", "E202", 2, "'alt' belongs to an 'image'"},
    {"say { text = 'x', name = 'us' }", "E202", 2, "'name' belongs to a 'file'"},
    {"say { image = 'terms.pdf' }", "E114", 2, "must be the name of a picture"},
    {"say { image = 'pictures/us.png' }", "E114", 2, "must be the name of a picture"},
    {"say { file = 'terms.exe' }", "E114", 2, "must be the name of a file"},
    {"say { file = '.pdf' }", "E114", 2, "must be the name of a file"},
    {"say { file = 5 }", "E203", 2, "the name of a file beside the flow, got"},
    {"say { card = { title = 'x', image = 'x.txt' } }", "E114", 2, "must be the name of a picture"},
    {"local n = 'x.txt'\nsay { file = n }", "E112", 3, "must be written out"},
    {"say { carousel = { { title = 'x', image = started.text } } }", "E112", 2, "must be written out"},
    {"process.start { type = 'x', steps = {} }", "E203", 2, "a list of 1 to 20 steps"},
    {"process.start { type = 'x', steps = { 'a', 'A' } }", "E203", 2, "entry 2 of 'steps' must be a name"},
    {"process.start { type = 'x', steps = { 'a', { 'b', '' } } }", "E203", 2, "entry 2 of 'steps' must be a name"},
    {"process.start { type = 'x', steps = { 'a', { 'a', 'A' } } }", "E204", 2, "entry 2 of 'steps' is there twice"},
    {"process.start { type = 'x', steps = { 'a', 'b' }, step = 'c' }", "E204", 2, "'step' is none of 'steps': \"c\""},
    {"process.start { type = 'x', steps = { 'a' }, data = { steps = 1 } }", "E201", 2, "are Parley's"},
    {"--@file x.txt", "E116", 2, "pass for one of Parley's own"},
    {"say ''", "E204", 2, "1 to 16384 bytes"},
    {"say { card = { text = 'x' } }", "E202", 2, "card: 'title' is missing"},
    {"say { card = { title = 'x', buttons = { { label = 'Go' } } } }", "E202", 2, "either 'link' or 'value'"},
    {"say { card = { titel = 'x' } }", "E201", 2, "unknown field 'titel'"},
    {"say { choices = { 'a', 'b' } }", "E202", 2, "need a 'text'"},
    {"say { custom = { type = 'Map', fallback = 'x' } }", "E203", 2, "custom: 'type'"},
    {"on.escape()", "E202", 2, "'handler' is missing"},
    {"on.escape('x')", "E203", 2, "'handler' must be a function, got text"},
    {"on.idle(function() end)", "E202", 2, "'handler' is missing"},
    {"on.idle('10 minutes', function() end)", "E206", 2, "no duration"},
    {"on.event('Paid', function() end)", "E204", 2, "'event' must be a name"},
    {"on.topic('(', function() end)", "E205", 2, "'match'"},
    {"on.topic('a', 5)", "E203", 2, "'handler' must be a function"},
    {"on.escpae(function() end)", "E102", 2, "did you mean 'on.escape'?"},
    {"on.leave(1)", "E102", 2, "undefined name 'on.leave'"},
    {"on.topic({ 'a', 'b' }, function(words) say(words) end)", NULL, 0, NULL},
    {"say(fmt.when('2026-01-01'))", "E203", 2, "'time' must be a whole number"},
    {"say(fmt.when(now(), 'Berlin'))", "E204", 2, "'zone' must be a time zone"},
    {"say(fmt.date(now(), 5))", "E204", 2, "'zone' must be a time zone"},
    {"if hours.open() then end", "E202", 2, "'queue' is missing"},
    {"wait { till = hours.nextopen('care') }", "E102", 2, "did you mean 'hours.next_open'?"},
    {"local l = queue.load('Care')", "E204", 2, "'queue' must be a name"},
    {"handoff { share = 'order' }", "E203", 2, "'share' must be a list"},
    {"handoff { share = { 'Order' } }", "E203", 2, "'share' must be a list of 1 to 32 names"},
    {"handoff { max_wait = 5 }", "E203", 2, "'max_wait' must be a duration"},
    {"wait '5 d'", "E206", 2, "no duration"},
    {"wait {}", "E202", 2, "give 'delay', 'till', 'timeout' or 'event'"},
    {"wait { delay = '1d', till = 5 }", "E201", 2, "exclude each other"},
    {"handoff { queue = 'My Queue' }", "E204", 2, "'queue' must be a name"},
    {"handoff { priority = 'urgent' }", "E204", 2, "\"normal\" or \"high\""},
    {"process.start { title = 'x' }", "E202", 2, "'type' is missing"},
    {"context.set()", "E202", 2, "'key' is missing"},
    {"context.get(1)", "E203", 2, "'key' must be text"},
    {"random(1, 2, 3)", "E204", 2, "at most 2"},
    {"random(1.5)", "E203", 2, "whole number"},
    {"flow { id = 'y', title = 'Y' }", "E208", 2, "only once"},
    {"local x = = 1", "E101", 2, "unexpected symbol"},
    /* nothing wrong */
    {"local q = ask\nlocal t = { q 'x' }", NULL, 0, ""},
    {"local text, n = 'x' .. 'y', -1 say(text) say { text = text, choices = { text, { 'a', text } } }", NULL, 0, ""},
    {"ask { text = customer.name or 'you?', tries = n and 3 or 4 }\nn = 1", NULL, 0, ""},
    {"local function a(...) return say(...) end a('x')", NULL, 0, ""},
    {"local opts = { text = 'x' } ask(opts) ask(table.unpack { opts })", NULL, 0, ""},
    {"helper('x')\nfunction helper(text) say(text) end", NULL, 0, ""},
    {"goto done\n::done::\nrepeat local x = 1 until x", NULL, 0, ""},
    {"local s = [[long\ntext]] say(s) --[==[ comment\n]] ]==] say [==[x]==]", NULL, 0, ""},
    {"local t = { say = say } t.say('x') t.x.y.z = 1 function t:m() return self end function t.f(a, b) return a, b end",
     NULL, 0, ""},
    {"for i, v in ipairs { 1, 2 } do local a <const> = i * v log.info('x', a) end", NULL, 0, ""},
    {"local p = process.start { type = 'a', data = { n = 0x10, f = 1e3, b = true } } p:step('x') p:done()", NULL, 0,
     ""},
    {"local say = log.info say 'fine'", NULL, 0, ""},
    {"ask { text = 'Why?', ['tries'] = 2, match = \"^\\x41\\u{42}\\67\\z\n   $\" }", NULL, 0, ""},
    {"say(match('x', 'y') and string.rep('x', 3) or utf8.char(65))", NULL, 0, ""},
    {"if not ok then return stop() elseif started.text then restart { a = 1 } end\nok = 1", NULL, 0, ""},
};

static void judge(const struct finding *f)
{
    char source[2048];
    struct flow_findings found;
    snprintf(source, sizeof source, FLOW "%s", f->source);
    parley_status st = flow_check_source("f.lua", span_str(source), &found);
    if (!f->code) {
        if (st != PARLEY_OK)
            fail_msg("%s\n  found %s in line %d: %s", f->source, found.errors[0].code, found.errors[0].line,
                     found.errors[0].text);
        return;
    }
    if (st == PARLEY_OK)
        fail_msg("%s\n  nothing found", f->source);
    const struct flow_error *e = &found.errors[0];
    if (strcmp(e->code, f->code) != 0 || e->line != f->line || !strstr(e->text, f->text) || found.count != 1)
        fail_msg("%s\n  found %zu: %s in line %d: %s", f->source, found.count, e->code, e->line, e->text);
    assert_string_equal(e->file, "f.lua");
    assert_true(e->help[0]);
}

static void finds_what_is_wrong_and_nothing_else(void **state)
{
    for (size_t i = 0; i < sizeof findings / sizeof *findings; i++)
        judge(&findings[i]);
}

/* What to write instead, for what people write who know another language better. */
static void habits_of_other_languages_are_known(void **state)
{
    static const char *const habits[][2] = {
        {"if 1 != 2 then end", "~="},
        {"if not !x then end", "not x"},
        {"if 1 && 2 then end", "write  and"},
        {"if 1 || 2 then end", "write  or"},
        {"local a\nif a = 1 then end", "compare with  =="},
        {"local n = 1\nn += 1", "n = n + 1"},
        {"// a remark", "begins with  --"},
        {"if 1 { say 'x' }", "then ... end"},
        {"say `x`", "\"...\""},
        {"say 'a' .. 'b'", "brackets"},
        {"say \xe2\x80\x9chi\xe2\x80\x9d", "word processor"},
        {"for i = 1, 3 do continue end", "no continue"},
        {"if 1 then say 'a' else if 2 then say 'b' end", "elseif"},
        {"if 1 then say 'a' elif 2 then say 'b' end", "elseif"},
        {"if 1 then\n", "ends with  end"},
        {"say 'it's me'", "ends the text"},
        {"say \"x", "ends in its line"},
        {"ask { text = 'a'\n id = 'b' }", "a comma is missing"},
        {"ask { text: 'a' }", "name = value"},
        {"x = = 1", "Lua stopped understanding"},
        {"http.patch 'x'", "http has get, post, put, delete"},
        {"ask { text = '?', option = { 'a', 'b' } }", "ask has the fields text, id, choices"},
        {"handoff { queue = 'a', colour = 'x' }", "handoff has the fields"},
        {"say { card = { title = 'x', colour = 'y' } }", "it has the fields title"},
        {"say(customer.age)", "it has name, language"},
    };
    for (size_t i = 0; i < sizeof habits / sizeof *habits; i++) {
        struct flow_findings found;
        char source[512];
        snprintf(source, sizeof source, FLOW "%s", habits[i][0]);
        assert_int_equal(flow_check_source("f.lua", span_str(source), &found), PARLEY_SCRIPT);
        if (!strstr(found.errors[0].help, habits[i][1]))
            fail_msg("%s\n  helped with %s", habits[i][0], found.errors[0].help);
    }
}

/* What comes before it is found, once; inside of functions it may come before. */
static void flow_comes_first(void **state)
{
    struct flow_findings found;
    assert_int_equal(flow_check_source("f.lua", span_str("say 'x'\nask '?'\n" FLOW), &found), PARLEY_SCRIPT);
    assert_int_equal(found.count, 1);
    assert_string_equal(found.errors[0].text, "say: begin the file with flow{}");
    assert_int_equal(flow_check_source("f.lua", span_str("flow { id = ask '?', title = 'x' }"), &found), PARLEY_SCRIPT);
    assert_string_equal(found.errors[0].text, "ask: begin the file with flow{}");
    assert_int_equal(flow_check_source("f.lua", span_str("local function f() say 'x' end\n" FLOW "f()"), &found),
                     PARLEY_OK);
    static const char marked[] = "\xef\xbb\xbf" FLOW;
    assert_int_equal(flow_check_source("f.lua", span_str(marked), &found), PARLEY_SCRIPT);
    assert_non_null(strstr(found.errors[0].help, "byte order mark"));
}

static void a_file_without_flow_is_found(void **state)
{
    struct flow_findings found;
    assert_int_equal(flow_check_source("f.lua", span_str("local x = 1"), &found), PARLEY_SCRIPT);
    assert_string_equal(found.errors[0].code, "E106");
}

static void several_findings_come_in_the_order_of_the_file(void **state)
{
    struct flow_findings found;
    static const char source[] = FLOW "sya 'a'\nask {}\nprint(1)\nsay(fo)";
    assert_int_equal(flow_check_source("f.lua", span_str(source), &found), PARLEY_SCRIPT);
    assert_int_equal(found.count, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(found.errors[i].line, i + 2);
}

static void many_findings_stop_at_a_bound(void **state)
{
    static char source[8192] = FLOW;
    struct flow_findings found;
    for (int i = 0; i < 100; i++)
        strcat(source, "x = nosuchname\n");
    assert_int_equal(flow_check_source("f.lua", span_str(source), &found), PARLEY_SCRIPT);
    assert_int_equal(found.count, FLOW_CHECK_MAX);
    assert_true(found.more);
}

static void says_what_the_flow_is(void **state)
{
    struct flow_findings found;
    assert_int_equal(flow_check_source("f.lua", span_str("flow { id = 'a-b', title = 'Some title' }"), &found),
                     PARLEY_OK);
    assert_string_equal(found.id, "a-b");
    assert_string_equal(found.title, "Some title");
}

static void prints_the_line_itself_and_the_help(void **state)
{
    struct flow_findings found;
    struct buf out;
    static const char source[] = "flow { id = 'refund', title = 'R' }\n"
                                 "\n"
                                 "local reason = ask { text = 'Why?', choices = { 'Too small' } }\n";
    buf_init(&out, 4096);
    flow_check_source("flows/refund.lua", span_str(source), &found);
    flow_check_print(&found, span_str(source), &out);
    buf_add_char(&out, '\0');
    assert_string_equal(out.ptr, "flows/refund.lua:3: error: ask: 'choices' needs 2 to 10 entries, got 1  [E204]\n"
                                 "     1 | flow { id = 'refund', title = 'R' }\n"
                                 "     2 | \n"
                                 " >   3 | local reason = ask { text = 'Why?', choices = { 'Too small' } }\n"
                                 "  help: for free text leave 'choices' out:  ask \"Why?\"\n");
    buf_done(&out);
}

static void the_examples_are_right(void **state)
{
    static const char *const files[] = {"server/flow/examples/order-status.lua", "server/flow/examples/people.lua",
                                        "server/flow/examples/refund.lua"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        static char text[65536];
        struct flow_findings found;
        FILE *f = fopen(files[i], "r");
        assert_non_null(f);
        size_t n = fread(text, 1, sizeof text, f);
        fclose(f);
        if (flow_check_source(files[i], span_of(text, n), &found) != PARLEY_OK)
            fail_msg("%s:%d %s", files[i], found.errors[0].line, found.errors[0].text);
        assert_true(found.id[0]);
    }
}

/* Whatever is cut off or garbled: an answer, and no more than that. */
static void garbled_files_do_no_harm(void **state)
{
    static const char whole[] =
        FLOW "local t = { a = 1, 'x', [2] = \"\\65\\z \\u{48}\" } for k, v in pairs(t) do say(k .. v) end "
             "function f(...) return ... end repeat local x <const> = 0x1p4 until x ~= [[ ]] --[[x]] goto e ::e::";
    char part[sizeof whole];
    struct flow_findings found;
    for (size_t i = 0; i < sizeof whole; i++) {
        memcpy(part, whole, sizeof whole);
        flow_check_source("f.lua", span_of(part, i), &found);
        part[i] = (char)(part[i] ^ 0x15);
        flow_check_source("f.lua", span_of(part, sizeof whole - 1), &found);
    }
}

static void durations(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"90s", 90000},     {"10m", 600000}, {"2h", 7200000},       {"5d", 432000000},
                {"1h30m", 5400000}, {"0s", 0},       {"1d2h3m4s", 93784000}};
    static const char *const bad[] = {"",     "5",     "h",    "5x",  "5 m", "-5m",
                                      "1.5h", "30m1h", "5m5m", "5m5", "m5",  "9999999999s"};
    int64_t ms;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(flow_duration(span_str(good[i].text), &ms));
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (flow_duration(span_str(bad[i]), &ms))
            fail_msg("'%s' was taken as %lld", bad[i], (long long)ms);
}

static void every_code_comes_with_its_help(void **state)
{
    static const char *const codes[] = {"E101", "E201", "E301", "E401", "E501"};
    struct flow_error error = {0};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        flow_error_set(&error, codes[i], "at line %d", 7);
        assert_string_equal(error.code, codes[i]);
        assert_string_equal(error.text, "at line 7");
        assert_string_not_equal(error.help, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_is_wrong_and_nothing_else),
        cmocka_unit_test(habits_of_other_languages_are_known),
        cmocka_unit_test(flow_comes_first),
        cmocka_unit_test(a_file_without_flow_is_found),
        cmocka_unit_test(several_findings_come_in_the_order_of_the_file),
        cmocka_unit_test(many_findings_stop_at_a_bound),
        cmocka_unit_test(says_what_the_flow_is),
        cmocka_unit_test(prints_the_line_itself_and_the_help),
        cmocka_unit_test(the_examples_are_right),
        cmocka_unit_test(garbled_files_do_no_harm),
        cmocka_unit_test(durations),
        cmocka_unit_test(every_code_comes_with_its_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
