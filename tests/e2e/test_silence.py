"""A customer who falls silent in a flow: the session ends after flows.session_ttl, and nothing else does."""
import time

DAY = 86400

ASK = """
flow { id = "ask", title = "Asks" }
local said = ask { id = "what", text = "What is it?", timeout = "300d" }
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
