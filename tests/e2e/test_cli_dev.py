"""The private Postgres of `parley dev`, and everything together."""
import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
import tempfile

import psycopg2
import pytest

import server
from cli import FAILED, NOT_FOUND, OK
from server import READY_S


# ---- the private Postgres ----

@pytest.fixture
def cluster_folder(bare):
    folder = tempfile.mkdtemp(prefix="parley-testpg-")
    os.chmod(folder, 0o755)
    yield os.path.join(folder, "pg")
    bare("testpg", "stop", os.path.join(folder, "pg"))
    shutil.rmtree(folder, ignore_errors=True)


def postmaster(folder):
    with open(os.path.join(folder, "pg", "postmaster.pid"), encoding="ascii") as file:
        return int(file.readline())


def running(pid):
    """Not gone, and not only waiting for its parent to notice."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_cluster_is_taken_over_and_stopped(bare, cluster_folder):
    url = bare("testpg", "start", cluster_folder).stdout.strip()
    pid = postmaster(cluster_folder)
    assert bare("testpg", "start", cluster_folder).stdout.strip() == url and postmaster(cluster_folder) == pid
    with psycopg2.connect(url) as connection:
        cursor = connection.cursor()
        cursor.execute("show fsync")
        assert cursor.fetchall() == [("on",)]
        cursor.execute("show listen_addresses")
        assert cursor.fetchall() == [("",)]
    socket_folder = re.search("host=(.*)", url)[1]
    assert stat.S_IMODE(os.stat(socket_folder).st_mode) == 0o700
    assert bare("testpg", "stop", cluster_folder).returncode == OK
    assert not os.path.exists(socket_folder) and not running(pid)
    assert bare("testpg", "stop", cluster_folder).returncode == NOT_FOUND


def test_a_killed_cluster_starts_again_with_its_data(bare, cluster_folder):
    url = bare("testpg", "start", cluster_folder).stdout.strip()
    connection = psycopg2.connect(url)
    connection.cursor().execute("create table kept (n int); insert into kept values (7)")
    connection.commit()
    pid = postmaster(cluster_folder)
    os.kill(pid, 9)
    with pytest.raises(psycopg2.OperationalError):
        while True:
            connection.cursor().execute("select 1")
    started = bare("testpg", "start", cluster_folder)
    assert started.returncode == OK, started.stderr
    assert not os.path.exists(re.search("host=(.*)", url)[1]), "the old socket's folder is cleared away"
    with psycopg2.connect(started.stdout.strip()) as again:
        cursor = again.cursor()
        cursor.execute("select n from kept")
        assert cursor.fetchall() == [(7,)]


def test_a_stale_pid_file_harms_nobody(bare, cluster_folder):
    bare("testpg", "start", cluster_folder)
    bare("testpg", "stop", cluster_folder)
    bystander = subprocess.Popen(["cat"], stdin=subprocess.PIPE)     # until it is killed
    try:
        with open(os.path.join(cluster_folder, "pg", "postmaster.pid"), "w", encoding="ascii") as file:
            file.write(f"{bystander.pid}\n{cluster_folder}/pg\n0\n5432\n/tmp/none\n\n0 0\nready\n")
        assert bare("testpg", "stop", cluster_folder).returncode == NOT_FOUND
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.communicate()


def test_a_folder_that_cannot_be_used_is_named(bare, tmp_path):
    (tmp_path / "file").write_text("")
    bare.refused(FAILED, "testpg", "start", str(tmp_path / "file" / "pg"), says="cannot make the folder")
    long = "/tmp/" + "x" * 100
    bare.refused(FAILED, "testpg", "start", f"/tmp/parley-testpg-{os.getpid()}", says="too long for a socket", TMPDIR=long)


# ---- everything together ----

def dev(bare, folder, *flags):
    process = subprocess.Popen([server.program(), "dev", "--state", folder, *flags], env=bare.env, cwd=bare.folder, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Stop with Ctrl-C" in line:
            break
    return process, "".join(lines)


def test_dev_comes_up_with_a_demo_and_leaves_nothing_running(bare, cluster_folder):
    process, banner = dev(bare, cluster_folder)
    try:
        passwords = re.findall(r"([a-z]+@example\.com) / ([a-z]{5}-[a-z]{5}-[a-z]{5})", banner)
        assert [who for who, _ in passwords] == ["kim@example.com", "sam@example.com", "lee@example.com"]
        pid = postmaster(cluster_folder)
        second = bare("dev", "--state", cluster_folder)
        assert second.returncode == FAILED and "another parley runs on" in second.stderr
        customer = shlex.split(re.search(r" (chat .*?)   ", banner)[1])
        assert '"synced"' in bare.text(*customer, "--json"), "what is printed to be typed next"
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(READY_S) == 0
    assert not running(pid)
    for name in ("demo.jwk", "demo.agents", "master.key"):
        assert stat.S_IMODE(os.stat(os.path.join(cluster_folder, name)).st_mode) == 0o600

    process, banner = dev(bare, cluster_folder)
    try:
        assert not re.search(r"[a-z]{5}-[a-z]{5}-[a-z]{5}", banner), banner
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(READY_S) == 0

    process, banner = dev(bare, cluster_folder, "--fresh")
    process.send_signal(signal.SIGINT)
    assert process.wait(READY_S) == 0 and not set(passwords) & set(re.findall(r"(\S+@example\.com) / (\S+)", banner))
