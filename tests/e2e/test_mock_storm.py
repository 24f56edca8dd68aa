"""Random schedules: the network breaks, answers are lost, and the app's process is killed with -9 in the middle of
anything - while SQLite writes, before and after a message is sent, between a call's return and the next step - and
started again on the files that it left. The history checker finds nothing; and it does find what is wrong in apps whose
library has a bug planted in it."""
import json
import os
import shutil
import subprocess
import tempfile

import pytest

from histcheck import count
from mock import WAIT, Mock, host_program, read_notes
from sdk_history import judge

WEATHER = """
chatter 8ms 6
beacon 100ms
echo no
on request hello 1 in 12: cut
on request 1 in 25: cut
on request post 1 in 20: refuse busy 60ms
on answer post 1 in 7: cut
on answer 1 in 10: twice
on answer 1 in 12: late 2
on push item 1 in 9: lose
on push 1 in 12: late 2
on push 1 in 12: twice
every 60ms 1 in 5: cut
"""
BATCH = 500     # schedules of one mock and one judgement


def storm(folder, first, schedules, host="sdk_host", patience=WAIT):
    """(findings, history, how often each point was fatal)"""
    folder.mkdir(parents=True)
    script, log = folder / "weather.mock", folder / "notes.jsonl"
    script.write_text(WEATHER)
    # files in memory where there is such a place: nobody here loses power
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with Mock(str(script), folder, seed=first) as mock, tempfile.TemporaryDirectory(dir=memory, prefix="parley-storm-") as files:
        ran = subprocess.run([host_program(host), "storm", str(mock.port), log, files, str(first), str(schedules), str(patience)],
                             capture_output=True, text=True, timeout=WAIT + 2 * schedules, check=False)
    fatal = json.loads(ran.stdout) if ran.returncode in (0, 3) and ran.stdout else {}
    findings, history = judge(read_notes(log), mock.lines)
    if ran.returncode != 0:
        findings.append(f"{host} ended with {ran.returncode}: {ran.stderr[-2000:]}")
    return findings, history, fatal


def test_killed_in_a_storm(tmp_path, size):
    total, killed, left, first = size(300, 10000), {}, 0, size.seed * 100000
    for begin in range(0, total, BATCH):
        findings, history, fatal = storm(tmp_path / str(begin), first + begin, min(BATCH, total - begin))
        assert not findings, f"{len(findings)} findings: {findings[:5]}"
        shutil.rmtree(tmp_path / str(begin))
        counters = count(history)
        left += counters["unknown_attempts"]
        for name, times in fatal.items():
            killed[name] = killed.get(name, 0) + times
    print(f"{total} schedules, {killed.pop('lives')} lives, killed: {killed}; {left} sends without an answer")
    assert all(killed.values()), f"nobody was killed at some point: {killed}"
    assert left > total / 10


@pytest.mark.parametrize("bug", ["before_disk", "gone_when_sent", "new_id", "twice"])
def test_the_checker_finds_planted_bugs(bug, tmp_path):
    """An outbox that answers before the disk has it; forgets what is sent and not answered; sends under a new id after
    a restart; tells again what comes again."""
    found = []
    for begin in range(0, 120, 20):
        findings, _, _ = storm(tmp_path / str(begin), 1 + begin, 20, f"sdk_host_{bug}", patience=10)
        found += findings
        if found:
            return
    raise AssertionError(f"{bug} went unnoticed")
