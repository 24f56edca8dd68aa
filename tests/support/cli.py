"""The program at the command line: one call, its output and its exit code."""
import json
import os
import re
import subprocess

import server
from server import READY_S

OK, FAILED, USAGE, NOT_FOUND, DENIED, UNREACHABLE, CONFLICT, PROBLEMS = range(8)


class Cli:
    """Calls of the program with one environment and folder."""

    def __init__(self, folder, **env):
        self.folder = folder
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("PARLEY_")} | env

    def __call__(self, *args, stdin="", **env):
        return subprocess.run([server.program(), *args], env={**self.env, **env}, input=stdin, text=True, capture_output=True,
                              cwd=self.folder, timeout=READY_S, errors="replace")

    def json(self, *args, **env):
        done = self(*args, "--json", **env)
        assert done.returncode == OK, done.stderr
        return json.loads(done.stdout)

    def refused(self, code, *args, says="", **env):
        done = self(*args, **env)
        assert done.returncode == code, (done.returncode, done.stderr)
        assert re.search(says, done.stderr), done.stderr
        assert "AddressSanitizer" not in done.stderr and "runtime error" not in done.stderr
        return done.stderr
