"""The C SDK as an app has it: killed, started again, offline, on a bad network. `parley chat --json --keep` is the app."""
import os

import pytest

from chaos import Chaos
from test_chat_desk import chat, desk


def kept(shop, name, sub="ana", url=None):
    return chat(shop, "--keep", f"{shop.site.folder}/{name}", sub=sub, url=url)


def stop(terminal):
    """kill -9: nothing is closed, nothing is written."""
    terminal.process.kill()
    terminal.end()


def said(shop):
    return [text for (text,) in shop.site.sql(
        "SELECT body->>'text' FROM item JOIN customer ON customer.id = author WHERE kind = 1 ORDER BY conversation, seq")]


def test_what_was_typed_offline_is_sent_by_the_next_process(shop):
    with shop.serve():
        with kept(shop, "ana") as ana:
            ana.state("online")
            ana.call("send", text="0")
            ana.expect("outbox", lambda e: e["state"] == "sent")
            shop.server.stop()
            ana.state("backoff")
            for n in range(1, 6):
                ana.call("send", text=str(n))
                ana.expect("outbox", lambda e: e["state"] == "queued")
            ana.call("draft", value="half a sen")
            ana.call("recap")
            assert ana.reply("recap")["data"]["unsent"] == 5
            stop(ana)
        with kept(shop, "ana", url=shop.server.url) as ana:  # no server yet: the thread is there all the same
            ana.text("0")
            for _ in range(5):
                ana.expect("outbox", lambda e: e["state"] == "queued")
            shop.server.start()
            for _ in range(5):
                ana.expect("outbox", lambda e: e["state"] == "sent")
            ana.call("recap")
            recap = ana.reply("recap")["data"]
            assert recap["drafts"] == [{"number": 0, "value": "half a sen"}] and recap["unsent"] == 0
        assert said(shop) == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.parametrize("moment", ["queued", "sending", "sent"])
def test_killed_at_each_step_of_a_send(shop, moment):
    ids = set()
    with shop.serve():
        for n in range(5):
            with kept(shop, "ana") as ana:
                ana.state("online")
                ana.call("send", text=str(n))
                mine = ana.expect("outbox", lambda e: e["id"] not in ids)  # those before may still be on their way
                ids.add(mine["id"])
                if moment != "queued":
                    ana.expect("outbox", lambda e: e["id"] == mine["id"] and e["state"] == moment)
                stop(ana)
        with kept(shop, "ana") as ana:
            ana.expect("synced")
            ana.call("send", text="5")
            ana.text("5")
        assert said(shop) == ["0", "1", "2", "3", "4", "5"]


WEATHER = ({"delay_ms": 20, "jitter_ms": 20}, {"slice": 1}, {"slice": 7, "delay_ms": 3}, {"cut_after": 700}, {"cut_after": 1500},
           {"stall": True}, {"blackhole": True})


def test_killed_on_a_bad_network(shop, size):
    """Between app and server everything goes wrong, and the app is killed at any moment: each message once, in order."""
    sent, ids = 0, set()
    with shop.serve() as server, Chaos("127.0.0.1:0", f"127.0.0.1:{server.port}") as net:
        url = f"ws://{net.address}/v1/ws"
        for _ in range(size(12, 200)):
            net.clear()
            net.set(size.rng.choice(("up", "down", "both")), **size.rng.choice(WEATHER))
            with kept(shop, "ana", url=url) as ana:
                for _ in range(size.rng.randrange(1, 6)):
                    ana.call("send", text=str(sent))
                    ids.add(ana.expect("outbox", lambda e: e["id"] not in ids)["id"])
                    sent += 1
                if size.rng.random() < 0.5:
                    net.cut()
                if size.rng.random() < 0.3:
                    net.clear()
                    ana.expect("outbox", lambda e: e["state"] in ("sending", "sent"))
                stop(ana)
        net.clear()
        with kept(shop, "ana", url=url) as ana:
            ana.expect("synced")
            ana.call("send", text=str(sent))
            last = ana.text(str(sent))["item"]["seq"]
            ana.call("view", count=250)
            rows = [ana.expect("view", lambda e: e["change"] == "insert")["row"] for _ in range(2)]
            assert rows[0]["seq"] < rows[1]["seq"] <= last
        assert said(shop) == [str(n) for n in range(sent + 1)]


def test_what_the_app_showed_is_known_to_the_agent_and_no_secret_is(shop):
    email = shop.staff("kim")
    with shop.serve():
        with kept(shop, "ana", url="ws://127.0.0.1:1/v1/ws") as ana:     # nobody is there
            ana.state("connecting")
            ana.call("context", key="screen", value="Cart")
            ana.call("context", key="screen", value="Pay")
            ana.call("context", key="objects", value=[{"card": "4111 1111 1111 1111", "cvv": 123, "mail": "ana@example.com"}])
            ana.call("send", text="help")
            ana.expect("outbox")
            stop(ana)
        with kept(shop, "ana") as ana, desk(shop, email) as kim:
            ana.text("help")
            kim.call("status.set", status="online")
            context = kim.expect("offer")["offer"]["dossier"]["context"]
            assert context["objects"] == [{"card": "[card]", "cvv": "[secret]", "mail": "[email]"}]
            assert context["screen"] == "Pay" and [t["screen"] for t in context["trail"]] == ["Cart"]


def test_signing_out_leaves_nothing(shop):
    with shop.serve():
        folder = f"{shop.site.folder}/ana"
        with kept(shop, "ana") as ana:
            ana.state("online")
            ana.call("send", text="secret")
            ana.text("secret")
            assert len(os.listdir(folder)) >= 2
            ana.call("sign_out")
            ana.state("closed")
            assert os.listdir(folder) == []
        with kept(shop, "ana", sub="bob") as bob:
            bob.expect("synced")
            assert bob.items() == []


def test_somebody_else_in_the_same_folder_finds_nothing(shop):
    with shop.serve():
        with kept(shop, "one") as ana:
            ana.state("online")
            ana.call("send", text="secret")
            ana.text("secret")
        with kept(shop, "one", sub="bob") as bob:
            bob.expect("cache", lambda e: e["state"] == "reset")
            bob.expect("synced")
            bob.call("recap")
            assert bob.reply("recap")["data"]["head"] == 0
        with kept(shop, "one") as ana:
            ana.text("secret")


def test_a_process_that_two_edit_and_a_kill_between(shop):
    """Begun and edited without a server, edited on another phone meanwhile: both sides' fields, each edit once."""
    def process(e, pending, **data):
        return e["pending"] == pending and {**e["process"]["data"], **data} == e["process"]["data"]
    with shop.serve():
        with kept(shop, "phone", url="ws://127.0.0.1:1/v1/ws") as phone:
            phone.call("process.begin", type="order", title="A parcel", data={"size": "L"})
            begun = phone.expect("process", lambda e: process(e, 1, size="L"))["process"]
            phone.call("process.edit", process=begun["process"], step="address", data={"street": "High St"})
            phone.expect("process", lambda e: process(e, 2, size="L", street="High St"))
            stop(phone)
        with kept(shop, "phone") as phone:
            phone.expect("process", lambda e: process(e, 0, size="L", street="High St") and e["process"]["revision"] == 2)
            with kept(shop, "tablet") as tablet:
                tablet.expect("process", lambda e: e["process"]["revision"] == 2)
                phone.call("close")
                phone.state("closed")
                phone.call("process.edit", process=begun["process"], data={"street": "Low St", "zip": "1"})
                phone.expect("process", lambda e: process(e, 1, street="Low St", zip="1"))
                tablet.call("process.edit", process=begun["process"], data={"street": "Mid St", "city": "Ulm"})
                tablet.expect("process", lambda e: process(e, 0, street="Mid St", city="Ulm"))
                stop(phone)
        with kept(shop, "phone") as phone:
            conflict = phone.expect("conflict")
            assert conflict["fields"] == ["street"] and conflict["merged"]
            assert [conflict[side]["data"]["street"] for side in ("base", "mine", "process")] == ["High St", "Low St", "Mid St"]
            last = phone.expect("process", lambda e: e["pending"] == 0 and e["process"]["revision"] == 4)["process"]
            assert last["data"] == {"size": "L", "street": "Low St", "zip": "1", "city": "Ulm"} and last["step"] == "address"
        assert shop.site.sql("SELECT count(*) FROM item WHERE kind = 15") == [(4,)]
