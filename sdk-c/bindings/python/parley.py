"""Parley's client for Python: the C library by ctypes, nothing but the standard library.

    import parley

    with parley.Client("ws://127.0.0.1:8300/v1/ws", token) as chat:
        chat.connect()
        chat.send("Hello")
        for event in chat:                       # in asyncio: `async for event in chat`
            if text := event.at("item.body.text"):
                print(event.at("item.role"), text)

What happens is told by events, which are dictionaries; what an event holds is said in parley/client.h. Any thread may
make any call. Calls return at once; what the server answers comes as a `Call`, which can be awaited. `close` joins, and
after it nothing runs any more.
"""
from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import ctypes
import ctypes.util
import enum
import json
import os
import select
import threading
import time
import warnings
from typing import Any, AsyncIterator, Iterator, Mapping, Optional

__all__ = ["Call", "Client", "Closed", "Event", "Flags", "ParleyError", "library", "version"]

Json = Any          # whatever the json module can write


class Flags(enum.IntFlag):
    WIRE_JSON = 2       # JSON instead of MessagePack on the wire, to read along
    ALLOW_PLAIN = 4     # ws:// also to other machines than this one: for a trusted network only
    NO_RECEIPTS = 8     # do not tell others what arrived here


class ParleyError(Exception):
    """A call that failed: `code` is the status's name, for example "stale"; `error` what the server said of it."""

    def __init__(self, status: int, code: str, text: str, error: Optional[Mapping[str, Any]] = None):
        super().__init__(f"{code}: {text}")
        self.status, self.code, self.text, self.error = status, code, text, dict(error or {})


class Closed(ParleyError):
    """The client was closed before the answer came, or before the call."""


class Event(dict):
    """What happened. A dictionary with the fields that parley/client.h names, and these beside them."""
    name: str       # "item", "state", "outbox", ...
    call: int       # of a reply: the number of the call; of a view: its number
    status: int     # of a reply, an outbox entry, a state: how it went, 0 is good
    state: int      # PARLEY_STATE_*, PARLEY_OUTBOX_* or PARLEY_VIEW_*, by the event's name
    seq: int        # an item's number, a view's index

    def at(self, path: str, otherwise: Any = None) -> Any:
        """The field at a path such as "item.body.text" or "desk.offers.0.queue"."""
        found: Any = self
        for step in path.split("."):
            try:
                found = found[int(step)] if isinstance(found, list) else found[step]
            except (KeyError, IndexError, TypeError, ValueError):
                return otherwise
        return found


class Call(concurrent.futures.Future):
    """A question to the server. `await` it, or `result()` it while another thread takes the events; either gives the
    reply's data, or raises ParleyError."""

    def __init__(self, client: "Client", number: int):
        super().__init__()
        self.client, self.number = client, number
        self.set_running_or_notify_cancel()

    def __await__(self):
        self.client._listen(asyncio.get_running_loop())
        return asyncio.wrap_future(self).__await__()


# --- the library ---

class _Config(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint32), ("flags", ctypes.c_uint32),
                *((name, ctypes.c_char_p) for name in ("url", "token", "device", "locale", "time_zone", "app_name",
                                                       "app_version", "ca_file")),
                ("transport", ctypes.c_void_p), ("page", ctypes.c_uint32), ("background_ms", ctypes.c_uint32),
                ("folder", ctypes.c_char_p), ("user", ctypes.c_char_p)]


_P, _S, _I32, _U32, _I64 = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_uint32, ctypes.c_int64
_U64_OUT, _ID_OUT = ctypes.POINTER(ctypes.c_uint64), ctypes.c_char * 37
_CALLS = {
    "status_name": (_S, _I32), "status_text": (_S, _I32), "version": (_S,),
    "config_init": (None, ctypes.POINTER(_Config), _U32),
    "client_new": (_I32, ctypes.POINTER(_Config), ctypes.POINTER(_P)), "client_free": (None, _P),
    "connect": (_I32, _P), "close": (None, _P), "set_token": (_I32, _P, _S), "sign_out": (_I32, _P),
    "push_register": (_I32, _P, _S, _S),
    "set_foreground": (None, _P, _I32), "network_changed": (None, _P, _I32),
    "next_event": (_P, _P, _I32), "event_free": (None, _P), "event_fd": (_I32, _P), "state": (_I32, _P),
    "event_call": (ctypes.c_uint64, _P), "event_status": (_I32, _P), "event_state": (_I32, _P), "event_seq": (_I64, _P),
    "event_json": (_S, _P),
    "send_text": (_I32, _P, _S, _S, _ID_OUT), "post": (_I32, _P, _S, _S, _S, _ID_OUT),
    "tap": (_I32, _P, _S, _I64, _S, _S, _ID_OUT), "submit_form": (_I32, _P, _S, _I64, _S, _ID_OUT),
    "note": (_I32, _P, _S, _S, _S, _ID_OUT), "outbox_retry": (_I32, _P, _S), "outbox_discard": (_I32, _P, _S),
    "outbox_count": (_U32, _P), "outbox_list": (_P, _P), "draft_set": (_I32, _P, _S, _I64, _S),
    "mark_read": (_I32, _P, _S, _I64), "recap": (_P, _P, _S), "typing": (None, _P, _S, _I32),
    "context_set": (_I32, _P, _S, _S, _S), "context_mask": (_I32, _P, _S, _S, _S),
    "process_begin": (_I32, _P, _S, _S, _S, _S, _S, _ID_OUT), "process_edit": (_I32, _P, _S, _S, _S, _S, _S, _ID_OUT),
    "process_merge": (_I32, _P, _S, _S, _S, _S),
    "view_thread": (_I32, _P, _S, _U32, _U64_OUT),
    "view_list": (_I32, _P, _U64_OUT), "view_more": (_I32, _P, ctypes.c_uint64, _U32),
    "view_close": (None, _P, ctypes.c_uint64), "unread_total": (_U32, _P), "load_older": (_I32, _P, _S, _U32, _U64_OUT),
    "call_json": (_I32, _P, _S, _U64_OUT), "call_json_error": (_S,),
}
_CLOSED = 8         # PARLEY_STATE_CLOSED
_loaded: Optional[ctypes.CDLL] = None


def library(path: Optional[str] = None) -> ctypes.CDLL:
    """Loads the library, once: from `path`, else $PARLEY_LIBRARY, else where the system keeps its libraries."""
    global _loaded
    if _loaded is None:
        name = path or os.environ.get("PARLEY_LIBRARY") or ctypes.util.find_library("parley") or "libparley.so.0"
        loaded = ctypes.CDLL(name)
        for call, (result, *arguments) in _CALLS.items():
            function = getattr(loaded, "parley_" + call)
            function.restype, function.argtypes = result, arguments
        _loaded = loaded
    return _loaded


def version() -> str:
    return library().parley_version().decode()


def _text(value: Optional[str]) -> Optional[bytes]:
    """What the library takes: terminated UTF-8. A character 0 would cut it short."""
    if value is None:
        return None
    if "\0" in value:
        raise ValueError("text with a character 0 in it")
    return value.encode("utf-8")


def _json(value: Json) -> bytes:
    return json.dumps(value, allow_nan=False).encode("utf-8")


def _check(status: int, text: bytes = b"") -> None:
    if status:
        lib = library()
        raise ParleyError(status, lib.parley_status_name(status).decode(), (text or lib.parley_status_text(status)).decode())


def _given(**data: Any) -> dict[str, Any]:
    return {name: value for name, value in data.items() if value is not None}


class Client:
    """A client in state idle. With `folder` and `user` it keeps on disk what was said and heard; see parley_config in
    parley/client.h for the rest. `buffered` events at most wait in Python for `async for`, unless a Call is awaited; more
    wait in the library, which has limits of its own. Raises ParleyError when it cannot be made."""

    def __init__(self, url: str, token: Optional[str] = None, *, folder: Optional[str] = None, user: Optional[str] = None,
                 device: Optional[str] = None, locale: Optional[str] = None, time_zone: Optional[str] = None,
                 app_name: Optional[str] = None, app_version: Optional[str] = None, ca_file: Optional[str] = None,
                 page: int = 50, background_ms: int = 30000, flags: Flags = Flags(0), buffered: int = 1024):
        self._lib, self._lock, self._handle = library(), threading.RLock(), _P()
        self._calls: dict[int, Call] = {}
        self._queue: collections.deque[Event] = collections.deque()
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._waiters: list[asyncio.Future] = []
        self._reading, self._buffered = False, buffered
        config = _Config()
        self._lib.parley_config_init(ctypes.byref(config), ctypes.sizeof(config))
        texts = dict(url=url, token=token, device=device, locale=locale, time_zone=time_zone, app_name=app_name,
                     app_version=app_version, ca_file=ca_file, folder=folder and os.fspath(folder), user=user)
        for name, value in texts.items():
            setattr(config, name, _text(value))
        config.page, config.background_ms, config.flags = page, background_ms, int(flags)
        _check(self._lib.parley_client_new(ctypes.byref(config), ctypes.byref(self._handle)))
        self._fd = self._lib.parley_event_fd(self._handle)
        self._stop_read, self._stop_write = os.pipe()

    # --- life ---

    def connect(self) -> None:
        """Connects, and from then on stays connected as well as it can."""
        _check(self._do("connect"))

    def disconnect(self) -> None:
        """Closes the connection until the next `connect`; iterating over events ends once all have been taken."""
        self._do("close")

    def set_token(self, token: str) -> None:
        _check(self._do("set_token", _text(token)))

    def sign_out(self) -> None:
        """Forgets this user: drops what was not sent and deletes the files. Afterwards, `close`."""
        _check(self._do("sign_out"))

    def push_register(self, platform: str, token: Optional[str]) -> None:
        """How this device is woken while the app is away; None: not any more."""
        _check(self._do("push_register", _text(platform), _text(token)))

    def sync(self, limit: float) -> "Call":
        """For a silent push: takes what is there and sends what waits, in at most so many seconds."""
        return self.call("sync", limit_ms=int(limit * 1000))

    def set_foreground(self, on: bool) -> None:
        self._do("set_foreground", int(on))

    def network_changed(self, reachable: bool) -> None:
        self._do("network_changed", int(reachable))

    def close(self) -> None:
        """Joins the client's thread and frees everything. Whoever waits for an event or a reply is let go. With asyncio,
        call it on the loop that takes the events."""
        with self._lock:
            handle, self._handle = self._handle, _P()
            if not handle:
                return
            os.write(self._stop_write, b"x")
            loop, self._loop, calls, self._calls = self._loop, None, self._calls, {}
            if loop and loop is asyncio._get_running_loop():
                self._let_go(loop)      # it must not watch a descriptor that is gone
            self._lib.parley_client_free(handle)
        for call in calls.values():
            call.set_exception(Closed(27, "closed", "the client was closed"))

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            warnings.warn("a parley.Client was not closed", ResourceWarning, source=self)
            self.close()
        for pipe in ("_stop_read", "_stop_write"):
            if hasattr(self, pipe):
                os.close(getattr(self, pipe))

    # --- events ---

    def next(self, timeout: Optional[float] = None) -> Optional[Event]:
        """The oldest event, waiting up to `timeout` seconds (None: for ever). None when there is none in that time, or
        none can come any more, as the client is closed."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            event = self._pull()
            if event is not None or self._ended():
                return event
            left = None if end is None else max(0.0, end - time.monotonic())
            ready, _, _ = select.select([self._fd, self._stop_read], [], [], left)
            if self._stop_read in ready or not ready:
                return None

    def __iter__(self) -> Iterator[Event]:
        """Events until the client is disconnected or closed."""
        while (event := self.next()) is not None:
            yield event

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Events until the client is disconnected or closed, on the loop that runs this; no thread is needed."""
        loop = asyncio.get_running_loop()
        self._listen(loop)
        while True:
            while self._queue:
                yield self._queue.popleft()
            self._listen(loop)
            if self._queue:
                continue
            if self._ended():
                return
            waiter = loop.create_future()
            self._waiters.append(waiter)
            await waiter

    @property
    def state(self) -> int:
        """PARLEY_STATE_*: 3 is online."""
        return self._do("state")

    @property
    def fileno(self) -> int:
        """Readable while an event waits, for select and the like; never read it."""
        return self._fd

    def _pull(self) -> Optional[Event]:
        with self._lock:
            pointer = self._lib.parley_next_event(self._handle, 0) if self._handle else None
            event = self._take(pointer) if pointer else None
            if event is None or event.name != "reply":
                return event
            call = self._calls.pop(event.call, None)
        if call:
            self._answer(call, event)
        return event

    def _take(self, pointer: int) -> Event:
        try:
            event = Event(json.loads(self._lib.parley_event_json(pointer)))
            event.name = event["event"]
            for field in ("call", "status", "state", "seq"):
                setattr(event, field, getattr(self._lib, "parley_event_" + field)(pointer))
            return event
        finally:
            self._lib.parley_event_free(pointer)

    @staticmethod
    def _answer(call: Call, reply: Event) -> None:
        if reply.status == 0:
            call.set_result(reply.get("data") or {})
            return
        error = reply.get("error") or {}
        text = error.get("text") or library().parley_status_text(reply.status).decode()
        call.set_exception(ParleyError(reply.status, reply["status"], text, error))

    def _ended(self) -> bool:
        with self._lock:
            return not self._handle or self._lib.parley_state(self._handle) == _CLOSED

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Has the loop take events as they come, unless more than enough wait already."""
        with self._lock:
            if not self._handle:
                return
            if self._loop not in (None, loop):
                raise RuntimeError("a client's events are for one asyncio loop")
            self._loop = loop
        if not self._reading and not self._is_full():
            self._reading = True
            loop.add_reader(self._fd, self._drain, loop)
            loop.add_reader(self._stop_read, self._let_go, loop)
            self._drain(loop)

    def _drain(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._is_full() and (event := self._pull()) is not None:
            self._queue.append(event)
        if self._is_full() or self._ended():
            self._let_go(loop)
        self._wake()

    def _is_full(self) -> bool:
        """The answer to a call may be behind what waits, and whoever awaits it takes no events meanwhile."""
        return len(self._queue) >= self._buffered and not self._calls

    def _let_go(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._reading:
            self._reading = False
            loop.remove_reader(self._fd)
            loop.remove_reader(self._stop_read)
        self._wake()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    # --- saying something: on disk (with `folder`) when the call returns, also offline; gives the id for life ---

    def send(self, text: str, conversation: Optional[str] = None) -> str:
        return self._say("send_text", _text(conversation), _text(text))

    def post(self, kind: str, body: Mapping[str, Json], conversation: Optional[str] = None) -> str:
        """An item of any kind."""
        return self._say("post", _text(conversation), _text(kind), _json(body))

    def tap(self, seq: int, value: str, label: Optional[str] = None, conversation: Optional[str] = None) -> str:
        """Answers the choices that are number `seq`."""
        return self._say("tap", _text(conversation), seq, _text(value), _text(label))

    def submit_form(self, seq: int, values: Mapping[str, Json], conversation: Optional[str] = None) -> str:
        """Answers the form that is number `seq`."""
        return self._say("submit_form", _text(conversation), seq, _json(values))

    def note(self, text: str, to: Optional[str] = None, conversation: Optional[str] = None) -> str:
        """Staff: what only staff see; with `to`, what only that member of staff sees."""
        return self._say("note", _text(conversation), _text(text), _text(to))

    def process_begin(self, type: str, data: Optional[Mapping[str, Json]] = None, title: Optional[str] = None,
                      step: Optional[str] = None, conversation: Optional[str] = None) -> str:
        """Begins a process, also offline; its id."""
        return self._say("process_begin", _text(conversation), _text(type), _text(title), _text(step),
                         None if data is None else _json(data))

    def process_edit(self, process: str, data: Optional[Mapping[str, Json]] = None, step: Optional[str] = None,
                     state: Optional[str] = None, conversation: Optional[str] = None) -> str:
        """Changes a process: shown at once, also offline, and sent on whatever it has become; the id of the change."""
        return self._say("process_edit", _text(conversation), _text(process), _text(step), _text(state),
                         None if data is None else _json(data))

    def process_merge(self, id: str, data: Optional[Mapping[str, Json]] = None, step: Optional[str] = None,
                      state: Optional[str] = None) -> None:
        """Answers a conflict: what is given takes the place of what was said."""
        _check(self._do("process_merge", _text(id), _text(step), _text(state), None if data is None else _json(data)))

    def retry(self, id: str) -> None:
        _check(self._do("outbox_retry", _text(id)))

    def discard(self, id: str) -> None:
        _check(self._do("outbox_discard", _text(id)))

    def outbox(self) -> list[dict[str, Any]]:
        """What is queued, on its way or failed: {id, conversation, state, kind, body, reason, text}."""
        return self._found("outbox_list").get("outbox", [])

    def draft(self, value: Json, number: int = 0, conversation: Optional[str] = None) -> None:
        """Keeps what is half written; None forgets it."""
        _check(self._do("draft_set", _text(conversation), number, None if value is None else _json(value)))

    def mark_read(self, seq: int, conversation: Optional[str] = None) -> None:
        _check(self._do("mark_read", _text(conversation), seq))

    def typing(self, on: bool = True, conversation: Optional[str] = None) -> None:
        self._do("typing", _text(conversation), int(on))

    def context(self, key: str, value: Json, conversation: Optional[str] = None) -> None:
        """What the customer is doing; None takes the key away."""
        _check(self._do("context_set", _text(conversation), _text(key), None if value is None else _json(value)))

    def context_mask(self, name: str, keys: Optional[str] = None, shape: Optional[str] = None) -> None:
        """A class of what never leaves this device in the context; with neither keys nor shape it masks nothing."""
        _check(self._do("context_mask", _text(name), _text(keys), _text(shape)))

    def recap(self, conversation: Optional[str] = None) -> Event:
        """Where the customer was, from what is known here."""
        return self._found("recap", _text(conversation))

    # --- screens ---

    def view_thread(self, count: int = 50, conversation: Optional[str] = None) -> int:
        """A window on a thread's newest rows; "view" events keep it up to date. Gives its number."""
        return self._numbered("view_thread", _text(conversation), count)

    def view_list(self) -> int:
        """The same for the list of conversations."""
        return self._numbered("view_list")

    def view_more(self, view: int, count: int = 50) -> None:
        _check(self._do("view_more", view, count))

    def view_close(self, view: int) -> None:
        self._do("view_close", view)

    @property
    def unread(self) -> int:
        """Items of others that the user has not read, in all conversations."""
        return self._do("unread_total")

    # --- asking for something: each gives a Call ---

    def call(self, type: str, /, **data: Json) -> Call:
        """Any request by its name in the protocol: `call("range", after=20, limit=50)`."""
        line, number = _json({"type": type, "data": data}), ctypes.c_uint64()
        with self._lock:
            _check(self._do("call_json", line, ctypes.byref(number)), self._lib.parley_call_json_error())
            call = Call(self, number.value)
            if number.value:
                self._calls[number.value] = call
            else:
                call.set_result({})
        return call

    def load_older(self, count: int = 50, conversation: Optional[str] = None) -> Call:
        return self.call("older", **_given(count=count, conversation=conversation))

    def request_human(self, queue: Optional[str] = None, reason: Optional[str] = None, conversation: Optional[str] = None) -> Call:
        return self.call("handoff.request", **_given(queue=queue, reason=reason, conversation=conversation))

    def leave_queue(self, conversation: Optional[str] = None) -> Call:
        return self.call("queue.leave", **_given(conversation=conversation))

    def open_conversation(self, topic: str) -> Call:
        return self.call("conversation.open", topic=topic)

    def process_start(self, type: str, title: Optional[str] = None, step: Optional[str] = None,
                      data: Optional[Mapping[str, Json]] = None, conversation: Optional[str] = None) -> Call:
        return self.call("process.start", **_given(type=type, title=title, step=step, data=data, conversation=conversation))

    def process_step(self, process: str, revision: int, step: Optional[str] = None, state: Optional[str] = None,
                     data: Optional[Mapping[str, Json]] = None, conversation: Optional[str] = None) -> Call:
        return self.call("process.step", **_given(process=process, revision=revision, step=step, state=state, data=data,
                                                  conversation=conversation))

    def process_get(self, process: Optional[str] = None, conversation: Optional[str] = None) -> Call:
        """One process, or the open ones."""
        return self.call("process.get", **_given(process=process, conversation=conversation))

    def range(self, after: Optional[int] = None, before: Optional[int] = None, count: int = 50,
              conversation: Optional[str] = None) -> Call:
        """Items as they stand in the log: those above `after`, else those below `before`, else the newest."""
        return self.call("range", **_given(after=after, before=before, limit=count, conversation=conversation))

    def get_conversations(self, customer: Optional[str] = None) -> Call:
        """The customer's own; staff name whose."""
        return self.call("conversations", **_given(customer=customer))

    def get_starts(self, language: Optional[str] = None) -> Call:
        """What may be begun with, for a screen on which nothing has been said; else in the flows' own language."""
        return self.call("starts", **_given(language=language))

    def context_get(self, at: Optional[int] = None, conversation: Optional[str] = None) -> Call:
        """The context in force at number `at`; None: now."""
        return self.call("context.get", **_given(at=at, conversation=conversation))

    def upload(self, name: str, type: str, bytes: int, sha256: str, conversation: Optional[str] = None) -> Call:
        """A place to PUT a file to, once: `url`; then post a `media` item that names `blob`."""
        return self.call("upload", **_given(name=name, type=type, bytes=bytes, sha256=sha256, conversation=conversation))

    def download(self, blob: str, conversation: Optional[str] = None) -> Call:
        """A place to GET the file of a `media` item from, once: `url`."""
        return self.call("download", **_given(blob=blob, conversation=conversation))

    # --- agents ---

    def set_status(self, status: str) -> Call:
        """One of "online", "busy", "away" or "offline"."""
        return self.call("status.set", status=status)

    def get_inbox(self) -> Call:
        """The desk: status, sessions, offers, queues."""
        return self.call("inbox")

    def accept(self, conversation: str, offer: str) -> Call:
        """Takes an offer; fails with `taken` when somebody else was first."""
        return self.call("offer.accept", conversation=conversation, offer=offer)

    def decline(self, conversation: str, offer: str, reason: Optional[str] = None) -> Call:
        return self.call("offer.decline", **_given(conversation=conversation, offer=offer, reason=reason))

    def subscribe(self, conversation: str) -> Call:
        """Follows a conversation: its newest items come, then all that is said."""
        return self.call("subscribe", conversation=conversation)

    def unsubscribe(self, conversation: str) -> Call:
        return self.call("unsubscribe", conversation=conversation)

    def transfer(self, conversation: str, queue: str, reason: Optional[str] = None) -> Call:
        return self.call("transfer", **_given(conversation=conversation, queue=queue, reason=reason))

    def release(self, conversation: str, outcome: Optional[str] = None, note: Optional[str] = None) -> Call:
        """Gives it back to the flow that handed it over."""
        return self.call("release", **_given(conversation=conversation, outcome=outcome, note=note))

    def resolve(self, conversation: str, outcome: Optional[str] = None, note: Optional[str] = None) -> Call:
        return self.call("resolve", **_given(conversation=conversation, outcome=outcome, note=note))

    def reopen(self, conversation: str) -> Call:
        """Takes up again what was resolved, within 24 hours."""
        return self.call("reopen", conversation=conversation)

    # --- how calls are made ---

    def _do(self, call: str, *arguments: Any) -> Any:
        with self._lock:
            if not self._handle:
                raise Closed(27, "closed", "the client was closed")
            return getattr(self._lib, "parley_" + call)(self._handle, *arguments)

    def _say(self, call: str, *arguments: Any) -> str:
        id = _ID_OUT()
        _check(self._do(call, *arguments, id))
        return id.value.decode()

    def _numbered(self, call: str, *arguments: Any) -> int:
        number = ctypes.c_uint64()
        _check(self._do(call, *arguments, ctypes.byref(number)))
        return number.value

    def _found(self, call: str, *arguments: Any) -> Event:
        pointer = self._do(call, *arguments)
        if not pointer:
            raise ParleyError(17, "not_found", "no such conversation, or no memory")
        return self._take(pointer)
