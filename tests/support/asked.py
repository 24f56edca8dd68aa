"""A server that writes down what it is asked: the requests that a client's calls become.

    with Asked(len(WANTED)) as server:
        ...                                     # a program makes its calls at server.url, for CONVERSATION and OTHER
    server.requests                             # [(type, data)], ids that the client made as "*"

It lets an agent in, who follows and controls CONVERSATION; processes begin and take steps, what else is asked is not found.
Once it was asked so often it says "enough" there.
"""
import asyncio
import json
import threading

import websockets

CONVERSATION, OTHER = "01010101-0101-7001-8001-010101010101", "03030303-0303-7003-8003-030303030303"
ME, SERVICE = "02020202-0202-7002-8002-020202020202", {"session": OTHER, "state": "live", "epoch": 5}
WAIT = 60
MADE = {"post": ["id"], "note": ["id"], "process.start": ["process"], "process.step": ["id", "process"]}


def item(seq, text):
    return {"seq": seq, "prev": seq - 1, "id": f"018cc251-f400-7000-8000-{seq:012}", "kind": "text", "role": "bot", "at": 1,
            "body": {"text": text}}


class Asked:
    def __init__(self, enough):
        self.requests, self.enough = [], enough
        self.loop, self.ready, self.end = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
        self.thread = threading.Thread(target=lambda: self.loop.run_until_complete(self._serve()))

    def __enter__(self):
        self.thread.start()
        assert self.ready.wait(WAIT)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.end.set)
        self.thread.join()
        self.loop.close()

    async def _serve(self):
        async with websockets.serve(self._talk, "127.0.0.1", 0, subprotocols=["parley.v1.json"], compression=None) as server:
            self.url = "ws://127.0.0.1:%d/v1/ws" % server.sockets[0].getsockname()[1]
            self.ready.set()
            await self.end.wait()

    async def _talk(self, socket):
        async for message in socket:
            frames = json.loads(message)
            for frame in frames if isinstance(frames, list) else [frames]:
                await socket.send(json.dumps({"re": frame["id"], **self._answer(frame["type"], frame.get("data", {}))}))
                if frame["type"] != "hello":
                    self._note(frame["type"], frame.get("data", {}))
                    if len(self.requests) == self.enough:
                        data = {"conversation": CONVERSATION, "item": item(2, "enough")}
                        await socket.send(json.dumps({"type": "item", "data": data}))

    def _note(self, type, data):
        for name in MADE.get(type, []):
            data[name] = data[name] if data[name] == OTHER else "*"
        self.requests.append((type, data))

    @staticmethod
    def _answer(type, data):
        if type == "hello":
            return {"data": {"me": ME, "role": "agent", "time": 1, "ping_ms": 25000, "server": "asked", "threads": []}}
        if type == "subscribe":
            return {"data": {"thread": {"conversation": CONVERSATION, "topic": "main", "head": 1, "service": SERVICE,
                                        "items": [item(1, "hello")]}}}
        if type in ("process.start", "process.step"):
            revision = 1 + data.get("revision", 0)
            return {"data": {"process": {"process": data["process"], "conversation": CONVERSATION, "type": "order",
                                         "state": "open", "revision": revision, "data": data.get("data", {})}}}
        return {"error": {"code": "not_found", "text": "nothing is here"}}
