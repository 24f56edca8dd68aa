"""One connection of the client: frames out and in, and the record of it for the history checker."""
import asyncio
import itertools
import json
import os
import time

import websockets

from parley_wire import DEFS, ENCODINGS

WAIT = 120    # seconds: a busy machine is no failure; what never comes is


class Refused(Exception):
    """A request was answered with an error."""

    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['text']}" + (f" (at {error['path']})" if error.get("path") else ""))
        self.code, self.path, self.error = error["code"], error.get("path"), error
        self.current, self.retry_after_ms = error.get("current"), error.get("retry_after_ms")

    @property
    def again(self):
        return DEFS.statuses.get(self.code, {}).get("again", False)


class Gone(Exception):
    """The link ended before the answer came."""


class Recorder:
    """One process's lines for the history checker; without a folder it forgets them."""

    def __init__(self, folder, name):
        self.name, self.lines = name, 0
        self.file = open(os.path.join(folder, f"{name}.jsonl"), "a", encoding="utf-8") if folder else None

    def __call__(self, k, **fields):
        if self.file:
            self.lines += 1
            self.file.write(json.dumps({"t": time.monotonic_ns(), "p": self.name, "n": self.lines, "k": k, **fields}) + "\n")
            self.file.flush()

    def close(self):
        if self.file:
            self.file.close()


class Link:
    """One WebSocket connection: frames out and in, replies to their requests, pushes to on_push."""
    numbers = itertools.count(1)

    def __init__(self, name, encoding, on_push=lambda *_: None, on_raw=lambda *_: None):
        self.id, self.encoding = f"{name}.{next(Link.numbers)}", ENCODINGS[encoding]
        self.on_push, self.on_raw, self.waiting, self.last = on_push, on_raw, {}, 0
        self.socket, self.reader, self.code, self.reason, self.welcomed = None, None, None, None, False

    async def open(self, url, **options):
        options = {"compression": None, "max_size": 1 << 22, "ping_interval": None, "open_timeout": WAIT, **options}
        self.socket = await websockets.connect(url, subprotocols=[self.encoding.subprotocol], **options)
        self.reader = asyncio.ensure_future(self._read())
        return self

    async def _read(self):
        try:
            async for message in self.socket:
                for frame in self.encoding.unpack(message):
                    self._take(frame)
                self.on_raw(self, message)
        except websockets.ConnectionClosed:
            pass
        finally:
            self.code, self.reason = self.socket.close_code, self.socket.close_reason
            waiting, self.waiting = self.waiting, {}
            for future, on_reply in waiting.values():
                if on_reply:
                    on_reply(None, None)
                if not future.done():
                    future.set_exception(Gone(f"the link ended with {self.code}"))
                    future.exception()      # the asker may have gone too

    def _take(self, frame):
        if "re" not in frame:
            self.on_push(self, frame["type"], frame.get("data") or {})
            return
        future, on_reply = self.waiting.pop(frame["re"], (None, None))
        if future is None:
            return
        error = frame.get("error")
        if on_reply:
            on_reply(frame.get("data"), error)
        if not future.done():
            future.set_exception(Refused(error)) if error else future.set_result(frame.get("data") or {})
            error and future.exception()

    def frame(self, type, data, on_reply=None):
        """A request ready to be sent, and the future of its answer. on_reply hears it first, in order of arrival."""
        if self.reader.done():
            raise Gone(f"the link ended with {self.code}")      # nobody would hear that there is no answer
        self.last += 1
        future = asyncio.get_running_loop().create_future()
        self.waiting[self.last] = (future, on_reply)
        return {"id": self.last, "type": type, "data": data}, future

    async def send(self, frames):
        try:
            await self.socket.send(self.encoding.pack(frames))
        except websockets.ConnectionClosed:
            await self.reader       # it knows by what code
            raise Gone(f"the link ended with {self.code}") from None

    async def raw(self, message):
        """Bytes or text as they are, for what no honest client would say."""
        await self.socket.send(message)

    async def request(self, verb, /, timeout=WAIT, on_reply=None, **data):
        frame, future = self.frame(verb, {k: v for k, v in data.items() if v is not None}, on_reply)
        await self.send([frame])
        return await asyncio.wait_for(future, timeout)

    async def close(self):
        if self.socket:
            await self.socket.close()
            await self.reader

    def drop(self):
        """Ends the connection without a word, as a lost network does."""
        self.socket.transport.abort()

    @property
    def open_now(self):
        return self.reader is not None and not self.reader.done() and self.socket.open
