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
