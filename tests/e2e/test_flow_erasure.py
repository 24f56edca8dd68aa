"""What a customer said stands in the log alone: a run's journal names the item, and erasing the item erases it there too.
There is no verb to erase yet, so the test does what CONTRACT.md of an erasure says: number and id stay, the digest becomes a
tombstone, and an `erased` item is appended, in one transaction."""
import contextlib
import json

import psycopg2
import pytest


SAID = "cnry-4b1d"      # in all that is said here
FLOW = """flow { id = "parcel", title = "Parcel", escape = { queue = "care" } }
on.topic({ "opening" }, function(words) ask { id = "day", text = "Which day?" } end)
local number = ask { id = "number", text = "What number?", match = "^A" }
local pick = ask { id = "pick", text = "Where to?", choices = { { "home", "Home" }, { "shop", "A shop" } } }
local sheet = form { title = "Address", fields = { { id = "street", label = "Street", required = true }, { id = "since", label = "Since", type = "date" } } }
local moved = wait { event = "parcel.moved" }
ask("Anything else, " .. number .. "?")
say("To " .. pick .. ", " .. sheet.street .. ", " .. tostring(sheet.since) .. ", " .. number .. ", " .. moved.place)
handoff { queue = "care" }
"""
ERASE = """
BEGIN;
INSERT INTO item (conversation, id, author, seq, prev, at, kind, role, audience, body)
SELECT conversation, gen_random_uuid(), '00000000-0000-0000-0000-000000000000', seq + 1, CASE audience WHEN 0 THEN seq ELSE prev END,
       now(), 16, 0, 0, jsonb_build_object('target', {seq}::int) FROM item WHERE conversation = '{conversation}' ORDER BY seq DESC LIMIT 1;
INSERT INTO tombstone SELECT conversation, seq, sha256(convert_to(body::text, 'UTF8')) FROM item
 WHERE conversation = '{conversation}' AND seq = {seq};
UPDATE item SET body = '{{}}' WHERE conversation = '{conversation}' AND seq = {seq};
COMMIT"""


@pytest.fixture
def parcels(shop):
    shop.site.flow("parcel", FLOW)
    shop.app = shop.site.app("parcels", queue="care", flow="parcel")
    return shop


async def asked(ann, words):
    await ann.until(lambda: words in ann.texts(), what=words)


async def up_to_the_last_question(shop):
    """Ann, who has answered everything but that; and her items by what they say."""
    ann = await shop.customer("ann")
    await ann.post(f"hello {SAID}")
    await asked(ann, "What number?")
    await ann.post(f"opening hours {SAID}")
    await asked(ann, "Which day?")
    await ann.post(f"monday {SAID}")
    await ann.until(lambda: ann.texts().count("What number?") == 2, what="the question again")
    await ann.post(f"B {SAID}")
    await ann.until(lambda: ann.texts()[-1].startswith("Sorry"), what="a second try")
    await ann.post(f"A {SAID}")
    choices = await ann.until(lambda: next((i for i in ann.items() if i["kind"] == "choices"), None))
    await ann.post({"to": choices["seq"], "value": "home"}, kind="choice")
    form = await ann.until(lambda: next((i for i in ann.items() if i["kind"] == "form"), None))
    await ann.post({"to": form["seq"], "values": {"street": f"Lane {SAID}", "since": "1.2.2020"}}, kind="form_answer")
    await ann.until(lambda: ann.items()[-1]["kind"] == "form_answer")
    await ann.post({"type": "parcel.moved", "fallback": "moved", "data": {"place": f"Rome {SAID}"}}, kind="custom")
    await asked(ann, f"Anything else, A {SAID}?")
    return ann


def said(ann, words):
    return next(i["seq"] for i in ann.items() if words in json.dumps(i["body"]) and i["role"] == "customer")


def erase(shop, conversation, seq):
    for statement in ERASE.format(conversation=conversation, seq=seq).split(";"):
        shop.site.sql(statement)


def search(shop, *tables):
    return [row for table in tables for (row,) in shop.site.sql(f"SELECT t::text FROM {table} t") if SAID in row]


async def test_the_journal_has_nothing_that_was_said_and_a_run_is_rebuilt_from_the_log(parcels):
    with parcels.serve() as server:
        ann = await up_to_the_last_question(parcels)
        assert not search(parcels, "flow_journal", "flow_run")
        [stands] = json.loads(parcels.site.cli("flow", "runs", "--json"))
        assert stands["what"] == 'ask "Anything else, …"'
        server.kill()
        server.start()
        await ann.reconnect()
        await ann.post("no")
        await asked(ann, f"To home, Lane {SAID}, 2020-02-01, A {SAID}, Rome {SAID}")
        await parcels.quiet()
    parcels.judge()


@pytest.mark.parametrize("words", ["A cnry", "opening hours", "monday", "home", "Lane", "Rome"])
async def test_what_a_run_was_told_and_is_erased_brings_a_person(parcels, words):
    with parcels.serve() as server:
        ann = await up_to_the_last_question(parcels)
        seq, apology = said(ann, words), "Something went wrong on our side. A person will help you."
        server.kill()
        erase(parcels, ann.main, seq)
        server.start()
        await ann.reconnect()
        await ann.post("no")
        await ann.until(lambda: "queued" in ann.kinds() and apology in ann.texts(), what="a person")
        [dead] = json.loads(parcels.site.cli("flow", "runs", "--failed", "--json"))
        assert dead["what"] == f"[E307] what the flow was told here has been erased: item {seq}"
        logs = parcels.site.cli("flow", "logs", dead["run"])
        assert "E307" in logs and (words == "home" or words not in logs)
        await parcels.close()


async def test_a_run_in_memory_forgets_what_is_erased(parcels):
    """Which it hears of when the next number is taken: a process that is alone with its database does not look for what others
    write, and a second one may have the run in hand just then."""
    with parcels.serve():
        ann = await up_to_the_last_question(parcels)
        erase(parcels, ann.main, said(ann, "A cnry"))
        assert "queued" not in ann.kinds(), "nothing has happened to the flow yet"
        await ann.post("no")
        await ann.until(lambda: "queued" in ann.kinds(), what="a person")
        assert "erased" in ann.kinds() and ann.kinds().index("erased") < ann.kinds().index("queued")
        [dead] = json.loads(parcels.site.cli("flow", "runs", "--failed", "--json"))
        assert dead["what"].startswith("[E307]")
        await parcels.close()


async def test_what_no_longer_matters_can_be_erased_and_the_run_goes_on(parcels):
    """The first words, which the script does not look at, and an answer that did not fit."""
    with parcels.serve() as server:
        ann = await up_to_the_last_question(parcels)
        server.kill()
        for words in ("hello", "B cnry"):
            erase(parcels, ann.main, said(ann, words))
        server.start()
        await ann.reconnect()
        await ann.post("no")
        await asked(ann, f"To home, Lane {SAID}, 2020-02-01, A {SAID}, Rome {SAID}")
        await parcels.close()


async def test_a_version_is_tried_on_runs_whose_words_are_erased_without_them(parcels):
    with parcels.serve() as server:
        ann = await up_to_the_last_question(parcels)
        path = f"{parcels.site.folder}/parcel.lua"
        with open(path, "w", encoding="utf-8") as file:
            file.write(FLOW + "say 'Bye.'\n")
        [run] = json.loads(parcels.site.cli("flow", "runs", "--json"))
        saved = f"{parcels.site.folder}/saved.json"
        with open(saved, "w", encoding="utf-8") as file:
            file.write(parcels.site.cli("flow", "logs", run["run"], "--json"))
        assert json.loads(parcels.site.cli("flow", "replay", path, "--json"))["go_on"] == 1
        assert json.loads(parcels.site.cli("flow", "replay", path, "--journal", saved, "--json"))["goes_on"]
        server.kill()
        erase(parcels, ann.main, said(ann, "A cnry"))
        report = parcels.site.cli("flow", "publish", path)
        assert "1 tried, 0 go on with it, 1 stay" in report and "[E307]" in report
        assert "A " + SAID not in parcels.site.cli("flow", "logs", run["run"], "--json")
        await parcels.close()


async def test_a_journal_from_before_is_read_as_it_was_written(parcels):
    """Its answers stand in it, and are not looked for in the log."""
    with parcels.serve() as server:
        ann = await up_to_the_last_question(parcels)
        server.kill()
        parcels.site.sql("""UPDATE flow_journal j SET data = jsonb_set(data #- '{told,said}', '{told,value}', to_jsonb(%s::text))
                             WHERE data->>'label' = 'number' AND data->'told' ? 'said' AND NOT data->'told' ? 'on'""", f"A {SAID}")
        erase(parcels, ann.main, said(ann, "A cnry"))
        server.start()
        await ann.reconnect()
        await ann.post("no")
        await asked(ann, f"To home, Lane {SAID}, 2020-02-01, A {SAID}, Rome {SAID}")
        await parcels.close()


async def test_a_secret_that_was_asked_for_is_nowhere_but_in_the_log(shop):
    shop.site.flow("pin", """flow { id = "pin", title = "Pin" }
local pin = ask { id = "pin", text = "Your PIN?", secret = true }
ask { text = "More?" }
say("It has " .. #pin)
""")
    shop.app = shop.site.app("pins", queue="care", flow="pin")
    with shop.serve() as server:
        ann = await shop.customer("ann")
        await ann.post("hello")
        await asked(ann, "Your PIN?")
        await ann.post(SAID)
        await asked(ann, "More?")
        tables = [t for (t,) in shop.site.sql("SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")]
        assert len(search(shop, "item")) == 1 and not search(shop, *[t for t in tables if t != "item"])
        [run] = json.loads(shop.site.cli("flow", "runs", "--json"))
        told = json.loads(shop.site.cli("flow", "logs", run["run"], "--json"))
        assert ("pin", '"***"') in [(v["name"], v["value"]) for v in told["variables"]] and SAID not in json.dumps(told)
        words = shop.site.cli("flow", "logs", run["run"])
        assert SAID not in words and 'pin = "***"' in words
        server.kill()
        server.start()
        await ann.reconnect()
        await ann.post("no")
        await asked(ann, f"It has {len(SAID)}")
        await shop.close()


ASKS = """flow { id = "asks", title = "Asks", escape = { queue = "care" } }
context.set("own", { list = { 1, 2 } })
for _, q in ipairs {
  { id = "text", text = "text?" }, { id = "number", text = "number?", type = "number" }, { id = "day", text = "day?", type = "date" },
  { id = "iso", text = "iso?", type = "date" }, { id = "phone", text = "phone?", type = "phone" }, { id = "mail", text = "mail?", type = "email" },
  { id = "typed", text = "typed?", choices = { { "a", "First One" }, { "b", "Second" } } },
  { id = "tapped", text = "tapped?", choices = { { "A word", "First" }, { "b c", "Second" } } },
  { id = "stars", text = "stars?", rating = 5 }, { id = "points", text = "points?", rating = 5 },
} do said = ask(q) end
form { id = "sheet", title = "sheet?", fields = { { id = "name", label = "Name" }, { id = "born", label = "Born", type = "date" },
  { id = "count", label = "Count", type = "number" }, { id = "call", label = "Call", type = "phone" }, { id = "agreed", label = "Agreed", type = "boolean" },
  { id = "size", label = "Size", options = { { "very large", "XL" }, { "small", "S" } } }, { id = "none", label = "None" } } }
ask { id = "changed", text = "changed?" }
context.set("changed", "by the flow")
handoff { queue = "care", share = { "text", "number", "sheet", "own" } }
ask "Was it good?"
"""
WORDS = ["hello", f" {SAID} ", "3,50", "29.2.2024", "2024-3-1", "+49 (30) 12/34-5", "ann@example.com", "first one", ("choice", 1), ("choice", 3), "4"]
SHEET = {"name": f"Ann {SAID}", "born": "1.12.1999", "count": 7, "call": "030 1234-56", "agreed": False, "size": "1", "none": ""}
KEPT = {"own": {"list": [1, 2]}, "text": SAID, "number": 3.5, "day": "2024-02-29", "iso": "2024-03-01", "phone": "+493012345", "mail": "ann@example.com",
        "typed": "a", "tapped": "b c", "stars": 4, "points": 4, "changed": "by the flow",
        "sheet": {"name": f"Ann {SAID}", "born": "1999-12-01", "count": 7, "call": "030123456", "agreed": False, "size": "very large"}}


async def answered(shop):
    ann, last = await shop.customer("ann"), 0
    for n, words in enumerate(WORDS):
        await ann.until(lambda: n == 0 or ann.items()[-1]["role"] == "bot" and ann.items()[-1]["seq"] > last, what=f"question {n}")
        if isinstance(words, tuple):
            question = ann.items()[-1]
            tap = {"to": question["seq"], "value": question["body"]["options"][words[1]]["value"]}
            last = (await ann.post(tap, kind="choice"))["seq"]
        else:
            last = (await ann.post(words))["seq"]
    await ann.until(lambda: ann.kinds()[-1] == "form")
    await ann.post({"to": ann.items()[-1]["seq"], "values": SHEET}, kind="form_answer")
    await asked(ann, "changed?")
    await ann.post(SAID)
    return ann


async def test_what_is_kept_of_answers_for_the_agent_comes_from_the_log(shop):
    shop.site.flow("asks", ASKS)
    shop.app = shop.site.app("asks", queue="care", flow="asks")
    with shop.serve():
        ann, kim = await answered(shop), await shop.desk("kim")
        answer = await kim.accept(await kim.offered(ann.main))
        assert answer["dossier"]["collected"] == {key: KEPT[key] for key in ("text", "number", "sheet", "own")}
        await kim.resolve(ann.main)
        await asked(ann, "Was it good?")
        await ann.handoff()             # past the flow: all that it knows
        answer = await kim.accept(await kim.offered(ann.main))
        assert answer["dossier"]["collected"] == KEPT
        assert not search(shop, "flow_run", "flow_journal", "handoff")
        erase(shop, ann.main, next(i["seq"] for i in ann.items() if i["kind"] == "form_answer"))
        erase(shop, ann.main, said(ann, SAID))
        [[kept]] = shop.site.sql("SELECT parley_told(conversation, collected, said) FROM flow_run")
        assert kept == {key: value for key, value in KEPT.items() if key not in ("text", "sheet", "own", "changed")}, \
            "what the flow has set itself may have what was said"
        await shop.close()


DERIVES = """flow { id = "derives", title = "Derives", escape = { queue = "care" } }
if not started.data then
  context.set("greeting", "You said " .. started.text)
  local a = ask { id = "a", text = "a?" }
  context.set("first", "of " .. a)
  restart { of = a }
end
local b = ask { id = "b", text = "b?" }
context.set("second", "of " .. b)
handoff { queue = "care", reason = "about " .. b, summary = "it is " .. b }
say "Goodbye."
"""


async def test_what_was_kept_before_restart_is_there_for_the_agent_and_what_is_derived_goes_with_what_was_said(shop):
    shop.site.flow("derives", DERIVES)
    shop.app = shop.site.app("derives", queue="care", flow="derives")
    with shop.serve() as server:
        ann, kim = await shop.customer("ann"), await shop.desk("kim")

        async def once(times):
            await ann.post(f"hello {SAID}")
            await ann.until(lambda: ann.texts().count("a?") == times, what="the first question")
            await ann.post(f"A {SAID}")
            await ann.until(lambda: ann.texts().count("b?") == times, what="the second question")

        await once(1)
        server.kill()
        server.start()
        for person in ann, kim:
            await person.reconnect()
        await ann.post(f"B {SAID}")
        answer = await kim.accept(await kim.offered(ann.main))
        made = {"greeting": f"You said hello {SAID}", "first": f"of A {SAID}", "second": f"of B {SAID}"}
        assert answer["dossier"]["collected"] == {"a": f"A {SAID}", "b": f"B {SAID}", **made}
        erase(shop, ann.main, said(ann, f"B {SAID}"))
        [[told]] = shop.site.sql("SELECT parley_told(conversation, collected, said) FROM handoff")
        assert told == {"a": f"A {SAID}"} and not search(shop, "flow_run", "handoff")
        assert [data["told"].get("data") for (data,) in shop.site.sql("SELECT data FROM flow_journal WHERE call = 'start'")] == \
            [{"of": f"A {SAID}"}], "a run under way goes by it"
        await kim.resolve(ann.main)     # back to the flow, which cannot go on without what it was told
        await kim.accept(await kim.offered(ann.main))
        await kim.resolve(ann.main)
        await ann.until(lambda: ann.kinds()[-1] == "resolved" and ann.items()[-1]["body"]["closed"], what="the end")
        await once(2)               # a session of its own, which has heard nothing of what is erased now
        before = shop.site.sql("SELECT collected FROM flow_run WHERE state < 4")
        assert before == [({"greeting": f"You said hello {SAID}", "first": f"of A {SAID}"},)]
        erase(shop, ann.main, said(ann, f"hello {SAID}"))
        assert shop.site.sql("SELECT collected FROM flow_run WHERE state < 4") == before
        assert shop.site.sql("SELECT data->'told'->'data' FROM flow_journal JOIN flow_run r ON r.id = run"
                             " WHERE r.state > 3 AND call = 'start'") == [(None,)]
        last = max(i["seq"] for i in ann.items() if i["role"] == "customer" and i["kind"] == "text")
        erase(shop, ann.main, last)
        assert shop.site.sql("SELECT collected FROM flow_run WHERE state < 4") == [({},)]
        assert not search(shop, "flow_run", "handoff")
        await shop.close()


async def test_erasing_finds_what_it_erases_by_the_conversation(parcels):
    """However many runs there are elsewhere: the tables are large, and a live conversation waits for it."""
    with parcels.serve():
        ann = await up_to_the_last_question(parcels)
        erasure = ERASE.format(conversation=ann.main, seq=said(ann, "A cnry")).replace("BEGIN;", "").replace("COMMIT", "")
        with contextlib.closing(psycopg2.connect(parcels.site.dsn)) as eraser, eraser.cursor() as cursor:
            cursor.execute("SET enable_seqscan = off; " + erasure)
            cursor.execute("SELECT relname FROM pg_stat_xact_user_tables WHERE seq_scan > 0")
            assert cursor.fetchall() == [], "read as a whole"
        await parcels.close()
