"""Flows without server or database: begun, tried in the terminal, tested by dialogues."""
import glob
import os
import re
import subprocess
import unicodedata
import xml.etree.ElementTree as ElementTree

import pytest

from server import ROOT, program


def parley(folder, *args, typed=None):
    """(exit code, what it said on both ways)."""
    done = subprocess.run([program(), "flow", *args], cwd=folder, input=typed, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "NO_COLOR": "1"}, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def begun(tmp_path):
    code, said = parley(tmp_path, "new", "refund")
    assert code == 0, said
    return tmp_path


def test_what_new_writes_is_right_and_passes_its_test(begun):
    code, said = parley(begun, "check", "flows/refund.lua")
    assert (code, said) == (0, "flows/refund.lua: ok\n")
    code, said = parley(begun, "test")
    assert code == 0 and said.endswith("1 passed, 0 failed\n"), said
    definitions = (begun / "parley.d.lua").read_text()
    for line in ("---@field tries integer? answers that may be given; 3 unless set", "function process.start(fields) end",
                 "function process_object:step(step, data) end"):
        assert line in definitions
    assert parley(begun, "new", "refund")[0] == 6, "it wrote over a flow"


def test_a_test_that_fails_names_the_lines_and_keeps_the_dialogue(begun):
    flow = begun / "flows" / "refund.lua"
    flow.write_text(flow.read_text().replace('"Hello "', '"Hi "'))
    code, said = parley(begun, "test")
    assert code == 7
    assert "expected  Hello Ana.\n  got       Hi Ana.\n  said by   flows/refund.lua:11\n" in said
    assert "< Hi Ana.\n" in (begun / "tests" / "refund.actual.chat").read_text()
    (begun / "tests" / "refund.chat").write_text((begun / "tests" / "refund.actual.chat").read_text())
    assert parley(begun, "test")[0] == 0, "what was kept is no test"


def test_play_goes_back_crashes_and_saves_a_test(begun):
    typed = "Hello\nAna\n/back\n/crash\nBob\n/journal\n/clock soon\n/save tests/bob.chat\n"
    code, said = parley(begun, "play", "refund", typed=typed)
    assert code == 0, said
    for line in ("What is your name?", "Hello Ana.", "Hello Bob.", 'context {"name":"Bob"}', '"told":{"said":3}',
                     '{"kind":1,"body":{"text":"Bob"}}',
                 "'soon' is no duration", "the flow has ended"):
        assert line in said
    code, said = parley(begun, "test", "tests/bob.chat")
    assert code == 0, said
    assert (begun / "tests" / "bob.chat").read_text() == \
        "flow refund\n> Hello\n< What is your name?\ncrash\n> Bob\n< Hello Bob.\n"


STEPS = '''flow { id = "steps", title = "Steps" }
local seen = { n = 0, names = {} }
local function greet(who)
  local text = "Hello " .. who
  say(text)
  return #text
end
while seen.n < 2 do
  local name = ask {
    text = "Name " .. seen.n .. "?",
    tries = 2,
  }
  seen.n = seen.n + 1
  seen.names[seen.n] = name
  greet(name)
end
say "Done"
'''


def shown(said):
    """[(the line that is stood at, what is known to have changed there)] of a dialogue with the debugger."""
    places = []
    for line in said.splitlines():
        if re.match(r" *\*?> *\d+  ", line):
            places.append((int(line.strip(" *>").split()[0]), []))
        elif places and line.startswith("        ") and " = " in line:
            places[-1][1].append(line.strip())
    return places


def test_the_debugger_goes_forward_and_back_with_the_variables_as_they_were(begun):
    (begun / "flows" / "steps.lua").write_text(STEPS)

    def step(*typed):
        code, said = parley(begun, "play", "--step", "steps", typed="\n".join(typed) + "\n")
        assert code == 0, said
        return said

    said = step("> Hello", "n", "n", "n", "n", "n")
    assert [line for line, _ in shown(said)] == [1, 2, 8, 9], "a call over several lines is one statement"
    assert "seen = { n = 0, names = {} }" in shown(said)[2][1]
    assert "< Name 0?" in said and "this is as far as it has come" in said
    said = step("> Hello", "> Ana", "n", "n", "s", "n", "n", "n", "b", "b", "b", "b")
    assert [line for line, _ in shown(said)][1:] == [13, 14, 15, 4, 5, 6, 8, 15, 14, 13, 9]
    assert shown(said)[4][1] == ['who = "Ana"'] and shown(said)[5][1] == ['text = "Hello Ana"']
    assert "< Hello Ana" in said
    said = step("> Hello", "> Ana", "> Bob", "br 15", "b", "b", "b", "b", "b", "b", "b", "b", "c", "c", "p seen", "p nothing")
    assert shown(said)[-2][1][0] == 'name = "Ana"' and shown(said)[-1][1][-1] == 'seen = { n = 2, names = { "Ana", "Bob" } }'
    assert "nothing is known by this name here" in said
    said = step("> Hello", "> Ana", "e Eve", "> Bob", "/save tests/eve.chat")
    assert shown(said)[2] == (13, ['name = "Eve"'])
    assert "< Hello Eve\n" in (begun / "tests" / "eve.chat").read_text()
    assert parley(begun, "test", "tests/eve.chat")[0] == 0


def test_the_debugger_goes_into_a_flow_that_is_called(begun):
    (begun / "flows" / "inner.lua").write_text('flow { id = "inner", title = "I" }\nlocal data = ...\nreturn data.a * 2\n')
    (begun / "flows" / "outer.lua").write_text('flow { id = "outer", title = "O" }\nlocal n = call("inner", { a = 21 })\nsay("It is " .. n)\n')
    code, said = parley(begun, "play", "--step", "outer", typed="> Hello\nbr inner:3\nc\nn\n")
    assert code == 0 and "  inner.lua\n" in said, said
    assert [(line, changed[-1:]) for line, changed in shown(said)] == [(1, []), (3, ["data = { a = 21 }"]), (3, ["n = 42"])]


def test_play_shows_what_the_flow_logs_once(begun):
    (begun / "flows" / "logs.lua").write_text('''flow { id = "logs", title = "L" }
log.info("began", { n = 1 })
local name = ask { text = "Name?", secret = true }
log.warn("it is\\n" .. name)
log.error("now\\nand then")
ask "More?"
''')
    code, said = parley(begun, "play", "logs", typed="Hello\n/crash\nAna\n/back\nBob\n/save tests/logs.chat\n/clock +1d\n")
    logged = [line for line in said.splitlines() if re.match(r"  (info|warn|error) ", line)]
    again = ["  warn  logs.lua:4  ***", "  error logs.lua:5  now and then"]
    began = "  info  logs.lua:2  began {\"n\":1}"
    assert code == 0 and logged == [began, *again, began, *again], said     # /back goes through it again


def test_play_lets_time_pass_and_a_person_take_over(begun):
    code, said = parley(begun, "play", "flows/refund.lua", typed="Hello\n/person\n/resolve returned\n/clock +1d\n")
    assert code == 0 and "handoff queue=support why=customer" in said and 'reason="no name"' in said, said


def test_play_goes_offline_and_back(begun):
    typed = "Hello\n/offline\nAna\n/clock +1d\n/online\n/save tests/away.chat\n"
    code, said = parley(begun, "play", "refund", typed=typed)
    assert code == 0 and "the customer is offline: write  online  first" in said, said
    before, after = said.split("a person has it now", 1)
    assert "handoff queue=support" not in before and "handoff queue=support" in after
    assert parley(begun, "test", "tests/away.chat")[0] == 0, (begun / "tests" / "away.chat").read_text()


def test_play_has_everything_that_a_test_has(begun):
    with open(os.path.join(ROOT, "server", "flow", "stage.h"), encoding="utf-8") as file:
        acts = set(re.findall(r"^ \*   (\w+)", file.read(), re.M))
    code, said = parley(begun, "play", "refund", typed="/help\n")
    there = set(re.findall(r"^  /(\w+)", said, re.M))
    assert code == 0 and {"form", "hours", "accept", "offline", "stub"} <= acts
    assert acts - there == {"escape", "advance"} and {"person", "clock"} <= there, "these two are called otherwise"
    (begun / "flows" / "open.lua").write_text('''flow { id = "open", title = "O", escape = { queue = "care" } }
say(hours.open "care" and "Open." or "Closed.")
if queue.load("care").free == 0 then say "Nobody is free." end
handoff { queue = "care", max_wait = "90m" }
''')
    typed = "/hours care mon 9:00-17:00\n/queue care free=0\nhello\n/accept\n/resolve\n"
    code, said = parley(begun, "play", "open", typed=typed)
    for line in ("Closed.", "Nobody is free.", "goes on by itself: /clock +90m", "the flow has ended"):
        assert line in said, said


STARTS = {"away": "{ fallback = true }", "bills": '{ button = "A bill", match = "(?i)invoice" }',
          "claims": '{ button = "a BILL", fallback = true }', "none": "{}"}


@pytest.fixture
def several(tmp_path):
    (tmp_path / "flows").mkdir()
    (tmp_path / "tests").mkdir()
    for name, start in STARTS.items():
        (tmp_path / "flows" / f"{name}.lua").write_text(
            f'flow {{ id = "{name}", title = "{name}", start = {start} }}\nask("{name}: " .. started.text)\nsay "Thanks."\n')
    return tmp_path


def test_check_says_where_two_flows_of_a_folder_start_by_the_same(several):
    code, said = parley(several, "check")
    assert code == 0, said
    assert 'claims: its start.button "a BILL" is that of bills too; customers get bills\n' in said
    assert "claims: its start.fallback is that of away too; customers get away\n" in said
    assert said.count(" too; ") == 2
    (several / "flows" / "none.lua").write_text('local b = "x"\nflow { id = "none", title = "N", start = { match = { b } } }\n')
    code, said = parley(several, "check")
    assert code == 7 and "none.lua:2: error: flow: 'start' must be written out" in said and "[E117]" in said
    (several / "flows" / "none.lua").write_text('flow { id = "none", title = "N", start = { match = "(" } }\n')
    code, said = parley(several, "check")
    assert code == 7 and "[E205]" in said
    (several / "flows" / "none.lua").write_text(
        'flow { id = "none", title = "N", start = { button = "b" } }\ntexts { en = { b = "Go" }, de = { b = "' + "x" * 257 + '" } }\n')
    code, said = parley(several, "check")
    assert code == 7 and "none.lua:1: error: flow: 'start.button' may be at most 256 bytes, in every language" in said, said


def test_a_dialogue_that_begins_with_an_event_has_the_flow_that_it_begins(several):
    (several / "flows" / "sent.lua").write_text(
        'flow { id = "sent", title = "S", start = { event = "sent", where = { n = 5 } } }\nsay("sent: " .. started.data.n)\n')
    (several / "tests" / "a.chat").write_text('event sent {"n":5}\n< sent: 5\nexpect state == ended\n')
    code, said = parley(several, "test")
    assert code == 0, said
    code, said = parley(several, "play", typed='/event sent {"n":6}\n/event sent {"n":5}\n')
    assert code == 0 and "no flow of flows starts by this\n" in said and "sent: 5" in said
    (several / "flows" / "again.lua").write_text(
        'flow { id = "again", title = "A", start = { event = { "more", "sent" } } }\nsay "again"\n')
    code, said = parley(several, "check")
    assert code == 0 and 'sent: its start.event "sent" is that of again too; customers get again\n' in said
    (several / "flows" / "again.lua").write_text('flow { id = "again", title = "A", start = { where = { a = { 1 } } } }\n')
    code, said = parley(several, "check")
    assert code == 7 and "start: 'where' is for an 'event'" in said


def test_a_dialogue_that_names_no_flow_has_the_one_that_its_first_words_start(several):
    for first, flow in (("[A bill]", "bills"), ("my INVOICE", "bills"), ("Hello", "away")):
        words = first.strip("[]")
        (several / "tests" / "a.chat").write_text(f"user Ana\n> {first}\n< {flow}: {words}\n> x\n< Thanks.\n")
        code, said = parley(several, "test")
        assert code == 0, said
    (several / "flows" / "away.lua").unlink()
    (several / "flows" / "claims.lua").unlink()
    code, said = parley(several, "test")
    assert code == 7 and "tests/a.chat: no line says which flow it tests" in said and "none starts by  > Hello" in said


def test_play_of_a_folder_has_the_flow_that_the_first_words_start(several):
    typed = "/user Ana\n/step\n/save a.chat\nmy invoice\n/back\n[A bill]\n/back\nHello\nthere\n/save tests/b.chat\n"
    code, said = parley(several, "play", typed=typed)
    assert code == 0, said
    assert said.count("say something first") == 2 and not (several / "a.chat").exists()
    for line in ("bills: my invoice", "bills: A bill", "away: Hello", "Thanks."):
        assert line in said
    assert (several / "tests" / "b.chat").read_text().startswith("flow away\nuser Ana\n> Hello\n< away: Hello\n")
    assert parley(several, "play", "--step")[0] == 2
    (several / "flows" / "away.lua").unlink()
    (several / "flows" / "claims.lua").unlink()
    code, said = parley(several, "play", "flows", typed="Hello\n/quit\n")
    assert code == 0 and "no flow of flows starts by this, and none has start.fallback" in said


def test_a_flow_that_is_called_and_not_there_is_named_with_its_line(begun):
    (begun / "flows" / "caller.lua").write_text('flow { id = "caller", title = "C" }\n\nlocal who = call("refnud")\nsay(who)\n')
    code, said = parley(begun, "check", "flows/caller.lua")
    assert code == 7 and "flows/caller.lua:3: error: there is no flow 'refnud' beside this one, did you mean 'refund'?  [E109]" in said
    (begun / "flows" / "refund.lua").write_text('flow { id = "refund", title = "R" }\nsya "x"\n')
    (begun / "flows" / "caller.lua").write_text('flow { id = "caller", title = "C" }\ncall "refund"\n')
    code, said = parley(begun, "check", "flows/caller.lua")
    assert code == 7 and "flows/refund.lua:2: error: undefined name 'sya', did you mean 'say'?" in said


USES = '''flow { id = "uses", title = "Uses", escape = { queue = "suport" } }
local order = http.get { url = "{shpo}/orders/" .. started.text, auth = secret "shpo" }
http.post { url = "{shop}/seen", json = { order = order } }
handoff { queue = "support" }
'''


def test_check_and_graph_take_a_file_a_name_a_folder_or_nothing(begun):
    (begun / "flows" / "other.lua").write_text('flow { id = "other", title = "O" }\nsay "x"\n')
    both = "flows/other.lua: ok\nflows/refund.lua: ok\n"
    assert parley(begun, "check") == (0, both)
    assert parley(begun, "check", "flows") == (0, both)
    assert parley(begun, "check", "refund") == (0, "flows/refund.lua: ok\n")
    assert parley(begun, "graph", "refund") == parley(begun, "graph", "flows/refund.lua")
    (begun / "flows" / "other.lua").write_text('flow { id = "other", title = "O" }\nsay(nothing)\n')
    code, said = parley(begun, "check")
    assert code == 7 and "flows/refund.lua: ok\n" in said and "flows/other.lua:2: error" in said
    assert parley(begun, "check", "refnud")[0] == 3
    assert parley(begun / "tests", "check")[0] == 3 and "no flows" in parley(begun / "tests", "check")[1]


def test_what_an_editor_is_told_is_what_the_calls_take(begun):
    definitions = (begun / "parley.d.lua").read_text()
    assert "---@class parley.process\nlocal process_object = {}\n" in definitions, "p:step() is not completed"
    for lines in ("---@param fields parley.form.fields\n---@return table? answers", "---@param fields parley.ask.fields|string\n"
                  "---@return string|number|nil answer\n---@return string? why\n", "---@param fields parley.http.get.fields|string\n",
                  "---@param fields parley.flow.fields\nfunction flow(fields) end"):
        assert lines in definitions, lines
    with open(os.path.join(ROOT, "server", "flow", "api.def"), encoding="utf-8") as file:
        calls = re.findall(r'^FUNCTION_BEGIN\(\w+, "([^"]+)", (\w+),', file.read(), re.M)
    shown = set(re.findall(r"^function ([\w.]+)\(", definitions, re.M))
    assert {name for name, style in calls if style != "HIDDEN"} <= shown
    assert not {name for name, style in calls if style == "HIDDEN"} & shown


def test_check_looks_up_services_and_secrets_in_a_configuration(begun):
    (begun / "flows" / "uses.lua").write_text(USES)
    assert parley(begun, "check", "flows/uses.lua")[0] == 0, "nothing is looked up unless told"
    (begun / "my.conf").write_text("[flows]\nservices = shop=https://shop.example/api\n")
    code, said = parley(begun, "check", "--config", "my.conf", "flows/uses.lua")
    assert code == 7
    assert "flows/uses.lua:2: error: there is no service 'shpo' in flows.services, did you mean 'shop'?  [E121]" in said
    assert ' >   2 | local order = http.get { url = "{shpo}/orders/"' in said
    assert "there is no secret 'shpo' in flows.secrets  [E122]" in said
    assert said.count("error:") == 2, "queues are looked up though there is no database"
    assert "more: parley flow help E1" in said


def test_check_looks_up_queues_in_the_database(cli, tmp_path):
    (tmp_path / "uses.lua").write_text(USES.replace("shpo", "shop"))
    assert cli("queue", "add", "support").returncode == 0
    services = ["--set", "flows.services=shop=https://shop.example/api"]
    cli.env["PARLEY_FLOWS_SECRETS"] = "shop=canary-7f3e"
    done = cli("flow", "check", *services, "--online", str(tmp_path / "uses.lua"))
    assert done.returncode == 7
    assert ":1: error: there is no queue 'suport', did you mean 'support'?  [E123]" in done.stderr
    assert done.stderr.count("error:") == 1
    assert cli("queue", "add", "suport").returncode == 0
    assert cli("flow", "check", *services, "--online", str(tmp_path / "uses.lua")).returncode == 0


def test_an_error_has_a_page(tmp_path):
    code, said = parley(tmp_path, "help", "E204")
    assert code == 0 and said.startswith("E204  too many") and 'choices = { "Too small" }' in said
    done = subprocess.run([program(), "help", "E204"], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == said
    assert parley(tmp_path, "help", "E999")[0] == 3


SVG = "{http://www.w3.org/2000/svg}"
WIDE = 0.65     # of the height of the letters: what a font as wide as DejaVu Sans takes for a letter in the middle
GRAPH = '''flow { id = "x", title = "X", language = "de" }
texts { ar = { hi = "أهلا" }, de = { hi = "Guten Tag, wir freuen uns!" } }
on.event("parcel.moved", function() say "It moves." end)
local function help(why)
  handoff { reason = why, queue = "care" }
end
local function reckon(n) if n > 3 then return 1 else return 2 end end
if ask { text = "Tea & <milk>?", choices = { { "y", "Yes" }, { "n", t "hi" } } } == "y" then
  say("Here, " .. customer.name .. ".")
elseif customer.verified then
  for i = 1, 3 do
    wait "1h"
    if i == reckon(i) then break end
  end
  return help("tea")
end
say "%s"
while true do
  if customer.name == "somebody whose name is very long" and customer.traits.plan == "the one that costs the most" then
    restart { reason = "اسم طويل جدا جدا يحتاج إلى سطرين على الأقل" }
  end
end
''' % ("Wordsthatgoonandonandonandonwithoutaspace " * 12)


def letters(text):
    """How wide a text is at least: 13 pixels high, marks that stand on others take no room."""
    return sum(13 * WIDE * (0.45 if c in "ijltf.,:;'|! []()" else 1) for c in text if not unicodedata.combining(c))


def extent(text):
    """(left, right) of a text, by how it is anchored."""
    x, width, classes = int(text.get("x")), letters("".join(text.itertext()) if len(text) == 0 else text[0].tail), text.get("class").split()
    if "label" in classes:
        return x - width / 2, x + width / 2
    return (x - width, x) if "rtl" in classes or "line" in classes else (x, x + width)


def judge_picture(svg):
    """Well formed, all of it inside, no box over another, no text over another or over the edge of its box."""
    root = ElementTree.fromstring(svg)
    wide, high = int(root.get("width")), int(root.get("height"))
    boxes = [tuple(int(r.get(key)) for key in ("x", "y", "width", "height"))
             for r in root.iter(SVG + "rect") if r.get("class") != "frame"]
    for n, (x, y, w, h) in enumerate(boxes):
        assert x >= 0 and y >= 0 and x + w <= wide and y + h <= high
        assert not any(x < a + c and a < x + w and y < b + d and b < y + h for a, b, c, d in boxes[n + 1:])
    texts = [(*extent(t), int(t.get("y")), t) for t in root.iter(SVG + "text")]
    for n, (left, right, y, text) in enumerate(texts):
        said = "".join(text.itertext())
        assert left >= 0 and right <= wide and y <= high, said
        for x, top, w, h in boxes:
            if x <= left <= x + w and top <= y <= top + h:
                assert right <= x + w and y <= top + h - 4, said
        for other_left, other_right, other_y, other in texts[n + 1:]:
            assert abs(other_y - y) >= 14 or right <= other_left or other_right <= left, (said, "".join(other.itertext()))
    for path in root.iter(SVG + "path"):
        assert re.fullmatch(r"M\d+ \d+(L\d+ \d+|h\d+v\d+h-\d+z)", path.get("d")), path.get("d")
    return [t.text or t[0].tail for *_, t in texts]


def test_a_graph_shows_every_question_and_branch_and_nothing_over_another(tmp_path):
    (tmp_path / "x.lua").write_text(GRAPH)
    code, svg = parley(tmp_path, "graph", "x.lua")
    assert code == 0
    shown = judge_picture(svg)
    for words in ("Tea & <milk>?", "[Yes] [Guten Tag, wir freuen", "Here, {customer.name}.", "customer.verified", "else", "↻ i = 1, 3",
                  "function help", "help()", "→ care", "on.event parcel.moved", "It moves.", "1h", "break", "↻ again and again",
                  "restart", "X", "flow"):
        assert words in shown, (words, shown)
    assert "function reckon" not in shown, "what only reckons is drawn"
    assert sum(words.startswith("Wordsthat") for words in shown) and any(words.endswith("…") for words in shown)
    assert "<title>Wordsthatgoon" in svg, "what is cut cannot be read anywhere"
    assert 'class="words rtl"' in svg
    examples = glob.glob(os.path.join(ROOT, "server", "flow", "examples", "*.lua"))
    assert examples
    for path in examples:
        code, svg = parley(tmp_path, "graph", path)
        assert code == 0, svg
        shown = judge_picture(svg)
        if path.endswith("refund.lua"):
            assert any("[Photo, if reason]" in words for words in shown), shown
