"""Which flow begins where nobody serves: by a button, by words, by an event, by the app, or because nothing else would."""
import http.client
import json

import pytest

from parley_link import Refused
from parley_wire import uuid7
from test_bot_crashes import dying
from waiting import until

FLOWS = {
    "orders": '{ button = "Track an order", match = { "where.*order", "track" } }',
    "refund": '{ button = "refund.button", match = "(?i)money back" }',
    "people": "{ fallback = true }",
    "house": "{}",
}
TEXTS = 'texts { en = { ["refund.button"] = "Return an item" }, de = { ["refund.button"] = "Überblick (a+)" } }\n'


def source(name, start):
    return f"""flow {{ id = "{name}", title = "The flow {name}", start = {start} }}
{TEXTS if name == "refund" else ""}
say("{name} by " .. started.kind .. " " .. (started.text or "nothing"))
"""


def publish(shop, name, start):
    shop.site.flow(name, source(name, start))


def open_shop(shop, names=FLOWS, **app):
    for name in names:
        publish(shop, name, FLOWS[name])
    shop.app = shop.site.app("reached", **{"queue": "care", **app})


def begun(customer):
    """The flow of the newest session; None where people are asked for at once."""
    return [i["body"].get("flow") for i in customer.items() if i["kind"] == "opened"][-1]


async def begins(shop, name, words, kind="text"):
    """What begins by these words of somebody new, and what it said."""
    customer = await shop.customer(name)
    await customer.post(words, kind=kind)
    await customer.until(lambda: {"resolved", "queued"} & set(customer.kinds()), what=f"an end to {words}")
    await customer.link.close()
    return begun(customer), next((i["body"]["text"] for i in customer.items() if i["role"] == "bot"), None)


async def test_a_button_then_a_pattern_then_the_app_s_own(shop):
    open_shop(shop, flow="house")
    cases = [
        ("Track an order", "orders"), ("  tRACK an ORDER\n", "orders"), ("Track an order, please", "house"),
        ("so where is my order", "orders"), ("I track it", "orders"), ("Where is my order?", "house"),
        ("return an item", "refund"), ("üBERBLICK (A+)", "refund"), ("Überblick aa", "house"), ("refund.button", "house"),
        ("My MONEY back", "refund"), ("Return an item where is my order", "orders"), ("Hello", "house"),
    ]
    with shop.serve():
        for n, (words, flow) in enumerate(cases):
            assert await begins(shop, f"ann{n}", words) == (flow, f"{flow} by text {words}")
        tapped = {"to": 1, "value": "2", "text": "Return an item"}
        assert await begins(shop, "bob", tapped, kind="choice") == ("refund", "refund by choice Return an item")
        await shop.quiet()
    shop.judge()


async def test_without_a_flow_of_the_app_the_fallback_and_without_one_the_queue(shop):
    open_shop(shop)
    with shop.serve():
        assert await begins(shop, "ann", "Hello") == ("people", "people by text Hello")
        assert (await begins(shop, "bob", "track"))[0] == "orders"
        shop.site.cli("app", "flows", "reached", "orders")
        await until_begins(shop, "Hello", None)
        assert (await begins(shop, "eve", "track"))[0] == "orders"
        assert (await begins(shop, "joe", "Return an item"))[0] is None
        shop.site.cli("app", "flows", "reached", "--none")
        await until_begins(shop, "track", None)
        shop.site.cli("app", "flows", "reached", "--all")
        await until_begins(shop, "track", "orders")
        await shop.quiet()
    shop.judge()


async def until_begins(shop, words, flow):
    """A server learns of a change a moment after it was made; who comes in between is served as before."""
    for n in range(1000):
        if (await begins(shop, f"new{n}.{words[:3]}{flow}".lower().replace(".", "x"), words))[0] == flow:
            return
    raise AssertionError(f"{words} does not begin {flow}")


async def test_what_is_published_and_taken_back_takes_effect(shop):
    open_shop(shop, ["orders", "people"])
    with shop.serve(workers=2):
        assert (await begins(shop, "ann", "Any news?"))[0] == "people"
        publish(shop, "orders", '{ match = "(?i)news" }')
        await until_begins(shop, "Any news?", "orders")
        await until_begins(shop, "track", "people")     # each worker reads it for itself
        shop.site.cli("flow", "rollback", "orders")
        await until_begins(shop, "track", "orders")
        await until_begins(shop, "Any news?", "people")
        await shop.quiet()
    shop.judge()


async def test_whoever_serves_is_not_interrupted(shop):
    open_shop(shop, ["orders", "people"])
    shop.site.cli("app", "flows", "reached", "--none")
    with shop.serve():
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        await ann.post("track")
        await kim.accept(await kim.offered(ann.main))
        shop.site.cli("app", "flows", "reached", "--all")
        await until_begins(shop, "track", "orders")
        await ann.post("track")
        await kim.say("I am here", ann.main)
        await ann.settled()
        assert ann.kinds().count("opened") == 1 and ann.texts()[-2:] == ["track", "I am here"]
        await kim.resolve(ann.main)
        await ann.post("track")
        await ann.until(lambda: ann.texts()[-1] == "orders by text track", what="the flow once nobody serves")
        await shop.close()


async def test_a_pattern_that_never_ends_holds_nobody_up(shop):
    open_shop(shop, ["orders", "people"])
    publish(shop, "bomb", '{ match = { "^(a+)+$", "(x+x+)+y" } }')
    with shop.serve() as server:
        assert (await begins(shop, "ann", "a" * 5000 + "! track"))[0] == "orders"
        assert (await begins(shop, "bob", "x" * 5000))[0] == "people"
        await shop.quiet()
    assert "what a flow starts by takes too long on what was said" in shop.site.logs()
    shop.judge()


async def test_the_buttons_are_there_before_anything_is_said(shop):
    open_shop(shop)
    with shop.serve():
        ann = await shop.customer("ann")

        async def starts(**more):
            return (await ann.link.request("starts", **more))["starts"]

        orders = {"flow": "orders", "title": "The flow orders", "button": "Track an order"}
        refund = {"flow": "refund", "title": "The flow refund", "button": "Return an item"}
        assert await starts(language="en-GB") == [orders, refund]
        assert await starts(language="de") == [orders, {**refund, "button": "Überblick (a+)"}]
        await ann.post((await starts())[1]["button"])
        await ann.until(lambda: "opened" in ann.kinds() and begun(ann) == "refund", what="the flow of the button")
        kim = await shop.desk("kim")
        with pytest.raises(Refused) as refused:
            await kim.link.request("starts")
        assert refused.value.code == "denied"
        shop.site.cli("app", "flows", "reached", "orders")
        await until_begins(shop, "Return an item", None)
        assert await starts() == [orders]
        await shop.close()


async def test_the_flows_that_an_app_reaches_are_shown(shop):
    open_shop(shop, flow="house")

    def reached(*more):
        return {row["name"]: row for row in json.loads(shop.site.cli("app", "flows", "reached", *more, "--json"))}

    assert list(reached()) == ["house", "orders", "people", "refund"]
    assert reached()["refund"]["button"] == "Überblick (a+), Return an item"
    assert reached()["orders"]["match"] == "where.*order, track"
    assert [row["own"] for row in reached().values()] == [True, False, False, False]
    assert [row["fallback"] for row in reached().values()] == [False, False, True, False]
    assert list(reached("orders")) == ["house", "orders"]
    assert list(reached("--none")) == ["house"]
    assert list(reached("--all")) == ["house", "orders", "people", "refund"]


LATE = """flow { id = "late", title = "Late", start = { event = { "parcel.late", "parcel.lost" }, where = { parcel = true } } }
say(started.kind .. " " .. started.event .. " " .. started.data.day .. " " .. tostring(started.text))
local moved = wait { event = "parcel.moved", timeout = "1d" }
say("moved to " .. moved.place)
"""


def event(shop, conv, type, id=None, **data):
    """A back end's; what it was answered."""
    body = {"conversation": conv, "id": id or uuid7(), "type": type, "text": type, "data": data}
    status, text = shop.server.http("POST", "/v1/events", body, shop.backend)
    assert status in (200, 201), text
    return json.loads(text)


def open_late(shop):
    shop.site.flow("late", LATE)
    shop.app = shop.site.app("parcels", queue="care")
    shop.backend = shop.site.program_key("parcels")


async def test_an_event_begins_a_flow_which_says_something_by_itself(shop):
    open_late(shop)
    with shop.serve():
        ann, bob = await shop.customer("ann"), await shop.customer("bob")
        event(shop, ann.main, "parcel.late", parcel=False, day="Monday")
        event(shop, ann.main, "parcel.sent", parcel=True, day="Monday")
        event(shop, ann.main, "parcel.lost", parcel=True, day="Monday")
        await ann.until(lambda: ann.texts() == ["event parcel.lost Monday nil"], what="the flow")
        assert [k for k in ann.kinds() if k != "text"] == ["custom", "custom", "opened", "custom"]
        await bob.post({"type": "parcel.late", "fallback": "late", "data": {"parcel": True, "day": "Tuesday"}}, kind="custom")
        await bob.until(lambda: bob.texts() == ["event parcel.late Tuesday nil"], what="the same by the app itself")
        event(shop, ann.main, "parcel.moved", place="Hamburg")
        await ann.until(lambda: ann.texts()[-1] == "moved to Hamburg", what="the flow to go on")
        await ann.until(lambda: ann.kinds()[-1] == "resolved", what="the flow to end")
        event(shop, ann.main, "parcel.late", parcel=True, day="Friday")
        await ann.until(lambda: ann.texts()[-1] == "event parcel.late Friday nil", what="the flow once more")
        await shop.close()


@pytest.mark.parametrize("point", ["move_before_submit", "move_after_submit", "move_after_commit", "flow_after_step"])
async def test_an_event_of_the_app_begins_it_once_through_a_crash(shop, point):
    open_late(shop)
    with shop.serve() as server:
        async with dying(server, point):
            ann = await shop.customer("ann")
            ann.stay()
            await ann.post({"type": "parcel.late", "fallback": "late", "data": {"parcel": True, "day": "Monday"}}, kind="custom")
            await ann.until(lambda: ann.texts() == ["event parcel.late Monday nil"], 60, "the flow")
        await shop.quiet()
        assert ann.kinds() == ["opened", "custom", "text"]
    shop.judge()


async def test_an_event_that_a_back_end_says_again_begins_it_once(shop):
    """It had no answer, since the server died when it was stored."""
    open_late(shop)
    with shop.serve() as server:
        id, answers = uuid7(), []

        def say():
            try:
                answers.append(event(shop, ann.main, "parcel.late", id, parcel=True, day="Monday"))
            except (OSError, http.client.HTTPException, AssertionError):
                return False
            return True
        async with dying(server, "move_after_commit"):
            ann = await shop.customer("ann")
            ann.stay()
            await until(say, "an answer")
            await ann.until(lambda: ann.texts() == ["event parcel.late Monday nil"], 60, "the flow")
        assert answers[0]["duplicate"]
        event(shop, ann.main, "parcel.moved", place="Hamburg")
        await ann.until(lambda: ann.kinds()[-1] == "resolved", 60, "the flow to go on")
        assert ann.texts() == ["event parcel.late Monday nil", "moved to Hamburg"]
        assert ann.kinds().count("opened") == 1 and ann.kinds().count("custom") == 2
        await shop.close()


async def test_an_event_interrupts_neither_a_person_nor_a_question(shop):
    open_late(shop)
    publish(shop, "orders", FLOWS["orders"])
    shop.site.flow("asks", 'flow { id = "asks", title = "Asks", start = { button = "Ask me" } }\nask "Why?"\nsay "I see."\n')
    with shop.serve() as server:
        ann, bob, kim = await shop.customer("ann"), await shop.customer("bob"), await shop.desk("kim")
        await ann.post("Ask me")
        await ann.until(lambda: ann.texts()[-1] == "Why?", what="the question")
        await bob.post("Hello")
        event(shop, bob.main, "parcel.late", parcel=True, day="Monday")
        await kim.accept(await kim.offered(bob.main))
        for who in (ann, bob):
            event(shop, who.main, "parcel.lost", parcel=True, day="Monday")
        await kim.say("Hello Bob", bob.main)
        await ann.post("Because.")
        await ann.until(lambda: ann.kinds()[-1] == "resolved", what="the answer to be taken")
        await bob.until(lambda: bob.texts()[-1] == "Hello Bob")
        assert ann.texts() == ["Ask me", "Why?", "Because.", "I see."] and bob.kinds().count("opened") == 1
        await kim.until(lambda: [i["kind"] for i in kim.items(bob.main)].count("custom") == 2, what="the agent to see both")
        assert server.metrics()["parley_flow_events_served_total"] == 3
        await kim.resolve(bob.main)
        event(shop, bob.main, "parcel.late", parcel=True, day="Friday")
        await bob.until(lambda: bob.texts()[-1] == "event parcel.late Friday nil", what="the flow once nobody serves")
        await shop.close()
    assert shop.site.logs().count("an event began no flow, since somebody serves") == 3


async def test_what_a_back_end_says_begins_nothing(shop):
    """It is said to the customer, not by them."""
    open_shop(shop, ["orders", "house"], flow="house")
    key = shop.site.program_key("reached")
    with shop.serve() as server:
        ann = await shop.customer("ann")
        body = {"id": uuid7(), "kind": "text", "body": {"text": "Track an order"}}
        status, text = server.http("POST", f"/v1/conversations/{ann.main}/items", body, key)
        assert status in (200, 201), text
        await ann.until(lambda: "text" in ann.kinds())
        await ann.settled()
        assert ann.kinds() == ["text"]
        await ann.post("Track an order")
        await ann.until(lambda: "opened" in ann.kinds() and begun(ann) == "orders", what="the flow by the customer's words")
        await shop.close()


async def test_an_event_begins_only_what_the_app_reaches(shop):
    open_late(shop)
    shop.site.cli("app", "flows", "parcels", "--none")
    with shop.serve():
        ann = await shop.customer("ann")
        event(shop, ann.main, "parcel.late", parcel=True, day="Monday")
        await ann.until(lambda: "custom" in ann.kinds())
        await ann.settled()
        assert ann.kinds() == ["custom"]
        shop.site.cli("app", "flows", "parcels", "late")
        for n in range(1000):
            event(shop, ann.main, "parcel.late", parcel=True, day="Tuesday")
            await ann.until(lambda: ann.kinds().count("custom") == n + 2)
            if "opened" in ann.kinds():
                break
        await ann.until(lambda: ann.texts()[-1:] == ["event parcel.late Tuesday nil"], what="the flow")
        await shop.close()
