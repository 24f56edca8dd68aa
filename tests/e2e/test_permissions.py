"""What a role may do is rows of a table: taken away or given, it counts at once, without a restart."""
import pytest

from parley_link import Refused

SIGNED_OUT, COME_BACK = 4506, 1012


def take(shop, role, permission):
    shop.site.cli("role", "revoke", role, permission)


async def give(shop, role, permission):
    """Returns once it is known: whoever is disabled after it is signed out by the same reading, or a later one."""
    shop.site.cli("role", "grant", role, permission)
    witness = await shop.desk("witness", status=None)
    shop.site.cli("agent", "disable", "witness@example.com")
    assert await witness.closed() == SIGNED_OUT


async def test_a_supervisor_watches_as_long_as_the_table_says_so(shop):
    shop.staff("sue", role="supervisor", queues=[])
    with shop.serve():
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        conv = await shop.served(ann, kim)
        sue = await shop.desk("sue", status=None)
        await sue.subscribe(conv)
        await ann.post("is anybody watching?")
        await sue.until(lambda: "is anybody watching?" in sue.texts(conv), what="what ann says")

        take(shop, "supervisor", "watch")
        assert await sue.closed() == COME_BACK
        await sue.connect()
        assert sue.desk["queues"] == []
        for refused in (sue.subscribe(conv), sue.range(conv), sue.note("hm", conv),
                        sue.request("reopen", conversation=conv)):
            with pytest.raises(Refused, match="not_found"):
                await refused
        await ann.post("and now?")
        await kim.until(lambda: "and now?" in kim.texts(conv))      # who serves it is not concerned
        assert "and now?" not in sue.texts(conv)

        await give(shop, "supervisor", "watch")
        await sue.subscribe(conv)
        await sue.until(lambda: "and now?" in sue.texts(conv), what="what was said meanwhile")
        await shop.quiet()
    shop.judge()


async def test_a_role_without_a_permission_is_refused_what_needs_it(shop):
    with shop.serve():
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        conv = await shop.served(ann, kim)
        epoch = kim.threads[conv].epoch
        take(shop, "agent", "serve")
        assert await kim.closed() == COME_BACK
        await kim.connect()
        for refused in (kim.request("status.set", status="online"), kim.say("still there", conv),
                        kim.request("resolve", conversation=conv, epoch=epoch)):
            with pytest.raises(Refused, match="denied"):
                await refused
        await ann.post("hello?")                                    # a customer's is another
        await give(shop, "agent", "serve")
        await kim.say("back again", conv)
        await ann.until(lambda: "back again" in ann.texts())
        await shop.quiet()
    shop.judge()


async def test_a_permission_that_nobody_knows_is_named_in_the_log(shop):
    shop.site.sql("INSERT INTO role VALUES ('agent', 'wacth')")
    with shop.serve():
        kim = await shop.desk("kim")
        await kim.status("busy")
        assert "wacth" in shop.site.logs()
        await shop.close()
