"""Runs the steps of a Dockerfile in folders made by debootstrap, where no container engine is at hand.

    build = Build("Dockerfile", context, folder)      # root only
    root = build.run()                                # the folder of the last stage
    build.call(["parley", "version"])                 # in it, as its user

Knows what our Dockerfile uses: FROM .. AS, WORKDIR, COPY [--from], RUN, USER, ENV; the rest describes how to run.
"""
import os
import re
import shlex
import shutil
import subprocess

SUITE = "bookworm"
RUNS = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "ENV"}
DESCRIBES = {"EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def steps(path):
    """(instruction, rest) of each step, continuation lines joined."""
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"^#.*\n", "", file.read(), flags=re.M).replace("\\\n", " ")
    for line in filter(str.strip, text.splitlines()):
        word, rest = line.split(None, 1)
        if word not in RUNS | DESCRIBES:
            raise ValueError(f"{path}: {word} is not understood here")
        yield word, rest.strip()


class Stage:
    def __init__(self, root):
        self.root, self.cwd, self.user, self.env = root, "/", None, {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"}


class Build:
    def __init__(self, dockerfile, context, folder):
        self.dockerfile, self.context, self.folder, self.stages, self.described = dockerfile, context, folder, {}, {}

    def run(self):
        for number, (word, rest) in enumerate(steps(self.dockerfile)):
            if word in DESCRIBES:
                self.described[word] = rest
            else:
                getattr(self, "do_" + word.lower())(rest, number)
        return self.stage.root

    def base(self):
        """A minimal Debian with the package sources of this machine."""
        base = os.path.join(self.folder, "base")
        if not os.path.exists(base):
            subprocess.run(["debootstrap", "--variant=minbase", SUITE, base], check=True, capture_output=True)
            for name in ("sources.list", "sources.list.d", "apt.conf.d"):
                source = os.path.join("/etc/apt", name)
                if os.path.exists(source):
                    subprocess.run(["cp", "-aT", source, os.path.join(base, "etc/apt", name)], check=True)
            shutil.copy("/etc/resolv.conf", os.path.join(base, "etc/resolv.conf"))
        return base

    def do_from(self, rest, number):
        image, *name = re.split(r"\s+AS\s+", rest)
        if not image.startswith("debian:12"):
            raise ValueError(f"no base for {image}")
        root = os.path.join(self.folder, f"stage-{number}")
        subprocess.run(["cp", "-aT", self.base(), root], check=True)
        self.stage = self.stages[name[0] if name else number] = Stage(root)

    def do_workdir(self, rest, _):
        self.stage.cwd = rest
        os.makedirs(self.stage.root + rest, exist_ok=True)

    def do_user(self, rest, _):
        self.stage.user = rest

    def do_env(self, rest, _):
        self.stage.env.update(part.split("=", 1) for part in shlex.split(rest))

    def do_copy(self, rest, _):
        *flags, source, target = shlex.split(rest)
        target = os.path.normpath(os.path.join(self.stage.cwd, target)) + ("/" if target.endswith("/") else "")
        target = self.stage.root + target
        if flags:
            subprocess.run(["cp", "-aT", self.stages[flags[0].split("=")[1]].root + source, target], check=True)
        elif source == ".":
            tracked = subprocess.run(["git", "ls-files"], cwd=self.context, check=True, capture_output=True, text=True).stdout
            for name in tracked.splitlines():
                os.makedirs(os.path.dirname(os.path.join(target, name)), exist_ok=True)
                shutil.copy2(os.path.join(self.context, name), os.path.join(target, name))
        else:
            shutil.copy(os.path.join(self.context, source), target)

    def do_run(self, rest, _):
        self.call(["/bin/sh", "-c", f"cd {self.stage.cwd} && {rest}"])

    def call(self, command, timeout=1800, check=True):
        """In the present stage, as its user."""
        chroot = ["chroot"] + ([f"--userspec={self.stage.user}"] if self.stage.user else []) + [self.stage.root]
        done = subprocess.run(chroot + command, env=self.stage.env, capture_output=True, text=True, timeout=timeout)
        if check and done.returncode != 0:
            raise RuntimeError(f"{command}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done
