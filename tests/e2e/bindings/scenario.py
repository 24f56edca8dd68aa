"""The part of the app in test_bindings.py, in Python: first with asyncio, then with threads."""
import asyncio
import os
import threading

import parley

URL, TOKEN, FOLDER, DEVICE = (os.environ["PARLEY_" + name] for name in ("URL", "TOKEN", "FOLDER", "DEVICE"))
OURS = dict(folder=FOLDER, user="guest", device=DEVICE)


def say(*words):
    print(*words, flush=True)


class Table:
    """The rows of a view, as a screen keeps them."""

    def __init__(self):
        self.rows = []

    def apply(self, event):
        if event["change"] == "insert":
            self.rows.insert(event["index"], event["row"])
        elif event["change"] == "update":
            self.rows[event["index"]].update(event["row"])
        elif event["change"] == "remove":
            del self.rows[event["index"]]
        elif event["change"] == "reset":
            self.rows.clear()

    def texts(self):
        return [(row["seq"], row["item"]["body"]["text"]) for row in self.rows if row["item"]["kind"] == "text"]


async def until(events, fits):
    async for event in events:
        if fits(event):
            return event


def said(text):
    return lambda e: e.name == "item" and e.at("item.body.text") == text


async def first(chat):
    events = chat.__aiter__()
    chat.connect()
    await until(events, lambda e: e.name == "state" and e["state"] == "online")
    id = chat.send("one \U0001f44b")
    await until(events, lambda e: e.name == "outbox" and e["id"] == id and e["state"] == "sent")
    say("sent", id)
    await until(events, lambda e: e.name == "state" and e["state"] == "backoff")
    say("lost")
    await until(events, said("while you were away"))
    say("back")
    page = await chat.call("range", limit=50)
    say("range", [item["body"]["text"] for item in page["thread"]["items"] if item["kind"] == "text"] == ["one \U0001f44b", "while you were away"])
    try:
        await chat.process_step(id, revision=1, step="none")
    except parley.ParleyError as error:
        say("refused", error.code)
    try:
        chat.send("cut\0short")
    except ValueError:
        say("refused", "zero")
    try:
        chat.call("range", after="x")
    except parley.ParleyError as error:
        say("refused", error)
    chat.send("two")
    await until(events, said("two"))
    chat.draft("half a sen")
    view, table = chat.view_thread(50), Table()
    while len(table.texts()) < 3:
        table.apply(await until(events, lambda e: e.name == "view" and e.call == view))
    for seq, text in table.texts():
        say("row", seq, text)
    waiting = asyncio.ensure_future(until(events, said("never")))
    await asyncio.sleep(0)
    return waiting


async def main():
    async with parley.Client(URL, TOKEN, buffered=1, **OURS) as chat:
        waiting = await first(chat)
    say("let go", await waiting)


def again():
    """Killed and started, without a network: the thread is there."""
    with parley.Client(URL, TOKEN, **OURS) as chat:
        view, table = chat.view_thread(50), Table()
        while len(table.texts()) < 3:
            event = chat.next(10)
            assert event is not None
            if event.name == "view" and event.call == view:
                table.apply(event)
        for seq, text in table.texts():
            say("kept", seq, text)
        say("draft", chat.recap()["drafts"][0]["value"])
        while chat.next(0):
            pass
        ended = []
        thread = threading.Thread(target=lambda: ended.append(chat.next()))
        thread.start()
        chat.close()
        thread.join()
        say("let go", ended[0])
    try:
        chat.send("late")
    except parley.Closed:
        say("closed")


asyncio.run(main())
again()
