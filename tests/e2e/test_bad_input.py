"""Bad input: each is answered by a named error, or by a close with a code, and both connection and process go on."""
import asyncio
import contextlib
import json
import random
import socket

import msgpack
import psycopg2
import pytest
import websockets

from parley_link import WAIT, Gone, Link, Refused
from parley_wire import DEFS, uuid7
from waiting import until

BIG = 2 ** 63
CONV, ID = "11111111-1111-7111-8111-111111111111", "22222222-2222-7222-8222-222222222222"


def post(conv, text="hello", **more):
    return {"conversation": conv, "id": uuid7(), "kind": "text", "body": {"text": text}, **more}


class Probe:
    """A link on which anything may be said; what comes back is kept."""

    def __init__(self, client):
        self.client, self.encoding, self.answers = client, client.encoding, asyncio.Queue()
        self.link = client.link
        self.take, self.link._take = self.link._take, self.heard

    def heard(self, frame):
        if "re" in frame or frame["type"] == "error":
            self.answers.put_nowait(frame)
        self.take(frame)

    def encode(self, value):
        if self.encoding == "json":
            return json.dumps(value, ensure_ascii=False)
        return msgpack.packb(self._ids(value), use_bin_type=True)

    def _ids(self, frame):
        if isinstance(frame, dict) and isinstance(frame.get("type"), str) and isinstance(frame.get("data"), dict):
            return {**frame, "data": DEFS.binary(DEFS.requests.get(frame["type"]), frame["data"])}
        return [self._ids(f) for f in frame] if isinstance(frame, list) else frame

    async def say(self, raw, answers=1, timeout=WAIT):
        """Sends raw and takes so many answers; [] when the link was closed instead."""
        while not self.answers.empty():
            self.answers.get_nowait()
        await self.link.raw(raw)
        got = []
        while len(got) < answers:
            waiting = asyncio.ensure_future(self.answers.get())
            await asyncio.wait([waiting, self.link.reader], timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                waiting.cancel()
                assert self.link.reader.done(), f"no answer to {raw[:100]!r} within {timeout} s"
                break
            got.append(waiting.result())
        return got

    async def goes_on(self):
        """The link, or else a new one, still works."""
        if self.link.reader.done():
            await self.client.connect()
            self.__init__(self.client)
        self.link.last += 1_000_000       # what was said in bad faith may have used any number near
        assert "threads" in await self.link.request("conversations")


def codes(answers):
    return [(a.get("error") or a.get("data", {}).get("error") or {"code": "ok"})["code"] for a in answers]


@pytest.fixture(params=["json", "msgpack"])
def encoding(request):
    return request.param


async def probe_of(shop, encoding):
    ann = await shop.customer("ann", encoding=encoding)
    return ann, Probe(ann)


FRAMES = {
    "a number": (5, "malformed|invalid"),
    "a text": ("post", "malformed|invalid"),
    "null": (None, "malformed|invalid"),
    "no type": ({"id": 90, "data": {}}, "invalid|unknown_type|malformed"),
    "no id": ({"type": "conversations", "data": {}}, "invalid|malformed"),
    "id a text": ({"id": "x", "type": "conversations", "data": {}}, "invalid|malformed"),
    "id negative": ({"id": -1, "type": "conversations", "data": {}}, "invalid|malformed"),
    "id a real": ({"id": 1.5, "type": "conversations", "data": {}}, "invalid|malformed"),
    "type a number": ({"id": 90, "type": 7, "data": {}}, "invalid|unknown_type|malformed"),
    "a reply to nothing": ({"re": 90, "data": {}}, "invalid|malformed"),
    "unknown type": ({"id": 90, "type": "dance", "data": {}}, "unknown_type"),
    "a type of pushes": ({"id": 90, "type": "offer.ended", "data": {}}, "unknown_type"),
    "data a list": ({"id": 90, "type": "post", "data": []}, "invalid|malformed"),
    "data missing": ({"id": 90, "type": "post"}, "invalid|malformed"),
    "hello again": ({"id": 90, "type": "hello", "data": {"token": "x"}}, "wrong_state"),
}


@pytest.mark.parametrize("name", FRAMES)
async def test_broken_frames(shop, encoding, name):
    frame, expected = FRAMES[name]
    with shop.serve():
        _, probe = await probe_of(shop, encoding)
        [code] = codes(await probe.say(probe.encode(frame)))
        assert code in expected.split("|")
        await probe.goes_on()
        await shop.close()


def wrong(sort, name):
    """Values that no field of this sort takes."""
    values = [5, "zz", {}, [], True, 1.5, -1, BIG] if sort != "BODY" else [5, "zz", [], True]
    keep = {"ID": (), "ONE": ({},), "LIST": ([],), "BODY": ()}.get(sort)
    if keep is None:
        keep = ("zz", 5, True, -1) if name not in NUMBERS else (5, 1.5)
    return [v for v in values if not any(v is k or (v == k and type(v) is type(k)) for k in keep)]


NUMBERS = {"seq", "epoch", "revision", "after", "before", "limit", "have", "read", "delivered", "page", "bytes", "at"}


async def test_wrong_types_in_every_field_of_every_request(shop, encoding, size):
    cases = [(request, name, value) for request, of in sorted(DEFS.requests.items()) if request != "hello"
             for name, sort, _ in DEFS.maps[of] for value in wrong(sort, name)]
    rng = random.Random(size.seed)
    cases = rng.sample(cases, min(len(cases), size(150, len(cases))))
    with shop.serve():
        ann, probe = await probe_of(shop, encoding)
        for n, (request, name, value) in enumerate(cases):
            data = {f: sample(s, f, ann.main) for f, s, _ in DEFS.maps[DEFS.requests[request]]}
            data = {**{f: v for f, v in data.items() if v is not None}, name: value}
            answers = await probe.say(probe.encode({"id": 1000 + n, "type": request, "data": data}))
            [code] = codes(answers)
            assert code in DEFS.statuses and code not in ("ok", "internal"), (request, name, value, answers)
            if code in ("invalid", "bad_id"):
                assert answers[0]["error"].get("path", "").startswith("data"), (request, name, value, answers)
        await probe.goes_on()
        await shop.close()


def sample(sort, name, conv):
    if sort == "ID":
        return conv if name == "conversation" else uuid7()
    return {"ONE": None, "LIST": None, "BODY": {"a": 1}}.get(sort, 1 if name in NUMBERS else "text")


def deep(levels):
    return '{"id":90,"type":"post","data":{"conversation":"%s","id":"%s","kind":"custom","body":%s}}' % (
        CONV, ID, '{"a":' * levels + "1" + "}" * levels)


JSON_TEXTS = {
    "nothing": ("", "malformed"),
    "half a frame": ('{"id":90,"type":"conv', "malformed"),
    "two frames in a row": ('{"id":1,"type":"conversations"}{"id":2,"type":"conversations"}', "malformed"),
    "single quotes": ("{'id':90}", "malformed"),
    "a comment": ('{"id":90/*x*/,"type":"conversations","data":{}}', "malformed"),
    "a trailing comma": ('{"id":90,"type":"conversations","data":{},}', "malformed"),
    "a byte order mark": ('\ufeff{"id":90,"type":"conversations","data":{}}', "malformed"),
    "depth 10,000": (deep(10_000), "too_deep|malformed"),
    "brackets 100,000": ("[" * 100_000, "malformed|too_deep|too_many"),
    "depth 9": (deep(9), "too_deep"),
    "a double key": ('{"id":90,"type":"post","data":{"conversation":"%s","id":"%s","kind":"text","body":{"text":"a","text":"b"}}}'
                     % (CONV, ID), "invalid|malformed"),
    "NaN": (deep(0).replace('"body":1', '"body":{"text":NaN}'), "malformed|invalid"),
    "1e131071": (deep(0).replace('"body":1', '"body":{"type":"x","fallback":"y","data":{"n":1e131071}}'), "invalid|malformed"),
    "1e21": (deep(0).replace('"body":1', '"body":{"type":"x","fallback":"y","data":{"n":1e21}}'), "invalid|malformed"),
    "1e-7": (deep(0).replace('"body":1', '"body":{"type":"x","fallback":"y","data":{"n":1e-7}}'), "invalid|malformed"),
    "2^63": (deep(0).replace('"body":1', '"body":{"type":"x","fallback":"y","data":{"n":9223372036854775808}}'), "invalid|malformed"),
    "NUL": (deep(0).replace('"body":1', r'"body":{"type":"x","fallback":"a\u0000b"}'), "invalid|malformed"),
    "a lone surrogate": (deep(0).replace('"body":1', r'"body":{"type":"x","fallback":"a\ud800b"}'), "invalid|malformed"),
    "a raw control character": (deep(0).replace('"body":1', '"body":{"type":"x","fallback":"a\x01b"}'), "invalid|malformed"),
    "5,000 values": (deep(0).replace('"body":1', '"body":{"type":"x","fallback":"y","data":{"n":[%s]}}' % ",".join("1" * 5000)),
                     "too_many|invalid"),
}


@pytest.mark.parametrize("name", JSON_TEXTS)
async def test_broken_json(shop, name):
    text, expected = JSON_TEXTS[name]
    with shop.serve():
        _, probe = await probe_of(shop, "json")
        [code] = codes(await probe.say(text))
        assert code in expected.split("|")
        await probe.goes_on()
        await shop.close()


def packed(body):
    """A post in MessagePack with body as raw bytes."""
    import uuid
    ids = {k: msgpack.packb(uuid.UUID(v).bytes, use_bin_type=True) for k, v in (("conversation", CONV), ("id", ID))}
    data = b"\x84" + b"".join(msgpack.packb(k) + v for k, v in ids.items()) + msgpack.packb("kind") + msgpack.packb("custom") + \
        msgpack.packb("body") + body
    return b"\x83" + msgpack.packb("id") + b"\x5a" + msgpack.packb("type") + msgpack.packb("post") + msgpack.packb("data") + data


def custom(value):
    return b"\x83\xa4type\xa1x\xa8fallback\xa1y\xa4data\x81\xa1n" + value


MSGPACK_BYTES = {
    "nothing": (b"", "malformed"),
    "half a frame": (packed(custom(b"\x01"))[:-20], "malformed"),
    "trailing bytes": (packed(custom(b"\x01")) + b"\x00", "malformed"),
    "an array of 2^32 - 1": (b"\xdd\xff\xff\xff\xff", "malformed|too_many"),
    "a map of 2^32 - 1": (b"\xdf\xff\xff\xff\xff", "malformed|too_many"),
    "an array of 2^24 inside": (packed(custom(b"\xdd\x00\xff\xff\xff")), "malformed|too_many"),
    "a text of 4 GiB": (packed(custom(b"\xdb\xff\xff\xff\xff")), "malformed"),
    "binary of 4 GiB": (packed(custom(b"\xc6\xff\xff\xff\xff")), "malformed"),
    "never used byte": (packed(custom(b"\xc1")), "malformed"),
    "an extension": (packed(custom(b"\xd4\x01\x02")), "invalid|malformed"),
    "binary in a body": (packed(custom(b"\xc4\x02ab")), "invalid|malformed"),
    "NaN": (packed(custom(b"\xcb\x7f\xf8\0\0\0\0\0\0")), "invalid|malformed"),
    "infinity": (packed(custom(b"\xcb\x7f\xf0\0\0\0\0\0\0")), "invalid|malformed"),
    "2^64 - 1": (packed(custom(b"\xcf" + b"\xff" * 8)), "invalid|malformed"),
    "invalid UTF-8": (packed(custom(b"\xa2\xc3\x28")), "invalid|malformed"),
    "an overlong NUL": (packed(custom(b"\xa2\xc0\x80")), "invalid|malformed"),
    "a surrogate": (packed(custom(b"\xa3\xed\xa0\x80")), "invalid|malformed"),
    "NUL": (packed(custom(b"\xa3a\0b")), "invalid|malformed"),
    "a key that is no text": (packed(custom(b"\x81\x01\x02")), "invalid|malformed"),
    "a double key": (packed(custom(b"\x82\xa1a\x01\xa1a\x02")), "invalid|malformed"),
    "depth 10,000": (packed(custom(b"\x91" * 10_000 + b"\x01")), "too_deep|malformed"),
    "nested large headers": (packed(custom(b"\xdc\xff\xff" * 31)), "malformed|too_deep|too_many"),
}


@pytest.mark.parametrize("name", MSGPACK_BYTES)
async def test_broken_msgpack(shop, name):
    data, expected = MSGPACK_BYTES[name]
    with shop.serve():
        _, probe = await probe_of(shop, "msgpack")
        [code] = codes(await probe.say(data))
        assert code in expected.split("|")
        await probe.goes_on()
        await shop.close()


async def test_truncated_and_random_messages(shop, encoding, size):
    rng, number = random.Random(size.seed), size(200, 5000)
    with shop.serve() as server:
        ann, probe = await probe_of(shop, encoding)
        for n in range(number):
            if probe.link.reader.done():
                await probe.goes_on()
            raw = probe.encode({"id": 5000 + n, "type": "post", "data": post(ann.main, "x" * rng.randrange(40))})
            await probe.link.raw(mutated(rng, raw))
        await probe.goes_on()
        await ann.post("still here")
        assert server.process.poll() is None
        await shop.close()


def mutated(rng, raw):
    data = bytearray(raw if isinstance(raw, bytes) else raw.encode())
    for _ in range(rng.randrange(1, 4)):
        way, at = rng.randrange(4), rng.randrange(len(data))
        if way == 0:
            del data[at + 1:]
        elif way == 1:
            data[at] = rng.randrange(256)
        elif way == 2:
            data[at:at] = rng.randbytes(rng.randrange(1, 5))
        else:
            del data[at:at + rng.randrange(1, 5)]
        data = data or bytearray(b"x")
    return bytes(data) if isinstance(raw, bytes) else data.decode("utf-8", "replace")


async def test_invalid_utf8_in_a_text_message_closes_with_1007(shop):
    with shop.serve():
        _, probe = await probe_of(shop, "json")
        await probe.link.socket.write_frame(True, 1, b'{"id":90,"type":"\xc3\x28","data":{}}')
        await asyncio.wait([probe.link.reader], timeout=WAIT)
        assert probe.link.code == 1007
        await probe.goes_on()
        await shop.close()


async def test_the_other_kind_of_message_is_refused(shop, encoding):
    with shop.serve():
        _, probe = await probe_of(shop, encoding)
        other = b"\x80" if encoding == "json" else "{}"
        answers = await probe.say(other)
        assert codes(answers) in (["malformed"], []) and (answers or probe.link.code in (1003, 4500))
        await probe.goes_on()
        await shop.close()


async def test_limits_of_size(shop, encoding):
    with shop.serve():
        ann, probe = await probe_of(shop, encoding)
        await ann.post("x" * 16384)
        with pytest.raises(Refused, match="too_big") as refused:
            await ann.request("post", **post(ann.main, "x" * 16385))
        assert refused.value.path == "data.body.text"
        body = {"type": "x", "fallback": "y", "data": {str(n): "x" * 8000 for n in range(5)}}
        with pytest.raises(Refused, match="too_big"):
            await ann.request("post", **{**post(ann.main), "kind": "custom", "body": body})
        with pytest.raises((Refused, Gone)):
            await ann.request("context.put", conversation=ann.main, context={str(n): "x" * 8000 for n in range(9)})
        await probe.say(probe.encode({"id": 90, "type": "post", "data": post(ann.main, "x" * 140_000)}))
        assert probe.link.code == 1009
        await probe.goes_on()
        link = await Link("early", encoding).open(shop.server.url)
        await link.send([link.frame("hello", {"token": "x" * 5000})[0]])
        await asyncio.wait([link.reader], timeout=WAIT)
        assert link.code == 1009
        await shop.close()


async def test_the_longest_hello_there_may_be(shop, encoding):
    """The longest token of all, every other field as long as it may be, and six cursors."""
    tokens = (shop.app.token("ann", traits={"pad": "x" * n}) for n in range(2400, 0, -1))
    token = next(token for token in tokens if len(token) <= 3072)
    assert len(token) > 3068
    fields = {"client": {"name": "n" * 64, "version": "v" * 64, "os": "o" * 64}, "locale": "l" * 35, "time_zone": "z" * 64,
              "device": uuid7(), "page": 250}
    have = [{"conversation": uuid7(), "seq": 2 ** 63 - 1} for _ in range(6)]
    with shop.serve():
        link = await Link("longest", encoding).open(shop.server.url)
        link.last = 2 ** 63 - 2
        welcome = await link.request("hello", token=token, have=have, **fields)
        assert welcome["role"] == "customer"
        await link.close()
        link = await Link("too long", encoding).open(shop.server.url)
        with pytest.raises(Refused, match="too_big") as refused:
            await link.request("hello", token="x" * 3073)
        assert refused.value.path == "data.token"
        await link.close()


async def test_unknown_and_forbidden_kinds(shop, encoding):
    with shop.serve():
        ann, _ = await probe_of(shop, encoding)
        for kind, expected in (("dance", "unknown_kind"), ("joined", "denied"), ("note", "denied"), ("choices", "denied")):
            with pytest.raises(Refused) as refused:
                await ann.request("post", **{**post(ann.main), "kind": kind})
            assert refused.value.code in (expected, "unknown_kind", "invalid"), kind
        await ann.post("and on it goes")
        await shop.close()


async def test_what_only_staff_or_parley_may_be_called(shop, encoding):
    with shop.serve():
        ann, kim = await shop.customer("ann", encoding=encoding), await shop.desk("kim", encoding=encoding)
        conv = await shop.served(ann, kim)
        for whisper, path in ((("note", {"text": "psst", "to": ann.me}), "data.to"),
                              (("post", {"kind": "note", "body": {"text": "psst", "to": ann.me}}), "data.body.to")):
            with pytest.raises(Refused, match="not_found") as refused:
                await kim.request(whisper[0], conversation=conv, id=uuid7(), **whisper[1])
            assert refused.value.path == path
        await kim.request("note", conversation=conv, id=uuid7(), text="psst", to=kim.me)
        for topic in ("guest/x", "guest/" + uuid7()):
            with pytest.raises(Refused, match="denied") as refused:
                await ann.request("conversation.open", topic=topic)
            assert refused.value.path == "data.topic"
        await ann.request("conversation.open", topic="guests")
        await shop.close()


async def test_foreign_conversations_and_stale_epochs(shop, encoding):
    with shop.serve():
        ann, bob = await shop.customer("ann", encoding=encoding), await shop.customer("bob")
        kim, lee = await shop.desk("kim", encoding=encoding), await shop.desk("lee", status=None)
        conv = await shop.served(ann, kim)
        for foreign in (conv, uuid7()):
            for request in ("range", "subscribe", "process.get", "context.get", "handoff.request", "queue.leave"):
                with pytest.raises(Refused, match="not_found|denied"):
                    await bob.request(request, conversation=foreign)
            with pytest.raises(Refused, match="not_found|denied"):
                await bob.request("post", **post(foreign))
        epoch = kim.threads[conv].epoch
        for believed in (epoch - 1, epoch + 1):
            with pytest.raises(Refused, match="stale") as stale:
                await kim.request("post", **post(conv, epoch=believed))
            assert stale.value.current["epoch"] == epoch
        with pytest.raises(Refused, match="invalid|stale"):
            await kim.request("post", **post(conv))
        with pytest.raises(Refused, match="denied|stale|wrong_state"):
            await lee.request("post", **post(conv, epoch=epoch))
        for verb in ("resolve", "release"):
            with pytest.raises(Refused, match="stale|denied|wrong_state"):
                await lee.request(verb, conversation=conv, epoch=epoch)
            with pytest.raises(Refused, match="stale"):
                await kim.request(verb, conversation=conv, epoch=epoch - 1)
        assert "hello" not in ann.texts()
        await shop.quiet()
    shop.judge()


async def test_ten_thousand_frames_in_one_message(shop, encoding):
    with shop.serve():
        ann, probe = await probe_of(shop, encoding)
        [code] = codes(await probe.say(probe.encode([{"id": 9}] * 10_000)))
        assert code == "too_many"
        await probe.goes_on()
        frames = [{"id": 2000 + n, "type": "conversations", "data": {}} for n in range(60)]
        assert len(await probe.say(probe.encode(frames), answers=60)) == 60
        await shop.close()


async def deaf_link(shop):
    """A link of ann's that takes little into its buffers and reads only when the test does."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", shop.server.port))
    deaf = await websockets.connect(shop.server.url, sock=sock, subprotocols=["parley.v1.json"], compression=None, max_queue=1,
                                    read_limit=4096)
    await deaf.send(json.dumps({"id": 1, "type": "hello", "data": {"token": shop.app.token("ann")}}))
    return deaf


async def much(ann):
    """Eight megabytes, each message acknowledged soon."""
    for _ in range(25):
        for entry in [ann.post("x" * 15_000) for _ in range(20)]:
            await asyncio.wait_for(entry.future, WAIT)


async def flood(shop, ann):
    """Ann says so much that her deaf link is told no more of it; of so little at a time her own has always room."""
    while not shop.server.metrics()["parley_slow_reader_heads_total"]:
        for entry in [ann.post("x" * 15_000) for _ in range(5)]:
            await entry


async def test_a_slow_reader_loses_pushes_is_told_the_head_and_slows_nobody(shop):
    with shop.serve():
        ann = await shop.customer("ann")
        await ann.post("first")
        deaf = await deaf_link(shop)
        await flood(shop, ann)
        await ann.settled()
        items, heads = [], []
        while ann.threads[ann.main].last not in heads:
            for frame in as_list(json.loads(await asyncio.wait_for(deaf.recv(), WAIT))):
                if frame.get("type") == "item":
                    items.append(frame["data"]["item"])
                elif frame.get("type") == "head":
                    heads += [cursor["seq"] for cursor in frame["data"]["heads"]]
        assert len(items) < len(ann.texts()) - 1, "everything was pushed"
        assert all(a["seq"] == b["prev"] for a, b in zip(items, items[1:]) if b["seq"] < min(heads))
        await deaf.close()
        await shop.quiet()
    shop.judge()


async def read_until(deaf, test):
    """The frames up to the first that is meant."""
    frames = []
    while not any(map(test, frames)):
        frames += as_list(json.loads(await asyncio.wait_for(deaf.recv(), WAIT)))
    return frames


@pytest.mark.parametrize("workers", [1, 3])
async def test_a_slow_reader_is_told_how_things_stand_once_there_is_room(shop, workers):
    with shop.serve(workers=workers):
        bob, ann = await shop.customer("bob"), await shop.customer("ann")
        for customer in (bob, ann):
            await customer.post("first")
            await customer.until(lambda c=customer: (c.threads[c.main].service or {}).get("place"), what="a place")
        deaf = await deaf_link(shop)
        await read_until(deaf, lambda frame: frame.get("re") == 1)
        await flood(shop, ann)
        for seq in (1, 2, 3):
            await ann.request("mark", conversation=ann.main, read=seq, delivered=seq)
        await bob.request("queue.leave", conversation=bob.main)
        await ann.until(lambda: ann.threads[ann.main].service["place"] == 1, what="to move up")
        frames = await read_until(deaf, lambda frame: frame.get("type") == "head")
        await deaf.send(json.dumps({"id": 2, "type": "conversations", "data": {}}))
        frames += await read_until(deaf, lambda frame: frame.get("re") == 2)
        told = [frame["data"] for frame in frames if frame.get("type") in ("marked", "service")]
        assert sorted(data["mark"]["read"] for data in told if "mark" in data) == [3], "the newest alone is worth telling"
        assert [data["service"]["place"] for data in told if "service" in data] == [1]
        await deaf.close()
        await shop.quiet()


def wide_socket(shop):
    """It takes whatever the server writes, whether the test reads or not."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.connect(("127.0.0.1", shop.server.port))
    return sock


@contextlib.contextmanager
def nothing_is_stored(site):
    """What is posted meanwhile waits, and is stored together once this ends."""
    with contextlib.closing(psycopg2.connect(site.dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("LOCK TABLE item IN EXCLUSIVE MODE")
        yield


async def test_a_burst_that_the_socket_takes_at_once_leaves_nobody_waiting_for_the_beat(shop, encoding):
    """More than OUT_QUEUE_SOFT is committed in one batch, and no socket is ever full."""
    with shop.serve(sets={"database.lock_timeout": "60s"}) as server:
        ann = await shop.customer("ann", encoding=encoding, sock=wide_socket(shop))
        await ann.post("first")
        with nothing_is_stored(shop.site):
            entries = []
            for waiting, burst in ((1, ["alone"]), (20, ["x" * 15_000] * 19)):
                entries += [ann.post(text) for text in burst]
                await until(lambda w=waiting: server.metrics()["parley_posts_waiting"] == w, "the posts to be with the server")
        last = max([(await entry)["seq"] for entry in entries])
        await ann.until(lambda: ann.threads[ann.main].last >= last)
        assert server.metrics()["parley_slow_reader_heads_total"] > 0, "everything was pushed"
        seq = (await ann.post("a word"))["seq"]
        await ann.until(lambda: ann.threads[ann.main].last >= seq)
        assert seq in [data["item"]["seq"] for type, data in ann.pushes if type == "item"], "it was not pushed"
        await shop.quiet()
    shop.judge()


def as_list(message):
    return message if isinstance(message, list) else [message]


async def test_a_link_that_never_reads_is_closed(shop):
    with shop.serve() as server:
        ann = await shop.customer("ann")
        await ann.post("first")
        deaf = await deaf_link(shop)
        await much(ann)
        await until(lambda: server.links() == 1, "the link that reads nothing to be closed")
        with pytest.raises(websockets.ConnectionClosed):
            while True:
                await asyncio.wait_for(deaf.recv(), WAIT)
        assert deaf.close_code in (4001, 1006)
        await shop.close()


async def test_a_flood_is_held_to_the_rate_and_keeps_its_order(shop):
    with shop.serve(sets={"server.rate_factor": "1"}):
        ann = await shop.customer("ann")
        entries = [ann.post(f"message {n}") for n in range(60)]
        answers = [await entry for entry in entries]
        assert [a["seq"] for a in answers] == sorted(a["seq"] for a in answers)
        assert max(entry.attempts for entry in entries) > 1, "nothing was refused"
        await ann.until(lambda: ann.texts() == [f"message {n}" for n in range(60)])
        await shop.quiet()
    shop.judge()
