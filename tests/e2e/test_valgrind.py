"""The release build under valgrind, with --long: no byte is lost, none is read that nobody wrote, through to a clean end."""
import fcntl
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import tempfile

import pytest

import server
from chaos import Chaos
from server import READY_S, ROOT
from test_chat_desk import chat, desk, file
from test_main_job import CARE, comes_back, resolved, taken_over, talk_to_the_flow, work_together

FLAGS = ["--quiet", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect,possible",
         "--show-leak-kinds=definite,indirect,possible", "--num-callers=30", "--error-exitcode=99", "--child-silent-after-fork=yes"]


@pytest.fixture(scope="module")
def release():
    """A release build; the sanitizers' cannot run under valgrind."""
    folder = os.path.join(ROOT, "build", "release")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)    # tests run side by side
        build(folder)
    return os.path.join(folder, "parley")


def build(folder):
    for command in (["cmake", "--preset", "release"], ["cmake", "--build", folder, "--target", "parley"]):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.fixture
def watched(request, monkeypatch, tmp_path):
    """Every call of the program is one under valgrind; what it has to say is asked for at the end."""
    if not request.config.getoption("--long"):
        pytest.skip("takes minutes: --long")
    if not shutil.which("valgrind"):
        pytest.skip("valgrind is not installed: apt-get install valgrind")
    program, reports = tmp_path / "under", tmp_path / "reports"
    reports.mkdir()
    line = " ".join(["exec valgrind", *FLAGS, f"--log-file={reports}/%p", request.getfixturevalue("release")])
    program.write_text(f'#!/bin/sh\n{line} "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PARLEY", str(program))
    yield
    found = "".join(path.read_text() for path in sorted(reports.iterdir()))
    assert list(reports.iterdir()), "nothing ran"
    assert not found, found[:6000]


async def test_the_main_job(watched, shop):
    shop.site.flow("care", CARE)
    shop.app = shop.site.app("care-app", queue="care", flow="care")
    key = shop.site.program_key("shop")
    with shop.serve(workers=2) as server:
        ann, kim = await shop.customer("ann", encoding="msgpack"), await shop.desk("kim")
        await talk_to_the_flow(ann)
        conv = await taken_over(ann, kim)
        await work_together(ann, kim, conv)
        await resolved(ann, kim, conv)
        tablet = await shop.customer("ann.tablet")
        await comes_back(ann, tablet, conv)
        await ann.drop()
        await tablet.post("and on it goes")
        await ann.connect()
        status, text = server.http("GET", f"/v1/conversations/{conv}/items?after=0", token=key)
        assert status in (200, 403), text
        for path in ("/metrics", "/readyz?verbose", "/livez"):
            assert server.admin(path)[0] == 200
        await shop.quiet()
    shop.judge()


async def test_links_and_connections_that_break(watched, shop, postgres, tmp_path_factory):
    """Cut clients, a database that goes away under load, and an end with links still open."""
    folder = tmp_path_factory.mktemp("pg")
    with Chaos(f"unix:{folder}/.s.PGSQL.5432", f"unix:{postgres.socket}", watch="pg") as database:
        with shop.serve(workers=2, database=f"host={folder} dbname={shop.site.name} user=parley") as server, \
                Chaos("127.0.0.1:0", f"127.0.0.1:{server.port}", watch="ws") as net:
            net.arm("cut_before_answer", count=5, every=3)
            database.arm("eat_commit", count=3, every=4, match="(insert into item|settle)")
            await shop.crowd(random.Random(1), people=3, messages=15, urls=[f"ws://{net.address}/v1/ws"])
            assert server.stop() == 0


def test_the_programs_in_the_terminal(watched, shop):
    email = shop.staff("kim")
    with shop.serve(), chat(shop) as ana, desk(shop, email) as kim:
        ana.call("send", text="my parcel is late")
        ana.expect("outbox", lambda e: e["state"] == "sent")
        kim.call("status.set", status="online")
        offer = kim.expect("offer")["offer"]
        kim.call("offer.accept", conversation=offer["conversation"], offer=offer["offer"])
        kim.reply("offer.accept")
        kim.call("send", conversation=offer["conversation"], text="let me look")
        ana.text("let me look")
        kim.call("resolve", conversation=offer["conversation"])
        kim.reply("resolve")
        ana.expect("item", lambda e: e["item"]["kind"] == "resolved")


def test_the_verbs(watched, shop):
    site = shop.site
    site.flow("care", CARE)
    file(shop, "key.jwk", json.dumps(shop.app.key))
    os.chmod(os.path.join(site.folder, "key.jwk"), 0o600)
    for verb in (["config", "keys"], ["config", "print", "--origin"], ["config", "check"], ["db", "status"], ["db", "migrate"],
                 ["agent", "list", "--json"], ["queue", "list"], ["app", "keys", "list", "shop"], ["flow", "list"], ["--help"],
                 ["version", "--json"], ["token", "mint", "--sub", "ann", "--key", os.path.join(site.folder, "key.jwk")]):
        done = subprocess.run([server.program(), *verb], env={**os.environ, **site.env}, capture_output=True, text=True)
        assert done.returncode == 0, (verb, done.stdout, done.stderr)


@pytest.fixture
def state():
    """A folder that postgres may enter, whoever it belongs to."""
    folder = tempfile.mkdtemp(prefix="parley-testdev-")
    os.chmod(folder, 0o755)
    yield os.path.join(folder, "state")
    shutil.rmtree(folder, ignore_errors=True)


def test_everything_at_once(watched, tmp_path, state):
    env = {k: v for k, v in os.environ.items() if k == "PATH" or k == "PARLEY"}
    process = subprocess.Popen([server.program(), "dev", "--state", state], env={**env, "HOME": str(tmp_path)},
                               cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert any("Stop with Ctrl-C" in line for line in process.stdout)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(READY_S) == 0
