"""What the client wants to have said: sent, and sent again, until it is settled."""
import asyncio
import itertools
import json
import time

from hist.history import body_hash
from parley_link import WAIT, Gone, Refused
from parley_wire import uuid7

INDEFINITE = {"uncertain", "timeout", "internal", "closed", "canceled", "no_memory"}
MANY, MESSAGE = 256, 131072


class Entry:
    """Something in the outbox. Awaiting it gives the answer to the attempt that settled it."""

    def __init__(self, op, type, data, body):
        self.op, self.type, self.data, self.body = op, type, data, body
        self.future, self.flying, self.attempts = asyncio.get_running_loop().create_future(), False, 0
        self.answers = None     # of a bot: what it answers, as ID/N

    def __await__(self):
        return asyncio.wait_for(asyncio.shield(self.future), WAIT * 4).__await__()


class Outbox:
    """The part of a client that posts. It speaks through self.link, as self.name, and writes to self.log."""

    def __init__(self):
        self.outbox, self.ops, self.window = [], itertools.count(1), MANY
        self.held_until, self.sender = 0, None

    def post(self, body, conv=None, kind="text", id=None, epoch=None):
        """Puts an item into the outbox; `await` it for the answer. Text may be given as it is."""
        body = {"text": body} if isinstance(body, str) else body
        data = {"conversation": conv or self.main, "id": id or uuid7(), "kind": kind, "body": body}
        if epoch is not None:
            data["epoch"] = epoch
        return self._enqueue("post", data, body)

    def _enqueue(self, type, data, body):
        entry = Entry(f"{self.name}.{next(self.ops)}", type, data, body)
        self.outbox.append(entry)
        self._pump()
        return entry

    def enqueue_again(self, entry):
        """The same item once more, as after a lost answer; the answer is the first one again."""
        self.outbox.append(entry)
        self._pump()

    def _pump(self):
        if self.sender is None or self.sender.done():
            self.sender = asyncio.ensure_future(self._drain())

    async def _drain(self):
        """Sends what is not under way, in order. After a refusal that says `again` everything waits and starts over."""
        while self.link and self.link.open_now and self.link.welcomed:
            wait = self.held_until - time.monotonic()
            if self.held_until and any(entry.flying for entry in self.outbox):
                return      # the answers to what is under way come first; the last of them pumps again
            if wait > 0:
                await asyncio.sleep(wait)
                continue    # the link may have ended meanwhile
            self.held_until = 0
            room = self.window - sum(entry.flying for entry in self.outbox)
            batch = [entry for entry in self.outbox if not entry.flying][:max(0, room)]
            if not batch:
                return
            try:
                await self._launch(self.link, batch)
            except Gone:
                return

    async def _launch(self, link, batch):
        frames, size = [], 0
        for entry in batch:
            if size > MESSAGE // 4:
                await link.send(frames)
                frames, size = [], 0
            frame, _ = link.frame(entry.type, entry.data, lambda data, error, e=entry: self._settle(link, e, data, error))
            entry.flying, entry.attempts = True, entry.attempts + 1
            kind = entry.data.get("kind", entry.type)
            self.log("send", op=entry.op, conv=entry.data["conversation"], id=entry.data["id"], author=self.me, kind=kind,
                     body=body_hash(entry.body), link=link.id, box=self.name, attempt=entry.attempts,
                     **({"epoch": entry.data["epoch"]} if "epoch" in entry.data else {}),
                     **({"answers": entry.answers} if entry.answers else {}))
            frames.append(frame)
            size += len(json.dumps(entry.data, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        await link.send(frames)

    def _settle(self, link, entry, data, error):
        entry.flying = False
        if data is not None:
            self.log("ack", op=entry.op, link=link.id, seq=data["seq"], dup=bool(data.get("duplicate")))
            self.window = min(MANY, self.window * 2)
            self._done(entry, lambda f: f.set_result(data))
            self._pump()
        elif error is not None:
            refused = Refused(error)
            self.log("nack", op=entry.op, link=link.id, code=refused.code, definite=refused.code not in INDEFINITE)
            if refused.again:
                self.window = 1     # what is behind it would be refused as well
                self.held_until = max(self.held_until, time.monotonic() + (refused.retry_after_ms or 50) / 1000)
                self._pump()
            else:
                self._done(entry, lambda f: f.set_exception(refused))
        if self.held_until:
            self._pump()

    def _done(self, entry, settle):
        if entry in self.outbox:
            self.outbox.remove(entry)
        if not entry.future.done():
            settle(entry.future)
            entry.future.done() and not entry.future.cancelled() and entry.future.exception()
        self._wake()
