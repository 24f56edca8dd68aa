"""A private Postgres cluster for tests: socket only, fsync on, run as `postgres` when the tests run as root.

    with Cluster() as pg:
        pg.create("one")                      # a database, from a template if one is named
        psycopg2.connect(pg.dsn("one"))
        pg.crash(); pg.start()                # an immediate shutdown, and recovery
"""
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading

import psycopg2

SETTINGS = {"listen_addresses": "", "fsync": "on", "synchronous_commit": "on", "max_connections": "200",
            "shared_buffers": "64MB", "timezone": "UTC", "log_min_messages": "warning", "log_statement": "none"}


class Cluster:
    def __init__(self, **settings):
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[4]))[-1]
        self.folder = tempfile.mkdtemp(prefix="parley-pg-")
        self.data, self.log = os.path.join(self.folder, "data"), os.path.join(self.folder, "log")
        self.settings, self.process = {**SETTINGS, "unix_socket_directories": self.folder, **settings}, None
        self.identity = {}
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self.identity = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}

    def __enter__(self):
        subprocess.run([f"{self.bin}/initdb", "-D", self.data, "-U", "parley", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
                        "--no-sync"], check=True, stdout=subprocess.DEVNULL, cwd="/", **self.identity)
        return self.start()

    def __exit__(self, *_):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        """Returns when connections are accepted, recovery included."""
        options = [f"-c{key}={value}" for key, value in self.settings.items()]
        self.process = subprocess.Popen([f"{self.bin}/postgres", "-D", self.data, *options], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/", text=True, **self.identity)
        ready = threading.Event()
        threading.Thread(target=self._read_log, args=(self.process, ready), daemon=True).start()
        if not ready.wait(120) or self.process.poll() is not None:
            raise RuntimeError(f"Postgres did not start; see {self.log}")
        return self

    def _read_log(self, process, ready):
        with open(self.log, "a", encoding="utf-8") as log:
            for line in process.stderr:
                log.write(line)
                log.flush()
                if "database system is ready to accept connections" in line:
                    ready.set()
        ready.set()

    def stop(self, how=signal.SIGINT):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(120)

    def crash(self):
        """An immediate shutdown: no checkpoint, every connection is lost."""
        self.stop(signal.SIGQUIT)

    def freeze(self, on=True):
        """Stops the postmaster and all its backends in their tracks, or lets them go on."""
        how = signal.SIGSTOP if on else signal.SIGCONT
        pids = [self.process.pid] + children(self.process.pid)
        for pid in pids:
            os.kill(pid, how)

    def dsn(self, database):
        return f"host={self.folder} dbname={database} user=parley"

    @property
    def socket(self):
        return os.path.join(self.folder, ".s.PGSQL.5432")

    def create(self, name, template="template0"):
        self.run("postgres", f'CREATE DATABASE "{name}" TEMPLATE "{template}"')

    def drop(self, name):
        self.run("postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def run(self, database, sql, *args):
        """One statement in a transaction of its own; the rows, if it has any."""
        connection = psycopg2.connect(self.dsn(database))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql, args or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]
