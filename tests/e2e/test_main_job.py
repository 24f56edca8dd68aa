"""The main job: a customer talks, a bot serves, an agent takes over with the dossier, and everybody comes back to it."""
import pytest

from parley_link import Refused
from parley_people import first_offered

CARE = r"""
flow { id = "care", title = "Customer care" }
say "Welcome to the shop."
local wish = ask { id = "wish", text = "What can I do for you?", choices = { { "refund", "A refund" }, { "other", "Something else" } } }
local order = ask { id = "order", text = "Which order?", match = [[^A\d{6}$]], tries = 3 }
local result = handoff { queue = "care", reason = "refund", summary = "wants a " .. wish .. " for " .. order }
say("We are done: " .. result.outcome)
"""
CONTEXT = {"screen": "Order A123456", "objects": [{"type": "order", "id": "A123456"}], "errors": ["card declined"]}


@pytest.fixture(params=[("json", "msgpack"), ("msgpack", "json")], ids=["json-msgpack", "msgpack-json"])
def encodings(request):
    return request.param


async def test_the_whole_story(shop, encodings):
    shop.site.flow("care", CARE)
    shop.app = shop.site.app("care-app", queue="care", flow="care")
    with shop.serve(workers=2):
        ann = await shop.customer("ann", encoding=encodings[0])
        assert (ann.role, ann.threads[ann.main].head, ann.welcome["threads"][0]["topic"]) == ("customer", 0, "main")
        kim = await shop.desk("kim", encoding=encodings[1])
        await talk_to_the_flow(ann)
        conv = await taken_over(ann, kim)
        await work_together(ann, kim, conv)
        await resolved(ann, kim, conv)
        await shop.customer("ann.tablet", encoding=encodings[0])
        await comes_back(ann, shop.clients[-1], conv)
        await shop.quiet()
    shop.judge()


async def talk_to_the_flow(ann):
    first = await ann.post("Hello")
    assert first["seq"] in (1, 2) and not first.get("duplicate")
    question = await ann.until(lambda: next((i for i in ann.items() if i["kind"] == "choices"), None), what="the question")
    assert "Welcome to the shop." in ann.texts() and question["role"] == "bot"
    assert [o["value"] for o in question["body"]["options"]] == ["refund", "other"]
    await ann.context(CONTEXT)
    assert (await ann.context(CONTEXT))["changed"] is False
    await ann.post({"to": question["seq"], "value": "refund", "text": "A refund"}, kind="choice")
    await ann.until(lambda: "Which order?" in ann.texts(), what="the second question")
    process = await ann.process_start("refund", title="Refund", step="amount", data={"order": "A123456"})
    assert (process["revision"], process["state"], process["step"]) == (1, "open", "amount")
    await ann.post("no idea")
    await ann.post("A123456")
    await ann.until(lambda: "queued" in ann.kinds(), what="the queue")


async def taken_over(ann, kim):
    offer = await kim.briefed()
    dossier = offer["dossier"]
    assert offer["queue"] == "care" and offer["expires_in_ms"] > 0
    assert dossier["customer"] == ann.me and dossier["verified"] is True and dossier["name"].startswith("Ann")
    assert dossier["collected"]["wish"] == "refund" and dossier["collected"]["order"] == "A123456"
    assert dossier["reason"] == "refund" and "refund for A123456" in dossier["summary"]
    assert dossier["context"] == CONTEXT and dossier["waited_ms"] >= 0
    assert [(p["type"], p["step"], p["state"]) for p in dossier["processes"]] == [("refund", "amount", "open")]
    accepted = await kim.accept(offer)
    assert accepted["thread"]["service"]["state"] == "live" and accepted["thread"]["service"]["agent"] == kim.me
    assert accepted["dossier"]["collected"] == dossier["collected"]
    await ann.until(lambda: "joined" in ann.kinds(), what="the agent to join")
    conv = offer["conversation"]
    assert "Hello" in kim.texts(conv) and "context" in kim.kinds(conv) and "context" not in ann.kinds()
    return conv


async def work_together(ann, kim, conv):
    await kim.note("a good customer", conv)
    await kim.say("Hello Ann, this is Kim.", conv)
    await ann.until(lambda: "Hello Ann, this is Kim." in ann.texts(), what="the agent's words")
    await ann.request("typing", conversation=conv, on=True)
    await kim.until(lambda: any(t == "typing" and p["on"] and p["participant"] == ann.me for t, p in kim.pushes), what="typing")
    await ann.post("Thank you")
    await kim.until(lambda: "Thank you" in kim.texts(conv), what="the customer's words")
    head = ann.threads[conv].last
    await ann.request("mark", conversation=conv, read=head, delivered=head)
    await kim.until(lambda: kim.threads[conv].marks.get(ann.me, {}).get("read") == head, what="the customer's mark")
    [process] = (await kim.request("process.get", conversation=conv))["processes"]
    stepped = await kim.process_step(process, conv, state="done", step="paid", data={"amount": 12}, epoch=kim.threads[conv].epoch)
    assert (stepped["revision"], stepped["state"], stepped["data"]) == (2, "done", {"order": "A123456", "amount": 12})
    await ann.until(lambda: ann.kinds().count("process") == 2, what="the process to be done")
    with pytest.raises(Refused, match="stale") as stale:
        await ann.process_step(process, step="again")
    assert stale.value.current["revision"] == 2
    assert "note" not in ann.kinds() and "note" in kim.kinds(conv)
    assert not any("good customer" in str(p) for _, p in ann.pushes)


async def resolved(ann, kim, conv):
    await kim.resolve(conv)
    end = await ann.until(lambda: next((i for i in ann.items() if i["kind"] == "resolved"), None), what="the end")
    assert end["body"]["closed"] is False
    await ann.until(lambda: "We are done: resolved" in ann.texts(), what="the flow to go on")
    await ann.until(lambda: ann.kinds().count("resolved") == 2, what="the session to close")
    assert ann.items()[-1]["body"]["closed"] is True
    with pytest.raises(Refused):
        await kim.say("one more thing", conv, epoch=99)


async def comes_back(ann, tablet, conv):
    assert tablet.main == conv and [i["seq"] for i in tablet.items()] == [i["seq"] for i in ann.items()]
    assert tablet.items() == ann.items()
    await tablet.post("Me again")
    await ann.until(lambda: "Me again" in ann.texts(), what="the other device's words")
    await ann.until(lambda: ann.kinds().count("opened") == 2, what="a new session")
    sessions = [i["body"]["session"] for i in ann.items() if i["kind"] == "opened"]
    assert sessions[0] != sessions[1]
    await ann.until(lambda: ann.texts().count("Welcome to the shop.") == 2, what="the flow to begin again")


async def test_without_a_flow_the_default_queue_serves(shop):
    with shop.serve():
        ann = await shop.customer("ann")
        kim = await shop.desk("kim")
        conv = await shop.served(ann, kim)
        kinds = ann.kinds()
        assert kinds.index("opened") < kinds.index("queued") < kinds.index("joined")
        await kim.say("Hello", conv)
        await kim.resolve(conv)
        await ann.until(lambda: ann.kinds()[-1] == "resolved", what="the end")
        assert ann.items()[-1]["body"]["closed"] is True
        await shop.quiet()
    shop.judge()


async def test_decline_and_expiry_go_to_the_next(shop):
    with shop.serve(sets={"routing.offer_time": "400ms"}):
        ann = await shop.customer("ann")
        kim, lee = await shop.desk("kim"), await shop.desk("lee")
        await ann.post("I need help")
        first, offer = await first_offered((kim, lee), ann.main)
        second = lee if first is kim else kim
        await first.decline(offer)
        offer = await second.offered(ann.main)
        await second.until(lambda: second.ended.get(offer["offer"]), what="the offer to expire")
        assert second.ended[offer["offer"]]["why"] == "expired"
        await first.accept(await first.offered(ann.main))
        await ann.until(lambda: "joined" in ann.kinds())
        await shop.quiet()
    shop.judge()


async def test_two_missed_offers_set_the_agent_away(shop):
    with shop.serve(sets={"routing.offer_time": "200ms"}):
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        await ann.post("I need help")
        await kim.until(lambda: len(kim.ended) >= 2, what="two missed offers")
        await kim.until(lambda: kim.desk and kim.desk["status"] == "away", what="to be set away")
        await kim.status("online")
        await kim.accept(await kim.offered(ann.main))
        await shop.quiet()
    shop.judge()


async def test_customer_leaves_the_queue(shop):
    shop.site.flow("care", CARE)
    shop.app = shop.site.app("care-app", queue="care", flow="care")
    with shop.serve():
        ann = await shop.customer("ann")
        await ann.post("Hello")
        await ann.until(lambda: "choices" in ann.kinds())
        answer = await ann.handoff(reason="rather a person")
        assert answer["service"]["state"] == "queued" and answer["service"]["place"] == 1
        assert "estimate_ms" not in answer["service"]
        await ann.request("queue.leave", conversation=ann.main)
        await ann.until(lambda: "left" in ann.kinds(), what="to have left")
        with pytest.raises(Refused, match="wrong_state"):
            await ann.request("queue.leave", conversation=ann.main)
        await shop.quiet()
    shop.judge()


async def test_transfer_keeps_the_place(shop):
    shop.site.queue("claims")
    with shop.serve():
        ann, bob = await shop.customer("ann"), await shop.customer("bob")
        kim = await shop.desk("kim")
        conv = await shop.served(ann, kim)
        shop.staff("lee", queues=("claims",))
        await kim.transfer(conv, "claims", reason="a claim")
        await ann.until(lambda: "transferred" in ann.kinds(), what="the transfer")
        with pytest.raises(Refused, match="stale|wrong_state|denied"):
            await kim.say("still me", conv)
        lee = await shop.desk("lee")
        offer = await lee.offered(conv)
        assert offer["queue"] == "claims"
        await lee.accept(offer)
        await lee.say("Lee here", conv)
        await ann.until(lambda: "Lee here" in ann.texts())
        assert bob.kinds() == []
        await kim.drop()        # serves that queue not, and hears no more of it
        await shop.quiet()
    shop.judge()


async def test_release_gives_control_back_to_the_flow(shop):
    shop.site.flow("care", CARE)
    shop.app = shop.site.app("care-app", queue="care", flow="care")
    with shop.serve():
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        await ann.post("Hello")
        question = await ann.until(lambda: next((i for i in ann.items() if i["kind"] == "choices"), None))
        await ann.post({"to": question["seq"], "value": "refund"}, kind="choice")
        await ann.post("A123456")
        offer = await kim.offered()
        await kim.accept(offer)
        await kim.release(offer["conversation"], outcome="returned")
        await ann.until(lambda: "We are done: returned" in ann.texts(), what="the flow to go on")
        with pytest.raises(Refused, match="stale|wrong_state|denied"):
            await kim.say("still me", offer["conversation"])
        await shop.quiet()
    shop.judge()


async def test_a_lost_agent_gives_the_session_back_after_grace(shop):
    with shop.serve(sets={"routing.grace": "300ms"}):
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        conv = await shop.served(ann, kim)
        lee = await shop.desk("lee")
        await kim.drop()
        lost = await ann.until(lambda: next((i for i in ann.items() if i["kind"] == "queued" and
                                             i["body"]["why"] == "agent_lost"), None), what="the session to wait again")
        assert lost["body"]["queue"] == "care"
        await lee.accept(await lee.offered(conv))
        await ann.until(lambda: ann.kinds().count("joined") == 2, what="the other agent")
        await shop.quiet()
    shop.judge()


async def test_an_agent_who_is_back_within_grace_keeps_the_session(shop):
    with shop.serve(sets={"routing.grace": "30s"}):
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        conv = await shop.served(ann, kim)
        await kim.drop()
        await ann.post("are you there?")
        await kim.connect()
        assert [s["conversation"] for s in kim.desk["sessions"]] == [conv]
        await kim.until(lambda: "are you there?" in kim.texts(conv))
        await kim.say("I am back", conv)
        await ann.until(lambda: "I am back" in ann.texts())
        await shop.quiet()
    shop.judge()


async def test_reopen_takes_up_a_closed_session(shop):
    with shop.serve():
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        conv = await shop.served(ann, kim)
        await kim.resolve(conv)
        await ann.until(lambda: ann.kinds()[-1] == "resolved")
        await kim.request("reopen", conversation=conv)
        await kim.until(lambda: "reopened" in kim.kinds(conv))
        await kim.say("One more thing", conv)
        await ann.until(lambda: "One more thing" in ann.texts())
        await shop.quiet()
    shop.judge()


async def test_the_desk_says_whose_everything_is(shop):
    """As it is read, not only as pushes tell it: name, whether they are known, and how far the conversation is."""
    with shop.serve():
        ann, bob = await shop.customer("ann"), await shop.customer("bob")
        await ann.post("one")
        await ann.post("two")
        await bob.post("three")
        kim = await shop.desk("kim")
        await kim.accept(await kim.offered(ann.main))
        await kim.offered(bob.main)
        await kim.reconnect()
        [mine], [offer], [waiting] = kim.desk["sessions"], kim.desk["offers"], kim.desk["waiting"]
        heads = {c: (await kim.request("subscribe", conversation=c))["thread"]["head"] for c in (ann.main, bob.main)}
        assert (mine["conversation"], mine["name"].split()[0], mine["head"]) == (ann.main, "Ann", heads[ann.main])
        assert (waiting["conversation"], waiting["name"].split()[0], waiting["head"]) == (bob.main, "Bob", heads[bob.main])
        dossier = offer["dossier"]
        assert (dossier["name"].split()[0], dossier["verified"], dossier["head"]) == ("Bob", True, heads[bob.main])
        lee = await shop.desk("lee")
        [thread] = (await lee.request("conversations", customer=ann.me))["threads"]
        assert (thread["topic"], thread["head"]) == ("main", heads[ann.main])
        assert (await ann.request("conversations"))["threads"][0]["head"] == ann.threads[ann.main].head
        await shop.quiet()
    shop.judge()


async def test_marks_only_grow(shop):
    with shop.serve(workers=2):
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        conv = await shop.served(ann, kim)
        head = ann.threads[conv].head

        async def told(read, delivered):
            return await kim.until(lambda: kim.threads[conv].marks.get(ann.me) == {
                "participant": ann.me, "role": "customer", "read": read, "delivered": delivered}, what="the mark")

        await ann.request("mark", conversation=conv, read=2)
        await told(2, 2)
        await ann.request("mark", conversation=conv, delivered=3)
        await told(2, 3)
        await ann.request("mark", conversation=conv, read=1)
        await ann.request("mark", conversation=conv)
        await ann.reconnect()
        while not any(m["participant"] == ann.me for m in (await kim.request("range", conversation=conv))["thread"].get("marks", [])):
            pass    # until it is written
        await ann.reconnect()
        await ann.request("mark", conversation=conv, read=1)
        await ann.request("mark", conversation=conv, read=head + 5)
        await told(head, head)
        marks = [d["mark"] for type, d in kim.pushes if type == "marked" and d["mark"]["participant"] == ann.me]
        assert marks == sorted(marks, key=lambda m: (m["read"], m["delivered"])) and len(marks) == 3
        await shop.quiet()
    shop.judge()


async def test_capacity_is_kept(shop):
    with shop.serve():
        shop.staff("kim", capacity=2)
        kim = await shop.desk("kim")
        people = [await shop.customer(f"c{n}") for n in range(4)]
        for person in people:
            await person.post("help")
        for _ in range(2):
            await kim.accept(await kim.offered())
        desk = (await kim.request("inbox"))["desk"]
        assert (desk["capacity"], desk["load"], desk["offers"], desk["queues"][0]["waiting"]) == (2, 2, [], 2)
        await kim.resolve(desk["sessions"][0]["conversation"])
        await kim.accept(await kim.offered())
        await shop.quiet()
    shop.judge()


async def test_context_in_force_at_any_item(shop):
    with shop.serve():
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        before = (await ann.post("one"))["seq"]
        await ann.context({"screen": "Cart"})
        between = (await ann.post("two"))["seq"]
        await ann.context({"screen": "Pay"})
        await kim.accept(await kim.offered())
        conv = ann.main
        assert "context" not in await kim.request("context.get", conversation=conv, at=before)
        assert (await kim.request("context.get", conversation=conv, at=between))["context"] == {"screen": "Cart"}
        assert (await kim.request("context.get", conversation=conv))["context"] == {"screen": "Pay"}
        assert [i["kind"] for i in ann.items()].count("context") == 0
        await shop.quiet()
    shop.judge()


async def test_a_flow_is_told_how_the_last_session_ended(shop):
    shop.site.flow("again", 'flow { id = "again", title = "Again" }\nsay("Last time: " .. tostring(customer.outcome))')
    shop.app = shop.site.app("again-app", queue="care", flow="again")
    with shop.serve():
        ann = await shop.customer("ann")
        for said in ("Last time: nil", "Last time: finished"):
            await ann.post("Hello")
            await ann.until(lambda: ann.texts()[-1] == said and ann.kinds()[-1] == "resolved", what=said)
        await shop.quiet()
    shop.judge()
