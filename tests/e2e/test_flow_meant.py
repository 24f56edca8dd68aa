"""An earlier answer is put right while a later question stands: through a kill at every point of the way back."""
import asyncio

import pytest

from test_flow_publish import risen

FLOW = """flow { id = "table", title = "A table" }
local day = ask { id = "day", text = "Which day?", type = "date", correct = true }
local time = ask { id = "time", text = "When?", choices = { "Lunch", "Dinner" }, correct = true }
local people = ask { id = "people", text = "How many?", type = "number" }
handoff { queue = "care", summary = day .. " " .. time .. " " .. people }
"""


async def asked(ann, words, times=1):
    await ann.until(lambda: [i["body"].get("text") for i in ann.items()].count(words) == times, 60, words)


async def until_how_many(ann):
    await ann.post("Hello")
    await asked(ann, "Which day?")
    await ann.post("2026-03-04")
    await asked(ann, "When?")
    await ann.post("Dinner")
    await asked(ann, "How many?")


async def ends(shop, ann, summary, collected):
    kim = await shop.desk("kim")
    offer = await kim.offered(ann.main, 60)
    await kim.accept(offer)
    row = shop.site.sql("select summary, parley_told(conversation, collected, said) from handoff where conversation = %s", ann.main)
    assert row == [(summary, collected)]
    journal = shop.site.sql("select count(*), max(entry) from flow_journal j join flow_run r on r.id = j.run where r.conversation = %s",
                            ann.main)
    assert journal == [(5, 5)], "what was taken back is still there"


@pytest.mark.parametrize("point", ["flow_before_step:1", "move_before_submit:1", "move_after_submit:1", "flow_after_step:1",
                                   "flow_before_step:2", "move_after_submit:2", "flow_after_step:2"])
async def test_a_server_that_dies_on_the_way_back_finds_it(shop, point):
    """The first step goes back, the second goes on from the new answer."""
    shop.site.flow("table", FLOW)
    shop.app = shop.site.app("tables", queue="care", flow="table")
    with shop.serve() as server:
        ann = await shop.customer("ann")
        ann.stay()
        await until_how_many(ann)
        server.kill()
        server.start(fault=point)
        rising = asyncio.ensure_future(risen(server))
        await ann.post("No, I meant 2026-03-05.")
        await rising
        await asked(ann, "When?", 2)
        await ann.post("Lunch")
        await asked(ann, "How many?", 2)
        await ann.post("4")
        await ends(shop, ann, "2026-03-05 Lunch 4", {"day": "2026-03-05", "time": "Lunch", "people": 4})
        await shop.close()


async def test_another_choice_of_an_older_question_and_words_said_at_once(shop):
    shop.site.flow("table", FLOW)
    shop.app = shop.site.app("tables", queue="care", flow="table")
    with shop.serve():
        ann = await shop.customer("ann")
        await until_how_many(ann)
        when = next(i for i in ann.items() if i["kind"] == "choices")
        tap = {"to": when["seq"], "value": next(o["value"] for o in when["body"]["options"] if o["label"] == "Lunch")}
        await asyncio.gather(ann.post(tap, kind="choice"), ann.post("6"))
        await ends(shop, ann, "2026-03-04 Lunch 6", {"day": "2026-03-04", "time": "Lunch", "people": 6})
        await shop.close()
