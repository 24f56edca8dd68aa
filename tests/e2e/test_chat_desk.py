"""The two programs in the terminal, and the C SDK under them, against a real server."""
import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import time

import pytest

from chaos import Chaos
from parley_wire import uuid7
from server import READY_S, ROOT, free_port, program
from terminal import Terminal


def file(shop, name, text):
    path = shop.site.folder + "/" + name
    with open(path, "w", encoding="utf-8") as f:
        f.write(text + "\n")
    return path


def chat(shop, *args, sub="ana", url=None):
    return Terminal(shop.site, "chat", "--server", url or shop.server.url,
                    "--token", file(shop, f"{sub}.jwt", shop.app.token(sub)), *args)


def desk(shop, email, *args, url=None):
    password = file(shop, f"{email}.pw", shop.site.passwords[email])
    return Terminal(shop.site, "desk", "--server", url or shop.server.url, "--login", email,
                    "--password-file", password, *args)


@pytest.mark.parametrize("wire", [(), ("--wire-json",)], ids=["msgpack", "json"])
def test_a_customer_and_an_agent_talk(shop, wire):
    email = shop.staff("kim")
    with shop.serve(), chat(shop, *wire) as ana, desk(shop, email, *wire) as kim:
        ana.call("context", key="screen", value="cart")
        ana.call("send", text="my parcel is late")
        ana.expect("outbox", lambda e: e["state"] == "sent")
        kim.call("status.set", status="online")
        offer = kim.expect("offer")["offer"]
        kim.call("offer.accept", conversation=offer["conversation"], offer=offer["offer"])
        dossier = kim.reply("offer.accept")["data"]["dossier"]
        assert dossier["verified"] and dossier["context"]["screen"] == "cart"
        ana.expect("item", lambda e: e["item"]["kind"] == "joined")
        ana.expect("service", lambda e: e["service"]["state"] == "live")
        kim.call("send", conversation=offer["conversation"], text="let me look")
        ana.text("let me look")
        kim.call("note", conversation=offer["conversation"], text="she is right")
        kim.text("she is right")
        ana.call("typing", on=True)
        kim.expect("typing", lambda e: e["on"])
        ana.call("send", text="thank you")
        kim.text("thank you")
        kim.call("resolve", conversation=offer["conversation"])
        assert kim.reply("resolve")["status"] == "ok"
        ana.expect("item", lambda e: e["item"]["kind"] == "resolved")
        assert not [t for _, _, t in ana.items() if t == "she is right"]
        assert [t for _, kind, t in kim.items() if kind in ("text", "note")] == [
            "my parcel is late", "let me look", "she is right", "thank you"]


def test_a_line_that_is_wrong_says_where(shop):
    with shop.serve(), chat(shop) as ana:
        for type, data, text in (("send", {}, "data.text: is missing"), ("range", {"after": "x"}, "data.after: "),
                                 ("sned", {}, "type: no request of this type")):
            ana.call(type, **data)
            refused = ana.expect("refused")
            assert refused["text"].startswith(text) and json.loads(refused["line"])["type"] == type
        ana.call("send", text="all the same")
        ana.text("all the same")


def test_a_process_goes_on_where_it_stood(shop):
    with shop.serve():
        with chat(shop) as ana:
            ana.call("process.start", type="order", data={"size": "L"})
            process = ana.reply("process.start")["data"]["process"]
            ana.call("process.step", process=process["process"], revision=process["revision"], data={"street": "High St"})
            assert ana.reply("process.step")["data"]["process"]["revision"] == process["revision"] + 1
            ana.call("process.step", process=process["process"], revision=process["revision"], step="late")
            refused = ana.reply("process.step")
            assert refused["status"] == "stale" and refused["error"]["current"]
        with chat(shop) as other_phone:
            other_phone.call("process.get")
            found = other_phone.reply("process.get")["data"]["processes"]
            assert found[0]["data"] == {"size": "L", "street": "High St"}


def test_what_is_said_survives_cuts_and_kills(shop, size):
    count = size(120, 2000)
    words = [f"word {n}" for n in range(count)]
    with shop.serve() as server, Chaos("127.0.0.1:0", f"127.0.0.1:{server.port}") as net:
        url = f"ws://{net.address}/v1/ws"
        with chat(shop, url=url) as ana:
            ana.state("online")
            for n, word in enumerate(words):
                ana.call("send", text=word)
                if size.rng.random() < 0.1:
                    net.cut()
                if n in (count // 3, 2 * count // 3):
                    server.kill()
                    server.start()
            ana.text(words[-1])
            told = ana.items()
            assert [t for _, kind, t in told if kind == "text"] == words
            assert [n for n, _, _ in told] == sorted({n for n, _, _ in told})
        with chat(shop) as again:
            head = again.expect("conversation")["head"]
            again.expect("synced", lambda e: e["head"] == head)
            again.call("older", count=250)
            again.reply("range")
            seen = [t for _, kind, t in sorted(again.items()) if kind == "text"]
            assert seen == words[-len(seen):] and len(seen) >= min(count, 250)


def test_a_token_that_is_refused_ends_the_program(shop):
    with shop.serve():
        path = file(shop, "old.jwt", shop.app.token("ana", at=1000000))
        done = subprocess.run([program(), "chat", "--server", shop.server.url, "--token", path], input="", text=True,
                              capture_output=True, timeout=READY_S)
        assert done.returncode == 4 and "expired" in done.stderr
        wrong = subprocess.run([program(), "desk", "--server", shop.server.url, "--login", shop.staff("kim"),
                                "--password-file", "-"], input="wrong\n", text=True, capture_output=True, timeout=READY_S)
        assert wrong.returncode == 4 and wrong.stderr.startswith("parley: the server says: ")


def signing_in(shop, verb, *args, stdin):
    return subprocess.run([program(), *verb, *args], input=stdin, text=True, capture_output=True, timeout=READY_S)


@pytest.mark.parametrize("verb", [("desk",), ("desk", "password")], ids=" ".join)
def test_no_password_goes_over_the_network_in_the_clear(shop, verb):
    """0.0.0.0 leads here, and is no name of this machine."""
    with shop.serve() as server:
        email = shop.staff("kim")
        who = ("--server", server.url.replace("127.0.0.1", "0.0.0.0"), "--login", email)
        new = ("--new-file", file(shop, "new.pw", "another long canary-7f3e one")) if "password" in verb else ()
        done = signing_in(shop, verb, *who, *new, "--password-file", "-", stdin=shop.site.passwords[email])
        assert done.returncode == 2 and "use wss://" in done.stderr and not done.stdout, done.stderr
        assert shop.site.sql("SELECT count(*) FROM agent_token") == [(0,)], "it was sent all the same"


def test_an_agent_takes_another_password(shop):
    with shop.serve() as server:
        email, other = shop.staff("kim"), "another long canary-7f3e one"
        old, new = file(shop, "old.pw", shop.site.passwords[email]), file(shop, "new.pw", other)
        change = (("desk", "password"), "--server", server.url, "--login", email, "--new-file")
        with desk(shop, email) as kim:
            kim.state("online")
            short = signing_in(shop, *change, "-", "--password-file", old, stdin="short")
            assert short.returncode == 1 and "12 to 1024" in short.stderr
            wrong = signing_in(shop, *change, new, "--password-file", "-", stdin="wrong")
            assert wrong.returncode == 4 and wrong.stderr.startswith("parley: the server says: ")
            done = signing_in(shop, *change, new, "--password-file", old, "--json", stdin="")
            assert done.returncode == 0 and json.loads(done.stdout) == {"email": email}, done.stderr
            kim.state("blocked")
            assert kim.quit() == 4
        shop.site.passwords[email] = other
        with desk(shop, email) as kim:
            kim.state("online")


def test_lines_in_and_words_out(shop):
    with shop.serve():
        path = file(shop, "ana.jwt", shop.app.token("ana"))
        done = subprocess.run([program(), "chat", "--server", shop.server.url, "--token", path, "--name", "Ana"],
                              input="hello\n/nonsense\n", text=True, capture_output=True, timeout=READY_S)
        assert done.returncode == 0, done.stderr
        assert "Ana       hello\n" in done.stdout and "/nonsense is nothing I know" in done.stdout
        assert "\x1b" not in done.stdout


def test_an_interrupt_is_told_from_an_end(shop):
    with shop.serve(), chat(shop) as ana:
        ana.state("online")
        ana.process.send_signal(signal.SIGINT)
        assert ana.end() == 130, ana.said()


def test_a_server_that_is_not_there(shop):
    with shop.serve() as server:
        url = server.url
    path = file(shop, "ana.jwt", shop.app.token("ana"))
    done = subprocess.run([program(), "chat", "--server", url, "--token", path], input="", text=True,
                          capture_output=True, timeout=READY_S)
    assert done.returncode == 5 and "cannot connect" in done.stderr


def test_an_address_where_something_else_answers(shop):
    with shop.serve() as server:
        path = file(shop, "ana.jwt", shop.app.token("ana"))
        done = subprocess.run([program(), "chat", "--server", server.url + "/nope", "--token", path], input="", text=True,
                              capture_output=True, timeout=READY_S)
    assert done.returncode == 5 and "check the address" in done.stderr and "/v1/ws" in done.stderr, done.stderr


def test_the_example_says_hello(shop, tmp_path):
    build, source = os.path.dirname(program()), os.path.join(ROOT, "sdk-c")
    hello = str(tmp_path / "hello")
    sanitize = {"asan": ["-fsanitize=address,undefined"], "tsan": ["-fsanitize=thread"]}.get(os.path.basename(build), [])
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", *sanitize, f"{source}/examples/hello.c", f"-I{source}/include",
                    f"-L{build}", "-lparley", f"-Wl,-rpath,{build}", "-o", hello], check=True)
    with shop.serve() as server:
        done = subprocess.run([hello], env={**os.environ, "PARLEY_URL": server.url, "PARLEY_TOKEN": shop.app.token("ana")},
                              text=True, capture_output=True, timeout=READY_S)
    assert done.returncode == 0, done.stderr
    for line in ("state   online", "mine    sent", "customer Hello", "system  queued"):
        assert line in done.stdout, done.stdout


def certificate(folder, name):
    key, cert = f"{folder}/{name}.key", f"{folder}/{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "2", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{name}"], check=True, capture_output=True)
    return cert, key


def test_a_certificate_must_be_trusted_and_fit(shop, tmp_path):
    cert, key = certificate(tmp_path, "localhost")
    other, _ = certificate(tmp_path, "chat.example")
    token = file(shop, "ana.jwt", shop.app.token("ana"))

    def said(server, ca, host="localhost"):
        url = server.url.replace("ws://127.0.0.1", f"wss://{host}")
        return subprocess.run([program(), "chat", "--server", url, "--token", token, "--ca", ca], input="in secret\n",
                              text=True, capture_output=True, timeout=READY_S)

    with shop.serve(sets={"tls.certificate": cert, "tls.key": key}) as server:
        good = said(server, cert)
        assert good.returncode == 0 and "in secret" in good.stdout, good.stderr
        for bad in (said(server, other), said(server, cert, host="127.0.0.1")):
            assert bad.returncode == 5 and "TLS failed" in bad.stderr, bad.stderr


def test_a_guest_comes_back_with_their_token_on_their_device(shop):
    with shop.serve():
        device = uuid7()
        path = file(shop, "guest", shop.server.guest(shop.app, device))
        said = {"input": "hello\n", "text": True, "capture_output": True, "timeout": 60}
        args = [program(), "chat", "--server", shop.server.url, "--token", path]
        for flags in ((), ("--device", "mine")):
            refused = subprocess.run([*args, *flags], **said)
            assert refused.returncode == 2 and "--device" in refused.stderr
        done = subprocess.run([*args, "--device", device], **said)
        assert done.returncode == 0, done.stderr
        assert shop.site.sql("SELECT body->>'text' FROM item WHERE kind = 1") == [("hello",)]


@contextlib.contextmanager
def at_a_terminal(*args):
    """The program on a terminal: (until these bytes are shown, type these)."""
    ours, theirs = pty.openpty()
    shown = bytearray()
    with subprocess.Popen([program(), *args], stdin=theirs, stdout=theirs, stderr=theirs,
                          env={**os.environ, "TERM": "xterm"}) as process:
        def until(wanted):
            end = time.monotonic() + READY_S
            while wanted not in shown:
                assert select.select([ours], [], [], max(0, end - time.monotonic()))[0], shown
                shown.extend(os.read(ours, 4096))
        try:
            yield until, lambda typed: os.write(ours, typed)
        finally:
            process.kill()      # or a test that has failed would wait for it
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("verb", ["chat", "desk"])
def test_at_a_terminal_one_reads_why_nobody_answers(shop, verb):
    path = file(shop, "token", shop.app.token("ana"))
    with at_a_terminal(verb, "--server", f"ws://127.0.0.1:{free_port()}/v1/ws", "--token", path) as (until, _):
        until(b"cannot connect")


def test_at_a_terminal_an_empty_conversation_has_buttons_to_begin_with(shop):
    shop.site.flow("orders", 'flow { id = "orders", title = "Orders", start = { button = "Track an order" } }\nask "Which one?"\n')
    shop.site.flow("refund", 'flow { id = "refund", title = "Refund", start = { button = "Return an item" } }\nask "Which item?"\n')
    with shop.serve():
        args = ("chat", "--server", shop.server.url, "--token", file(shop, "ana.jwt", shop.app.token("ana")))
        with at_a_terminal(*args) as (until, typed):
            until(b"Track an order")
            until(b"Return an item")
            typed(b"2\r")
            until(b"Which item?")
        assert shop.site.sql("SELECT body->>'text' FROM item WHERE kind = 1 AND role <> 6") == [("Return an item",)]
