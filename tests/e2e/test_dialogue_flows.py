"""Recorded dialogues as flows: the customer says what was said, the flow asks for what is missing and calls the services,
and the transactions come out as they were recorded, though the server is killed on the way."""
import asyncio
import json
import os

import pytest

import concierge
from server import ROOT

DIALOGUES = os.path.join(ROOT, "..", "shared", "data", "dialogues.jsonl")
FIVE = {"Banks_2", "Events_1", "Flights_3", "Services_4", "Weather_1"}
AT_ONCE = 20
STATES = {1: "open", 2: "done", 3: "failed"}


@pytest.fixture
def every():
    if not os.path.exists(DIALOGUES):
        pytest.skip("the dialogues are not here: ../shared/data/dialogues.jsonl")
    with open(DIALOGUES, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.fixture
def dialogues(every, size):
    """A sample of what the five services are enough for; with --long all dialogues of all services."""
    five = [d for d in every if FIVE.issuperset(d["services"])]
    return every if size.long else size.rng.sample(five, size(24, len(every)))


@pytest.fixture
def company(dialogues):
    made = concierge.Company(dialogues)
    yield made
    made.close()


class Kills:
    """The server dies when so many words have been said altogether, and comes back."""

    def __init__(self, shop, at):
        self.shop, self.at, self.said = shop, set(at), 0

    def count(self):
        self.said += 1
        if self.said in self.at:
            self.shop.server.kill()
            self.shop.server.start()


async def hold(shop, dialogue, kills):
    """The customer's side of one dialogue; the customer's conversation."""
    name = "c" + dialogue["id"]
    ann = await shop.customer(name, claims={"traits": {"reference": dialogue["id"]}}, connect=False)
    ann.stay()
    await ann.until(lambda: any(t.topic for t in ann.threads.values()), what="to be connected")
    every = [turn[0] for turn in concierge.turns(dialogue)]
    for n, words in enumerate(every):
        await ann.post(words)
        kills.count()
        if n < len(every) - 1:
            await ann.until(lambda n=n: len(questions(ann)) > n or handed_over(ann), what=f"the question after {words!r}")
    await ann.until(lambda: "resolved" in ann.kinds() or handed_over(ann), what=f"the flow of {dialogue['id']} to end")
    asked_in_turn(dialogue, questions(ann))
    return ann.main


def handed_over(ann):
    """Never: a flow that goes to a person was not told what it should have been."""
    queued = [i["body"] for i in ann.items() if i["kind"] == "queued"]
    assert not queued, (ann.name, queued)
    return False


def questions(ann):
    return [i["body"]["text"] for i in ann.items() if i["kind"] == "text" and i["role"] == "bot" and i["body"]["text"].endswith("?")]


def asked_in_turn(dialogue, asked):
    """While what the customer wants to have done lacks something, exactly that is asked for."""
    told = {}
    for (_, found), question in zip(concierge.wishes(dialogue), asked):
        for kind, data, call, _ in found:
            told[kind] = data
            if not call and question.startswith("What is the "):
                name = question[len("What is the "):-1].replace(" ", "_")
                assert name not in data, (dialogue["id"], question, data)


def stored(shop, conversation):
    """[(kind, state, data)] of all changes, from the items, and that the rows say the same in the end."""
    rows = {id: (kind, STATES[state], data) for id, kind, state, data in shop.site.sql(
        "SELECT id::text, type, state, data FROM process WHERE conversation = %s", conversation)}
    history, now = [], {}
    for (body,) in shop.site.sql("SELECT body FROM item WHERE conversation = %s AND kind = 15 ORDER BY seq", conversation):
        kind, _, data = now.get(body["process"], (body.get("type"), "", {}))
        data = {k: v for k, v in {**data, **(body.get("data") or {})}.items() if v is not None}
        now[body["process"]] = (kind, body["state"], data)
        history.append(now[body["process"]])
    assert now == rows, conversation
    return history


async def test_recorded_transactions_are_collected_by_a_flow(shop, dialogues, company, size, tmp_path):
    folder = tmp_path / "flows"
    folder.mkdir()
    shop.site.cli("flow", "publish", concierge.flows(dialogues, str(folder)))
    shop.app = shop.site.app("concierge", queue="care", flow="concierge")
    words = sum(len(concierge.turns(d)) for d in dialogues)
    kills = Kills(shop, size.rng.sample(range(10, words), size(3, 30)))
    with shop.serve(workers=2, sets=company.settings):
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(dialogue):
            async with gate:
                conversation = await hold(shop, dialogue, kills)
            assert stored(shop, conversation) == concierge.expected(dialogue), dialogue["id"]
            assert company.called[dialogue["id"]] == [(kind, told) for kind, told, _ in concierge.calls(dialogue)], dialogue["id"]

        async with asyncio.TaskGroup() as group:     # the first that fails ends the others
            for dialogue in dialogues:
                group.create_task(one(dialogue))
        await shop.quiet()
    shop.judge(min_acks=words)
    print(f"{len(dialogues)} dialogues, {words} of the customers' words, {sum(map(len, company.called.values()))} calls of services")
