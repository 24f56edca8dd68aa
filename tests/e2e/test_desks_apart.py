"""Agents whose links are on several processes: what one of them knows, the database tells the others."""
import pytest


def lost(customer):
    return [i for i in customer.items() if i["kind"] == "queued" and i["body"]["why"] == "agent_lost"]


@pytest.mark.parametrize("first", ["here", "there"])
async def test_an_agent_whose_link_here_ends_is_not_lost_while_they_are_there(shop, first):
    """Lee goes after kim: once lee's session waits again, kim's grace is over too."""
    with shop.serve(sets={"routing.grace": "5s"}) as here, shop.serve(sets={"routing.grace": "5s"}) as there:
        ann, bob = await shop.customer("ann"), await shop.customer("bob")
        kim = await shop.desk("kim")
        conv = await shop.served(ann, kim)
        await kim.status("busy")
        lee = await shop.desk("lee")
        await shop.served(bob, lee)
        kim_there = await shop.desk("kim.there", status=None, url=there.url)
        if first == "there":        # the last link to come was here: this process counts kim as its own
            await kim.drop()
            await kim.connect()
        await kim.drop()
        await lee.drop()
        await bob.until(lambda: lost(bob), what="lee's session to wait again")
        await kim_there.subscribe(conv)
        await kim_there.say("still here", conv)
        await ann.until(lambda: "still here" in ann.texts())
        await shop.quiet()
        assert not lost(ann)
    shop.judge()


async def test_what_an_agent_has_is_read_where_they_come(shop):
    with shop.serve() as here:
        ann, bob = await shop.customer("ann"), await shop.customer("bob")
        kim = await shop.desk("kim", capacity=1)
        conv = await shop.served(ann, kim)
        with shop.serve() as there:         # has read that kim has no room
            await kim.resolve(conv)
            await kim.drop()
            await ann.until(lambda: ann.kinds()[-1] == "resolved")
            kim_there = await shop.desk("kim.there", url=there.url)
            assert kim_there.desk["load"] == 0
            await shop.served(bob, kim_there)
            await shop.quiet()
    shop.judge()
