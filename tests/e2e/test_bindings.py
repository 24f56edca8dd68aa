"""Every binding as an app has it: built as its page says on the installed library, a guest signs in, writes, is cut off,
comes back, finds the thread, is started again without a network, and ends. The library is the sanitized one of this build;
what hosts it (Python, Node, Java) is made to load the sanitizer's run time first, and its own leaks are not looked for."""
import glob
import json
import os
import pty
import re
import shutil
import subprocess
import sys

import pytest

import reference
from asked import CONVERSATION, OTHER, Asked
from chaos import Chaos
from parley_wire import uuid7
from server import READY_S, ROOT
from shop import ECHO

HERE = os.path.join(ROOT, "tests", "e2e", "bindings")
BINDINGS = os.path.join(ROOT, "sdk-c", "bindings")
REFUSED = ["refused not_found", "refused zero", "refused invalid: data.after: is text; an integer is due"]   # in each language the same


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")


class Installed:
    """The library, installed where nothing else is."""

    def __init__(self, folder):
        built = [path for preset in ("asan", "release") if os.path.exists(path := f"{ROOT}/build/{preset}/libparley.so.0")]
        assert built, "libparley is not built: ./dev test builds it"
        self.prefix = str(folder)
        subprocess.run(["cmake", "--install", os.path.dirname(max(built, key=os.path.getmtime)), "--prefix", self.prefix,
                        "--component", "parley-sdk"], check=True, stdout=subprocess.DEVNULL)
        [self.pc] = [os.path.dirname(p) for p in glob.glob(f"{self.prefix}/**/parley.pc", recursive=True)]
        self.library = os.path.join(os.path.dirname(self.pc), "libparley.so.0")
        symbols = subprocess.run(["nm", "-D", self.library], check=True, capture_output=True, text=True).stdout
        self.sanitized = "__asan_init" in symbols
        self.cflags = "-Wall -Wextra -Werror -Wno-unused-parameter" + (" -fsanitize=address,undefined" if self.sanitized else "")

    def env(self, host=True):
        """What a program needs to find the library; a `host` was not built with the sanitizers itself."""
        env = {**os.environ, "PKG_CONFIG_PATH": self.pc, "PARLEY_LIBRARY": self.library, "CFLAGS": self.cflags,
               "CXXFLAGS": self.cflags, "PYTHONPATH": os.path.join(BINDINGS, "python")}
        if self.sanitized and host:
            run_time = [subprocess.run(["cc", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()
                        for name in ("libasan.so", "libubsan.so")]
            env["LD_PRELOAD"] = " ".join(run_time)
            env["ASAN_OPTIONS"] = "detect_leaks=0:abort_on_error=1:handle_segv=0:allow_user_segv_handler=1"
        return env

    def compile(self, compiler, *args):
        """A program on the installed library."""
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "parley"], env=self.env(host=False), check=True,
                               capture_output=True, text=True).stdout.split()
        done = subprocess.run([compiler, *self.cflags.split(), *args, *flags, f"-Wl,-rpath,{os.path.dirname(self.library)}"],
                              capture_output=True, text=True, timeout=READY_S)
        assert done.returncode == 0, done.stdout + done.stderr

    def build(self, script, *args):
        """A binding's own build script, which is what its page tells people to run."""
        done = subprocess.run(["sh", script, *args], env=self.env(host=False), capture_output=True, text=True, timeout=READY_S)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    return Installed(tmp_path_factory.mktemp("prefix"))


class Guest:
    """The program of one language, and what it says line by line."""

    def __init__(self, shop, command, env):
        self.errors = open(os.path.join(shop.site.folder, "guest.err"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(command, env=env, text=True, encoding="utf-8", stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=self.errors)

    def line(self):
        line = self.process.stdout.readline()
        assert line, f"it ended: {self.complaint()}"
        return line.rstrip("\n")

    def until(self, start):
        while not (line := self.line()).startswith(start):
            pass
        return line

    def rest(self):
        lines = self.process.stdout.read().splitlines()
        assert self.process.wait(READY_S) == 0, f"{lines}\n{self.complaint()}"
        return lines

    def complaint(self):
        self.process.wait(READY_S)
        self.errors.seek(0)
        return f"exit {self.process.returncode}\n{self.errors.read()}"


def play(shop, installed, command, host=True):
    """The story, with the app's part played by a program; the lines it said after it was back."""
    device, key = uuid7(), shop.site.program_key("shop")
    with shop.serve() as server, Chaos("127.0.0.1:0", f"127.0.0.1:{server.port}") as net:
        token = server.guest(shop.app, device)
        ours = {"PARLEY_URL": f"ws://{net.address}/v1/ws", "PARLEY_TOKEN": token, "PARLEY_DEVICE": device,
                "PARLEY_FOLDER": os.path.join(shop.site.folder, "kept")}
        guest = Guest(shop, command, {**installed.env(host), **ours})
        try:
            guest.until("sent ")
            [(home,)] = shop.site.sql("SELECT DISTINCT conversation::text FROM item")
            net.set("both", blackhole=True)
            post = {"id": uuid7(), "kind": "text", "body": {"text": "while you were away"}}
            status, text = server.http("POST", f"/v1/conversations/{home}/items", post, key)
            assert status in (200, 201), text
            net.refuse()
            net.cut()
            guest.until("lost")
            net.clear()
            guest.until("back")
            lines = guest.rest()
        finally:
            guest.process.kill()
            guest.process.wait()
            guest.errors.close()
    stored = shop.site.sql("SELECT seq, body->>'text' FROM item WHERE kind = 1 ORDER BY seq")
    assert [text for _, text in stored] == ["one \U0001f44b", "while you were away", "two"]
    rows = [f"{seq} {text}" for seq, text in stored]
    assert [line[4:] for line in lines if line.startswith("row ")] == rows
    assert [line[5:] for line in lines if line.startswith("kept ")] == rows
    return [line for line in lines if not line.startswith(("row ", "kept "))]


HERE_IN = {"conversation": CONVERSATION}
ASKED = [
    ("subscribe", {}), ("unsubscribe", {"conversation": OTHER}), ("typing", {"on": True}), ("mark", {"read": 1}),
    ("context.put", {"context": {"screen": "cart"}}), ("context.get", {"at": 9}), ("process.get", {"process": OTHER}),
    ("post", {"id": "*", "kind": "text", "body": {"text": "hi"}, "epoch": 5}),
    ("post", {"id": "*", "kind": "location", "body": {"latitude": 1.5, "longitude": 2.5}, "epoch": 5}),
    ("post", {"id": "*", "kind": "choice", "body": {"to": 1, "value": "a", "text": "A"}, "epoch": 5}),
    ("post", {"id": "*", "kind": "form_answer", "body": {"to": 1, "values": {"x": "1"}}, "epoch": 5}),
    ("note", {"id": "*", "text": "psst", "to": OTHER}),
    ("process.start", {"process": "*", "type": "order", "title": "An order", "step": "one", "data": {"a": 1}, "epoch": 5}),
    ("process.step", {"id": "*", "process": "*", "revision": 1, "step": "two", "state": "open", "data": {"b": 2}, "epoch": 5}),
    ("process.start", {"process": "*", "type": "claim", "title": "Claim", "step": "one", "data": {"a": 1}, "epoch": 5}),
    ("process.step", {"id": "*", "process": OTHER, "revision": 3, "step": "two", "state": "open", "data": {"a": 2}, "epoch": 5}),
    ("handoff.request", {"queue": "billing", "reason": "money", "epoch": 5}), ("queue.leave", {}), ("range", {"before": 7, "limit": 3}),
    ("upload", {"name": "a.png", "type": "image/png", "bytes": 7, "sha256": "a" * 64}), ("download", {"blob": OTHER}),
    ("offer.accept", {"offer": OTHER}), ("offer.decline", {"offer": OTHER, "reason": "lunch"}), ("reopen", {}),
    ("transfer", {"queue": "billing", "reason": "money", "epoch": 5}),
    ("release", {"outcome": "done", "note": "note", "epoch": 5}), ("resolve", {"outcome": "done", "note": "note", "epoch": 5}),
]
ASKED = [(type, {**HERE_IN, **data}) for type, data in ASKED] + [
    ("conversation.open", {"topic": "returns"}), ("conversations", {"customer": OTHER}), ("starts", {"language": "pt-BR"}),
    ("status.set", {"status": "busy"}), ("inbox", {})]


def asks(installed, command, host=True):
    """Every call of a binding becomes the request that it becomes in all of them."""
    with Asked(len(ASKED)) as server:
        env = {**installed.env(host), "PARLEY_URL": server.url, "PARLEY_CONV": CONVERSATION, "PARLEY_OTHER": OTHER}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=READY_S)
    assert done.returncode == 0, done.stdout + done.stderr

    def lines(requests):
        return sorted(json.dumps(request, sort_keys=True) for request in requests)
    assert lines(server.requests) == lines(ASKED)


def block(language, number=0, fence=None):
    """A program on a binding's page."""
    with open(f"{BINDINGS}/{language}/README.md", encoding="utf-8") as file:
        return re.findall(rf"```{fence or language}\n(.*?)```", file.read(), re.S)[number]


def says_hello(shop, command, env, until="What is it?", app="echo"):
    """A program of a page, on a terminal: it says hello to a bot, and shows what the bot says."""
    app = shop.site.app(app, flow=shop.site.flow("echo", ECHO))
    with shop.serve() as server:
        mine, theirs = pty.openpty()
        env = {**env, "PARLEY_URL": server.url, "PARLEY_TOKEN": app.token("ana")}
        with subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=theirs, start_new_session=True) as program:
            os.close(theirs)
            shown = b""
            while until.encode() not in shown:
                shown += os.read(mine, 4096)
            program.kill()
        os.close(mine)
    return shown.decode()


def test_a_call_fails_with_what_its_page_says(installed, tmp_path, size):
    """Thousands of calls with good and bad arguments: no status comes that the reference does not name."""
    command = [sys.executable, f"{HERE}/statuses.py", f"{ROOT}/tests/support", tmp_path, str(size.seed)]
    done = subprocess.run(command, env=installed.env(), capture_output=True, text=True, timeout=READY_S)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["unnamed"] == {} and found["calls"] > 10000
    assert len(found["came"]) >= 10     # the arguments are bad in many ways


def test_python(shop, installed):
    said = play(shop, installed, [sys.executable, f"{HERE}/scenario.py"])
    asks(installed, [sys.executable, f"{HERE}/calls.py"])
    assert said == ["range True", *REFUSED, "let go None", "draft half a sen", "let go None", "closed"]
    assert "bot Welcome." in says_hello(shop, [sys.executable, "-c", block("python")], installed.env())
    asynchronous = [sys.executable, "-c", block("python", 1)]
    assert "Welcome." in says_hello(shop, asynchronous, installed.env(), "items so far", "again")


def test_cpp(shop, installed):
    need("c++")
    program = os.path.join(shop.site.folder, "scenario")
    for flags in (["-std=c++20", "-fsyntax-only"], ["-std=c++17", "-fno-exceptions", "-fno-rtti", "-o", program]):
        installed.compile("c++", "-Wpedantic", "-Wshadow", f"{HERE}/scenario.cpp", *flags)
    said = play(shop, installed, [program], host=False)
    installed.compile("c++", "-std=c++17", f"{HERE}/calls.cpp", "-o", f"{program}.calls")
    asks(installed, [f"{program}.calls"], host=False)
    assert said == [*REFUSED, "draft half a sen", "let go", "closed"]
    with open(f"{program}.cpp", "w", encoding="utf-8") as file:
        file.write(block("cpp"))
    installed.compile("c++", "-std=c++17", f"{program}.cpp", "-o", program)
    assert "bot Welcome." in says_hello(shop, [program], installed.env(host=False))


def test_node(shop, installed, tmp_path):
    need("node", "cc", "pkg-config")
    folder = tmp_path / "parley"
    shutil.copytree(f"{BINDINGS}/node", folder)
    if not (folder / "node_modules" / "node-api-headers").exists():
        pytest.skip("node-api-headers is not installed: npm ci in sdk-c/bindings/node")
    installed.build(folder / "build.sh")
    said = play(shop, installed, ["env", f"PARLEY_NODE={folder}", "node", f"{HERE}/scenario.mjs"])
    asks(installed, ["env", f"PARLEY_NODE={folder}", "node", f"{HERE}/calls.mjs"])
    assert said == ["range 2", *REFUSED, "heard 3", "let go: no more events", "draft half a sen", "closed", "closed"]
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "parley-client").symlink_to(folder)
    (tmp_path / "chat.js").write_text(block("node", fence="js"), encoding="utf-8")
    assert "bot Welcome." in says_hello(shop, ["node", tmp_path / "chat.js"], installed.env())


def test_java(shop, installed, tmp_path):
    need("javac", "java", "cc", "pkg-config")
    installed.build(f"{BINDINGS}/java/build.sh", tmp_path)
    done = subprocess.run(["javac", "-cp", f"{tmp_path}/parley.jar", "-d", tmp_path, f"{HERE}/Scenario.java", f"{HERE}/Calls.java"],
                          capture_output=True, text=True, timeout=READY_S)
    assert done.returncode == 0, done.stderr
    java = ["java", "-Xcheck:jni", f"-Dparley.jni={tmp_path}/libparley_jni.so", "-cp", f"{tmp_path}/parley.jar:{tmp_path}"]
    said = play(shop, installed, [*java, "Scenario"])
    asks(installed, [*java, "Calls"])
    assert said == ["range 4", *REFUSED, "let go true", "draft half a sen", "closed"]
    (tmp_path / "Chat.java").write_text(block("java"), encoding="utf-8")
    command = ["java", f"-Djava.library.path={tmp_path}", "-cp", f"{tmp_path}/parley.jar", tmp_path / "Chat.java"]
    assert "bot Welcome." in says_hello(shop, command, installed.env())


CALLED = {  # what is called otherwise, so that it reads well in the language
    "send_text": "send", "outbox_list": "outbox", "outbox_retry": "retry", "outbox_discard": "discard", "draft_set": "draft",
    "context_set": "context", "sync_background": "sync", "unread_total": "unread", "close": "disconnect", "client_free": "close"}
LAYER = {  # what bindings stand on, and do themselves
    "client_new", "config_init", "version", "status_name", "status_text", "step", "step_due", "set_wakeup", "call_json", "say_json",
    "call_json_error", "outbox_count"}


def calls():
    with open(f"{ROOT}/sdk-c/include/parley/client.h", encoding="utf-8") as file:
        _, sections, _ = reference.read(file.read())
    names = {call.name[len("parley_"):] for section in sections for call in section.calls if "transport" not in call.name}
    assert len(names) > 60
    return names


def test_cpp_has_every_call():
    text = "".join(open(f"{BINDINGS}/cpp/parley/{name}.hpp", encoding="utf-8").read() for name in ("client", "event"))
    assert not [name for name in sorted(calls() - {"version"}) if not re.search(rf"\bparley_{name}\b", text)]


@pytest.mark.parametrize("language, files, shape", [
    ("python", ["parley.py"], r"    def {}\("), ("node", ["index.js"], r"\n  (get )?{}\b"), ("node", ["index.d.ts"], r"\n  (readonly )?{}\b"),
    ("java", ["parley/Client.java", "parley/Calls.java"], r"public [\w<> ]+ {}\(")], ids=["python", "node", "types", "java"])
def test_has_every_call(language, files, shape):
    text = "".join(open(f"{BINDINGS}/{language}/{name}", encoding="utf-8").read() for name in files)

    def spelt(name):
        name = CALLED.get(name, name)
        return name if language == "python" else re.sub(r"_(\w)", lambda m: m.group(1).upper(), name)
    wanted = {name for name in calls() - LAYER if not name.startswith(("event_", "next_event"))}
    assert not [name for name in sorted(wanted) if not re.search(shape.format(spelt(name)), text)]
