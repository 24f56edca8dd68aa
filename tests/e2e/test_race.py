"""Two agents press accept at once: one gets it, the other is told, and the session has one owner."""
import asyncio

import pytest

from parley_link import Refused
from parley_people import first_offered


async def attempt(agent, offer):
    try:
        return await agent.accept(offer)
    except Refused as refused:
        return refused


async def rounds(shop, ann, agents, number):
    """So many sessions of one customer, each taken by whoever is first."""
    won = {agent.name: 0 for agent in agents}
    for n in range(number):
        await ann.post(f"round {n}")
        _, offer = await first_offered(agents, ann.main)
        order = agents if n % 2 else agents[::-1]
        answers = dict(zip([a.name for a in order], await asyncio.gather(*(attempt(a, offer) for a in order))))
        winners = [a for a in agents if not isinstance(answers[a.name], Refused)]
        assert len({w.me for w in winners}) == 1, (n, answers)
        for loser in [answers[a.name] for a in agents if a not in winners]:
            assert loser.code in ("taken", "stale", "denied", "not_found", "wrong_state"), (n, loser, shop.site.sql("SELECT email, status, load, capacity, misses FROM agent"))
            if loser.code == "taken":
                assert loser.current["agent"] == winners[0].me
        won[winners[0].name] += 1
        assert answers[winners[0].name]["thread"]["service"]["agent"] == winners[0].me
        await winners[0].resolve(ann.main)
        for agent in agents:
            agent.offers.clear()
            if n % 10 == 9:     # on another worker perhaps: every pair of them has its turn
                await agent.reconnect()
                await agent.status("online")
    return won


def one_owner_each(shop, number):
    owners = shop.site.sql("SELECT body->>'session', count(*) FROM item WHERE kind = 67 GROUP BY 1")
    assert len(owners) == number and all(count == 1 for _, count in owners)
    assert shop.site.sql("SELECT count(*) FROM agent WHERE load <> 0") == [(0,)]


@pytest.mark.parametrize("processes", [1, 2])
async def test_two_agents_accept_the_same_offer(shop, size, processes):
    number = size(25, 1000)
    with shop.serve(workers=2):
        with shop.serve(workers=1) as second:
            url = second.url if processes == 2 else shop.server.url
            ann = await shop.customer("ann")
            agents = [await shop.desk("kim"), await shop.desk("lee", url=url)]
            print(await rounds(shop, ann, agents, number))
            one_owner_each(shop, number)
            await shop.quiet()
    shop.judge(min_acks=number)


async def test_one_agent_at_two_desks(shop, size):
    number = size(10, 200)
    with shop.serve(workers=2):
        ann = await shop.customer("ann")
        agents = [await shop.desk("kim"), await shop.desk("kim.second")]
        await rounds(shop, ann, agents, number)
        one_owner_each(shop, number)
        await shop.quiet()
    shop.judge(min_acks=number)


async def test_accept_against_expiry_and_leaving(shop, size):
    """The offer ends in the very moment in which it is taken."""
    number = size(10, 200)
    with shop.serve(workers=2, sets={"routing.offer_time": "100ms"}):
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        for n in range(number):
            await kim.status("online")
            await ann.post(f"round {n}")
            offer = await kim.offered(ann.main)
            leave = asyncio.ensure_future(ann.request("queue.leave", conversation=ann.main))
            answer = await attempt(kim, offer)
            left = (await asyncio.gather(leave, return_exceptions=True))[0]
            assert isinstance(answer, Refused) != isinstance(left, Refused), (answer, left)
            if not isinstance(answer, Refused):
                await kim.resolve(ann.main)
        await shop.quiet()
    shop.judge(min_acks=number)
