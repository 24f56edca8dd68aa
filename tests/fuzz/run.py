#!/usr/bin/python3
"""Runs every fuzz target of build/fuzz for a time, and shows that each one finds the bug planted for it.

    tests/fuzz/run.py [--seconds 60] [TARGET...]

Seeds are tests/fuzz/seeds/TARGET and what seed.py makes of the golden vectors; what is found on the way is kept in
build/fuzz/corpus/TARGET. The last line is `N clean, N failed`.
"""
import argparse
import glob
import os
import subprocess
import sys

import seed

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build", "fuzz")
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1", "UBSAN_OPTIONS": "halt_on_error=1"}


def folders(name):
    corpus = os.path.join(BUILD, "corpus", name)
    os.makedirs(corpus, exist_ok=True)
    seeds = [os.path.join(ROOT, "tests", "fuzz", "seeds", name), os.path.join(BUILD, "seeds", name.removeprefix("fuzz_"))]
    return [corpus] + [folder for folder in seeds if os.path.isdir(folder)]


def fuzz(program, name, seconds):
    """(exit code, output); files of what was found go to build/fuzz."""
    command = [program, f"-max_total_time={seconds}", "-timeout=5", "-rss_limit_mb=2048", "-print_final_stats=1",
               f"-artifact_prefix={BUILD}/{os.path.basename(program)}-", *folders(name)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, errors="replace", cwd=BUILD,
                          timeout=seconds + 120)
    return done.returncode, done.stderr


def runs(output):
    return next((line.split()[-1] for line in output.splitlines() if "number_of_executed_units" in line), "?")


def check(name, seconds):
    code, output = fuzz(os.path.join(BUILD, name), name, seconds)
    if code:
        print(f"FAILED {name}\n{output[-6000:]}", flush=True)
        return False
    planted, found = fuzz(os.path.join(BUILD, name + "_planted"), name, seconds)
    if not planted:
        print(f"FAILED {name}: the planted bug was not found in {runs(found)} runs", flush=True)
        return False
    print(f"clean  {name}: {runs(output)} runs in {seconds} s; planted bug found", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser(description="every fuzz target, for a time")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("target", nargs="*", help="only these")
    args = parser.parse_args()
    names = args.target or sorted(os.path.basename(p).removesuffix("_planted") for p in glob.glob(f"{BUILD}/fuzz_*_planted"))
    seed.main(os.path.join(ROOT, "protocol", "vectors"), os.path.join(BUILD, "seeds"))
    results = [check(name, args.seconds) for name in names]
    print(f"{results.count(True)} clean, {results.count(False)} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
