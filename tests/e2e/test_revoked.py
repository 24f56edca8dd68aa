"""Access that is withdrawn ends at once, on sockets that are open, whichever process holds them."""
import json

import pytest

from parley_link import Link, Refused
from server import Failed


async def test_the_sessions_of_a_disabled_agent_go_back_to_their_place(shop):
    with shop.serve(workers=2), shop.serve() as second:
        kim, ann = await shop.desk("kim", server=second, encoding="msgpack"), await shop.customer("ann")
        conv = await shop.served(ann, kim)
        [(queued,)] = shop.site.sql("SELECT queued_at FROM session")
        shop.site.cli("agent", "disable", "KIM@example.com")
        await kim.until(lambda: kim.closes, what="to be signed out")
        assert kim.closes[-1] == 4506
        await ann.until(lambda: any(i["kind"] == "queued" and i["body"]["why"] == "agent_lost" for i in ann.items()),
                        what="to wait again")
        assert shop.site.sql("SELECT queued_at FROM session") == [(queued,)]
        lee = await shop.desk("lee")
        await lee.accept(await lee.offered(conv))
        await lee.until(lambda: conv in lee.threads and lee.threads[conv].epoch)
        assert shop.site.sql("SELECT load, status FROM agent WHERE email = 'kim@example.com'") == [(0, 0)]
        await shop.close()


async def test_a_disabled_agent_is_let_in_again_when_enabled(shop):
    with shop.serve() as server:
        kim = await shop.desk("kim")
        shop.site.cli("agent", "disable", "kim@example.com")
        assert await kim.closed() == 4506
        status, text = server.http("POST", "/v1/login", {"email": "kim@example.com",
                                                         "password": shop.site.passwords["kim@example.com"]})
        assert (status, "unauthenticated" in text) == (401, True), text
        shop.site.cli("agent", "enable", "kim@example.com")
        with pytest.raises(Refused, match="unauthenticated"):
            await kim.connect()     # what was signed in before stays signed out
        kim.token = server.login("kim@example.com")
        await kim.connect()
        await kim.status("online")
        await shop.close()


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_a_withdrawn_key_ends_what_its_program_has_open(shop, encoding):
    site = shop.site
    key, kept = site.program_key("shop", "bot"), site.program_key("shop", "bot")
    [(id,), _] = site.sql("SELECT id::text FROM api_key ORDER BY created_at")
    with shop.serve(), shop.serve() as second:
        links = [await Link("bot", encoding).open(server.url) for server in shop.servers]
        for link in links:
            await link.request("hello", token=key)
        other = await Link("other", encoding).open(second.url)
        await other.request("hello", token=kept)
        site.cli("key", "revoke", id)
        for link in links:
            await link.reader
            assert link.code == 4506
        late = await Link("bot", encoding).open(second.url)
        with pytest.raises(Refused, match="unauthenticated"):
            await late.request("hello", token=key)
        assert shop.server.http("GET", f"/v1/conversations/{id}/items", token=key)[0] == 401
        with pytest.raises(Refused, match="not_found"):     # it is heard as ever
            await other.request("range", conversation=id, after=0)
        await other.close()
        await late.close()


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_who_came_by_a_key_that_is_withdrawn_goes_with_it(shop, encoding):
    new = shop.site.key("shop")
    with shop.serve(), shop.serve() as second:
        ann = await shop.customer("ann", encoding=encoding)
        tablet = await shop.customer("ann.tablet", server=second, encoding=encoding)
        bob = await shop.customer("bob", app=new, server=second, encoding=encoding)
        renewed = await shop.customer("cid", encoding=encoding)
        await renewed.link.request("auth", token=new.token("cid"))
        shop.site.cli("app", "keys", "revoke", shop.app.kid)
        for client in (ann, tablet):
            await client.until(lambda c=client: c.closes, what="to be signed out")
            assert client.closes[-1] == 4506
            with pytest.raises(Refused, match="token_key"):
                await client.connect()
        await bob.post("my key is another")
        await renewed.post("mine is another by now")
        await shop.close()


async def test_another_password_signs_out_whom_the_old_one_let_in(shop):
    site = shop.site
    with shop.serve(workers=2), shop.serve() as second:
        kim, email = await shop.desk("kim", server=second), "kim@example.com"
        made = json.loads(site.cli("agent", "password", "KIM@example.com", "--json"))["password"]
        assert await kim.closed() == 4506
        link = await Link("probe", "json").open(second.url)
        with pytest.raises(Refused, match="unauthenticated"):
            await link.request("hello", token=kim.token)
        await link.close()
        status, _ = second.http("POST", "/v1/login", {"email": email, "password": site.passwords[email]})
        assert status == 401
        kim.token = second.login(email, made)
        await kim.reconnect()
        site.cli("agent", "password", email, "--password-stdin", stdin="one that kim chose\n")
        assert await kim.closed() == 4506
        kim.token = second.login(email, "one that kim chose")
        await kim.reconnect()
        await shop.close()


async def test_what_can_be_withdrawn_is_found_or_said_to_be_missing(shop):
    site = shop.site
    for wrong in (("agent", "disable", "nobody@example.com"), ("agent", "enable", "nobody@example.com"),
                  ("agent", "password", "nobody@example.com"),
                  ("app", "keys", "revoke", "nokid"), ("key", "revoke", "0190f5a3-0000-7000-8000-000000000000"),
                  ("key", "revoke", "no-id")):
        with pytest.raises(Failed, match="exit 3"):
            site.cli(*wrong)
    shop.staff("kim")
    for _ in range(2):      # what is so already is no mistake
        assert "kim@example.com" in site.cli("agent", "disable", "kim@example.com")
        assert '"disabled":true' in site.cli("agent", "list", "--json").replace(" ", "")
        site.cli("app", "keys", "revoke", shop.app.kid)
        assert '"disabled":true' in site.cli("app", "keys", "list", "--json").replace(" ", "")
    site.cli("agent", "enable", "kim@example.com")
    assert '"disabled":false' in site.cli("agent", "list", "--json").replace(" ", "")


async def test_an_agent_changes_their_own_password(shop):
    with shop.serve(workers=2) as server, shop.serve() as second:
        kim, lee, email = await shop.desk("kim", server=second), await shop.desk("lee"), "kim@example.com"
        old, new = shop.site.passwords[email], "one that kim chose"
        for body, status in (({"email": email, "password": "wrong", "new": new}, 401),
                             ({"email": email, "password": old, "new": "short"}, 400),
                             ({"email": email, "password": old}, 400),
                             ({"email": "nobody@example.com", "password": old, "new": new}, 401)):
            assert server.http("POST", "/v1/password", body)[0] == status, body
        await kim.status("busy")        # still signed in
        status, text = server.http("POST", "/v1/password", {"email": email, "password": old, "new": new})
        assert status == 200, text
        assert await kim.closed() == 4506
        with pytest.raises(Refused, match="unauthenticated"):
            await kim.connect()
        assert server.http("POST", "/v1/login", {"email": email, "password": old})[0] == 401
        kim.token = json.loads(text)["token"]
        await kim.connect()
        shop.tokens[email + " again"] = second.login(email, new)
        await lee.status("busy")
        await shop.close()


async def test_a_desk_signs_out(shop):
    with shop.serve(), shop.serve() as second:
        kim, email = await shop.desk("kim"), "kim@example.com"
        other = second.login(email)
        for token, status in ((shop.app.token("ann"), 403), (kim.token, 200), (kim.token, 401), ("pa_nonsense", 401), (None, 401)):
            assert second.http("POST", "/v1/logout", token=token)[0] == status
        await kim.drop()
        with pytest.raises(Refused, match="unauthenticated"):
            await kim.connect()
        kim.token = other               # signed in at another place
        await kim.connect()
        await shop.close()
