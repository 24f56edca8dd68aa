"""What one address and one account may do in a while, and whose address it is behind a proxy."""
import asyncio
import json

import pytest

from parley_link import WAIT, Link, Refused

PROXY = {"server.trusted_proxies": "127.0.0.0/8, 2001:db8:ffff::/48"}


def of(address):
    return {"X-Forwarded-For": address} if address else {}


def guest(server, app, address=None):
    """(status, error) of asking for a guest."""
    status, text = server.http("POST", "/v1/guests", {"key": app.kid}, headers=of(address))
    return status, json.loads(text).get("error")


def guests(server, app, *addresses):
    return [guest(server, app, address)[0] for address in addresses]


def sign_in(server, email, password, address=None):
    status, text = server.http("POST", "/v1/login", {"email": email, "password": password}, headers=of(address))
    return status, json.loads(text).get("error")


async def hello(server, token, address=None):
    """None when welcomed, else (error, close code)."""
    link = await Link("probe", "json").open(server.url, extra_headers=of(address))
    try:
        await link.request("hello", token=token)
        return None
    except Refused as refused:
        await asyncio.wait([link.reader], timeout=WAIT)
        return refused.error, link.code
    finally:
        await link.close()


def limited(error):
    return error["code"] == "rate_limited" and 0 < error["retry_after_ms"] <= 3600000


async def test_guests_of_one_address_are_limited_on_all_workers_together(shop):
    with shop.serve(workers=2, sets={"auth.guest_rate": "5/h"}) as server:
        answers = [guest(server, shop.app) for _ in range(9)]
        assert [status for status, _ in answers] == [200] * 5 + [429] * 4
        assert all(limited(error) for _, error in answers[5:])
        assert server.metrics()["parley_held_back_total"] == 4


async def test_the_proxys_word_counts_only_when_it_is_trusted(shop):
    with shop.serve(sets={"auth.guest_rate": "2/h"}) as server:
        assert guests(server, shop.app, *(f"192.0.2.{n}" for n in range(4))) == [200, 200, 429, 429]


async def test_behind_a_trusted_proxy_each_address_counts_for_itself(shop):
    with shop.serve(sets={"auth.guest_rate": "2/h", **PROXY}) as server:
        app = shop.app
        assert guests(server, app, "192.0.2.1", "192.0.2.1:4711", "192.0.2.1") == [200, 200, 429]
        assert guests(server, app, "192.0.2.2") == [200]
        # the last that is no proxy of ours; what stands before it the client wrote
        assert guests(server, app, "192.0.2.3, 192.0.2.1", "192.0.2.3,192.0.2.1, 127.0.0.9") == [429, 429]
        assert guests(server, app, "192.0.2.1, 192.0.2.4", "192.0.2.4, [2001:db8:ffff::5]:80", "192.0.2.4") == [200, 200, 429]
        # a /64 is one subscriber, and an IPv4 address one however it is written
        assert guests(server, app, "2001:db8::1", "[2001:db8::2]:99", "2001:db8:0:0:f::3") == [200, 200, 429]
        assert guests(server, app, "2001:db8:0:1::1", "::ffff:192.0.2.1") == [200, 429]
        # what is no address is the proxy's own
        assert guests(server, app, "unknown", "x" * 99, "", None) == [200, 200, 429, 429]
        for part in ("192.0.2", "2001:db8::", "4711"):
            assert part not in shop.site.logs(), part


async def test_bad_tokens_close_the_door_for_their_address_alone(shop):
    good = shop.app.token("ann")
    with shop.serve(workers=2, sets={"auth.failure_rate": "3/h", **PROXY}) as server:
        late = shop.app.token("ann", at=1_600_000_000)
        codes = [(await hello(server, token, "192.0.2.1"))[0]["code"]
                 for token in (late, late, late, late, "pg_guess", "pa_guess", "pk_guess")]
        assert codes == ["token_expired"] * 4 + ["unauthenticated"] * 3      # a token that was good once is no guess
        error, code = await hello(server, good, "192.0.2.1")
        assert limited(error) and code == 4003
        assert await hello(server, good, "192.0.2.2") is None
        for address, expected in (("192.0.2.1", 429), ("192.0.2.2", 401)):
            status, text = server.http("POST", "/v1/events", {}, token="pk_guess", headers=of(address))
            assert status == expected, text
        assert limited(json.loads(server.http("POST", "/v1/events", {}, token="x", headers=of("192.0.2.1"))[1])["error"])


async def test_bad_tokens_on_an_open_connection_count_too(shop):
    with shop.serve(sets={"auth.failure_rate": "2/h"}):
        ann = await shop.customer("ann")
        for expected in ("unauthenticated", "unauthenticated", "rate_limited"):
            with pytest.raises(Refused) as refused:
                await ann.request("auth", token="pg_guess")
            assert refused.value.code == expected
        assert limited(refused.value.error)
        await ann.post("still here")
        await shop.close()


async def test_wrong_passwords_close_the_account_and_right_ones_do_not(shop):
    with shop.serve(workers=2, sets={"agents.login_rate": "2/h"}) as server:
        kim, lee = shop.staff("kim"), shop.staff("lee")
        right = shop.site.passwords[kim]
        assert [sign_in(server, kim, right)[0] for _ in range(5)] == [200] * 5
        assert [sign_in(server, email, "wrong")[0] for email in (kim, kim.upper())] == [401, 401]
        status, error = sign_in(server, kim, right)
        assert status == 429 and limited(error)
        assert sign_in(server, lee, shop.site.passwords[lee])[0] == 200
        assert [sign_in(server, "nobody@example.com", "wrong")[0] for _ in range(3)] == [401, 401, 429]


async def test_sign_ins_of_one_address_are_limited(shop):
    with shop.serve(workers=2, sets={"agents.address_rate": "3/h", **PROXY}) as server:
        kim = shop.staff("kim")
        right = shop.site.passwords[kim]
        tries = [(right, 200), ("wrong", 401), (right, 200), (right, 429)]
        assert [sign_in(server, kim, password, "192.0.2.1")[0] for password, _ in tries] == [status for _, status in tries]
        assert limited(sign_in(server, kim, right, "192.0.2.1")[1])
        assert sign_in(server, kim, right, "192.0.2.2")[0] == 200


async def test_many_passwords_at_once_get_no_further_than_one_by_one(shop):
    with shop.serve(workers=2, sets={"agents.login_rate": "2/h"}) as server:
        kim, loop = shop.staff("kim"), asyncio.get_running_loop()
        answers = await asyncio.gather(*(loop.run_in_executor(None, sign_in, server, kim, "wrong") for _ in range(8)))
        assert sorted(status for status, _ in answers) == [401] * 2 + [429] * 6
