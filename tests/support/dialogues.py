"""Real dialogues between customers and a company, which are not a part of this tree."""
import json
import os

from server import ROOT

PATH = os.path.join(ROOT, "..", "shared", "data", "dialogues.jsonl")


def sample(size, number):
    """So many of them; None where they are not."""
    if not os.path.exists(PATH):
        return None
    with open(PATH, encoding="utf-8") as file:
        every = [json.loads(line) for line in file]
    return size.rng.sample(every, size(number, len(every)))


def type_of(service, name):
    """What the process is called that a dialogue's service and call are replayed as."""
    return f"{service}/{name}".lower()
