#!/usr/bin/env python3
"""A TCP and unix-socket proxy that does to a connection what networks do, when a test says so.

In a test, on a thread of its own:

    with Chaos("127.0.0.1:0", "127.0.0.1:8080", watch="ws") as net:
        connect(net.address)
        net.set(delay_ms=50, jitter_ms=20)        # both directions, present and future connections
        net.set("down", slice=1)                  # server to client, byte by byte
        net.cut()                                 # every connection is reset now
        net.fates(7, {"slice": 3}, {"cut_after": 900, "way": "up"})   # each new connection draws one of these
        net.arm("cut_before_answer", count=3)     # see chaos_wire.py
        net.wait("fired", 3)                      # until the trap has sprung three times

As a process: chaos.py 127.0.0.1:9000 unix:/run/pg/.s.PGSQL.5432 --watch pg --control /tmp/chaos.sock; then one JSON
object a line on the control socket: {"do": "set", "args": ["down"], "with": {"slice": 1}} is answered {"ok": ...}.

Addresses are HOST:PORT or unix:PATH. `up` is client to server, `down` the other way. What can be set for a direction:
delay_ms, jitter_ms, rate (bytes/s), slice (bytes a write), stall (bytes wait), blackhole (bytes vanish; once it lifts, a
connection that lost some is reset), cut_after (reset once so many bytes have passed, per connection), half_close_after
(the direction ends once so many bytes have passed, and the other goes on). A fate is weather of one connection's own, for
`way` or both directions.
"""
import argparse
import asyncio
import contextlib
import json
import os
import random
import socket
import struct
import sys
import threading
import time
from dataclasses import dataclass

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import chaos_wire  # noqa: E402

CHUNK, QUEUED = 65536, 64


@dataclass
class Weather:
    """What happens to the bytes of one direction."""
    delay_ms: float = 0
    jitter_ms: float = 0
    rate: float = 0
    slice: int = 0
    blackhole: bool = False
    stall: bool = False
    cut_after: int = 0
    half_close_after: int = 0


class Pump:
    """One direction of one connection: reads here, waits as the weather says, writes there."""

    def __init__(self, link, way, reader, writer):
        self.link, self.way, self.reader, self.writer = link, way, reader, writer
        self.queue, self.passed, self.release = asyncio.Queue(QUEUED), 0, 0.0
        self.muted, self.lost = False, False

    @property
    def weather(self):
        return self.link.fate.get(self.way) or self.link.proxy.weather[self.way]

    async def read(self):
        action = None
        while not action:
            try:
                data = await self.reader.read(CHUNK)
                action = None if data else "eof"
            except OSError:
                data, action = b"", "reset"
            wait = (self.weather.delay_ms + random.random() * self.weather.jitter_ms) / 1000
            self.release = max(self.release, time.monotonic() + wait)
            if data and self.link.watch:
                data, action = self.link.watch.pass_on(self.way, data)
            await self.queue.put((self.release, data, action))

    async def write(self):
        action = None
        while not action:
            release, data, action = await self.queue.get()
            await asyncio.sleep(max(0, release - time.monotonic()))
            while self.weather.stall or (action and self.weather.blackhole):
                await self.link.proxy.changed.wait()
            await self._deliver(data)
        if action == "eof":
            self._end()
        elif action == "cut":
            self.link.cut()
        else:
            self.link.end()

    async def _deliver(self, data):
        if self.weather.blackhole and data:
            self.lost = True
        elif self.lost:
            self.link.cut()
        else:
            await self._pieces(data)

    async def _pieces(self, data):
        weather = self.weather
        piece = weather.slice or (max(1, int(weather.rate / 20)) if weather.rate else len(data)) or 1
        for at in range(0, len(data), piece):
            part = data[at:at + piece]
            if self.muted:
                return
            if weather.cut_after and self.passed + len(part) >= weather.cut_after:
                self.writer.write(part[:weather.cut_after - self.passed])
                await self.writer.drain()
                self.link.cut()
                return
            self.passed += len(part)
            self.writer.write(part)
            await self.writer.drain()
            if weather.half_close_after and self.passed >= weather.half_close_after:
                self.half_close()
            if weather.rate or weather.slice:
                await asyncio.sleep(len(part) / weather.rate if weather.rate else 0)

    def _end(self):
        if self.writer.can_write_eof() and not self.muted:
            with contextlib.suppress(OSError):  # the other side has reset it: whoever reads there is told
                self.writer.write_eof()

    def half_close(self):
        self._end()
        self.muted = True


class Link:
    """One proxied connection."""

    def __init__(self, proxy, client, server):
        self.proxy, self.sides, self.fate = proxy, (client, server), proxy.draw()
        self.watch = proxy.trap.connection() if proxy.trap else None
        self.pumps = {"up": Pump(self, "up", client[0], server[1]), "down": Pump(self, "down", server[0], client[1])}

    async def run(self):
        tasks = [asyncio.ensure_future(f()) for pump in self.pumps.values() for f in (pump.read, pump.write)]
        self.tasks = tasks
        try:
            await asyncio.gather(tasks[1], tasks[3])
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self.end()
            await asyncio.gather(*tasks, return_exceptions=True)

    def cut(self):
        self.proxy.count("cuts")
        self.end()

    def end(self):
        """Resets both sides, where the transport knows a reset; a unix socket is closed."""
        for task in self.tasks:
            task.cancel()
        for _, writer in self.sides:
            reset(writer)


def reset(writer):
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass    # it has been closed already
    writer.transport.abort()


class Proxy:
    """The proxy itself; lives on one event loop."""

    def __init__(self, listen, to, watch=None):
        self.listen_at, self.to, self.links, self.refusing = listen, to, set(), False
        self.weather, self.chance, self.kinds = {"up": Weather(), "down": Weather()}, random.Random(), ()
        self.trap = {None: lambda: None, "ws": chaos_wire.WsTrap, "pg": chaos_wire.PgTrap}[watch]()
        self.counts, self.waiters = {"connections": 0, "cuts": 0}, []
        if self.trap:
            self.trap.on_fired = lambda: self.count("fired")

    async def start(self):
        self.changed = asyncio.Event()
        kind, *where = parse_address(self.listen_at)
        if kind == "unix":
            self.server = await asyncio.start_unix_server(self._accept, where[0])
            self.address = self.listen_at
        else:
            self.server = await asyncio.start_server(self._accept, *where)
            self.address = "%s:%d" % self.server.sockets[0].getsockname()[:2]

    async def stop(self):
        self.server.close()
        self.clear()
        self.cut()
        await self.server.wait_closed()
        while self.links:
            await asyncio.sleep(0)

    async def _accept(self, reader, writer):
        self.count("connections")
        try:
            if self.refusing:
                raise ConnectionRefusedError
            server = await dial(self.to)
        except OSError:
            reset(writer)
            return
        for w in (writer, server[1]):
            sock = w.get_extra_info("socket")
            if sock.family in (socket.AF_INET, socket.AF_INET6):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Link(self, (reader, writer), server)
        self.links.add(link)
        try:
            await link.run()
        finally:
            self.links.discard(link)

    def set(self, way="both", **weather):
        """Changes the weather of `up`, `down` or `both`."""
        for name in ("up", "down") if way == "both" else (way,):
            for key, value in weather.items():
                if key not in Weather.__dataclass_fields__:
                    raise ValueError(f"no such weather: {key}")
                setattr(self.weather[name], key, value)
        event, self.changed = self.changed, asyncio.Event()
        event.set()

    def fates(self, seed, *kinds):
        """From now on each new connection draws one of these for itself; without any they share the weather again."""
        self.chance, self.kinds = random.Random(seed), kinds

    def draw(self):
        if not self.kinds:
            return {}
        fate = dict(self.chance.choice(self.kinds))
        way = fate.pop("way", "both")
        return {name: Weather(**fate) for name in (("up", "down") if way == "both" else (way,))}

    def clear(self):
        """Fair weather, no trap, everybody welcome."""
        self.kinds = ()
        for link in self.links:
            link.fate = {}
        self.set(**{name: field.default for name, field in Weather.__dataclass_fields__.items()})
        self.refusing = False
        if self.trap:
            self.trap.disarm()

    def cut(self):
        """Resets every connection; returns how many."""
        links = list(self.links)
        for link in links:
            link.cut()
        return len(links)

    def half_close(self, way):
        """Ends one direction of every connection; the other goes on."""
        for link in self.links:
            link.pumps[way].half_close()

    def refuse(self, on=True):
        """New connections are reset at once."""
        self.refusing = on

    def arm(self, trap, **options):
        """Sets a trap of the protocol that is watched; `fired` counts how often one has sprung."""
        self.trap.arm(trap, **options)

    def disarm(self):
        self.trap.disarm()

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1
        for waiter in [w for w in self.waiters if self.counts.get(w[0], 0) >= w[1]]:
            self.waiters.remove(waiter)
            if not waiter[2].done():
                waiter[2].set_result(None)

    async def wait(self, what, number):
        """Returns once `what` (connections, cuts, fired) has been counted so often in all."""
        if self.counts.get(what, 0) < number:
            future = asyncio.get_running_loop().create_future()
            self.waiters.append((what, number, future))
            await future
        return self.counts[what]

    def stats(self):
        return dict(self.counts, open=len(self.links))


def parse_address(address):
    if address.startswith("unix:"):
        return "unix", address[5:]
    host, _, port = address.rpartition(":")
    return "tcp", host, int(port)


async def dial(address):
    kind, *where = parse_address(address)
    if kind == "unix":
        return await asyncio.open_unix_connection(where[0])
    return await asyncio.open_connection(*where)


class Chaos:
    """The proxy on a thread of its own; the same calls, from any thread."""

    def __init__(self, listen, to, watch=None):
        self.proxy, self.loop = Proxy(listen, to, watch), asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="chaos", daemon=True)

    def __enter__(self):
        self.thread.start()
        self._await(self.proxy.start())
        self.address = self.proxy.address
        return self

    def __exit__(self, *_):
        self._await(self.proxy.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def _await(self, coroutine, timeout=120):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def __getattr__(self, name):
        method = getattr(self.proxy, name)

        def call(*args, timeout=120, **options):
            async def there():
                result = method(*args, **options)
                return await result if asyncio.iscoroutine(result) else result
            return self._await(there(), timeout)
        return call


async def _control(proxy, reader, writer):
    calls = {"set", "clear", "fates", "cut", "half_close", "refuse", "arm", "disarm", "wait", "stats"}
    while line := await reader.readline():
        try:
            order = json.loads(line)
            if order["do"] not in calls:
                raise ValueError(f"no such call: {order['do']}; there are {', '.join(sorted(calls))}")
            result = getattr(proxy, order["do"])(*order.get("args", ()), **order.get("with", {}))
            answer = {"ok": await result if asyncio.iscoroutine(result) else result}
        except Exception as error:  # whatever was wrong with the order, the one who gave it is told
            answer = {"error": f"{type(error).__name__}: {error}"}
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
    writer.close()


async def _serve(args):
    proxy = Proxy(args.listen, args.to, args.watch)
    await proxy.start()
    if args.control:
        await asyncio.start_unix_server(lambda r, w: _control(proxy, r, w), args.control)
    print(proxy.address, flush=True)
    await asyncio.Event().wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("listen")
    parser.add_argument("to")
    parser.add_argument("--watch", choices=("ws", "pg"))
    parser.add_argument("--control", metavar="PATH")
    try:
        asyncio.run(_serve(parser.parse_args()))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
