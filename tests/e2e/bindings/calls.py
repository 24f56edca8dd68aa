"""Makes every call once that asks the server for something, in Python."""
import os

import parley

CONV, OTHER, DIGEST = os.environ["PARLEY_CONV"], os.environ["PARLEY_OTHER"], "a" * 64

with parley.Client(os.environ["PARLEY_URL"], "t", flags=parley.Flags.WIRE_JSON | parley.Flags.NO_RECEIPTS) as desk:
    desk.connect()
    desk.subscribe(CONV)
    while (event := desk.next()).at("item.body.text") != "hello":
        pass
    desk.send("hi", conversation=CONV)
    desk.post("location", {"latitude": 1.5, "longitude": 2.5}, conversation=CONV)
    desk.tap(1, "a", "A", conversation=CONV)
    desk.submit_form(1, {"x": "1"}, conversation=CONV)
    desk.note("psst", to=OTHER, conversation=CONV)
    begun = desk.process_begin("order", {"a": 1}, title="An order", step="one", conversation=CONV)
    desk.process_edit(begun, {"b": 2}, step="two", state="open", conversation=CONV)
    desk.mark_read(1, conversation=CONV)
    desk.typing(True, conversation=CONV)
    desk.context("screen", "cart", conversation=CONV)
    desk.request_human("billing", "money", conversation=CONV)
    desk.leave_queue(conversation=CONV)
    desk.open_conversation("returns")
    desk.process_start("claim", "Claim", "one", {"a": 1}, conversation=CONV)
    desk.process_step(OTHER, 3, "two", "open", {"a": 2}, conversation=CONV)
    desk.process_get(OTHER, conversation=CONV)
    desk.range(before=7, count=3, conversation=CONV)
    desk.get_conversations(OTHER)
    desk.get_starts("pt-BR")
    desk.context_get(9, conversation=CONV)
    desk.upload("a.png", "image/png", 7, DIGEST, conversation=CONV)
    desk.download(OTHER, conversation=CONV)
    desk.set_status("busy")
    desk.get_inbox()
    desk.accept(CONV, OTHER)
    desk.decline(CONV, OTHER, "lunch")
    desk.transfer(CONV, "billing", "money")
    desk.release(CONV, "done", "note")
    desk.resolve(CONV, "done", "note")
    desk.reopen(CONV)
    desk.unsubscribe(OTHER)
    while desk.next().at("item.body.text") != "enough":
        pass
