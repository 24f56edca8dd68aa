"""A customer who falls silent in a flow: the session ends after flows.session_ttl, or resolved_ttl; nothing else does."""
import time

from waiting import until

DAY = 86400

ASK = """
flow { id = "ask", title = "Asks" }
local said = ask { id = "what", text = "What is it?" }
say("You said: " .. said)
handoff { queue = "care" }
"""


async def asked(shop, name):
    person = await shop.customer(name)
    await person.post("hello")
    await person.until(lambda: "What is it?" in person.texts(), what="the question")
    return person


async def move_clock(shop, person, days):
    """Returns once the server goes by it."""
    shop.site.set_clock(int(days * DAY))
    shop.server.hup()
    while (await person.reconnect())["time"] < (time.time() + days * DAY - 3600) * 1000:
        pass


def begin(shop):
    shop.site.flow("ask", ASK)
    shop.app = shop.site.app("asking", queue="care", flow="ask")


def outcome(person):
    return next((i["body"]["outcome"] for i in person.items() if i["kind"] == "resolved"), None)


async def test_silence_closes_the_session_and_its_run(shop):
    begin(shop)
    with shop.serve(workers=2, sets={"auth.max_ttl": "60d"}):
        shop.app.token = lambda sub, token=shop.app.token: token(sub, ttl=50 * DAY)
        ann, bob, cas = await asked(shop, "ann"), await asked(shop, "bob"), await asked(shop, "cas")
        await cas.handoff()
        await move_clock(shop, ann, 20)
        await bob.context({"screen": "Home"})
        await bob.post({"text": "still thinking"}, kind="text")
        await move_clock(shop, ann, 29)
        dan = await asked(shop, "dan")
        await move_clock(shop, ann, 31)
        await ann.until(lambda: outcome(ann) == "silent", what="the end of ann's session")
        end = ann.items()[-1]["body"]
        assert end["closed"] is True
        states = dict(shop.site.sql("SELECT conversation::text, state FROM session"))
        assert (states[ann.main], states[cas.main], states[dan.main]) == (6, 2, 1) and states[bob.main] != 6
        assert shop.site.sql("SELECT r.state FROM flow_run r WHERE conversation = %s", ann.main) == [(4,)]
        assert shop.site.sql("SELECT 1 FROM timer WHERE conversation = %s", ann.main) == []
        assert outcome(dan) is None and outcome(cas) is None
        await ann.post("I am back")
        await ann.until(lambda: ann.texts().count("What is it?") == 2, what="the flow to begin anew")
        assert ann.kinds().count("opened") == 2
        await shop.quiet()


async def test_words_in_time_keep_the_session(shop):
    begin(shop)
    with shop.serve(sets={"auth.max_ttl": "60d", "flows.session_ttl": "10d"}) as server:
        shop.app.token = lambda sub, token=shop.app.token: token(sub, ttl=50 * DAY)
        ann, bob = await asked(shop, "ann"), await asked(shop, "bob")
        await move_clock(shop, ann, 9)
        await ann.context({"screen": "Home"})       # what the app says is no word of the customer
        process = await bob.process_start("order")
        await move_clock(shop, ann, 10.5)
        await ann.until(lambda: outcome(ann) == "silent", what="the end of ann's session")
        assert outcome(bob) is None and process["revision"] == 1
        server.kill()
        server.start()
        await bob.reconnect()
        await bob.post("42")
        await bob.until(lambda: "You said: 42" in bob.texts(), what="the flow to go on")
        await shop.quiet()


def ends(person):
    return [i["body"] for i in person.items() if i["kind"] == "resolved"]


WAITS = """
flow { id = "waits", title = "Waits" }
say "I will write to you."
wait "60d"
local said = ask "It is here. Shall we send it?"
say("You said: " .. said)
"""


async def test_a_flow_that_waits_for_the_world_is_not_silence(shop):
    """However long that is; the customer has as long for an answer to what it asks afterwards as anybody."""
    begin(shop)
    shop.site.flow("waits", WAITS)
    waits = shop.site.app("waiting", queue="care", flow="waits")
    with shop.serve(sets={"auth.max_ttl": "200d"}):
        for app in shop.app, waits:
            app.token = lambda sub, token=app.token: token(sub, ttl=190 * DAY)
        bob, asking, shop.app = await asked(shop, "bob"), shop.app, waits
        ann = await shop.customer("ann")
        await ann.post("hello")
        await ann.until(lambda: "I will write to you." in ann.texts())
        await move_clock(shop, ann, 31)
        await bob.until(lambda: outcome(bob) == "silent", what="a sweep")
        shop.app = asking
        cas = await asked(shop, "cas")
        await move_clock(shop, ann, 60.5)
        await ann.until(lambda: "It is here. Shall we send it?" in ann.texts(), what="the wait to end")
        await move_clock(shop, ann, 62)
        await cas.until(lambda: outcome(cas) == "silent", what="another sweep")
        assert outcome(ann) is None
        await move_clock(shop, ann, 91)
        await ann.until(lambda: outcome(ann) == "silent", what="the end of ann's session")
        await shop.quiet()


PATIENT = """
flow { id = "patient", title = "Gives time" }
on.topic("opening hours", function()
  local day = ask "Of which day?"
  say("Open on " .. day)
end)
on.topic("human", function() handoff { queue = "care" } end)
local said, why = ask { text = "Shall we write in autumn?", timeout = "70d" }
say("First: " .. (said or why))
wait "80d"
say "80 days are over."
ask "Anything else?"
"""


async def test_a_question_with_a_time_of_its_own_has_it(shop):
    """Longer than the silence that ends a session, also where an agent has resolved it; and what is asked meanwhile is left, not
    what waits below it."""
    begin(shop)
    shop.site.flow("patient", PATIENT)
    patient = shop.site.app("patient", queue="care", flow="patient")
    with shop.serve(workers=2, sets={"auth.max_ttl": "300d"}):
        for app in shop.app, patient:
            app.token = lambda sub, token=app.token: token(sub, ttl=290 * DAY)
        kim, asking, shop.app = await shop.desk("kim"), shop.app, patient
        ann, cas = await shop.customer("ann"), await shop.customer("cas")
        for person in ann, cas:
            await person.post("hello")
            await person.until(lambda p=person: "Shall we write in autumn?" in p.texts(), what="the question")
        await cas.post("a human")
        await kim.accept(await kim.offered(cas.main))
        await kim.resolve(cas.main)
        await cas.until(lambda: cas.texts().count("Shall we write in autumn?") == 2, what="the question again")
        await kim.close()
        await ann.post("What are your opening hours?")
        await ann.until(lambda: "Of which day?" in ann.texts(), what="the topic")

        async def after(days):
            """So that the sweep has looked at who is there."""
            shop.app = asking
            other = await asked(shop, f"other{days}")
            await move_clock(shop, ann, days)
            await other.until(lambda: outcome(other) == "silent", what="a sweep")

        await after(31)
        await ann.until(lambda: ann.texts().count("Shall we write in autumn?") == 2, what="the topic to be left")
        await move_clock(shop, ann, 60)
        await after(91)
        await cas.until(lambda: "First: timeout" in cas.texts(), what="the time to be over")
        await ann.post("yes")
        await ann.until(lambda: "First: yes" in ann.texts(), what="the answer")
        await ann.post("And your opening hours?")
        await ann.until(lambda: ann.texts().count("Of which day?") == 2, what="the topic")
        await after(125)
        waiting = "SELECT waiting->>'call' FROM flow_run WHERE conversation = %s AND state < 4"
        await until(lambda: shop.site.sql(waiting, ann.main) == [("wait",)], "the topic to be left again")
        await ann.post("Monday")                    # to nothing that is asked
        await move_clock(shop, ann, 172)
        for person in ann, cas:
            await person.until(lambda p=person: "80 days are over." in p.texts(), what="the wait to end")
        assert "Open on Monday" not in ann.texts() and outcome(ann) is None
        assert [e["closed"] for e in ends(cas)] == [False]
        await after(203)
        for person in ann, cas:
            await person.until(lambda p=person: ends(p) and ends(p)[-1]["closed"], what="the end of the session")
        assert outcome(ann) == "silent"
        await shop.quiet()


RATING = """
flow { id = "rating", title = "Asks how it was" }
handoff { queue = "care" }
local score = ask { id = "score", text = "How was it?" }
local why = ask { id = "why", text = "And why?" }
"""


async def served(shop, name, kim, end):
    """A customer whose human part is over, and whom the flow asks how it was."""
    person = await shop.customer(name)
    await person.post("hello")
    await kim.accept(await kim.offered(person.main))
    await end(person.main)
    await person.until(lambda: "How was it?" in person.texts(), what="the question")
    return person


async def test_a_resolved_session_closes_a_day_later(shop):
    """After the last word; one that the agent gave back to the flow stays, since there the flow is meant to go on."""
    shop.site.flow("rating", RATING)
    shop.app = shop.site.app("rating", queue="care", flow="rating")
    with shop.serve(workers=2, sets={"auth.max_ttl": "60d"}):
        shop.app.token = lambda sub, token=shop.app.token: token(sub, ttl=50 * DAY)
        kim = await shop.desk("kim")
        ann, bob = await served(shop, "ann", kim, kim.resolve), await served(shop, "bob", kim, kim.resolve)
        cas = await served(shop, "cas", kim, kim.release)
        await kim.close()
        await move_clock(shop, ann, 0.9)
        await bob.post({"text": "Good"}, kind="text")
        await bob.until(lambda: "And why?" in bob.texts(), what="the next question")
        await move_clock(shop, ann, 1.1)
        await ann.until(lambda: len(ends(ann)) == 2, what="the end of ann's session")
        assert [(e["outcome"], e["closed"]) for e in ends(ann)] == [("resolved", False), ("resolved", True)]
        states = dict(shop.site.sql("SELECT conversation::text, state FROM session"))
        assert (states[ann.main], states[bob.main], states[cas.main]) == (6, 1, 1)
        await move_clock(shop, ann, 2)
        await bob.until(lambda: len(ends(bob)) == 2, what="the end of bob's session")
        assert shop.site.sql("SELECT state FROM session WHERE conversation = %s", cas.main) == [(1,)]
        await shop.quiet()
