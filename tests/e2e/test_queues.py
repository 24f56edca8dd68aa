"""Who waits, and in what order they are served."""


async def test_those_whom_nobody_serves_hold_nobody_up(shop):
    """A queue without agents in which hundreds wait since yesterday, and one in which somebody has just come."""
    shop.site.queue("night")
    for statement in ("INSERT INTO customer (id) SELECT gen_random_uuid() FROM generate_series(1, 300)",
                      "INSERT INTO conversation (id, customer, app) SELECT gen_random_uuid(), c.id, a.id FROM customer c, app a",
                      "INSERT INTO session (id, conversation, app, customer, state, epoch, queue, opened_at, queued_at, state_at)"
                      " SELECT gen_random_uuid(), id, app, customer, 2, 1, 'night', t, t, t"
                      " FROM conversation, (SELECT now() - interval '1 day' AS t) yesterday"):
        shop.site.sql(statement)
    with shop.serve():
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        await shop.served(ann, kim)
        await shop.close()


async def test_who_comes_back_to_a_queue_is_told_their_place(shop):
    """The place is told when it changes; who was away then, or is here for the first time, hears it with the thread."""
    with shop.serve():
        ann, bob = await shop.customer("ann"), await shop.customer("bob")
        for who in (ann, bob):
            await who.post("is anybody there?")
        await bob.until(lambda: (bob.threads[bob.main].service or {}).get("place") == 2, what="the second place")
        await bob.drop()
        welcome = await bob.connect()
        service = next(t["service"] for t in welcome["threads"] if t["conversation"] == bob.main)
        assert (service["state"], service["queue"], service["place"]) == ("queued", "care", 2)
        assert "estimate_ms" not in service, "nobody was served here yet"
        again = await bob.link.request("subscribe", conversation=bob.main)
        assert again["thread"]["service"]["place"] == 2
        await shop.close()
