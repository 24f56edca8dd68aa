"""What happens in one process and is to be known in another: the database tells."""
import asyncio
import json

import pytest

from parley_wire import uuid7


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


async def test_a_reader_is_told_of_what_another_process_wrote_before_it_sees_more(shop, size):
    """Whoever follows on another worker than the conversation's home: nobody there knows what they have been sent."""
    key = shop.site.program_key("shop")

    def say(server, conv, text):
        body = {"id": uuid7(), "kind": "text", "body": {"text": text}}
        status, answer = server.http("POST", f"/v1/conversations/{conv}/items", body, token=key)
        assert status == 200, answer
        return json.loads(answer)["seq"]

    with shop.serve(workers=2) as here, shop.serve() as there:
        people = [await shop.customer(f"person{n}") for n in range(size(6, 60))]
        for ann in people:
            await asyncio.to_thread(say, there, ann.main, "elsewhere")
            last = await asyncio.to_thread(say, here, ann.main, "here")
            await ann.until(lambda: ann.threads[ann.main].last >= last, what="both")
        for ann in people:
            assert ann.texts() == ["elsewhere", "here"]
            heads = [n for n, (type, _) in enumerate(ann.pushes) if type == "head"]
            items = [(n, data["item"]) for n, (type, data) in enumerate(ann.pushes) if type == "item"]
            n, first = items[0]
            assert first["prev"] == 0 or any(head < n for head in heads), "an item came that does not follow the last"
        await shop.close()
