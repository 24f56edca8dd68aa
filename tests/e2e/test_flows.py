"""Flows keep their place: through a kill at every step, and through their own mistakes."""
import asyncio
import json
import os
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from server import CANARY, ROOT
from parley_wire import uuid7
from test_flow_erasure import erase, said
from test_main_job import CARE
from waiting import until

DIALOGUE = ["Hello", ("choice", "refund"), "no idea", "A123456"]


async def dialogue(shop, name, kill_at=None, died=None):
    """The customer's side of the flow, with the server killed after the kill_at-th words; what was said in public."""
    died = died or kill
    ann = await shop.customer(name)
    ann.stay()
    said = 0
    for n, words in enumerate(DIALOGUE):
        await ann.until(lambda: n == 0 or ann.items()[-1]["role"] == "bot" and ann.items()[-1]["seq"] > said, 60, "the bot")
        if isinstance(words, tuple):
            question = await ann.until(lambda: next((i for i in ann.items() if i["kind"] == "choices"), None), 60)
            said = (await ann.post({"to": question["seq"], "value": words[1]}, kind="choice"))["seq"]
        else:
            said = (await ann.post(words))["seq"]
        await died(shop, [ann], n, kill_at)
    kim = await shop.desk(f"kim.{name}")
    kim.stay()
    offer = await kim.offered(ann.main, 60)
    await died(shop, [ann, kim], len(DIALOGUE), kill_at)
    offer = next(iter(kim.offers.values()), offer)
    await kim.accept(offer)
    await died(shop, [ann, kim], len(DIALOGUE) + 1, kill_at)
    await kim.resolve(ann.main)
    await died(shop, [ann, kim], len(DIALOGUE) + 2, kill_at)
    await ann.until(lambda: ann.kinds() and ann.kinds().count("resolved") == 2, 60, "the flow to end")
    await ann.settled()
    return [(i["kind"], i["role"], i["body"].get("text") or i["body"].get("value") or i["body"].get("outcome"))
            for i in ann.items()]


async def kill(shop, clients, now, kill_at):
    """Kills and restarts the server if this is the moment; returns when everybody is connected again."""
    if now != kill_at:
        return
    links = [client.link for client in clients]
    shop.server.kill()
    await asyncio.wait([link.reader for link in links])
    shop.server.start()
    for client, old in zip(clients, links):
        await client.until(lambda c=client, o=old: c.link is not o and c.link.open_now and c.link.welcomed, 60, "to be back")


async def test_killed_at_every_step_the_dialogue_is_the_same(shop):
    shop.site.flow("care", CARE)
    shop.app = shop.site.app("care-app", queue="care", flow="care")
    with shop.serve():
        whole = await dialogue(shop, "undisturbed")
        assert ("text", "bot", "We are done: resolved") in whole
        for step in range(len(DIALOGUE) + 3):
            assert await dialogue(shop, f"killed{step}", step) == whole, f"killed after {step}"
        await shop.quiet()
    shop.judge()


async def test_a_flow_says_nothing_once_the_customer_has_asked_for_a_person(shop):
    """Words and wish come in one message: the flow's first step is still on its way when control has left it."""
    shop.site.flow("care", CARE)
    shop.app = shop.site.app("care-app", queue="care", flow="care")
    with shop.serve():
        ann, kim = await shop.customer("ann"), await shop.desk("kim", status=None)
        link = ann.link
        said, _ = link.frame("post", {"conversation": ann.main, "id": uuid7(), "kind": "text", "body": {"text": "Hello"}})
        wish, queued = link.frame("handoff.request", {"conversation": ann.main})
        await link.send([said, wish])
        assert (await queued)["service"]["state"] == "queued"
        await ann.post("I am waiting")
        await kim.status("online")
        await kim.accept(await kim.offered(ann.main))
        await ann.post("words to kim")
        await ann.settled()
        assert [i["kind"] for i in ann.items() if i["role"] == "bot"] == []
        await kim.resolve(ann.main)
        question = await ann.until(lambda: next((i for i in ann.items() if i["kind"] == "choices"), None), what="the flow")
        await ann.post({"to": question["seq"], "value": "refund"}, kind="choice")
        await ann.until(lambda: "Which order?" in ann.texts(), what="the answer to count")
        assert [text for text in ann.texts() if text in ("Welcome to the shop.", "Which order?")] == ["Welcome to the shop.", "Which order?"]
        await shop.close()


WAYS = """flow { id = "ways", title = "Ways", escape = { queue = "second" } }
%s
local name = ask { text = "Your name?" }
say("Hello " .. name)
ask "Anything else?"
"""
OWN_WAY = """on.escape(function()
  local why = ask "What is it about?"
  local human = handoff { queue = "second", reason = why }
  say("Back from " .. human.by)
end)
on.event("parcel.arrived", function(data) say("Parcel " .. data.id) end)
on.topic("opening hours", function() say "Always open." end)
"""


async def test_a_person_asked_past_the_flow_is_of_the_flows_queue(shop):
    """By the button and by words, also when nobody in memory knows the flow."""
    shop.site.flow("ways", WAYS % "")
    shop.app = shop.site.app("ways-app", queue="care", flow="ways")
    shop.site.queue("second")
    with shop.serve() as server:
        ann, bob = await shop.customer("ann"), await shop.customer("bob")
        for customer in (ann, bob):
            await customer.post("hello")
            await customer.until(lambda: "Your name?" in customer.texts())
        server.kill()
        server.start()
        await ann.reconnect()
        await bob.reconnect()
        assert (await ann.handoff())["service"]["queue"] == "second"
        await bob.post("I want to talk to a person please")
        queued = await bob.until(lambda: next((i for i in bob.items() if i["kind"] == "queued"), None), what="a person")
        assert (queued["body"]["queue"], queued["body"]["why"]) == ("second", "customer")
        await shop.close()


async def test_the_flows_own_way_to_a_person_comes_first_and_holds_nobody_up(shop):
    shop.site.flow("ways", WAYS % OWN_WAY)
    shop.app = shop.site.app("ways-app", queue="care", flow="ways")
    shop.site.queue("second")
    key = shop.site.program_key("ways-app")
    with shop.serve() as server:
        shop.staff("kim", queues=("second",))
        ann = await shop.customer("ann")
        await ann.post("hello")
        await ann.until(lambda: "Your name?" in ann.texts())
        server.kill()
        server.start()
        await ann.reconnect()
        assert (await ann.handoff())["service"]["state"] == "bot"
        await ann.until(lambda: "What is it about?" in ann.texts(), what="the flow's own way")
        server.kill()       # in the middle of what happens
        server.start()
        await ann.reconnect()
        await ann.post("what are your opening hours")
        await ann.until(lambda: "Always open." in ann.texts())
        status, text = server.http("POST", "/v1/events", {"conversation": ann.main, "id": uuid7(), "type": "parcel.arrived",
                                                          "data": {"id": "P1"}}, key)
        assert status in (200, 201), text
        await ann.until(lambda: "Parcel P1" in ann.texts(), what="the event")
        assert (await ann.handoff())["service"]["state"] == "queued", "a second wish goes straight to the queue"
        kim = await shop.desk("kim")
        await kim.accept(await kim.offered(ann.main))
        await kim.resolve(ann.main)
        await ann.until(lambda: ann.texts().count("What is it about?") == 2, what="the question again")
        await ann.post("a bill")
        offer = await kim.offered(ann.main)
        await kim.accept(offer)
        await kim.resolve(ann.main)
        await ann.until(lambda: any(t.startswith("Back from") for t in ann.texts()) and ann.texts()[-1] == "Your name?", what="the old question")
        await ann.post("Ann")
        await ann.until(lambda: "Hello Ann" in ann.texts())
        await shop.close()


PEOPLE = """flow { id = "people", title = "People" }
local load = queue.load("care")
say(tostring(hours.open("care")) .. ", waiting " .. load.waiting .. ", free " .. load.free .. " of " .. load.agents)
say(tostring(hours.next_open("care")) == tostring(now()) and "now" or select(2, hours.next_open("care")))
say(select(2, hours.open("nowhere")))
handoff { queue = "care" }
"""


async def test_a_flow_knows_whether_people_are_there(shop):
    shop.site.flow("people", PEOPLE)
    shop.app = shop.site.app("people-app", queue="care", flow="people")
    with shop.serve():
        await shop.desk("kim", status="busy")
        ann, bob, kay = await shop.customer("ann"), await shop.customer("bob"), await shop.desk("kay", capacity=3)
        await kay.status("online")
        await ann.post("hello")
        await ann.until(lambda: "queued" in ann.kinds())
        assert ann.texts()[1:] == ["true, waiting 0, free 3 of 1", "now", "not_found"]
        await kay.accept(await kay.offered(ann.main))
        shop.site.cli("queue", "hours", "care", "daily closed", "--zone", "Europe/Berlin")
        await bob.post("hello")
        await bob.until(lambda: "queued" in bob.kinds())
        assert bob.texts()[1:] == ["false, waiting 0, free 2 of 1", "never", "not_found"]
        await shop.close()


PATIENCE = """flow { id = "patience", title = "Patience" }
local name = ask { id = "name", text = "Your name?" }
context.set("note", "a secret of the flow's")
ask "Sure?"
local r = handoff { queue = "care", max_wait = "1s", share = { "name" } }
say("First: " .. r.outcome)
r = handoff { queue = "care", max_wait = "1h" }
say("Then: " .. r.outcome)
ask { id = "last", text = "Anything else?" }
ask "Really?"
"""


async def test_nobody_comes_and_the_flow_goes_on_without(shop):
    """Whoever comes in time is not called back, and sees what the flow has learnt, whoever asked for them."""
    shop.site.flow("patience", PATIENCE)
    shop.app = shop.site.app("patience-app", queue="care", flow="patience")
    with shop.serve():
        ann = await shop.customer("ann")
        await ann.post("hello")
        await ann.until(lambda: "Your name?" in ann.texts())
        await ann.post("Ann")
        await ann.until(lambda: "Sure?" in ann.texts())
        await ann.post("yes")
        await ann.until(lambda: "First: timeout" in ann.texts(), what="the flow to go on")
        assert next(i for i in ann.items() if i["kind"] == "left")["body"]["who"] == "flow"
        [(shared,)] = shop.site.sql("SELECT parley_told(conversation, collected, said) FROM handoff WHERE outcome = 'timeout' ORDER BY asked_at LIMIT 1")
        assert shared == {"name": "Ann"}
        kim = await shop.desk("kim")
        answer = await kim.accept(await kim.offered(ann.main))
        assert answer["dossier"]["collected"] == {"name": "Ann", "note": "a secret of the flow's"}
        shop.site.sql("UPDATE timer SET due = now()")
        await until(lambda: not shop.site.sql("SELECT FROM timer"), what="the time to be over")
        await kim.resolve(ann.main)
        await ann.until(lambda: "Then: resolved" in ann.texts() and "Anything else?" in ann.texts(), what="the flow")
        await ann.post("no")
        await ann.until(lambda: "Really?" in ann.texts())
        await ann.handoff()
        answer = await kim.accept(await kim.offered(ann.main))
        assert answer["dossier"]["collected"] == {"name": "Ann", "note": "a secret of the flow's", "last": "no"}
        await shop.close()


CLAIM = """flow { id = "claim", title = "Claim" }
local name = ask { text = "Your name?", invalid = "A name, please.", match = "^[A-Z]" }
local f = form { title = "Your claim", fields = { { id = "order", label = "Order", required = true, match = "^A" } } }
say("Claim for " .. f.order)
local paid = wait { event = "invoice.paid", where = { order = f.order }, timeout = "5d" }
say(paid and ("Paid: " .. paid.amount) or "Not paid")
"""


async def test_a_form_is_filled_in_and_a_back_ends_event_ends_the_wait(shop):
    """With the server killed before the event, and an event that came before anybody waited for it."""
    shop.site.flow("claim", CLAIM)
    shop.app = shop.site.app("claim-app", queue="care", flow="claim")
    key = shop.site.program_key("claim-app")
    with shop.serve() as server:
        ann, bob = await shop.customer("ann"), await shop.customer("bob")

        def event(customer, **data):
            status, text = server.http("POST", "/v1/events", {"conversation": customer.main, "id": uuid7(),
                                                              "type": "invoice.paid", "data": data}, key)
            assert status in (200, 201), text

        async def claim(customer, name, order):
            await customer.post("hello")
            await customer.until(lambda: "Your name?" in customer.texts())
            await customer.post(name)
            sheet = await customer.until(lambda: next((i for i in customer.items() if i["kind"] == "form"), None))
            if name == "Bob":
                event(customer, order="A2", amount=2)
            await customer.post({"to": sheet["seq"], "values": {"order": "B"}}, kind="form_answer")
            await customer.until(lambda: "Please check: Order" in customer.texts(), what="the form to be refused")
            await customer.post({"to": sheet["seq"], "values": {"order": order}}, kind="form_answer")
            await customer.until(lambda: f"Claim for {order}" in customer.texts())

        await claim(ann, "Ann", "A1")
        await claim(bob, "Bob", "A2")
        await bob.until(lambda: "Paid: 2" in bob.texts(), what="the event of before")
        server.kill()
        server.start()
        await ann.reconnect()
        event(ann, order="A9", amount=9)
        event(ann, order="A1", amount=1)
        await ann.until(lambda: "Paid: 1" in ann.texts(), what="the event")
        await shop.close()


async def test_a_flow_that_is_called_is_published_with_the_one_that_calls_it(shop):
    """The run stands in it when the server dies; another version of it is published meanwhile."""
    called = 'flow { id = "called", title = "Called" }\nlocal data = ...\nlocal name = ask(data.question)\nreturn name:upper()\n'
    shop.site.flow("called", called)
    shop.site.flow("caller", 'flow { id = "caller", title = "Caller" }\nsay("It is " .. call("called", { question = "Who?" }))\n')
    shop.app = shop.site.app("caller-app", queue="care", flow="caller")
    with shop.serve() as server:
        ann = await shop.customer("ann")
        await ann.post("hello")
        await ann.until(lambda: "Who?" in ann.texts())
        server.kill()
        shop.site.flow("called", called.replace("upper", "lower"))
        server.start()
        await ann.reconnect()
        await ann.post("Ann")
        await ann.until(lambda: "It is ANN" in ann.texts(), what="the answer")
        await shop.close()


def with_decimal_comma(folder):
    """An environment whose language writes 1,5; none where the machine cannot make one."""
    made = subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", str(folder / "de_DE.UTF-8")], capture_output=True, check=False)
    env = {"LC_ALL": "de_DE.UTF-8", "LOCPATH": str(folder)}
    if made.returncode == 0:
        said = subprocess.run(["bash", "-c", "printf %.1f 1,5"], env={**os.environ, **env}, capture_output=True, text=True, check=True)
        assert said.stdout == "1,5", "the locale changes nothing, and this test would show nothing"
    return env if made.returncode == 0 else None


async def test_numbers_are_the_same_text_whatever_language_the_server_speaks(shop, tmp_path):
    """Said under one and rebuilt under another, as in the dialogue that the unit tests play."""
    env = with_decimal_comma(tmp_path) if shutil.which("localedef") else None
    if not env:
        pytest.skip("no locale with a decimal comma can be made here: Debian's package `locales` has the sources")
    folder = os.path.join(ROOT, "tests", "unit", "server", "flow", "dialogues")
    with open(os.path.join(folder, "numbers.lua"), encoding="utf-8") as lua, \
         open(os.path.join(folder, "numbers.chat"), encoding="utf-8") as chat:
        shop.site.flow("numbers", lua.read())
        said = [line[2:].rstrip("\n") for line in chat if line.startswith("< ")]
    shop.app = shop.site.app("numbers-app", queue="care", flow="numbers")
    with shop.serve(env=env) as server:
        ann = await shop.customer("ann")
        await ann.post("hi")
        await ann.until(lambda: "A number?" in ann.texts())
        server.kill()
        for name in env:
            server.env[name] = ""
        server.start()
        await ann.reconnect()
        await ann.post("2,5")
        await ann.until(lambda: said[-1] in ann.texts(), what="the flow to go on")
        assert [text for text in ann.texts() if text not in ("hi", "2,5")] == said
        assert shop.site.sql("SELECT collected FROM flow_run WHERE conversation = %s", ann.main) == [({"sum": 2.6},)]
        await shop.close()


CALLING = """flow { id = "calling", title = "Calling", escape = { queue = "care" } }
local number = ask "Which order?"
local case, err = http.post {
  url = "{shop}/refunds", query = { full = "a&b" }, headers = { ["x-lang"] = "en" }, json = { order = number },
  auth = secret "shop", timeout = "20s", tries = 3,
}
say(case and ("Case " .. case.id) or ("No case: " .. err.kind .. " " .. tostring(err.status)))
local _, elsewhere = http.get "{other}/x"
local _, inside = http.get { url = "{shop}/x", auth = secret "nobody" }
say(elsewhere.kind .. " " .. inside.kind)
"""


class Shop:
    """A service of the company's: a refund for each idempotency key; holds an answer back while `hold` is set. A status of 0 is
    a connection that breaks."""

    def __init__(self):
        self.calls, self.cases, self.answers, self.lock = [], {}, [], threading.Condition()
        self.hold = False
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with shop.lock:
                    shop.calls.append((self.path, dict(self.headers.items()), body))
                    status = shop.answers.pop(0) if shop.answers else 201
                    key = self.headers["Idempotency-Key"]
                    if status == 201:
                        shop.cases.setdefault(key, f"C{len(shop.cases) + 1}")
                    shop.lock.notify_all()
                    shop.lock.wait_for(lambda: not shop.hold, 60)
                if status == 0:
                    self.close_connection = True
                    return
                said = json.dumps({"id": shop.cases.get(key)}).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(said)))
                    self.end_headers()
                    self.wfile.write(said)
                except OSError:
                    pass        # who asked has died

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.settings = {"flows.services": f"shop=http://127.0.0.1:{self.http.server_port}/api/",
                         "flows.private_network": "yes"}
        self.secrets = {"PARLEY_FLOWS_SECRETS": "bank=wrong shop=" + CANARY}
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    async def called(self, n):
        def wait():
            with self.lock:
                assert self.lock.wait_for(lambda: len(self.calls) >= n, 60), f"{len(self.calls)} calls"
        await asyncio.get_running_loop().run_in_executor(None, wait)

    def release(self):
        with self.lock:
            self.hold = False
            self.lock.notify_all()

    def close(self):
        self.release()
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def service():
    made = Shop()
    yield made
    made.close()


async def test_a_call_to_the_outside_is_answered_once_through_a_crash(shop, service):
    shop.site.flow("calling", CALLING)
    shop.app = shop.site.app("calling-app", queue="care", flow="calling")
    with shop.serve(sets=service.settings, env=service.secrets) as server:
        ann = await shop.customer("ann")
        await ann.post("hello")
        await ann.until(lambda: "Which order?" in ann.texts())
        service.hold = True
        await ann.post("A1")
        await service.called(1)
        server.kill()           # nobody hears the answer
        server.start()
        await ann.reconnect()
        await service.called(2)
        service.release()
        await ann.until(lambda: "Case C1" in ann.texts(), 60, "the answer")
        await ann.until(lambda: "not_configured not_configured" in ann.texts(), 60)
        (path, headers, body), (_, again, _) = service.calls
        assert (path, body, headers["x-lang"]) == ("/api/refunds?full=a%26b", {"order": "A1"}, "en")
        assert headers["Authorization"] == "Bearer " + CANARY and headers["Content-Type"] == "application/json"
        assert headers["Idempotency-Key"] == again["Idempotency-Key"] and len(service.cases) == 1
        assert CANARY not in str(shop.site.sql("select data::text from flow_journal")), "the secret is in the journal"
        await shop.close()


PAYING = """flow { id = "paying", title = "Paying", escape = { queue = "care" } }
for _, say_when in ipairs { "first", "second", "third" } do
  ask("Pay the " .. say_when .. "?")
  local paid, err = http.post { url = "{shop}/pay", json = { what = say_when }, once = true }
  say(say_when .. ": " .. (paid and paid.id or err.kind))
end
"""


async def test_a_call_that_is_made_once_is_not_repeated_after_a_crash(shop, service):
    """The flow is told that nobody knows; also where the connection breaks before there is an answer."""
    shop.site.flow("paying", PAYING)
    shop.app = shop.site.app("paying-app", queue="care", flow="paying")
    with shop.serve(sets=service.settings, env=service.secrets) as server:
        ann = await shop.customer("ann")
        await ann.post("hello")
        await ann.until(lambda: "Pay the first?" in ann.texts())
        service.hold = True
        await ann.post("yes")
        await service.called(1)
        server.kill()
        shop.site.set_clock(60)     # as if it came back when nobody can have the call any more
        server.start()
        await ann.reconnect()
        await ann.until(lambda: "first: unknown" in ann.texts(), 60, "what became of it")
        service.release()
        await ann.until(lambda: "Pay the second?" in ann.texts())
        service.answers = [0]
        await ann.post("yes")
        await ann.until(lambda: "second: unknown" in ann.texts(), 60, "what became of it")
        await ann.until(lambda: "Pay the third?" in ann.texts())
        await ann.post("yes")
        await ann.until(lambda: "third: C2" in ann.texts(), 60, "the answer")
        assert [body["what"] for _, _, body in service.calls] == ["first", "second", "third"]
        await shop.close()


KEEPS = """flow { id = "keeps", title = "Keeps", escape = { queue = "care" } }
local first = ask "First?"
http.post { url = "{shop}/cases", json = { open = true } }
context.set("first", "of " .. first)
wait "1d"
"""


async def test_what_is_erased_while_a_service_is_called_is_not_kept_by_the_answer(shop, service):
    """The step takes no number of the conversation, by which the server would hear that something was erased."""
    shop.site.flow("keeps", KEEPS)
    shop.app = shop.site.app("keeps-app", queue="care", flow="keeps")
    with shop.serve(sets=service.settings, env=service.secrets):
        ann = await shop.customer("ann")
        await ann.post("hello")
        await ann.until(lambda: "First?" in ann.texts())
        service.hold = True
        await ann.post("one")
        await service.called(1)
        erase(shop, ann.main, said(ann, "one"))
        service.release()
        kept = "SELECT collected FROM flow_run WHERE step > 2"
        await until(lambda: shop.site.sql(kept), "the answer to be taken")
        assert shop.site.sql(kept) == [({},)]
        await shop.close()


async def test_a_call_is_tried_again_and_a_refusal_is_told(shop, service):
    shop.site.flow("calling", CALLING)
    shop.app = shop.site.app("calling-app", queue="care", flow="calling")
    service.answers = [503, 429, 201, 404]
    with shop.serve(sets=service.settings, env=service.secrets):
        for name, said, calls in (("ann", "Case C1", 3), ("bob", "No case: status 404", 4)):
            customer = await shop.customer(name)
            await customer.post("hello")
            await customer.until(lambda c=customer: "Which order?" in c.texts())
            await customer.post("A1")
            await customer.until(lambda c=customer, s=said: s in c.texts(), 60, said)
            assert len(service.calls) == calls
        await shop.close()


async def test_a_call_stays_outside_of_ones_own_network(shop, service):
    shop.site.flow("calling", CALLING)
    shop.app = shop.site.app("calling-app", queue="care", flow="calling")
    with shop.serve(sets={**service.settings, "flows.private_network": "no"}, env=service.secrets):
        ann = await shop.customer("ann")
        await ann.post("hello")
        await ann.until(lambda: "Which order?" in ann.texts())
        await ann.post("A1")
        await ann.until(lambda: "No case: denied nil" in ann.texts(), 60)
        assert service.calls == []
        await shop.close()


BROKEN = {
    "an error": ('flow { id = "bad", title = "Bad" }\nsay "Hello."\nask "Name?"\nerror("broken")\n', 4),
    "a nil": ('flow { id = "bad", title = "Bad" }\nask "Name?"\nlocal x = nil\nsay(x.y)\n', 4),
    "an endless loop": ('flow { id = "bad", title = "Bad" }\nask "Name?"\nwhile true do end\n', 3),
    "a loop in pcall": ('flow { id = "bad", title = "Bad" }\nask "Name?"\nwhile true do pcall(function() while true do end end) end\n', 3),
    "a memory bomb": ('flow { id = "bad", title = "Bad" }\nask "Name?"\nlocal t = {}\nwhile true do t[#t + 1] = ("x"):rep(10000) .. #t end\n', 4),
    "deep recursion": ('flow { id = "bad", title = "Bad" }\nask "Name?"\nlocal function f() return 1 + f() end\nf()\n', 3),
}


@pytest.mark.parametrize("own, configured, said", [
    ('apology = "Das tut uns leid.", ', {}, "Das tut uns leid."),
    ("", {"flows.apology": "Kurz gesagt: kaputt, leider."}, "Kurz gesagt: kaputt, leider."),
    ('apology = "Das tut uns leid.", ', {"flows.apology": "Kaputt."}, "Das tut uns leid."),
    ("", {}, "Something went wrong on our side. A person will help you."),
])
async def test_the_apology_speaks_the_flows_language(shop, own, configured, said):
    shop.site.flow("bad", 'flow { id = "bad", %stitle = "Bad" }\nask "Name?"\nerror("broken")\n' % own)
    shop.app = shop.site.app("bad-app", queue="care", flow="bad")
    with shop.serve(sets=configured) as server:
        ann = await shop.customer("ann")
        await ann.post("hello")
        await ann.until(lambda: "Name?" in ann.texts())
        server.kill()       # the text is the version's, whoever brings the run back
        server.start()
        await ann.reconnect()
        await ann.post("Ann")
        await ann.until(lambda: ann.kinds()[-1] == "queued", what="a person to be called")
        assert ann.texts()[-1] == said
        await shop.close()


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_script_brings_the_apology_and_a_person(shop, name):
    source, line = BROKEN[name]
    shop.site.flow("bad", source)
    shop.app = shop.site.app("bad-app", queue="care", flow="bad")
    with shop.serve() as server:
        ann, other, kim = await shop.customer("ann"), await shop.customer("bob"), await shop.desk("kim")
        await ann.post("Hello")
        await ann.until(lambda: "Name?" in ann.texts())
        await ann.post("Ann")
        await kim.accept(await kim.offered(ann.main))
        await ann.until(lambda: "joined" in ann.kinds())
        queued = next(i for i in ann.items() if i["kind"] == "queued")
        assert queued["body"]["why"] == "failed"
        before = [i for i in ann.items() if i["seq"] < queued["seq"]]
        assert before[-1]["kind"] == "text" and before[-1]["role"] in ("bot", "system"), "no apology"
        await other.post("Hello")
        await other.until(lambda: "Name?" in other.texts(), what="another customer to be served meanwhile")
        logs = shop.site.logs()
        assert f"bad.lua:{line}" in logs or f'"line":{line}' in logs.replace(" ", ""), server.tail()
        await shop.quiet()
    shop.judge()


UNLOADABLE = """
WITH version AS (INSERT INTO flow_version (hash, name, title, source) VALUES (sha256('('), 'broken', 'Broken', '(') RETURNING hash),
     broken AS (SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid AS id, gen_random_uuid() AS session,
                       gen_random_uuid() AS run FROM generate_series(1, %s) n),
     who AS (INSERT INTO customer (id) SELECT id FROM broken),
     what AS (INSERT INTO conversation (id, customer, app) SELECT id, id, (SELECT id FROM app LIMIT 1) FROM broken),
     served AS (INSERT INTO session (id, conversation, app, customer, state, epoch, run, opened_at, state_at)
                SELECT session, id, id, id, 1, 1, run, now(), now() FROM broken),
     ran AS (INSERT INTO flow_run (id, session, conversation, hash, state, step, input_seq, started_at, updated_at)
             SELECT run, session, id, hash, 2, 1, 0, now(), now() FROM broken, version),
     said AS (INSERT INTO item (conversation, id, author, seq, prev, at, kind, role, audience, body)
              SELECT id, gen_random_uuid(), id, 1, 0, now(), 1, 1, 0, '{"text": "hello"}' FROM broken)
INSERT INTO timer (id, conversation, kind, due, ref) SELECT gen_random_uuid(), id, 3, now() - interval '1 hour', run FROM broken
"""


async def test_runs_that_cannot_be_loaded_hold_up_nobodys_timer(shop):
    """More of them than are looked at in one go, and all were due before."""
    flow = 'flow { id = "later", title = "Comes back" }\nsay "One moment."\nwait "1s"\nsay "Here again."\nask { id = "q", text = "?" }\n'
    shop.site.flow("later", flow)
    shop.app = shop.site.app("patient", flow="later", queue="care")
    with shop.serve(workers=2):
        ann = await shop.customer("ann")
        shop.site.sql(UNLOADABLE, 130)
        await ann.post("hello")
        await ann.until(lambda: "Here again." in ann.texts(), what="the flow to go on")
        assert shop.site.sql("SELECT count(*) FROM timer WHERE kind = 3") == [(130,)]
        await shop.close()


async def test_runs_that_cannot_be_loaded_hold_up_nobody_who_was_left_behind(shop):
    """As many of them as are looked at in one go, and all come before ann's."""
    shop.site.flow("name", 'flow { id = "name", title = "Name" }\nask { id = "q", text = "Name?" }\nsay "Thank you."\n')
    shop.app = shop.site.app("names", flow="name", queue="care")
    shop.site.sql(UNLOADABLE, 500)
    with shop.serve() as server:
        ann = await shop.customer("ann")
        await ann.post("hello")
        await ann.until(lambda: "Name?" in ann.texts())
        server.kill()
        await ann.closed()
        shop.site.sql("INSERT INTO item SELECT conversation, gen_random_uuid(), %s, seq + 1, seq, now(), 1, 1, 0,"
                      " '{\"text\": \"Ann\"}' FROM item WHERE conversation = %s ORDER BY seq DESC LIMIT 1",
                      ann.items()[0]["author"], ann.main)
        server.start()
        await until(lambda: shop.site.sql("SELECT 1 FROM item WHERE conversation = %s AND body->>'text' = 'Thank you.'",
                                          ann.main), what="the flow to go on")
        await shop.close()
