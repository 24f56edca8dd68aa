"""Waking a phone: the webhook to the company's push service, as a receiver sees it that checks it by itself."""
import asyncio
import base64
import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from parley_link import WAIT, Refused
from server import CANARY
from test_sdk import kept, stop
from waiting import until

KEY = hashlib.sha256(b"the key of the push service").digest()
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Sink:
    """A push service. Answers with the next of `answers`, then with 204."""

    def __init__(self):
        self.calls, self.answers, self.heard = [], [], threading.Condition()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with sink.heard:
                    sink.calls.append((dict(self.headers.items()), body))
                    status = sink.answers.pop(0) if sink.answers else 204
                    sink.heard.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/wake"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def settings(self, delay="300ms"):
        return {"push.url": self.url, "push.delay": delay, "push.private_network": "yes"}

    async def call(self, n, timeout=WAIT):
        """The n-th call, checked."""
        def wait():
            with self.heard:
                assert self.heard.wait_for(lambda: len(self.calls) >= n, timeout), f"call {n} of {len(self.calls)}"
                return self.calls[n - 1]
        return verified(await asyncio.get_running_loop().run_in_executor(None, wait))


def verified(call):
    """What a receiver with the secret makes of it: headers, signature, body."""
    headers, body = {name.lower(): value for name, value in call[0].items()}, call[1]
    signed = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
    expected = "v1," + base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == expected and headers["content-type"] == "application/json"
    assert "." not in headers["webhook-id"] and CANARY.encode() not in body
    event = json.loads(body)
    assert set(event) == {"type", "id", "created_at", "data"} and set(event["data"]) - {"devices"} == {"conversation", "customer", "seq"}
    assert event["type"] == "push.requested" and event["id"] == headers["webhook-id"]
    return event


@pytest.fixture
def sink():
    sink = Sink()
    yield sink
    sink.close()


def serve(shop, sink, workers=1, **options):
    return shop.serve(sets=sink.settings(**options), env={"PARLEY_PUSH_SECRET": SECRET}, workers=workers)


async def wishes(shop, count, timeout=WAIT):
    """Returns once so many wishes stand in the database."""
    def asked():
        rows = shop.site.sql("SELECT conversation::text, seq, attempts FROM push")
        return (rows,) if len(rows) == count else None
    return (await until(asked, f"{count} wishes", timeout))[0]


async def test_what_nobody_confirms_wakes_the_phone_once_for_all(shop, sink):
    with serve(shop, sink, delay="2s") as server:
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        conv = await shop.served(ann, kim)
        await sink.call(1)
        await wishes(shop, 0)
        before = len(sink.calls)
        await kim.say("one", conv)
        await kim.say("two", conv)
        last = (await kim.say("three", conv))["seq"]
        event = await sink.call(before + 1)
        assert event["data"] == {"conversation": conv, "customer": ann.me, "seq": last}
        assert abs(time.time() * 1000 - event["created_at"]) < 60000
        await wishes(shop, 0)
        assert len(sink.calls) == before + 1 == server.metrics()["parley_push_requests_total"]
        later = (await kim.say("four", conv))["seq"]
        again = await sink.call(before + 2)
        assert again["data"]["seq"] == later and again["id"] != event["id"]
        await wishes(shop, 0)
        await shop.quiet()
    assert len(sink.calls) == before + 2
    shop.judge()


async def test_devices_are_named_with_their_tokens(shop, sink):
    with serve(shop, sink):
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        tablet, bob = await shop.customer("ann.tablet"), await shop.customer("bob")
        await ann.request("push.set", platform="apns", token="t1")
        await tablet.request("push.set", platform="fcm", token='t"2')
        conv = await shop.served(ann, kim)
        named = lambda event: sorted((d["platform"], d["token"], d["device"]) for d in event["data"].get("devices", []))
        assert named(await sink.call(1)) == [("apns", "t1", ann.device), ("fcm", 't"2', tablet.device)]
        await wishes(shop, 0)
        await bob.request("push.set", platform="apns", token="t1")     # bob has the phone now
        await tablet.request("push.set", platform="fcm", token="t3")
        await tablet.request("push.set", platform="fcm", token="t3")
        calls = len(sink.calls)
        await kim.say("two", conv)
        assert named(await sink.call(calls + 1)) == [("fcm", "t3", tablet.device)]
        await wishes(shop, 0)
        await tablet.request("push.set")
        calls = len(sink.calls)
        await kim.say("three", conv)
        assert named(await sink.call(calls + 1)) == []
        for wrong in ({"platform": "apns"}, {"token": "t"}, {"platform": "A b", "token": "t"}, {"platform": "a", "token": "t" * 1025}):
            with pytest.raises(Refused, match="invalid|too_big"):
                await ann.request("push.set", **wrong)
        with pytest.raises(Refused, match="denied"):
            await kim.request("push.set", platform="apns", token="t9")
        nameless = await shop.customer("carl", connect=False)
        nameless.device = None
        await nameless.connect()
        with pytest.raises(Refused, match="wrong_state"):
            await nameless.request("push.set", platform="apns", token="t9")
        await shop.quiet()
    assert "t1" not in shop.site.logs().split()
    shop.judge()


async def test_of_many_devices_those_that_were_seen_last_are_named(shop, sink):
    """Tokens that are as long in JSON as can be."""
    with serve(shop, sink):
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        tokens = [chr(1 + n) * 1024 for n in range(20)]
        for n, token in enumerate(tokens):
            shop.site.sql("INSERT INTO device (id, customer, app, push_token, push_platform, seen_at)"
                          " SELECT gen_random_uuid(), %s, app, %s, 'fcm', now() - %s * interval '1 day' FROM conversation WHERE id = %s",
                          ann.me, token, 1 + n, ann.main)
        await shop.served(ann, kim)
        event = await sink.call(1)
        assert {d["token"] for d in event["data"]["devices"]} == set(tokens[:16])
        await shop.quiet()


async def test_an_app_that_is_woken_takes_confirms_and_leaves(shop, sink):
    """The C SDK: registered before it is known, called by the token it gave, synced in the background, signed out."""
    with serve(shop, sink):
        kim = await shop.desk("kim")
        with kept(shop, "ana") as ana:
            ana.call("push", platform="apns", token="the-phone")
            await asyncio.to_thread(ana.expect, "push", lambda e: e["state"] == "registered")
            ana.call("send", text="help")
            conv = (await asyncio.to_thread(ana.text, "help"))["conversation"]
            offer = await kim.offered(conv)
            stop(ana)
        await kim.accept(offer)
        last = (await kim.say("are you there?", conv))["seq"]
        await until(lambda: sink.calls, "a call")
        event = await sink.call(len(sink.calls))
        assert event["data"]["devices"][0]["token"] == "the-phone"
        await wishes(shop, 0)
        later = (await kim.say("I wait", conv))["seq"]
        with kept(shop, "ana") as ana:
            ana.state("online")
            ana.call("close")
            ana.state("closed")
            ana.call("send", text="typed in the tunnel")
            ana.call("sync", limit_ms=60000)
            woken = await asyncio.to_thread(ana.reply, "sync")
            assert woken["status"] == "ok" and woken["data"]["unsent"] == 0 and woken["data"]["sent"] == 1
            await until(lambda: shop.site.sql("SELECT 1 FROM mark WHERE role = 1 AND delivered >= %s", later), "the confirmation")
            assert last < later
            ana.call("connect")
            ana.state("online")
            ana.call("sign_out")
            ana.state("closed")
            await until(lambda: shop.site.sql("SELECT count(push_token) FROM device") == [(0,)], "the token to be taken back")
        await shop.quiet()


async def test_signed_out_in_a_tunnel_the_phone_is_not_woken_for_long(shop, sink):
    """The token is taken back by whoever is here next, who asked for nothing, and sees nothing of it."""
    def tokens():
        return shop.site.sql("SELECT count(push_token) FROM device") == [(0,)]
    with serve(shop, sink):
        with kept(shop, "phone") as ana:
            ana.call("push", platform="apns", token="the-phone")
            await asyncio.to_thread(ana.expect, "push", lambda e: e["state"] == "registered")
        with kept(shop, "phone", url="ws://127.0.0.1:1/v1/ws") as ana:
            ana.call("sign_out")
            ana.state("closed")
        assert not tokens()
        with kept(shop, "phone", sub="bob") as bob:
            await asyncio.to_thread(bob.expect, "synced")
            await until(tokens, "the token to be taken back")
            assert bob.items() == []
        await shop.quiet()


async def test_what_was_received_in_time_wakes_nobody(shop, sink):
    with serve(shop, sink, delay="4s"):
        ann, bob, kim = await shop.customer("ann"), await shop.customer("bob"), await shop.desk("kim")
        conv = await shop.served(ann, kim)
        last = (await kim.say("hello", conv))["seq"]
        await ann.until(lambda: ann.threads[conv].last >= last)
        await ann.request("mark", conversation=conv, delivered=last, read=0)
        await shop.served(bob, kim)
        assert (await sink.call(1))["data"]["conversation"] == bob.main
        await wishes(shop, 0)
        assert len(sink.calls) == 1
        await shop.quiet()


async def test_own_words_and_notes_wake_nobody(shop, sink):
    with serve(shop, sink):
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        conv = await shop.served(ann, kim)
        before = (await sink.call(1))["data"]["seq"]
        await wishes(shop, 0)
        calls = len(sink.calls)
        await ann.post("I am here")
        await kim.note("a note", conv)
        last = (await kim.say("hello", conv))["seq"]
        assert (await sink.call(calls + 1))["data"]["seq"] == last > before
        await shop.quiet()


async def test_a_wish_outlives_the_server(shop, sink):
    with serve(shop, sink, delay="6s") as server:
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        conv = await shop.served(ann, kim)
        last = (await kim.say("are you there?", conv))["seq"]
        await ann.until(lambda: ann.threads[conv].last >= last)
        await until(lambda: shop.site.sql("SELECT 1 FROM push WHERE seq >= %s", last), "the wish to be of the last item")
        server.kill()
        assert not sink.calls
        server.start()
        assert (await sink.call(1))["data"] == {"conversation": conv, "customer": ann.me, "seq": last}
        await wishes(shop, 0)


async def test_failures_are_repeated_with_the_same_id(shop, sink):
    sink.answers = [500, 302, 503]
    with serve(shop, sink) as server:
        bob = await shop.customer("bob")
        await bob.post("hello")
        first = await sink.call(1)
        second = await sink.call(2)     # after 5 s
        assert second == first and sink.calls[1][1] == sink.calls[0][1]
        await wishes_attempted(shop, 2)
        for seconds, call in ((400, 3), (3000, 4)):
            shop.site.set_clock(seconds)
            server.hup()
            assert await sink.call(call) == first
        await wishes(shop, 0)
        assert server.metrics()["parley_push_failures_total"] == 3
        await shop.quiet()


async def wishes_attempted(shop, attempts):
    """Returns once that attempt has been noted as failed: the next is minutes away."""
    await until(lambda: shop.site.sql("SELECT attempts, due > now() + interval '1 minute' FROM push") == [(attempts, True)],
                f"{attempts} failed attempts")


async def test_gone_means_no_more(shop, sink):
    sink.answers = [410]
    with serve(shop, sink):
        ann = await shop.customer("ann")
        await ann.post("hello")
        await sink.call(1)
        bob = await shop.customer("bob")
        await until(lambda: "wants no more requests (410)" in shop.site.logs(), "the log line")
        await bob.post("hello")
        await shop.quiet()
    assert len(sink.calls) == 1
    assert "wants no more requests (410)" in shop.site.logs()


async def test_gone_is_gone_for_every_server_until_the_url_is_another(shop, sink):
    sink.answers, other = [410], Sink()
    try:
        with serve(shop, sink, workers=2) as first, serve(shop, sink, workers=2) as second:
            people = [await shop.customer(f"c{n}") for n in range(12)]
            await people[0].post("hello")
            await sink.call(1)
            await until(lambda: shop.site.sql("SELECT 1 FROM push_ended"), "the end to be noted")
            second.stop()       # what one of them learnt, a new one knows
            second.start()
            shop.site.sql("UPDATE push SET due = now()")
            shop.site.sql("INSERT INTO push SELECT id, customer, gen_random_uuid(), 1, now() - interval '1 h', 0, now() FROM conversation"
                          " WHERE customer <> %s", people[0].me)
            with serve(shop, other, workers=2):     # the wishes stand, for whoever may be told
                seen = {(await other.call(n + 1))["data"]["conversation"] for n in range(12)}
            assert seen == {p.main for p in people}
            assert first.ready() and second.ready() and len(sink.calls) == 1
            await shop.close()
    finally:
        other.close()


async def test_two_servers_wake_once(shop, sink):
    with serve(shop, sink), serve(shop, sink):
        people = [await shop.customer(f"c{n}", server=shop.servers[n % 2]) for n in range(8)]
        for person in people:
            await person.post("hello")
        events = [await sink.call(n + 1) for n in range(8)]
        assert {e["data"]["conversation"] for e in events} == {p.main for p in people}
        await wishes(shop, 0)
        assert len(sink.calls) == 8
        await shop.quiet()


async def test_without_leave_the_own_network_is_off_limits(shop, sink):
    sets = {**sink.settings(), "push.private_network": "no"}
    with shop.serve(sets=sets, env={"PARLEY_PUSH_SECRET": SECRET}):
        ann = await shop.customer("ann")
        await ann.post("hello")
        await until(lambda: "a push request failed" in shop.site.logs(), "the refusal in the log")
        await shop.quiet()
    assert not sink.calls and SECRET not in shop.site.logs()
