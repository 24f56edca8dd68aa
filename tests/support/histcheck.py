#!/usr/bin/env python3
"""Judges a recorded run: what clients sent, were told and were shown, against the database.

  histcheck.py FOLDER                       reads *.jsonl below FOLDER, writes FOLDER/report.json
  histcheck.py FOLDER --min-acks 1000 --min-unknown 20

The first line printed is for people. Exit 0: valid; 1: a rule is broken; 2: the record is broken, or the run did not
exercise what it should. Standard library only, and nothing of the server: the checker must not share its mistakes.
The format is described in hist/history.py, the rules where they stand.
"""
import argparse
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from hist import rules_bots, rules_log, rules_service, rules_wire  # noqa: E402
from hist.history import History, Unusable, read_folder  # noqa: E402

RULES = rules_log.RULES + rules_wire.RULES + rules_service.RULES + rules_bots.RULES


def check(events, late_s=2.0, notes=()):
    """(history, findings) of a list of events. Raises Unusable."""
    history = History(events, notes)
    findings = []
    for rule in RULES:
        if rule is rules_wire.reach:
            findings += rule(history, late_ns=int(late_s * 1e9))
        else:
            findings += rule(history)
    return history, findings


def count(history):
    outcomes = [op.outcome for op in history.ops.values()]
    unknown = sum(1 for op in history.ops.values() if len(op.sends) > len(op.nacks) + len(op.acks))
    return {"ops_ok": outcomes.count("ok"), "ops_fail": outcomes.count("fail"), "ops_info": outcomes.count("info"),
            "acks": sum(len(op.acks) for op in history.ops.values()), "unknown_attempts": unknown,
            "duplicate_acks": sum(1 for op in history.ops.values() for ack in op.acks if ack.get("dup")),
            "links": len(history.links), "items": sum(len(rows) for rows in history.items.values()),
            "received": sum(1 for e in history.events if e["k"] == "recv"), "faults": len(history.faults)}


def report(history, findings, counters, verdict, notes):
    return {"valid": verdict, "counters": counters, "notes": notes, "violations": [
        {"rule": f.rule, "name": f.name, "text": f.text, "conversation": f.conv, "seqs": f.seqs, "ops": f.ops,
         "lines": _witness(history, f)} for f in findings[:1000]],
        "more": max(0, len(findings) - 1000)}


def _witness(history, finding, most=20):
    """Up to twenty places of the record that speak of the same operations or numbers."""
    places = []
    for event in history.events:
        about = event.get("op") in finding.ops if finding.ops else False
        about = about or (event.get("conv") == finding.conv and event.get("seq") in finding.seqs)
        if about and event.get("at"):
            places.append(event["at"])
            if len(places) == most:
                break
    return places


def judge(folder, min_acks=0, min_unknown=0, late_s=2.0):
    """(exit code, first line, report) of the run recorded in folder."""
    try:
        events, notes = read_folder(folder)
        history, findings = check(events, late_s, notes)
    except Unusable as error:
        return 2, f"UNUSABLE {error}", {"valid": "unknown", "counters": {}, "notes": [str(error)], "violations": []}
    counters = count(history)
    if findings:
        first = f"INVALID {findings[0]}" + (f" (and {len(findings) - 1} more)" if findings[1:] else "")
        return 1, first, report(history, findings, counters, False, history.notes)
    if counters["acks"] < min_acks or counters["unknown_attempts"] < min_unknown:
        first = f"NOT EXERCISED {counters['acks']} acks of {min_acks}, {counters['unknown_attempts']} unknown of {min_unknown}"
        return 2, first, report(history, findings, counters, "unknown", history.notes)
    first = "VALID " + ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in counters.items())
    return 0, first, report(history, findings, counters, True, history.notes)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--min-acks", type=int, default=0)
    parser.add_argument("--min-unknown", type=int, default=0)
    parser.add_argument("--late-s", type=float, default=2.0)
    args = parser.parse_args()
    code, first, result = judge(args.folder, args.min_acks, args.min_unknown, args.late_s)
    with open(os.path.join(args.folder, "report.json"), "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
    print(first)
    return code


if __name__ == "__main__":
    sys.exit(main())
