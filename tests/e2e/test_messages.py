"""Messages that a flow leaves for somebody who has time: nobody waits, on either side."""
import pytest

from test_chat_desk import chat
from test_flow_publish import risen

NIGHT = """
flow { id = "night", title = "After hours", escape = { queue = "care" } }
local topic = ask { id = "topic", text = "What is it about?" }
local left = handoff { queue = "care", mode = "message", reason = "after hours", summary = "Wrote at night: " .. topic }
say("We answer here: " .. left.outcome)
"""


def night(shop):
    shop.site.flow("night", NIGHT)
    shop.app = shop.site.app("night-app", queue="care", flow="night")


async def leave(shop, name, text="my bill"):
    client = await shop.customer(name)
    await client.post("hello")
    await client.until(lambda: "What is it about?" in client.texts())
    await client.post(text)
    await client.until(lambda: client.kinds()[-1] == "queued")
    return client


def service(client):
    return client.threads[client.main].service


@pytest.mark.parametrize("point", [None, "flow_before_step", "move_after_submit", "flow_after_step"])
async def test_a_message_waits_for_somebody_who_has_time(shop, point):
    """Left while nobody works and its customer goes, behind one who waits; answered by who comes, read by who comes back."""
    night(shop)
    with shop.serve() as server:
        ann = await shop.customer("ann")
        await ann.post("hello")
        await ann.until(lambda: "What is it about?" in ann.texts())
        if point:
            server.kill()
            server.start(fault=f"{point}:1")
            await ann.reconnect()
            entry = ann.post("my bill")
            await risen(server)
            await ann.reconnect()
            await entry
        else:
            await ann.post("my bill")
        await ann.until(lambda: ann.kinds()[-1] == "queued", 60)
        assert ann.kinds() == ["opened", "text", "text", "text", "text", "queued"]
        assert ann.texts()[-1] == "We answer here: message" and ann.items()[-1]["body"]["why"] == "message"
        await ann.post("it is too high since March")
        await ann.settled()
        await ann.reconnect()
        assert service(ann)["state"] == "queued" and service(ann)["message"] and "place" not in service(ann)
        await ann.drop()
        bob = await leave(shop, "bob")
        await bob.handoff()
        await bob.until(lambda: service(bob).get("place") == 1, what="bob to wait, and be next")
        assert "message" not in service(bob)
        kim = await shop.desk("kim", status="away")
        waiting = (await kim.request("inbox"))["desk"]["waiting"]
        assert [(w["conversation"], w.get("message")) for w in waiting] == [(bob.main, None), (ann.main, True)]
        await kim.status("online")
        offer = await kim.briefed(bob.main)
        assert "message" not in offer["dossier"]
        await kim.accept(offer)
        offer = await kim.briefed(ann.main)
        assert offer["dossier"]["message"], "kim cannot tell that nobody waits"
        answer = await kim.accept(offer)
        dossier = answer["dossier"]
        assert (dossier["reason"], dossier["summary"]) == ("after hours", "Wrote at night: my bill")
        assert dossier["collected"] == {"topic": "my bill"}
        assert [i["body"]["text"] for i in answer["thread"]["items"] if i["kind"] == "text"][-1] == "it is too high since March"
        await kim.say("It is put right.", ann.main)
        await kim.resolve(ann.main)
        await ann.connect()
        await ann.until(lambda: ann.kinds()[-1] == "resolved")
        assert "It is put right." in ann.texts() and ann.kinds()[-3:] == ["joined", "text", "resolved"]
        await ann.post("thank you")
        await ann.until(lambda: ann.texts()[-1] == "What is it about?", what="the flow from its beginning")
        await shop.close()
    shop.judge()


async def test_who_left_a_message_may_want_somebody_now_or_nobody(shop):
    night(shop)
    with shop.serve():
        ann, bob, cid = [await leave(shop, name) for name in ("ann", "bob", "cid")]
        answer = await cid.handoff(reason="it burns")
        assert answer["service"]["state"] == "queued" and "message" not in answer["service"]
        assert cid.items()[-1]["body"]["why"] == "customer"
        await bob.request("queue.leave", conversation=bob.main)
        await bob.until(lambda: bob.kinds()[-1] == "resolved")
        await bob.post("another thing")
        await bob.until(lambda: bob.texts()[-1] == "What is it about?", what="the flow from its beginning")
        kim = await shop.desk("kim")
        first = await kim.offered()
        assert first["conversation"] == cid.main, "a message comes before somebody who waits"
        assert (await kim.accept(first))["dossier"]["summary"] == "Wrote at night: my bill"
        second = await kim.offered(ann.main)
        await kim.accept(second)
        assert not (await kim.request("inbox"))["desk"].get("waiting"), "bob waits, who did not want to"
        await shop.close()
    shop.judge()


async def test_who_left_a_message_may_want_somebody_while_it_is_held_out_to_an_agent(shop):
    night(shop)
    with shop.serve():
        ann, kim = await leave(shop, "ann"), await shop.desk("kim")
        first = await kim.offered(ann.main)
        answer = await ann.handoff(reason="it burns")
        assert "message" not in answer["service"] and ann.items()[-1]["body"]["why"] == "customer"
        await kim.until(lambda: any(o["offer"] != first["offer"] for o in kim.offers.values()), what="another offer")
        assert kim.ended[first["offer"]]["why"] == "withdrawn", "the agent has not declined it"
        assert (await kim.accept(await kim.offered(ann.main)))["dossier"]["summary"] == "Wrote at night: my bill"
        assert [i["body"].get("result") for i in kim.items(ann.main) if i["kind"] == "offered"][:2] == [None, "withdrawn"]
        await kim.resolve(ann.main)
        await shop.close()
    shop.judge()


def test_the_library_tells_that_it_is_a_message(shop):
    """By the item alone, and no longer once somebody is wanted."""
    night(shop)
    with shop.serve(), chat(shop) as ana:
        ana.call("send", text="hello")
        ana.text("What is it about?")
        ana.call("send", text="my bill")
        ana.expect("service", lambda e: e["service"]["state"] == "queued" and e["service"]["message"])
        ana.call("handoff.request")
        ana.expect("service", lambda e: e["service"]["state"] == "queued" and "message" not in e["service"])
