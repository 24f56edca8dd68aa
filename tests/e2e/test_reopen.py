"""What happens to a conversation when its session is over: an agent takes it up again, or the customer begins anew."""
import asyncio

import pytest

from parley_link import Refused
from parley_wire import uuid7
from shop import ECHO

DAY = 24 * 3600


async def over(shop, encoding="json", name="ann", **options):
    """A conversation that kim has resolved."""
    ann, kim = await shop.customer(name, encoding=encoding, **options), await shop.desk("kim", encoding=encoding)
    conv = await shop.served(ann, kim)
    await kim.resolve(conv)
    await ann.until(lambda: ann.kinds()[-1] == "resolved")
    await kim.until(lambda: kim.kinds(conv)[-1] == "resolved")
    return ann, kim, conv


async def reopen(agent, conv):
    answer = await agent.request("reopen", conversation=conv)
    await agent.until(lambda: agent.kinds(conv)[-1] == "reopened", what="it to be reopened")
    return answer["service"]


async def insist(agent, conv):
    """Two processes that decide on the same numbers may tell somebody to ask again."""
    while True:
        try:
            return await agent.request("reopen", conversation=conv)
        except Refused as refused:
            if refused.code != "busy":
                raise


def sessions(shop):
    return shop.site.sql("SELECT state, queue, agent IS NOT NULL, outcome FROM session ORDER BY opened_at")


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_who_resolved_it_takes_it_up_again_and_everybody_sees_it(shop, encoding):
    with shop.serve():
        ann, kim, conv = await over(shop, encoding)
        service = await reopen(kim, conv)
        item = await ann.until(lambda: ann.items()[-1]["kind"] == "reopened" and ann.items()[-1])
        assert item["body"] == {"session": service["session"], "epoch": service["epoch"], "agent": kim.me, "name": "Kim"}
        assert (service["state"], service["agent"], service["epoch"]) == ("live", kim.me, item["seq"])
        assert ann.items()[0]["body"].get("session", service["session"]) == service["session"]     # the session of before
        await kim.say("One more thing", conv)
        await ann.post("Yes?")
        await kim.until(lambda: "Yes?" in kim.texts(conv))
        await kim.until(lambda: kim.desk["load"] == 1 and [s["conversation"] for s in kim.desk["sessions"]] == [conv])
        await kim.resolve(conv, outcome="thanked")
        await ann.until(lambda: ann.kinds()[-1] == "resolved")
        await kim.until(lambda: kim.desk["load"] == 0)
        assert ann.kinds().count("opened") == 1
        await shop.quiet()
    assert sessions(shop) == [(6, "care", False, "thanked")]
    assert shop.site.sql("SELECT why, outcome, ended_at IS NOT NULL FROM handoff ORDER BY asked_at") == [
        ("default", "resolved", True), ("reopened", "thanked", True)]
    shop.judge()


async def test_what_was_reopened_is_transferred_and_lost_as_anything_live(shop):
    shop.site.queue("claims")
    shop.staff("lee", queues=["claims"])
    with shop.serve(sets={"routing.grace": "0s"}):
        ann, kim, conv = await over(shop)
        await reopen(kim, conv)
        await kim.transfer(conv, "claims")
        lee = await shop.desk("lee")
        await kim.drop()        # serves that queue not, and hears no more of it
        await lee.accept(await lee.offered(conv))
        await lee.resolve(conv)
        await ann.until(lambda: ann.kinds()[-1] == "resolved")
        await lee.until(lambda: lee.kinds(conv)[-1] == "resolved")
        await reopen(lee, conv)
        await lee.close()       # and does not come back
        await ann.until(lambda: ann.kinds()[-1] == "queued", what="to wait again")
        assert ann.items()[-1]["body"]["why"] == "agent_lost"
        assert sessions(shop) == [(2, "claims", False, None)]
        await shop.quiet()
    shop.judge()


async def test_the_customers_next_words_begin_a_new_session(shop):
    with shop.serve():
        ann, kim, conv = await over(shop)
        await ann.post("Something else")
        await kim.accept(await kim.offered(conv))
        assert [k for k in ann.kinds() if k in ("opened", "resolved", "reopened")] == ["opened", "resolved", "opened"]
        assert [s[0] for s in sessions(shop)] == [6, 4]
        await shop.quiet()
    shop.judge()


async def test_with_a_flow_the_next_words_go_to_the_flow(shop):
    flow = shop.site.flow("echo", ECHO)
    app = shop.site.app("bots", queue="care", flow=flow)
    with shop.serve():
        ann, kim = await shop.customer("ann", app=app), await shop.desk("kim")
        await ann.handoff()
        await kim.accept(await kim.offered(ann.main))
        await kim.resolve(ann.main)
        await ann.until(lambda: "resolved" in ann.kinds())
        item = next(i for i in ann.items() if i["kind"] == "resolved")
        if item["body"]["closed"]:
            await ann.post("hello")
        await ann.until(lambda: "Welcome." in ann.texts(), what="the flow to greet")
        assert ann.threads[ann.main].epoch > item["body"]["epoch"] or not item["body"]["closed"]
        await shop.quiet()
    shop.judge()


async def test_a_colleague_of_the_queue_may_and_a_supervisor_too(shop):
    shop.staff("sue", role="supervisor", queues=[])
    with shop.serve():
        ann, kim, conv = await over(shop)
        lee, sue = await shop.desk("lee"), await shop.desk("sue")
        for agent in (lee, sue):
            assert (await agent.request("reopen", conversation=conv))["service"]["agent"] == agent.me
            await agent.subscribe(conv)
            await agent.until(lambda a=agent: a.threads[conv].epoch)
            await agent.say("Here I am", conv)
            await agent.resolve(conv)
            await ann.until(lambda: ann.kinds()[-1] == "resolved")
        await shop.quiet()
    shop.judge()


async def test_a_supervisor_takes_up_what_no_person_ever_had(shop):
    flow = shop.site.flow("short", 'flow { id = "short", title = "Short" }\nsay "Bye."\n')
    app = shop.site.app("bots", queue="care", flow=flow)
    shop.staff("sue", role="supervisor", queues=[])
    with shop.serve(sets={"routing.grace": "0s"}):
        ann, sue = await shop.customer("ann", app=app), await shop.desk("sue")
        await ann.post("hello")
        await ann.until(lambda: ann.kinds()[-1] == "resolved")
        await sue.request("reopen", conversation=ann.main)
        await ann.until(lambda: ann.kinds()[-1] == "reopened")
        await sue.close()
        await ann.until(lambda: ann.kinds()[-1] == "queued", what="to be queued in the app's queue")
        assert ann.items()[-1]["body"]["queue"] == "care"
        await shop.quiet()
    shop.judge()


async def test_more_than_an_agent_can_take_is_taken_up_all_the_same(shop):
    shop.staff("kim", capacity=1)
    with shop.serve():
        ann, kim, conv = await over(shop)
        bob = await shop.customer("bob")
        await shop.served(bob, kim)
        await reopen(kim, conv)
        await kim.until(lambda: kim.desk["load"] == 2)
        await shop.quiet()
    shop.judge()


@pytest.mark.parametrize("seconds, code", [(DAY - 60, None), (DAY + 60, "wrong_state")])
async def test_it_is_possible_for_a_day(shop, seconds, code):
    with shop.serve():
        await over(shop)
        await shop.close()
    shop.site.set_clock(seconds)
    shop.tokens.clear()     # what was signed in has expired
    with shop.serve() as later:
        kim = await shop.desk("kim", server=later)
        [(conv,)] = shop.site.sql("SELECT DISTINCT conversation::text FROM item")
        if code is None:
            assert (await kim.request("reopen", conversation=conv))["service"]["state"] == "live"
        else:
            with pytest.raises(Refused) as refused:
                await kim.request("reopen", conversation=conv)
            assert refused.value.code == code
        await shop.close()


async def test_there_is_nothing_to_reopen_where_nothing_was(shop):
    with shop.serve():
        ann, bob, kim = await shop.customer("ann"), await shop.customer("bob"), await shop.desk("kim")
        conv = await shop.served(bob, kim)
        for conversation in (uuid7(), ann.main):
            with pytest.raises(Refused, match="not_found"):
                await kim.request("reopen", conversation=conversation)
        assert (await kim.request("reopen", conversation=conv))["service"]["epoch"] == kim.threads[conv].epoch    # hers as it is
        with pytest.raises(Refused, match="taken"):
            await (await shop.desk("lee", status=None)).request("reopen", conversation=conv)
        await kim.transfer(conv, "care")
        await kim.status("away")
        await ann.post("hello")
        with pytest.raises(Refused, match="wrong_state"):
            await kim.request("reopen", conversation=ann.main)
        with pytest.raises(Refused, match="denied"):
            await bob.request("reopen", conversation=conv)
        await shop.close()


async def test_two_who_reopen_and_a_customer_who_writes_agree_on_one_session(shop, size):
    with shop.serve(workers=2), shop.serve() as second:
        ann, kim, conv = await over(shop)
        lee = await shop.desk("lee", server=second, status=None)
        await lee.subscribe(conv)
        for n in range(size(10, 200)):
            answers = await asyncio.gather(insist(kim, conv), insist(lee, conv), ann.post(f"and {n}"), return_exceptions=True)
            codes = [getattr(a, "code", repr(a)) if isinstance(a, BaseException) else "ok" for a in answers]
            assert codes[2] == "ok" and codes[:2].count("ok") <= 1 and set(codes[:2]) <= {"ok", "wrong_state", "taken", "stale"}, codes
            assert shop.site.sql("SELECT count(*) FROM session WHERE state <> 6") == [(1,)]
            head = shop.heads()[conv][1]
            for agent in (kim, lee):
                await agent.until(lambda a=agent: a.threads[conv].last >= head)
            if codes[0] == codes[1] == "wrong_state":      # ann was first: she waits
                await kim.accept(await kim.offered(conv))
                await kim.resolve(conv)
            else:
                await (kim if codes[0] == "ok" else lee).resolve(conv)
            await ann.until(lambda: ann.kinds()[-1] == "resolved")
            head = shop.heads()[conv][1]
            for agent in (kim, lee):
                await agent.until(lambda a=agent: a.threads[conv].last >= head)
        await shop.quiet()
    shop.judge()
