"""The chaos proxy does what it says, against small echo servers and a real Postgres."""
import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time

import psycopg2
import pytest
import websockets

import chaos
from chaos import Chaos
from chaos_wire import PgTrap, PgWatch


class Echo:
    """Sends back what it gets, and `bye` when its peer has finished."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def _accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(peer,), daemon=True).start()

    def _echo(self, peer):
        try:
            while data := peer.recv(65536):
                peer.sendall(data)
            peer.sendall(b"bye")
        except OSError:
            pass
        peer.close()

    def __exit__(self, *_):
        self.listener.close()


@pytest.fixture
def net():
    with Echo() as echo, Chaos("127.0.0.1:0", echo.address) as proxy:
        yield proxy


def dial(net):
    host, port = net.address.split(":")
    sock = socket.create_connection((host, int(port)), timeout=120)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def read(sock, size):
    data = b""
    while len(data) < size and (more := sock.recv(size - len(data))):
        data += more
    return data


def test_fair_weather_passes_everything(net):
    data = os.urandom(300_000)
    with dial(net) as sock:
        threading.Thread(target=sock.sendall, args=(data,)).start()
        assert read(sock, len(data)) == data


def test_delay_keeps_order_and_takes_its_time(net):
    net.set(delay_ms=50, jitter_ms=30)
    with dial(net) as sock:
        begin = time.monotonic()
        for n in range(20):
            sock.sendall(b"%02d" % n)
        assert read(sock, 40) == b"".join(b"%02d" % n for n in range(20))
        assert time.monotonic() - begin >= 0.1


def test_slices_arrive_byte_by_byte(net):
    with dial(net) as sock:
        sock.sendall(b"x")
        read(sock, 1)
        net.set("down", slice=1, rate=200)
        sock.sendall(b"0123456789")
        pieces = []
        while sum(map(len, pieces)) < 10:
            pieces.append(sock.recv(100))
        assert b"".join(pieces) == b"0123456789" and len(pieces) > 3


def test_throttle_holds_the_rate(net):
    net.set("down", rate=100_000)
    with dial(net) as sock:
        begin = time.monotonic()
        sock.sendall(bytes(50_000))
        read(sock, 50_000)
        assert time.monotonic() - begin > 0.4


def test_cut_is_a_reset(net):
    with dial(net) as sock:
        sock.sendall(b"x")
        read(sock, 1)
        assert net.cut() == 1
        with pytest.raises(ConnectionResetError):
            sock.recv(1)


def test_cut_after_passes_exactly_so_many_bytes(net):
    net.set("up", cut_after=1000)
    with dial(net) as sock:
        sock.sendall(bytes(1500))
        got = 0
        with pytest.raises(ConnectionResetError):
            while more := sock.recv(4096):
                got += len(more)
        assert got <= 1000 and net.stats()["cuts"] == 1


def test_stall_holds_and_lets_go(net):
    with dial(net) as sock:
        sock.sendall(b"a")
        read(sock, 1)
        net.set("down", stall=True)
        sock.sendall(b"b")
        sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        sock.settimeout(120)
        net.clear()
        assert read(sock, 1) == b"b"


def test_blackhole_swallows_and_resets_once_lifted(net):
    with dial(net) as sock:
        net.set("up", blackhole=True)
        sock.sendall(b"lost")
        sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        sock.settimeout(120)
        net.clear()
        with pytest.raises(ConnectionError):
            sock.sendall(b"found")
            sock.recv(1)


def test_half_close_ends_one_direction(net):
    with dial(net) as sock:
        sock.sendall(b"a")
        read(sock, 1)
        net.half_close("up")
        assert read(sock, 3) == b"bye"


def test_each_connection_has_a_fate_of_its_own(net):
    net.fates(1, {"half_close_after": 2, "way": "up"})
    with dial(net) as half:
        half.sendall(b"a")
        assert read(half, 1) == b"a"
        net.fates(1, {"cut_after": 3, "way": "down"})
        with dial(net) as cut:
            cut.sendall(b"abcd")
            assert read(cut, 3) == b"abc"
            with pytest.raises(ConnectionError):
                cut.recv(1)
        half.sendall(b"b")
        assert read(half, 4) == b"bbye"
    net.clear()
    with dial(net) as fair:
        fair.sendall(b"abcd")
        assert read(fair, 4) == b"abcd"


def test_end_of_the_client_reaches_the_server(net):
    with dial(net) as sock:
        sock.sendall(b"a")
        sock.shutdown(socket.SHUT_WR)
        assert read(sock, 4) == b"abye"


def test_refused_connections_are_reset(net):
    net.refuse()
    with pytest.raises(ConnectionError), dial(net) as sock:
        sock.sendall(b"a")
        sock.recv(1)
    net.refuse(False)
    with dial(net) as sock:
        sock.sendall(b"a")
        assert read(sock, 1) == b"a"


def test_as_a_process_with_a_control_socket(tmp_path):
    with Echo() as echo:
        control = str(tmp_path / "control")
        program = [sys.executable, chaos.__file__, "127.0.0.1:0", echo.address, "--control", control]
        with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
            host, port = process.stdout.readline().strip().split(":")
            with socket.create_connection((host, int(port)), timeout=120) as sock, socket.socket(socket.AF_UNIX) as orders:
                sock.sendall(b"a")
                read(sock, 1)
                orders.connect(control)
                answers = orders.makefile()
                orders.sendall(b'{"do": "cut"}\n{"do": "dance"}\n{"do": "set", "args": ["down"], "with": {"slice": 1}}\n')
                replies = [json.loads(answers.readline()) for _ in range(3)]
                assert replies[0] == {"ok": 1} and "no such call: dance" in replies[1]["error"] and "ok" in replies[2]
                with pytest.raises(ConnectionResetError):
                    sock.recv(1)
            process.terminate()


class WsEcho:
    """A WebSocket server that remembers what it was sent and answers each message."""

    def __enter__(self):
        self.seen, self.loop, self.ready = [], asyncio.new_event_loop(), threading.Event()
        threading.Thread(target=self._run, daemon=True).start()
        self.ready.wait()
        return self

    def _run(self):
        async def handler(peer):
            async for message in peer:
                self.seen.append(message)
                await peer.send(f"got {message}")

        async def main():
            server = await websockets.serve(handler, "127.0.0.1", 0)
            self.address = "127.0.0.1:%d" % server.sockets[0].getsockname()[1]
            self.ready.set()

        self.loop.run_until_complete(main())
        self.loop.run_forever()

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)


@pytest.mark.parametrize("trap", ["cut_before_answer", "cut_after_send"])
def test_websocket_is_cut_between_frame_and_answer(trap):
    async def talk(net):
        async with websockets.connect(f"ws://{net.address}") as peer:
            await peer.send("one")
            assert await peer.recv() == "got one"
            net.arm(trap)
            await peer.ping()
            await peer.send("x" * 70_000)
            with pytest.raises(websockets.ConnectionClosed):
                await peer.recv()
        async with websockets.connect(f"ws://{net.address}") as peer:
            await peer.send("three")
            assert await peer.recv() == "got three"

    with WsEcho() as server, Chaos("127.0.0.1:0", server.address, watch="ws") as net:
        asyncio.run(talk(net))
        assert net.wait("fired", 1) == 1
        if trap == "cut_before_answer":
            assert server.seen == ["one", "x" * 70_000, "three"]


@pytest.fixture
def database(postgres):
    postgres.create("chaos")
    postgres.run("chaos", "CREATE TABLE item (n int PRIMARY KEY)")
    yield postgres
    postgres.drop("chaos")


def connect(postgres, net):
    if net.address.startswith("unix:"):
        place = f"host={os.path.dirname(net.address[5:])}"
    else:
        place = "host={} port={}".format(*net.address.split(":"))
    return psycopg2.connect(f"{place} dbname=chaos user=parley connect_timeout=120")


@pytest.fixture(params=["tcp", "unix"])
def pg_net(request, database, tmp_path):
    listen = "127.0.0.1:0" if request.param == "tcp" else f"unix:{tmp_path}/.s.PGSQL.5432"
    with Chaos(listen, f"unix:{database.socket}", watch="pg") as net:
        yield net


def rows(database):
    return [n for n, in database.run("chaos", "SELECT n FROM item ORDER BY n")]


def test_commit_answer_is_eaten_and_the_commit_stands(database, pg_net):
    connection = connect(database, pg_net)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("INSERT INTO item VALUES (1)")
    pg_net.arm("eat_commit", count=1)
    cursor.execute("SELECT 1")
    cursor.execute("UPDATE item SET n = 7 WHERE n = 6")
    with pytest.raises(psycopg2.OperationalError):
        cursor.execute("INSERT INTO item VALUES (2)")
    assert pg_net.wait("fired", 1) == 1
    assert rows(database) == [1, 2]
    again = connect(database, pg_net)
    again.autocommit = True
    again.cursor().execute("INSERT INTO item VALUES (3)")
    assert rows(database) == [1, 2, 3]


def test_explicit_transaction_is_eaten_at_commit(database, pg_net):
    connection = connect(database, pg_net)
    pg_net.arm("eat_commit", match="^COMMIT")
    cursor = connection.cursor()
    cursor.execute("INSERT INTO item VALUES (1)")
    with pytest.raises(psycopg2.OperationalError):
        connection.commit()
    assert rows(database) == [1]


def test_every_second_commit_is_eaten(database, pg_net):
    pg_net.arm("eat_commit", count=3, every=2, match="INSERT")
    stored = 0
    for n in range(8):
        connection = connect(database, pg_net)
        connection.autocommit = True
        try:
            connection.cursor().execute("INSERT INTO item VALUES (%s)", (n,))
            stored += 1
        except psycopg2.OperationalError:
            pass
    assert (stored, len(rows(database)), pg_net.stats()["fired"]) == (5, 8, 3)


def test_cut_before_the_chosen_message(database, pg_net):
    connection = connect(database, pg_net)
    connection.autocommit = True
    pg_net.arm("cut_at", way="up", type="Q", n=2)
    cursor = connection.cursor()
    cursor.execute("INSERT INTO item VALUES (1)")
    with pytest.raises(psycopg2.OperationalError):
        cursor.execute("INSERT INTO item VALUES (2)")
    assert rows(database) == [1]


class PgScript:
    """Bytes of the protocol by hand, for what psycopg2 never sends: a pipeline."""
    READY = b"Z\0\0\0\5I"

    @staticmethod
    def message(letter, body=b""):
        return letter + (len(body) + 4).to_bytes(4, "big") + body

    @classmethod
    def started(cls, trap):
        watch = PgWatch(trap)
        watch.pass_on("up", (16).to_bytes(4, "big") + (196608).to_bytes(4, "big") + b"user\0x\0\0")
        assert watch.pass_on("down", cls.message(b"R", bytes(4)) + cls.READY)[1] is None
        return watch


def test_pipelined_groups_are_told_apart_at_any_split():
    m, trap = PgScript.message, PgTrap()
    trap.arm("eat_commit", match="^insert")
    watch = PgScript.started(trap)
    ask = m(b"P", b"s\0SELECT 1\0\0\0") + m(b"B", b"\0s\0" + bytes(6)) + m(b"E", bytes(5)) + m(b"S")
    tell = m(b"P", b"i\0insert into item values ($1)\0\0\0") + m(b"B", b"\0i\0" + bytes(6)) + m(b"E", bytes(5)) + m(b"S")
    stream = ask + tell
    assert b"".join(watch.pass_on("up", stream[i:i + 1])[0] for i in range(len(stream))) == stream
    first = m(b"1") + m(b"2") + m(b"C", b"SELECT 1\0") + PgScript.READY
    second = m(b"1") + m(b"2") + m(b"C", b"INSERT 0 1\0") + PgScript.READY
    passed, actions = b"", []
    for i in range(len(first + second)):
        data, action = watch.pass_on("down", (first + second)[i:i + 1])
        passed, actions = passed + data, actions + [action]
    assert passed == first and actions[-1] == "cut" and not any(actions[:-1])
