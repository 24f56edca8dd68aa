"""Every script of `parley mock` against apps on the SDK: nothing is lost, nothing comes twice, the screen is the log.

Two or three apps at a time: one by MessagePack with a clock that runs fast and files of its own, one by JSON, one with the
library's own thread and the world's clock, where no script makes the library wait long."""
import asyncio
import contextlib
import json
import subprocess
import urllib.request

import pytest

from mock import App, Mock
from parley_link import Link, Refused
from parley_wire import uuid7
from server import READY_S, Failed, program, run

SAID, CHATTER = 20, {"long-absence": 300}
SLOW = {"slow"}     # a fast clock would take it for silence
PATIENT = {"drop", "lost-acks", "closes", "half-open", "mute", "truncated", "storm"}     # long waits of the library's own clock


def scripts():
    try:
        return [row["script"] for row in json.loads(run("mock", "--list", "--json"))]
    except FileNotFoundError:
        return []       # nothing is built: every other test says so


def chatter(mock):
    """How often somebody says something by the way, by the script."""
    text = run("mock", "--show", mock.script)
    lines = [line.split() for line in text.splitlines() if line.startswith("chatter ")]
    return int(lines[0][2]) if lines and len(lines[0]) > 2 else 0


def settled(mock, who, count):
    """All that will ever be said to this customer has been said: their own words, the echoes, the chatter."""
    texts = [line["body"].get("text", "") for line in mock.stored(who) if line["kind"] == "text"]
    own = sum(1 for text in texts if text.isdigit())
    return own == SAID and sum(text.startswith("You said: ") for text in texts) == SAID and \
        sum(text.startswith("by the way ") for text in texts) == count


def check(mock, app):
    stored, noted = mock.stored(app.who), app.noted
    told = [line["e"] for line in noted if line["k"] == "event" and line["e"]["event"] == "item"]
    end = noted[-1]
    assert end["k"] == "end"
    # once and in order in the log
    assert [line["body"]["text"] for line in stored if line["role"] == "customer"] == [str(n) for n in range(SAID)]
    # told once each, and as it is in the log
    seqs = [event["item"]["seq"] for event in told]
    assert sorted(seqs) == [line["seq"] for line in stored]
    truth = {line["seq"]: line for line in stored}
    for event in told:
        item, line = event["item"], truth[event["item"]["seq"]]
        assert [item[k] for k in ("id", "kind", "author", "role", "prev", "body")] == \
            [line[k] for k in ("id", "kind", "author", "role", "prev", "body")]
    fresh = [event["item"]["seq"] for event in told if event["new"]]
    assert fresh == sorted(fresh)
    # the screen is the newest part of the log
    rows = end["rows"]
    assert len(rows) >= min(20, len(stored))
    assert [row[:2] for row in rows] == [[line["seq"], line["id"]] for line in stored[-len(rows):]]
    mine = {line["seq"] for line in stored if line["role"] == "customer"}
    assert all(row[2] in ("sent", "delivered", "read") for row in rows if row[0] in mine)
    # and the library knows that it has it all
    assert end["recap"]["head"] == stored[-1]["seq"] and end["recap"]["complete"] and end["unsent"] == 0
    # a refused token was never offered again, and nothing was sent that is no frame
    assert not mock.of("refused_again", app.who) and not mock.of("unread", app.who)


def outbox_is_straight(app):
    """Each message goes queued, sending, ... and never back from sent."""
    order = {"queued": 0, "sending": 0, "sent": 1, "delivered": 2, "read": 3}
    last = {}
    for line in app.noted:
        if line["k"] == "event" and line["e"]["event"] == "outbox":
            id, state = line["e"]["id"], line["e"]["state"]
            assert order[state] >= last.get(id, 0), f"{id} goes to {state}"
            last[id] = order[state]
    assert len(last) == SAID and all(rank >= 1 for rank in last.values())


def apps_for(mock, folder):
    speed = "3" if mock.script in SLOW else "20"
    yield App(mock, "ana", SAID, "speed", speed, "folder", f"{folder}/ana")
    yield App(mock, "bob", SAID, "json", "speed", speed)
    if mock.script not in PATIENT:
        yield App(mock, "eve", SAID, "threaded", "folder", f"{folder}/eve")


def play(script, folder, seed):
    """The apps talk and end; (mock, apps) to be judged."""
    folder.mkdir()
    with Mock(script, folder, seed) as mock, contextlib.ExitStack() as stack:
        count, apps = chatter(mock), [stack.enter_context(app) for app in apps_for(mock, folder)]
        for app in apps:
            mock.wait(lambda who=app.who: settled(mock, who, count), f"{app.who} having said all")
        for app in apps:
            app.until(mock.stored(app.who)[-1]["seq"])
    return mock, apps


@pytest.mark.parametrize("script", scripts())
def test_nothing_is_lost_or_doubled(script, tmp_path, size):
    for seed in range(size(1, 20)):
        mock, apps = play(script, tmp_path / str(seed), size.seed * 1000 + seed)
        for app in apps:
            check(mock, app)
            outbox_is_straight(app)
        assert script in ("calm", "long-absence") or mock.rules_that_acted(), "the script did nothing"


def test_a_script_that_is_wrong_is_told_by_its_line(tmp_path):
    script = tmp_path / "mine.mock"
    script.write_text("beacon 1s\non request psot: cut\n")
    with pytest.raises(Failed, match=r"exit 7: .*mine.mock:2: .*psot"):
        run("mock", "--script", str(script))
    with pytest.raises(Failed, match="exit 3: .*did you mean storm"):
        run("mock", "--script", "strom")


async def test_numbers_as_large_as_can_be_asked_for_are_answered(tmp_path):
    with Mock("calm", tmp_path) as mock:
        link = await Link("ana", "json").open(f"ws://127.0.0.1:{mock.port}/v1/ws")
        conv = (await link.request("hello", token="ana"))["threads"][0]["conversation"]
        most = (1 << 63) - 1
        assert not (await link.request("range", conversation=conv, after=most))["thread"].get("items")
        assert (await link.request("range", conversation=conv, before=most))["thread"]["head"] == 0
        assert (await link.request("subscribe", conversation=conv, have=most))["thread"]["head"] == 0
        await link.close()


async def test_what_comes_late_behind_a_refused_post_is_refused_too(tmp_path):
    """However long it was on its way: else it would be stored before what was typed before it."""
    script, heard = tmp_path / "late.mock", asyncio.Queue()
    script.write_text("chatter 100ms\necho no\non request post first 1: refuse unavailable 50ms\non request post each 7: refuse busy 50ms\n")

    def push(_, type, data):
        if type == "item":
            heard.put_nowait(data)

    with Mock(str(script), tmp_path) as mock:
        link = await Link("ana", "json", push).open(f"ws://127.0.0.1:{mock.port}/v1/ws")
        conv = (await link.request("hello", token="ana"))["threads"][0]["conversation"]

        async def post(id):
            try:
                await link.request("post", conversation=conv, id=id, kind="text", body={"text": "x"})
                return "ok"
            except Refused as refused:
                return refused.code

        first, second, third, given_up, fourth = (uuid7() for _ in range(5))
        assert await post(first) == "unavailable"
        for _ in range(3):
            await heard.get()       # its moment is over
        assert [await post(id) for id in (second, third)] == ["unavailable"] * 2
        assert [await post(id) for id in (first, second, third)] == ["ok"] * 3
        assert [await post(id) for id in (given_up, fourth, fourth)] == ["busy", "busy", "ok"]
        await link.close()


def test_guests_come_in(tmp_path):
    with Mock("calm", tmp_path) as mock:
        ask = urllib.request.Request(f"http://127.0.0.1:{mock.port}/v1/guests", b'{"key":"shop"}', {"Content-Type": "application/json"})
        with urllib.request.urlopen(ask) as answer:
            token = json.loads(answer.read())["token"]
        with App(mock, token, SAID, "speed", "20") as guest:
            mock.wait(lambda: settled(mock, token, 0), "the guest having said all")
            guest.until(mock.stored(token)[-1]["seq"])
        assert {line["role"] for line in mock.stored(token)} == {"system", "guest", "bot"}


def test_a_kind_of_the_future_is_shown_by_its_words(tmp_path):
    token = tmp_path / "ana.token"
    token.write_text("ana\n")
    with Mock("calm", tmp_path) as mock, \
            subprocess.Popen([program(), "chat", "--server", f"ws://127.0.0.1:{mock.port}/v1/ws", "--token", str(token)], text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE) as chat:
        chat.stdin.write("unknown\n")
        chat.stdin.flush()
        said = ""
        while "to walk around" not in said:
            said = chat.stdout.readline()
            assert said, "it ended before"
        assert said.split(None, 1)[1] == "A picture of your parcel, to walk around\n"
        chat.stdin.close()
        assert chat.wait(READY_S) == 0
