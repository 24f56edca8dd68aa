#!/usr/bin/python3
"""Runs every test of an asan build and sums up: unit tests by ctest, then tests/e2e by pytest.

    tests/run.py [--long] [FILTER]

The last line is `N passed, N failed`, with `, N skipped` behind it when there are any; the exit code says the same.
Output of what passes goes to build/asan/*.log; output of what fails is shown.
"""
import argparse
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build", "asan")
CASE = re.compile(r"^(\d+): \[ +(OK|FAILED|SKIPPED) +\] ([A-Za-z_]\w*)$")
PROGRAM = re.compile(r"^ *\d+/\d+ Test +#(\d+): (\S+) \.*(?: +|\*{3})(Passed|Failed|Exception|Timeout|Not Run)")


class Sum:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, 0, 0

    def line(self):
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")


def environment():
    """Sanitizers stop at the first finding; the program under test is the one that was just built."""
    return {**os.environ, "PARLEY": os.path.join(BUILD, "parley"), "CMOCKA_MESSAGE_OUTPUT": "STDOUT",
            "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1:detect_stack_use_after_return=1",
            "UBSAN_OPTIONS": "print_stacktrace=1"}


def unit(total, filter_):
    """Counts each cmocka case; a program without cases, or one that dies, counts as one."""
    command = ["ctest", "--test-dir", BUILD, "-V", "--no-tests=ignore", "-j", "2"] + (["-R", filter_] if filter_ else [])
    log_path, cases, lines = os.path.join(BUILD, "unit.log"), {}, {}
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace") as process, open(log_path, "w", encoding="utf-8") as log:
        for line in process.stdout:
            log.write(line)
            number = line.split(":", 1)[0]
            lines.setdefault(number, []).append(line)
            case, program = CASE.match(line), PROGRAM.match(line)
            if case:
                cases.setdefault(case[1], {})[case[3]] = case[2]
            elif program:
                finish_program(total, program, cases.get(program[1], {}), lines.get(program[1], []))


def finish_program(total, program, cases, lines):
    name, good = program[2], program[3] == "Passed"
    results = list(cases.values())
    total.passed += results.count("OK") + (1 if good and not results else 0)
    total.skipped += results.count("SKIPPED")
    failed = results.count("FAILED")
    total.failed += failed if good or failed else 1
    print(f"{'ok    ' if good else 'FAILED'} {name}  ({len(results) or 1})", flush=True)
    if not good:
        print("".join(lines[-200:]), flush=True)


def e2e(total, filter_, long):
    folder, report = os.path.join(ROOT, "tests", "e2e"), os.path.join(BUILD, "e2e.xml")
    command = [sys.executable, "-m", "pytest", folder, "-p", "no:cacheprovider", "-q", "--tb=short", "-rsfE", "-n", "4",
               f"--junitxml={report}"]
    command += (["-k", filter_] if filter_ else []) + (["--long"] if long else [])
    if os.path.exists(report):
        os.remove(report)
    code = subprocess.run(command, env=environment(), cwd=ROOT, check=False).returncode
    if code == 5:  # nothing has that name
        return
    if not os.path.exists(report):
        total.failed += 1
        return
    suite = ElementTree.parse(report).getroot().find("testsuite")
    count = {name: int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")}
    bad = count["failures"] + count["errors"]
    total.failed += max(bad, 1 if code else 0)
    total.skipped += count["skipped"]
    total.passed += count["tests"] - bad - count["skipped"]


def main():
    parser = argparse.ArgumentParser(description="every test, and their sum")
    parser.add_argument("--long", action="store_true", help="the full numbers")
    parser.add_argument("filter", nargs="?", default="", help="part of the name of a test")
    args = parser.parse_args()
    total = Sum()
    unit(total, args.filter)
    e2e(total, args.filter, args.long)
    print(total.line(), flush=True)
    return 1 if total.failed or not total.passed + total.skipped else 0


if __name__ == "__main__":
    sys.exit(main())
