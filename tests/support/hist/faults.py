"""Planted faults: each takes a valid history and breaks one promise, in the way its name says.

plant(name, events, rng) gives the broken history, or None where this one has nothing to break in that way. The checker
must answer with the violation of the same name.
"""
import copy

from . import faults_bots, faults_log, faults_record, faults_service, faults_wire  # noqa: F401: each adds to the list
from .fault import FAULTS, Editor


def plant(name, events, rng):
    broken = copy.deepcopy(events)
    result = FAULTS[name](Editor(broken, rng))
    if not result:
        return None
    if not name.startswith("R0_"):
        _renumber(broken)
    return broken


def _renumber(events):
    lines = {}
    for event in events:
        lines[event["p"]] = event["n"] = lines.get(event["p"], 0) + 1
