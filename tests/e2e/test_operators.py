"""What those who run it rely on: probes, metrics, signals, logs."""
import asyncio
import contextlib
import json
import re
import resource
import signal
import socket
import tempfile

import pytest

from parley_link import WAIT, Gone, Refused
from postgres import Cluster
from server import Site
from shop import ECHO
from waiting import until


async def test_probes_follow_the_database(shop, postgres):
    with shop.serve() as server:
        assert server.admin("/livez")[0] == 200 and server.admin("/readyz")[0] == 200
        status, text = server.admin("/readyz?verbose")
        assert status == 200 and "database" in text
        postgres.crash()
        try:
            await until(lambda: server.admin("/readyz")[0] == 503, "to be unready")
            assert server.admin("/livez")[0] == 200
            assert "database" in server.admin("/readyz?verbose")[1]
        finally:
            postgres.start()
        await until(lambda: server.admin("/readyz")[0] == 200, "to be ready again")


async def test_a_database_that_may_forget_is_refused_unless_told(tmp_path):
    with Cluster(fsync="off") as careless:
        site = Site(careless, tmp_path)
        with contextlib.ExitStack() as stack:
            server = site.serve().start(wait=False)
            stack.callback(server.kill)
            await until(lambda: "fsync is off" in server.tail(), "to be told why")
            assert server.admin("/readyz")[0] == 503
        with site.serve("told", sets={"database.allow_unsafe": "yes"}) as told:
            assert told.ready()


@pytest.mark.parametrize("taken", ["port", "admin_port"])
@pytest.mark.parametrize("workers", [1, 3])
async def test_a_port_that_is_taken_ends_it_with_a_reason(shop, taken, workers):
    with shop.serve() as server:
        second = shop.site.serve("second", workers=workers)
        second.sets["server.listen" if taken == "port" else "metrics.listen"] = f"127.0.0.1:{getattr(server, taken)}"
        second.start(wait=False)
        assert second.wait() == 1, second.tail()
        assert "check address and port" in second.tail() and str(getattr(server, taken)) in second.tail()
        assert server.admin("/readyz")[0] == 200


async def test_metrics_are_prometheus_and_count(shop):
    with shop.serve() as server:
        ann = await shop.customer("ann")
        for n in range(5):
            await ann.post(f"message {n}")
        status, text = server.admin("/metrics")
        assert status == 200
        well_formed(text)
        await until(lambda: server.links() == 1, "the connection to be counted")
        metrics = server.metrics()
        assert sum(v for k, v in metrics.items() if k.startswith("parley_messages_total")) >= 5
        assert any(k.startswith("parley_build_info") for k in metrics)
        assert any(k.startswith("parley_message_commit_duration_seconds_bucket") for k in metrics)
        assert server.http("GET", "/metrics")[0] == 404, "metrics are for the operators' listener"
        await shop.close()


def well_formed(text):
    """Names, types, one HELP and TYPE each, histograms that add up."""
    types, seen = {}, set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types and name.startswith(("parley_", "process_")), line
            types[name] = kind
        elif line and not line.startswith("#"):
            sample = re.fullmatch(r'([a-z_]+)(\{([a-z_]+="[^"\n]*",?)*\})? [0-9.eE+-]+|.* \+Inf', line)
            assert sample, line
            key = line.rsplit(" ", 1)[0]
            assert key not in seen, f"twice: {key}"
            seen.add(key)
            base = re.sub(r"_(bucket|sum|count)$", "", key.split("{")[0])
            assert key.split("{")[0] in types or base in types, f"no TYPE for {line}"
            if types.get(key.split("{")[0]) == "counter":
                assert key.split("{")[0].endswith("_total"), line


async def test_a_server_takes_no_more_descriptors_than_its_connections_need(shop):
    have, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    for connections in (50, 1000000):
        with shop.serve(sets={"server.max_connections": str(connections)}) as server:
            soft, _ = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
            assert soft == min(have, connections + 4096)


async def test_sigterm_drains_and_loses_nothing(shop):
    with shop.serve(workers=2, sets={"server.drain_time": "5s"}) as server, shop.serve(workers=1) as other:
        people = [await shop.customer(f"c{n}", url=[server.url, other.url]) for n in range(8)]
        for person in people:
            person.stay()
        entries = [person.post(f"message {n}") for n in range(20) for person in people]
        await entries[0]
        server.process.send_signal(signal.SIGTERM)
        for entry in entries:
            await entry
        await until(lambda: server.process.poll() is not None, "the server to end")
        assert server.process.returncode == 0
        notices = [p for person in people for t, p in person.pushes if t == "drain"]
        assert notices and all(0 <= p["reconnect_in_ms"] <= 5000 for p in notices)
        assert all(code in (1012, 1001, None, 1006) or 4000 <= code < 4500 for person in people for code in person.closes)
        for person in people:
            await person.until(lambda p=person: p.link and p.link.open_now)
        await shop.quiet()
    shop.judge(min_acks=160)


async def test_a_second_sigterm_ends_at_once(shop):
    with shop.serve(sets={"server.drain_time": "1h"}) as server:
        ann = await shop.customer("ann")
        server.process.send_signal(signal.SIGTERM)
        await ann.until(lambda: any(t == "drain" for t, _ in ann.pushes), what="the notice")
        server.process.send_signal(signal.SIGTERM)
        await until(lambda: server.process.poll() is not None, "the server to end")
        await ann.link.reader
        assert ann.link.code == 1012
        await shop.close()


async def test_who_stays_when_the_time_is_over_is_told_to_come_back(shop):
    with shop.serve(sets={"server.drain_time": "200ms"}) as server:
        ann, kim = await shop.customer("ann"), await shop.desk("kim", encoding="msgpack")
        server.process.send_signal(signal.SIGTERM)
        for who in (ann, kim):
            await who.link.reader
            assert (who.link.code, who.link.reason) == (1012, "this server is going down; connect again")
        await until(lambda: server.process.poll() is not None, "the server to end")
        assert server.process.returncode == 0
        await shop.close()


async def test_a_clean_end_leaves_nothing_to_be_found_out(shop):
    with shop.serve(workers=2, sets={"server.drain_time": "200ms"}) as server, shop.serve():
        kim = await shop.desk("kim", server=server)
        nodes = "SELECT count(*) FROM node"
        await until(lambda: shop.site.sql(nodes) == [(2,)], "both to be known")
        assert server.stop() == 0
        assert shop.site.sql(nodes) == [(1,)]
        assert shop.site.sql("SELECT lost_at IS NOT NULL OR status = 0 FROM agent") == [(True,)]
        assert (await asyncio.wait_for(kim.link.reader, WAIT), kim.link.code) == (None, 1012)
        await shop.close()


async def test_sighup_reloads_what_may_change(shop, tmp_path):
    conf = tmp_path / "parley.conf"
    conf.write_text("[routing]\noffer_time = 1h\n")
    with shop.serve(env={"PARLEY_CONFIG": str(conf)}) as server:
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        conf.write_text("[routing]\noffer_time = 200ms\n")
        server.hup()
        await until(lambda: "reload" in server.tail(200).lower(), "the reload to be logged")
        await ann.post("help")
        offer = await kim.offered()
        assert offer["expires_in_ms"] <= 200
        conf.write_text("[routing]\noffer_time = soon\n")
        server.hup()
        await until(lambda: "offer_time" in server.tail(200), "the refusal to be logged")
        await ann.post("still running")
        await shop.close()


async def test_systemd_hears_when_it_is_ready_alive_and_ends(shop):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd, tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/notify"       # a socket's path is short
        systemd.bind(path)
        systemd.settimeout(WAIT)

        def hear(line):
            while line not in systemd.recv(4096).decode().splitlines():
                pass

        with shop.serve(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"}) as server:
            hear("READY=1")
            hear("WATCHDOG=1")
            hear("WATCHDOG=1")
            server.hup()
            hear("RELOADING=1")
            hear("READY=1")
        hear("STOPPING=1")


async def test_logs_are_one_line_an_event_without_what_people_say(shop):
    shop.site.flow("echo", ECHO)
    shop.app = shop.site.app("echo-app", queue="care", flow="echo")
    with shop.serve() as server:
        ann = await shop.customer("ann")
        await ann.post("canary-7f3e in a message")
        with pytest.raises(Exception):
            await ann.request("post", conversation=ann.main, id="canary-7f3e", kind="text", body={"text": "canary-7f3e"})
        server.http("POST", "/v1/login", {"email": "canary-7f3e@example.com", "password": "canary-7f3e"})
        server.http("GET", "/v1/conversations/canary-7f3e/items?token=canary-7f3e", token="canary-7f3e")
        await shop.close()
        with pytest.raises((Gone, Exception)):
            await ann.request("conversations")
    lines = [line for line in shop.site.logs().splitlines() if line]
    assert lines
    for line in lines:
        entry = json.loads(line)
        assert {"level", "msg"} <= set(entry) and "127.0.0.1" not in line.replace(f"127.0.0.1:{server.port}", "").replace(
            f"127.0.0.1:{server.admin_port}", ""), line


async def test_a_server_without_a_database_says_so_and_waits(shop):
    server = shop.site.serve("lonely", database="host=/nonexistent dbname=x connect_timeout=1")
    server.start(wait=False)
    try:
        await until(lambda: server.process.poll() is not None or answers(server, "/livez") == 200, "a sign of life")
        if server.process.poll() is None:
            assert answers(server, "/readyz") == 503
        else:
            assert server.process.returncode != 0 and "database" in server.tail()
    finally:
        if server.process.poll() is None:
            server.stop()


async def test_nobody_is_let_in_before_every_worker_has_read_what_is_set_up(shop, tmp_path):
    """Else of two posts to a worker that is just reading the second might be the first to be stored."""
    held = tmp_path / "held"
    held.touch()
    server = shop.site.serve("server", workers=2, env={"PARLEY_HOLD": f"first_reading:1:{held}"})
    with contextlib.ExitStack() as stack:
        stack.push(server.start(wait=False))
        shop.servers.append(server)
        await until(lambda: answers(server, "/readyz") == 503 and
                    "ok   directory of worker 0" in server.admin("/readyz?verbose")[1], "half a server")
        ann = await shop.customer("ann", connect=False)
        for _ in range(20):      # to one worker or the other, as the kernel likes
            with pytest.raises(Refused) as refused:
                await ann.connect()
            assert refused.value.code == "unavailable" and refused.value.again and refused.value.retry_after_ms
        held.unlink()
        await until(lambda: answers(server, "/readyz") == 200, "the whole server")
        await ann.connect()
        await ann.post("hello")
        await ann.until(lambda: "queued" in ann.kinds(), what="to be served")
        await shop.quiet()


def answers(server, path):
    try:
        return server.admin(path)[0]
    except OSError:
        return None
