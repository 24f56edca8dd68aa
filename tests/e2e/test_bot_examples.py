"""The example bots, as their page says they are run: in C, in Node, and with a language model behind it, which is a fake."""
import contextlib
import http.server
import json
import os
import queue
import re
import shutil
import subprocess
import threading

import pytest

from parley_bot import answer_id
from server import READY_S, ROOT
from test_bots import said
from test_examples import example
from waiting import until

FOLDER = os.path.join(ROOT, "sdk-c", "examples", "bot")
GRACE = {"bots.grace": "300ms"}


@contextlib.contextmanager
def running(command, server, key, **env):
    """A bot as a process of its own, for as long as the block lasts."""
    env = {**os.environ, "PARLEY_URL": server.url, "PARLEY_KEY": key, "PARLEY_TOKEN": key, **env}
    with subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def node(name):
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    return ["node", os.path.join(FOLDER, name)]


def answer_to(client, text):
    """The bot's answer has the id that is made of what it answers."""
    [item] = [i for i in client.items() if i["role"] == "bot" and i["body"].get("text") == text]
    asked = [i for i in client.items() if i["role"] == "customer" and i["seq"] < item["seq"]][-1]
    return item["id"] == answer_id(asked["id"])


async def test_in_node(shop):
    key = shop.bot_key()
    with shop.serve(sets=GRACE) as server, running(node("echo.mjs"), server, key) as first:
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        for word in ("hello", "grüß dich"):
            await ann.post(word)
            await said(ann, f"You said: {word}")
            assert answer_to(ann, f"You said: {word}")
        with running(node("echo.mjs"), server, key):
            first.kill()            # the other one takes it up
            await ann.post("still there?")
            await said(ann, "You said: still there?")
            await ann.post("I want a person")
            offer = await kim.briefed(ann.main)
            assert offer["dossier"]["summary"] == "The last words were: I want a person"
            await kim.accept(offer)
            await kim.say("Kim here", ann.main)
            await kim.release(ann.main)
            await ann.post("thanks, bye")
            await ann.until(lambda: "resolved" in ann.kinds())
        texts = ann.texts()
        assert texts.count("You said: still there?") == 1 and texts[-1] == "Goodbye!" and texts.count("Goodbye!") == 1
        await shop.quiet()
    shop.judge()


async def test_in_node_through_a_restart_of_the_server(shop):
    key = shop.bot_key()
    with shop.serve(sets={"bots.grace": "1h"}) as server, running(node("echo.mjs"), server, key):
        ann = await shop.customer("ann")
        await ann.post("one")
        await said(ann, "You said: one")
        for _ in range(2):      # at the second one surely nothing was missed meanwhile
            nodes = shop.site.sql("SELECT id FROM node")
            server.kill()
            server.start()
            await until(lambda n=nodes: shop.site.sql("SELECT 1 FROM bot_seat WHERE lost_at IS NULL AND NOT node = ANY (%s::uuid[])",
                                                      [id for (id,) in n]), "the bot to be back")
        await ann.connect()
        await ann.post("two")
        await said(ann, "You said: two")
        assert [i["body"]["why"] for i in await_control(shop)] == ["accepted"]     # it kept its session
        await shop.quiet()
    shop.judge()


def await_control(shop):
    return [{"body": json.loads(body)} for (body,) in shop.site.sql("SELECT body::text FROM item WHERE kind = 72 ORDER BY seq")]


async def test_in_c(shop):
    key = shop.bot_key()
    with shop.serve(sets=GRACE) as server, running([example("bot")], server, key) as first:
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        await ann.post("Where is A123456?")
        await said(ann, "Order A123456 is on its way.")
        assert answer_to(ann, "Order A123456 is on its way.")
        with running([example("bot")], server, key):
            first.kill()
            await ann.post("And A654321?")
            await said(ann, "Order A654321 is on its way.")
            await ann.post("It came broken")
            offer = await kim.briefed(ann.main)
            assert offer["dossier"]["reason"] == "not about an order"
            await kim.accept(offer)
            await kim.resolve(ann.main)
        assert ann.texts().count("Order A654321 is on its way.") == 1
        await shop.close()
    shop.judge()


# --- the model ---

class Model:
    """A chat-completion endpoint that answers what it is told to, in order; each is a text, a call, a status or `hang`."""

    def __init__(self):
        self.script, self.asked, self.going = queue.Queue(), [], threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                outer.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                answer = outer.script.get()
                if answer == "hang":
                    outer.going.wait()      # longer than anybody waits for it
                    return
                status, body = (answer, b"{}") if isinstance(answer, int) else (200, json.dumps(outer.completion(answer)).encode())
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1/chat/completions"

    def completion(self, answer):
        message = {"role": "assistant", "content": answer} if isinstance(answer, str) else {
            "role": "assistant", "content": None,
            "tool_calls": [{"type": "function", "function": {"name": "hand_off", "arguments": json.dumps(answer)}}]}
        return {"choices": [{"message": message}]}

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.going.set()
        self.server.shutdown()
        self.server.server_close()


async def test_with_a_model(shop):
    key = shop.bot_key()
    with Model() as model, shop.serve() as server, running(node("llm.mjs"), server, key, LLM_URL=model.url, LLM_TIMEOUT_MS="500"):
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        for script, question, answer in ((["Which order?"], "Where is my order?", "Which order?"),
                                         ([503, "It is on its way."], "A1", "It is on its way."),
                                         (["hang", "Tomorrow."], "When?", "Tomorrow.")):
            for step in script:
                model.script.put(step)
            await ann.post(question)
            await said(ann, answer)
        told = [(m["role"], m["content"]) for m in model.asked[-1]["messages"][1:]]
        assert told == [("user", "Where is my order?"), ("assistant", "Which order?"), ("user", "A1"),
                        ("assistant", "It is on its way."), ("user", "When?")]
        assert any(type == "typing" for type, _ in ann.pushes)
        model.script.put({"reason": "a complaint", "summary": "A1 came broken", "collected": {"order": "A1"}})
        await ann.post("It is broken!")
        offer = await kim.briefed(ann.main)
        dossier = offer["dossier"]
        assert (dossier["reason"], dossier["summary"], dossier["collected"]) == ("a complaint", "A1 came broken", {"order": "A1"})
        await kim.accept(offer)
        await kim.say("I am sorry.", ann.main)
        await kim.resolve(ann.main)
        for _ in range(3):
            model.script.put(500)
        await ann.post("One more thing")
        offer = await kim.briefed(ann.main)
        assert offer["dossier"]["reason"] == "the model does not answer"
        assert ann.texts()[-1] == "I cannot answer that just now. A person will."
        await kim.accept(offer)
        await kim.resolve(ann.main)
        await shop.close()
    shop.judge()


def test_the_page_names_what_is_there():
    with open(os.path.join(FOLDER, "README.md"), encoding="utf-8") as file:
        page = file.read()
    for name in re.findall(r"`([a-z]+\.(?:c|mjs))`", page):
        assert os.path.exists(os.path.join(FOLDER, name)), name
