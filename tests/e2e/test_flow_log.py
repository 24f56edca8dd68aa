"""What a flow writes with log.* is where its makers look for it: with its run, version and line, once, not for ever, and without
what was said in secret or has been erased."""
import asyncio
import contextlib
import json
import os
import re
import signal

import psycopg2
import pytest

from server import CANARY, Failed, program
from test_flow_erasure import ERASE, asked, erase, said
from test_flow_meant import risen
from waiting import until

PARCEL = """flow { id = "parcel", title = "Parcel", escape = { queue = "care" } }
log.debug("began")
local name = ask { id = "name", text = "Name?" }
log.info("named", { letters = #name })
if ask { text = "More?", choices = { "yes", "no" } } == "yes" then
  log.warn("more than one")
  error("nothing is there")
end
log.error("done", 1)
"""
ALL = [("debug", "parcel.lua", 2, "began"), ("info", "parcel.lua", 4, 'named {"letters":2}'), ("error", "parcel.lua", 9, "done 1")]


def parcels(shop, source=PARCEL, name="parcel"):
    shop.site.flow(name, source)
    shop.app = shop.site.app(f"{name}s", queue="care", flow=name)


def lines(shop, *which):
    return [json.loads(line) for line in shop.site.cli("flow", "logs", *which, "--json").splitlines()]


def short(found):
    return [(line["level"], line["file"], line["line"], line["text"]) for line in found]


@pytest.mark.parametrize("point", ["flow_before_step:1", "move_before_submit:2", "move_after_submit:2", "flow_after_step:1", "flow_after_step:2"])
async def test_a_line_is_kept_once_when_the_server_dies(shop, point):
    parcels(shop)
    with shop.serve() as server:
        server.kill()
        server.start(fault=point)
        rising = asyncio.ensure_future(risen(server))
        ann = await shop.customer("ann")
        ann.stay()
        await ann.post("hello")
        await asked(ann, "Name?")
        await ann.post("Al")
        await ann.until(lambda: "choices" in ann.kinds())
        await rising
        server.kill()       # and comes back by its journal
        server.start()
        await ann.post("no")
        await until(lambda: shop.site.sql("SELECT state FROM flow_run") == [(4,)], "the flow to end")
        assert short(lines(shop, "parcel")) == ALL
        assert "named" not in server.tail(10000), "an operator's log has what a flow wrote"
        await shop.close()


async def test_lines_are_found_by_run_and_flow_with_version_and_level(shop):
    parcels(shop)
    [version] = json.loads(shop.site.cli("flow", "versions", "parcel", "--json"))
    with shop.serve():
        ann = await shop.customer("ann")
        await ann.post("hello")
        await asked(ann, "Name?")
        await ann.post("Al")
        choices = await ann.until(lambda: next((i for i in ann.items() if i["kind"] == "choices"), None))
        await ann.post({"to": choices["seq"], "value": "yes"}, kind="choice")
        await ann.until(lambda: "queued" in ann.kinds())
        found = lines(shop, "parcel")
        [dead] = json.loads(shop.site.cli("flow", "runs", "--failed", "--json"))
        failure = ("error", "parcel.lua", 7, "[E501] nothing is there")
        assert short(found) == [*ALL[:2], ("warn", "parcel.lua", 6, "more than one"), failure], "also those of the step that failed"
        assert {(line["flow"], line["version"], line["run"]) for line in found} == {("parcel", version["version"], dead["run"])}
        assert [line["step"] for line in found] == [1, 2, 3, 3]
        assert short(lines(shop, "--level", "warn")) == short(found)[2:] and short(lines(shop, "--limit", "1")) == [failure]
        told = json.loads(shop.site.cli("flow", "logs", dead["run"], "--json"))
        assert told["log"] == found
        words = shop.site.cli("flow", "logs", dead["run"])
        assert re.search(r"^\S+Z warn  parcel.lua:6  more than one  flow=parcel version=\w{12} run=" + dead["run"], words, re.M)
        verbose = shop.site.cli("flow", "runs", "--failed", "--verbose")
        assert verbose == words and json.loads(shop.site.cli("flow", "runs", "--failed", "-v", "--json")) == [told]
        with pytest.raises(Failed, match="exit 3.*did you mean parcel"):
            shop.site.cli("flow", "logs", "parcle")
        with pytest.raises(Failed, match="exit 2.*--level is"):
            shop.site.cli("flow", "logs", "--level", "loud")
        assert "nothing is there" not in shop.server.tail(), "an operator's log has what was said"
        await shop.close()


async def test_a_failure_whose_text_ends_within_a_character_brings_a_person(shop):
    parcels(shop, """flow { id = "cut", title = "Cut", escape = { queue = "care" } }
local said = ask "Name?"
error(said == "long" and ("ä"):rep(300) or said:sub(1, 2))
""", "cut")
    with shop.serve():
        for name, words, text in (("ann", "aä", "a?"), ("bob", "long", "ä" * 255 + "?")):
            customer = await shop.customer(name)
            await customer.post("hello")
            await asked(customer, "Name?")
            await customer.post(words)
            await customer.until(lambda c=customer: "queued" in c.kinds(), what="a person")
            assert lines(shop, "--limit", "1")[0]["text"] == f"[E501] {text}"
        assert len(json.loads(shop.site.cli("flow", "runs", "--failed", "--json"))) == 2
        await shop.close()


class Following:
    """`parley flow logs --follow`, line by line."""

    def __init__(self, shop, *args):
        self.shop, self.args, self.seen = shop, args, []

    async def __aenter__(self):
        self.process = await asyncio.create_subprocess_exec(program(), "flow", "logs", *self.args, env={**os.environ, **self.shop.site.env},
                                                            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        return self

    async def __aexit__(self, *_):
        if self.process.returncode is None:
            self.process.kill()
        await self.process.communicate()

    async def next(self):
        return (await self.process.stdout.readline()).decode()

    async def end(self):
        self.process.send_signal(signal.SIGINT)
        out, err = await self.process.communicate()
        return self.process.returncode, out.decode(), err.decode()


async def test_what_is_written_is_followed_until_ctrl_c(shop):
    parcels(shop)
    with shop.serve():
        ann, bob = await shop.customer("ann"), await shop.customer("bob")
        await ann.post("hello")
        await asked(ann, "Name?")
        async with Following(shop, "-f", "parcel", "--json") as all_of_it, Following(shop, "--follow", "--level", "info") as more:
            assert short([json.loads(await all_of_it.next())]) == ALL[:1], "what was there before"
            await bob.post("hello")
            assert short([json.loads(await all_of_it.next())]) == ALL[:1]
            await ann.post("Al")
            assert short([json.loads(await all_of_it.next())]) == ALL[1:2]
            assert 'parcel.lua:4  named {"letters":2}  flow=parcel' in await more.next()
            for following in (all_of_it, more):
                assert await following.end() == (0, "", "")
        [run] = [r["run"] for r in json.loads(shop.site.cli("flow", "runs", "--json")) if r["step"] == 2]
        async with Following(shop, "-f", run) as one:
            assert "began" in await one.next() and "named" in await one.next()
            assert await one.end() == (0, "", "")
        await shop.close()


ROUNDS = """flow { id = "rounds", title = "Rounds" }
while true do
  local n = tonumber(ask "How many?")
  for i = 1, n do log.info("line " .. i) end
  log.info(("x"):rep(3000))
end
"""


async def test_lines_have_their_bounds(shop):
    parcels(shop, ROUNDS, "rounds")
    with shop.serve(sets={"flows.log_lines": "520"}) as server:
        ann, bob = await shop.customer("ann"), await shop.customer("bob")
        for customer in (ann, bob):
            await customer.post("hello")
            await asked(customer, "How many?")
        await ann.post("70")
        await ann.until(lambda: ann.texts().count("How many?") == 2)
        found = lines(shop, "rounds", "--limit", "100")
        assert len(found) == 64 and found[62]["text"] == "line 63"
        assert found[63]["level"] == "warn" and "more lines were not kept" in found[63]["text"]
        assert server.metrics()["parley_flow_log_lines_dropped_total"] == 8
        for n in range(2, 12):
            await ann.post("49")
            await ann.until(lambda n=n: ann.texts().count("How many?") == n + 1)
        counted = "SELECT count(*), min(number), max(number) FROM flow_log"
        assert shop.site.sql(counted) == [(500, 65, 564)], "a run keeps its newest 500"
        assert {len(line["text"]) for line in lines(shop) if line["text"][0] == "x"} == {2001}, "cut, with an ellipsis"
        await bob.post("40")
        await bob.until(lambda: bob.texts().count("How many?") == 2)
        server.kill()
        server.start()
        await until(lambda: shop.site.sql("SELECT count(*) BETWEEN 470 AND 520 FROM flow_log") == [(True,)], "the flow's oldest lines to go")
        assert short(lines(shop, "--limit", "41"))[0] == ("info", "rounds.lua", 4, "line 1"), "bob's are the newest"
        shop.site.sql("UPDATE flow_log SET at = at - interval '14 days' WHERE text <> 'line 7' AND NOT starts_with(text, 'x')")
        server.kill()
        server.start()
        await until(lambda: shop.site.sql("SELECT DISTINCT text FROM flow_log WHERE length(text) < 100") == [("line 7",)], "old lines to go")
        await shop.close()


async def test_a_line_has_nothing_that_was_said_in_secret(shop):
    """Also where a failure would say it, and after the run has been rebuilt."""
    parcels(shop, """flow { id = "pin", title = "Pin", escape = { queue = "care" } }
local pin = ask { id = "pin", text = "Your PIN?", secret = true }
local number = ask { text = "And as a number?", secret = true, type = "number" }
log.info("told " .. pin)
log.info("told", { { pin = pin } })
log.info("told", number)
log.info("fine")
ask "More?"
log.info("again " .. pin)
error("not " .. number)
""", "pin")
    with shop.serve() as server:
        ann = await shop.customer("ann")
        secret = f'a"b {CANARY}'
        for words, question in (("hello", "Your PIN?"), (secret, "And as a number?"), ("70,5", "More?")):
            await ann.post(words)
            await asked(ann, question)
        server.kill()
        server.start()
        await ann.reconnect()
        await ann.post("no")
        await ann.until(lambda: "queued" in ann.kinds())
        assert [line["text"] for line in lines(shop)] == ["***", "***", "***", "fine", "***", "[E501] ***"]
        [dead] = json.loads(shop.site.cli("flow", "runs", "--failed", "--json"))
        assert dead["what"] == "[E501] ***"
        [[kept]] = shop.site.sql("SELECT string_agg(t::text, '') FROM (SELECT j::text FROM flow_journal j UNION ALL SELECT l::text FROM flow_log l) x (t)")
        assert CANARY not in kept and "70.5" not in kept
        await shop.close()


ECHO = """flow { id = "echo", title = "Echo", escape = { queue = "care" } }
log.info("hello")
local first = ask "First?"
log.info("first " .. first)
local second = ask "Second?"
log.info("second " .. second)
if second == "fail" then error("second " .. second) end
ask "Third?"
"""


async def told(customer, *words):
    await customer.post("hello")
    for question, answer in zip(("First?", "Second?"), words):
        await asked(customer, question)
        await customer.post(answer)


async def test_what_is_erased_is_in_no_line_and_no_error(shop):
    """With a second process, since one that is alone with its database does not look for what others write."""
    parcels(shop, ECHO, "echo")
    with shop.serve() as server, shop.serve():
        ann, bob = await shop.customer("ann"), await shop.customer("bob")
        await told(ann, "one", "fail")
        await told(bob, "uno", "due")
        await ann.until(lambda: "queued" in ann.kinds())
        await asked(bob, "Third?")
        erase(shop, ann.main, said(ann, "one"))
        texts = [line["text"] for line in lines(shop)]
        assert texts.count(None) == 3 and sorted(text for text in texts if text) == ["first uno", "hello", "hello", "second due"]
        [dead] = json.loads(shop.site.cli("flow", "runs", "--failed", "--json"))
        assert dead["what"].startswith("[E501] erased") and "(erased)" in shop.site.cli("flow", "logs", dead["run"])
        # The run of bob is in memory, and knows what is erased while nobody has told it.
        erase(shop, bob.main, said(bob, "due"))
        kept = [line["text"] for line in lines(shop) if line["text"] and "[E307]" not in line["text"]]   # a process that has the run in hand says that
        assert kept == ["hello", "hello", "first uno"]
        await bob.until(lambda: "erased" in bob.kinds())
        await bob.post("tre")
        await bob.until(lambda: "queued" in bob.kinds())
        newest = lines(shop, "--limit", "1")[0]["text"]
        assert newest.startswith("[E307] what the flow was told here has been erased"), "which says nothing of it"
        assert server.process.poll() is None
        await shop.close()


WORDY = """flow { id = "wordy", title = "Wordy", escape = { queue = "care" } }
ask "Begin?"
for round = 1, 5 do
  for i = 1, 170 do context.get("key" .. i) end
  ask "Round?"
end
"""


async def test_a_journal_that_gets_long_is_warned_of_once(shop):
    parcels(shop, WORDY, "wordy")
    with shop.serve() as server:
        ann = await shop.customer("ann")
        await ann.post("hello")
        await asked(ann, "Begin?")
        for n in range(1, 6):
            assert lines(shop) == [], "too soon"
            await ann.post("go")
            await ann.until(lambda n=n: ann.texts().count("Round?") == n)
        warning = ("warn", "wordy.lua", 4)
        [line] = short(lines(shop))
        assert line[:3] == warning and line[3].startswith("the journal has 800 of 1000 entries and ")
        server.kill()
        server.start()
        await ann.reconnect()
        await ann.post("end")
        await until(lambda: shop.site.sql("SELECT state FROM flow_run") == [(4,)], "the flow to end")
        assert short(lines(shop)) == [line], "said again by a run that came back"
        log = server.tail(10000)
        assert log.count("the journal of a run is near its limits") == 1 and lines(shop)[0]["run"] in log
        await shop.close()


async def test_a_journal_with_much_in_it_is_warned_of_too(shop):
    """Rebuilt in between: what was warned of is known to the run, not to the process."""
    parcels(shop, """flow { id = "long", title = "Long", escape = { queue = "care" } }
while ask { text = "And?", match = "^x" } do say "Hm." end
""", "long")
    with shop.serve() as server:
        ann = await shop.customer("ann")
        await ann.post("hello")
        for n in range(1, 30):
            await ann.until(lambda n=n: ann.texts().count("And?") == n)
            if n in (20, 29):
                server.kill()
                server.start()
                await ann.reconnect()
            await ann.post("x" * 16000)
        await ann.until(lambda: ann.texts().count("And?") == 30)
        [line] = lines(shop)
        assert (line["level"], line["line"], line["step"]) == ("warn", 2, 28)
        assert re.match(r"the journal has 28 of 1000 entries and 4[23]\d{4} of 524288 bytes", line["text"]), line["text"]
        await shop.close()


KNOWS = """flow { id = "knows", title = "Knows", escape = { queue = "care" } }
local first = ask "First?"
ask "Second?"
log.info("still " .. first)
ask "Third?"
"""


async def test_what_is_being_erased_while_the_customer_goes_on_is_in_no_line(shop):
    """The run is in memory and knows it, and its conversation's next number is held by who erases."""
    parcels(shop, KNOWS, "knows")
    with shop.serve():
        ann = await shop.customer("ann")
        await ann.post("hello")
        await asked(ann, "First?")
        await ann.post("one")
        await asked(ann, "Second?")
        seq = said(ann, "one")
        with contextlib.closing(psycopg2.connect(shop.site.dsn)) as eraser, eraser.cursor() as cursor:
            cursor.execute(ERASE.format(conversation=ann.main, seq=seq).replace("BEGIN;", "").replace("COMMIT", ""))
            posting = asyncio.ensure_future(ann.post("two"))
            await until(lambda: shop.site.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") != [(0,)], "the post to wait")
            eraser.commit()
        await posting
        await ann.until(lambda: "queued" in ann.kinds(), what="a person")
        [line] = lines(shop)
        assert line["text"] == f"[E307] what the flow was told here has been erased: item {seq}"
        await shop.close()
