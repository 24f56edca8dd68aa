"""Who may connect, and to what."""
import asyncio
import json
import time

import jwt
import pytest
import websockets
from cryptography.hazmat.primitives import serialization
from jwt.utils import base64url_encode

from parley_link import WAIT, Link, Refused
from parley_wire import uuid7
from server import App, signing_key


async def refusal(shop, token, encoding="json"):
    """(code, close code) that hello with this token brings."""
    link = await Link("probe", encoding).open(shop.server.url)
    try:
        with pytest.raises(Refused) as refused:
            await link.request("hello", token=token)
        await asyncio.wait([link.reader], timeout=WAIT)
        return refused.value.code, link.code
    finally:
        await link.close()


def resigned(token, change):
    """The token with its header or claims changed and the old signature."""
    head, body, signature = token.split(".")
    parts = [json.loads(jwt.utils.base64url_decode(p)) for p in (head, body)]
    change(*parts)
    return ".".join([*(base64url_encode(json.dumps(p).encode()).decode() for p in parts), signature])


async def test_tokens_of_every_algorithm_are_taken(shop):
    apps = [shop.app] + [shop.site.key("shop", algorithm) for algorithm in ("RS256", "HS256")]
    with shop.serve():
        people = [await shop.customer("ann" if n == 0 else f"ann.{n}", app=app) for n, app in enumerate(apps)]
        assert len({p.me for p in people}) == 1 and all(p.role == "customer" for p in people)
        await shop.close()


async def test_who_serves_is_told_when_their_token_ends(shop):
    with shop.serve():
        kim = await shop.desk("kim", status=None)
        [(until,)] = shop.site.sql("SELECT (extract(epoch FROM expires_at) * 1000)::bigint FROM agent_token")
        assert abs(kim.welcome["expires_at"] - until) <= 1
        again = await kim.request("auth", token=kim.token)
        assert again["expires_at"] == kim.welcome["expires_at"]
        await shop.close()


async def test_wrong_tokens_are_refused_each_with_its_code(shop):
    app, now = shop.app, time.time()
    other = App(shop.site, "shop", {**shop.site.key("shop").key, "kid": app.kid})
    public = signing_key(app.key).public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    good = app.token("ann")
    none = base64url_encode(json.dumps({"alg": "none", "kid": app.kid}).encode()).decode() + "." + good.split(".")[1] + "."
    cases = {
        "expired": (app.token("ann", at=now - 7200), "token_expired"),
        "not yet": (app.token("ann", nbf=int(now + 600)), "token_not_yet"),
        "another audience": (app.token("ann", aud="someone"), "token_audience"),
        "no audience": (app.token("ann", aud=None), "token_audience|unauthenticated"),
        "no expiry": (app.token("ann", exp=None), "unauthenticated|token_expired"),
        "too long a life": (app.token("ann", ttl=10 ** 7), "unauthenticated"),
        "no subject": (app.token("ann", sub=None), "unauthenticated"),
        "empty subject": (app.token(""), "unauthenticated"),
        "alg none": (none, "token_algorithm"),
        "alg swapped to HS256": (jwt_hmac(good, public, app.kid), "token_algorithm"),
        "unknown key": (app.token("ann", headers={"kid": "nobody"}), "token_key"),
        "no key id": (app.token("ann", headers={"kid": None}, key={**app.key, "kid": None}), "token_key|unauthenticated"),
        "signed by another": (other.token("ann"), "unauthenticated"),
        "claims changed": (resigned(good, lambda head, body: body.update(sub="bob")), "unauthenticated"),
        "no signature": (good.rsplit(".", 1)[0] + ".", "unauthenticated"),
        "two parts": (good.rsplit(".", 1)[0], "unauthenticated|token_key"),
        "nonsense": ("abc", "unauthenticated|token_key"),
        "an agent's that is none": ("pa_" + "x" * 43, "unauthenticated"),
        "a guest's that is none": ("pg_" + "x" * 43, "unauthenticated"),
        "a key that is none": ("pk_" + "x" * 43, "unauthenticated"),
    }
    with shop.serve():
        for encoding in ("json", "msgpack"):
            for name, (token, expected) in cases.items():
                code, close = await refusal(shop, token, encoding)
                assert code in expected.split("|"), (name, code)
                assert close in ((4004,) if code == "token_expired" else (4501,)), (name, code, close)
        await (await shop.customer("ann")).post("with a good one it works")
        await shop.close()


def jwt_hmac(token, secret, kid):
    """An HS256 token made with a public key as the secret, which the library itself refuses to make."""
    import hashlib
    import hmac
    head = base64url_encode(json.dumps({"alg": "HS256", "kid": kid}).encode()).decode()
    signed = f"{head}.{token.split('.')[1]}"
    return signed + "." + base64url_encode(hmac.new(secret, signed.encode(), hashlib.sha256).digest()).decode()


async def test_leeway_forgives_a_minute(shop):
    with shop.serve():
        now = time.time()
        ann = await shop.customer("ann", connect=False)
        ann.token = shop.app.token("ann", at=now - 3630)
        await ann.connect()
        bob = await shop.customer("bob", connect=False)
        bob.token = shop.app.token("bob", nbf=int(now + 30))
        await bob.connect()
        await shop.close()


async def test_hello_comes_first(shop):
    with shop.serve():
        link = await Link("probe", "json").open(shop.server.url)
        with pytest.raises(Refused, match="hello_first"):
            await link.request("conversations")
        await link.close()


async def test_who_says_nothing_is_sent_away(shop):
    with shop.serve(sets={"server.hello_timeout": "300ms"}):
        link = await Link("probe", "json").open(shop.server.url)
        await asyncio.wait([link.reader], timeout=WAIT)
        assert link.code == 4002        # come back: a slow network is no reason to sign in anew


async def test_a_new_token_on_the_open_connection(shop):
    with shop.serve():
        ann = await shop.customer("ann", connect=False)
        ann.token = shop.app.token("ann", ttl=600)
        first = (await ann.connect())["expires_at"]
        answer = await ann.request("auth", token=shop.app.token("ann", ttl=1200))
        assert answer["expires_at"] > first
        with pytest.raises(Refused, match="denied|unauthenticated"):
            await ann.request("auth", token=shop.app.token("bob"))
        await ann.post("still ann")
        await shop.close()


async def test_a_token_that_ends_is_announced_and_then_ends_the_connection(shop):
    """Each at its moment, not with some later ping: bob, who came first, has had none yet."""
    with shop.serve():
        bob = await shop.customer("bob")
        ann, cid = await shop.customer("ann", connect=False), await shop.customer("cid", connect=False)
        now = int(time.time())
        ann.token, cid.token = shop.app.token("ann", exp=now + 72), shop.app.token("cid", exp=now - 48)
        ends = (await ann.connect())["expires_at"]
        await cid.connect()
        await ann.post("hello")
        [told] = await ann.until(lambda: [data for type, data in ann.pushes if type == "token.expiring"], what="the notice")
        assert told["expires_at"] == ends == (now + 72) * 1000
        [beat] = await ann.until(lambda: [data for type, data in ann.pushes if type == "head"], what="the heads that every beat brings")
        assert beat["heads"] == [{"conversation": ann.main, "seq": ann.threads[ann.main].last}]
        assert await cid.closed() == 4004
        assert not any(type == "head" for type, _ in bob.pushes)
        await ann.request("auth", token=shop.app.token("ann"))
        await ann.post("still ann")
        await shop.close()


async def test_a_guest_talks_and_comes_back(shop):
    with shop.serve() as server:
        guest = await shop.customer("guest", connect=False)
        guest.token = token = server.guest(shop.app, guest.device)
        assert token.startswith("pg_")
        welcome = await guest.connect()
        assert welcome["role"] == "guest"
        await guest.post("who am I?")
        again = await shop.customer("guest.again", connect=False, device=guest.device)
        again.token = token
        await again.connect()
        assert again.me == guest.me and "who am I?" in again.texts()
        other = await shop.customer("other", connect=False)
        other.token = server.guest(shop.app, other.device)
        await other.connect()
        assert other.me != guest.me
        with pytest.raises(Refused, match="not_found|denied"):
            await other.range(guest.main)
        await shop.close()


async def test_origins_of_browsers(shop):
    with shop.serve(sets={"server.allowed_origins": "https://shop.example"}):
        for origin in ("https://evil.example", "https://shop.example.evil", "null", "http://shop.example", "https://shop.example:444"):
            with pytest.raises(websockets.InvalidStatusCode) as refused:
                await Link("probe", "json").open(shop.server.url, origin=origin)
            assert refused.value.status_code == 403, origin
        for origin in ("https://shop.example", None):
            await (await Link("probe", "json").open(shop.server.url, origin=origin)).close()


async def test_agents_sign_in_with_their_password_only(shop):
    with shop.serve() as server:
        email = shop.staff("kim")
        for wrong in ({"email": email, "password": "wrong"}, {"email": "nobody@example.com", "password": "wrong"}):
            status, text = server.http("POST", "/v1/login", wrong)
            assert status == 401 and "unauthenticated" in text
        for bad in ({"email": email}, {"email": 5, "password": "x"}, {"email": email, "password": "x" * 5000}, [], "x"):
            status, _ = server.http("POST", "/v1/login", json.dumps(bad))
            assert 400 <= status < 500, bad
        token = server.login(email)
        assert token.startswith("pa_") and len(token) > 40
        kim = await shop.desk("kim")
        assert kim.role == "agent" and kim.welcome["desk"]["queues"][0]["queue"] == "care"
        await shop.close()


async def test_too_many_sign_ins_wait(shop):
    with shop.serve(sets={"agents.login_rate": "3/m"}) as server:
        email = shop.staff("kim")
        answers = [server.http("POST", "/v1/login", {"email": email, "password": "wrong"})[0] for _ in range(5)]
        assert answers[:3] == [401] * 3 and answers[3:] == [429] * 2


async def test_a_sign_in_that_could_not_be_judged_does_not_count(shop, postgres):
    with shop.serve(sets={"agents.login_rate": "3/m"}) as server:
        email = shop.staff("kim")
        postgres.crash()
        try:
            answers = {server.http("POST", "/v1/login", {"email": email, "password": "wrong"})[0] for _ in range(5)}
        finally:
            postgres.start()
        assert answers == {503}
        server.login(email)


async def test_agents_verbs_are_denied_to_customers(shop):
    with shop.serve():
        ann, conv = await shop.customer("ann"), None
        await ann.post("hello")
        conv = ann.main
        for request, data in (("status.set", {"status": "online"}), ("inbox", {}), ("note", {"id": uuid7(), "text": "x"}),
                              ("offer.accept", {"offer": uuid7()}), ("offer.decline", {"offer": uuid7()}),
                              ("transfer", {"epoch": 1, "queue": "care"}), ("release", {"epoch": 1}), ("resolve", {"epoch": 1}),
                              ("reopen", {})):
            data = data if request in ("status.set", "inbox") else {"conversation": conv, **data}
            with pytest.raises(Refused, match="denied"):
                await ann.request(request, **data)
        assert ann.kinds().count("note") == 0
        await shop.close()


async def test_two_apps_of_one_space_know_one_customer(shop):
    other = shop.site.app("second", queue="care")
    with shop.serve():
        ann, same = await shop.customer("ann"), await shop.customer("ann.second", app=other)
        assert ann.me == same.me
        await shop.close()


async def test_a_disabled_agent_is_signed_out(shop):
    with shop.serve():
        kim = await shop.desk("kim")
        shop.site.cli("agent", "disable", "kim@example.com")
        await kim.until(lambda: kim.closes, what="to be signed out")
        assert kim.closes[-1] == 4506
        with pytest.raises(Refused, match="unauthenticated|signed_out"):
            await kim.connect()
        await shop.close()
