"""Which flow begins where nobody serves: by a button, by words, by the app, or because nothing else would."""
import json

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
        assert (await begins(shop, "bob", "track"))[0] == "people"
        shop.site.cli("flow", "rollback", "orders")
        await until_begins(shop, "track", "orders")
        assert (await begins(shop, "eve", "Any news?"))[0] == "people"
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
