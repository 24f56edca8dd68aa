"""The history checker is itself tested: silent on valid histories, and each planted fault is caught by its own rule."""
import json
import random

import pytest

import histcheck
from hist.faults import FAULTS, plant
from hist.history import Unusable
from hist.model import world

SHAPE = {"agents": 3, "steps": 150}


def test_valid_histories_pass(size):
    exercised = {"unknown_attempts": 0, "duplicate_acks": 0, "ops_fail": 0}
    for seed in range(size(500, 1000)):
        history, findings = histcheck.check(world(seed, **SHAPE))
        assert not findings, f"history {seed}: {findings[0]}"
        counted = histcheck.count(history)
        exercised = {name: total + counted[name] for name, total in exercised.items()}
    assert all(total > 1000 for total in exercised.values()), exercised


@pytest.mark.parametrize("name", FAULTS)
def test_planted_fault_is_caught(name, size):
    planted, wanted = 0, size(3, 50)
    for seed in range(40 * wanted):
        broken = plant(name, world(seed, **SHAPE), random.Random(seed))
        if broken is None:
            continue
        assert name in _names(name, broken), f"history {seed}: {name} was not seen"
        planted += 1
        if planted == wanted:
            return
    pytest.fail(f"{name} could be planted only {planted} times")


def _names(name, events):
    try:
        return {finding.name for finding in histcheck.check(events)[1]}
    except Unusable as error:
        return {name} if name.startswith("R0_") and str(error).startswith("R0") else set()


def _record(folder, events, torn=""):
    by_process = {}
    for event in events:
        by_process.setdefault(event["p"], []).append(json.dumps(event))
    for p, lines in by_process.items():
        (folder / f"{p}.jsonl").write_text("\n".join(lines) + "\n" + torn)


def test_folder_with_torn_lines_is_judged_valid(tmp_path):
    _record(tmp_path, world(3), torn='{"t": 12, "p": ')
    code, first, report = histcheck.judge(tmp_path)
    assert (code, first.split()[0], report["valid"]) == (0, "VALID", True)
    assert len(report["notes"]) >= 3


def test_violation_names_the_lines(tmp_path):
    _record(tmp_path, plant("LOST_ACK", world(3), random.Random(3)))
    code, first, report = histcheck.judge(tmp_path)
    assert code == 1 and first.startswith("INVALID R1 LOST_ACK conversation conv")
    assert any(".jsonl:" in line for line in report["violations"][0]["lines"])


def test_small_run_is_not_exercised(tmp_path):
    _record(tmp_path, world(3))
    code, first, _ = histcheck.judge(tmp_path, min_acks=1000)
    assert code == 2 and first.startswith("NOT EXERCISED")


def test_broken_record_is_unusable(tmp_path):
    _record(tmp_path, world(3))
    next(tmp_path.glob("*.jsonl")).write_text("{}\n")
    code, first, _ = histcheck.judge(tmp_path)
    assert code == 2 and first.startswith("UNUSABLE R0")
