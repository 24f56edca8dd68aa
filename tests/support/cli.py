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

    def text(self, *args, **env):
        """What it prints when all is well."""
        done = self(*args, **env)
        assert done.returncode == OK, (done.returncode, done.stderr)
        return done.stdout

    def json(self, *args, **env):
        return json.loads(self.text(*args, "--json", **env))

    def refused(self, code, *args, says="", **env):
        done = self(*args, **env)
        assert done.returncode == code, (done.returncode, done.stderr)
        assert re.search(says, done.stderr), done.stderr
        assert "AddressSanitizer" not in done.stderr and "runtime error" not in done.stderr
        return done.stderr
