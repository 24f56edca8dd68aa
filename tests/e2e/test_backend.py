"""The company's back ends: the same items over HTTP, under a key of their own."""
import json

import pytest

from parley_link import Refused
from parley_wire import uuid7


def message(id, text):
    return {"id": id, "kind": "text", "body": {"text": text}}


async def test_items_over_http(shop):
    key = shop.site.program_key("shop")
    with shop.serve() as server:
        ann, id = await shop.customer("ann"), uuid7()
        await ann.post("from the app")
        path = f"/v1/conversations/{ann.main}/items"
        status, text = server.http("POST", path, message(id, "from the back end"), key)
        first = json.loads(text)
        assert status in (200, 201) and first["seq"] > 1, text
        await ann.until(lambda: "from the back end" in ann.texts())
        assert ann.threads[ann.main].items[first["seq"]]["role"] == "backend"
        status, text = server.http("POST", path, message(id, "from the back end"), key)
        assert json.loads(text) == {**first, "duplicate": True}
        status, text = server.http("POST", path, message(id, "something else"), key)
        assert status == 409 and json.loads(text)["error"]["code"] == "conflict"
        status, text = server.http("GET", f"{path}?after=0&limit=250", token=key)
        thread = json.loads(text)["thread"]
        assert status == 200 and [i["seq"] for i in thread["items"]] == list(range(1, thread["head"] + 1))
        status, text = server.http("GET", f"{path}?before=2&limit=1", token=key)
        assert [i["seq"] for i in json.loads(text)["thread"]["items"]] == [1]
        await shop.close()


async def test_events_are_items(shop):
    key = shop.site.program_key("shop")
    with shop.serve() as server:
        ann = await shop.customer("ann")
        event = {"conversation": ann.main, "id": uuid7(), "type": "parcel.sent", "text": "Your parcel is under way",
                 "data": {"parcel": "P1"}}
        status, text = server.http("POST", "/v1/events", event, key)
        assert status in (200, 201), text
        item = await ann.until(lambda: next((i for i in ann.items() if i["kind"] == "custom"), None))
        assert item["body"] == {"type": "parcel.sent", "fallback": "Your parcel is under way", "data": {"parcel": "P1"}}
        await shop.close()


async def test_errors_have_a_status_a_code_and_a_path(shop):
    key = shop.site.program_key("shop")
    with shop.serve() as server:
        ann = await shop.customer("ann")
        path = f"/v1/conversations/{ann.main}/items"
        cases = [
            ("POST", path, message(uuid7(), "x"), None, 401, "unauthenticated", None),
            ("POST", path, message(uuid7(), "x"), "pk_nonsense", 401, "unauthenticated", None),
            ("POST", path, message("x", "x"), key, 400, "bad_id", "id"),
            ("POST", path, {"id": uuid7(), "kind": "dance", "body": {}}, key, 400, "unknown_kind", "kind"),
            ("POST", path, {"id": uuid7(), "kind": "text", "body": {"text": 5}}, key, 400, "invalid", "text"),
            ("POST", path, message(uuid7(), "x" * 20_000), key, 413, "too_big", "text"),
            ("POST", path, "{", key, 400, "malformed", None),
            ("GET", f"/v1/conversations/{uuid7()}/items", None, key, 404, "not_found", None),
            ("GET", "/v1/conversations/x/items", None, key, 400, "bad_id", None),
            ("GET", f"{path}?limit=-1", None, key, 400, "invalid", "limit"),
            ("GET", f"{path}?limit=1000000000", None, key, 400, "invalid", "limit"),
            ("GET", f"{path}?after=1&before=9", None, key, 400, "invalid", None),
            ("GET", f"{path}?after=two", None, key, 400, "invalid", "after"),
            ("GET", f"{path}?limit=", None, key, 400, "invalid", "limit"),
            ("GET", f"{path}?limit=99999999999999999999", None, key, 400, "invalid", "limit"),
            ("GET", "/v1/nothing", None, key, 404, "not_found", None),
            ("POST", "/v1/nothing", {}, key, 404, "not_found", None),
            ("PUT", "/v1/events", {}, key, 405, "invalid", None),
            ("POST", "/v1/events", {"conversation": ann.main, "type": "a"}, key, 400, "invalid", "id"),
            ("POST", "/v1/events", {"conversation": ann.main, "id": uuid7()}, key, 400, "invalid", "type"),
            ("POST", "/v1/events", {"conversation": 5, "id": uuid7(), "type": "a"}, key, 400, "bad_id", "conversation"),
            ("POST", "/v1/guests", {}, None, 400, "invalid", "key"),
            ("POST", "/v1/guests", {"key": shop.app.kid, "device": "mine"}, None, 400, "bad_id", "device"),
            ("POST", path, "x" * 300_000, key, 413, "too_big", None),
            ("GET", "/v1/ws", None, key, 426, "invalid", None),
        ]
        for method, where, body, token, expected, code, place in cases:
            headers = {"Content-Type": "application/json"} if isinstance(body, str) else None
            status, text = server.http(method, where, body, token, headers)
            error = json.loads(text)["error"]
            assert (status, error["code"]) == (expected, code), (method, where, status, text)
            assert place is None or error["path"].endswith(place), text
            assert error.get("path") != "", text
        await shop.close()


async def test_a_customers_token_is_no_back_end(shop):
    with shop.serve() as server:
        ann, bob = await shop.customer("ann"), await shop.customer("bob")
        status, text = server.http("GET", f"/v1/conversations/{ann.main}/items", token=bob.token)
        assert status in (403, 404), text
        status, text = server.http("POST", f"/v1/conversations/{ann.main}/items", message(uuid7(), "x"), bob.token)
        assert status in (403, 404), text
        await shop.close()


def custom(n):
    return {"type": "x", "fallback": "y", "data": {"n": n}}


def nested(levels):
    """The body of an item that is nested so deep, itself the first level."""
    n = 1
    for _ in range(levels - 2):
        n = {"n": n}
    return custom(n)


def long(size):
    """The body of an item of so many bytes."""
    return custom("x" * (size - len(json.dumps(custom(""), separators=(",", ":")))))


@pytest.mark.parametrize("fits, too_much, code", [
    (nested(8), nested(9), "too_deep"),
    (nested(8), nested(25), "too_deep"),
    (nested(8), nested(500), "too_deep"),
    (custom([1] * 4084), custom([1] * 4085), "too_many"),
    (long(32768), long(32769), "too_big"),
    ({"text": "x" * 16384}, {"text": "x" * 16385}, "too_big"),
], ids=["deep", "deeper", "deepest", "many", "long", "wordy"])
async def test_the_limits_are_the_same_over_http_and_in_both_encodings(shop, fits, too_much, code):
    key, kind = shop.site.program_key("shop"), "text" if "text" in fits else "custom"
    with shop.serve() as server:
        phones = [await shop.customer("ann", encoding=encoding) for encoding in ("json", "msgpack")]
        ann = phones[0]
        path = f"/v1/conversations/{ann.main}/items"

        for phone in phones:
            await phone.link.request("post", conversation=ann.main, id=uuid7(), kind=kind, body=fits)
            with pytest.raises(Refused) as refused:
                await phone.link.request("post", conversation=ann.main, id=uuid7(), kind=kind, body=too_much)
            assert refused.value.code == code
        status, text = server.http("POST", path, {"id": uuid7(), "kind": kind, "body": fits}, key)
        assert status == 200, text
        status, text = server.http("POST", path, {"id": uuid7(), "kind": kind, "body": too_much}, key)
        assert (status, json.loads(text)["error"]["code"]) == (413 if code == "too_big" else 400, code), text
        if kind == "custom":
            event = {"conversation": ann.main, "id": uuid7(), "type": "x", "text": "y"}
            status, text = server.http("POST", "/v1/events", {**event, "data": fits["data"]}, key)
            assert status == 200, text
            status, text = server.http("POST", "/v1/events", {**event, "id": uuid7(), "data": too_much["data"]}, key)
            assert (status, json.loads(text)["error"]["code"]) == (413 if code == "too_big" else 400, code), text
        stored = 4 if kind == "custom" else 3
        await ann.until(lambda: [i["body"] for i in ann.items() if i["kind"] == kind] == [fits] * stored)
        await shop.close()
