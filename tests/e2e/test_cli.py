"""The line of the program and its configuration: what is refused, suggested, listed and masked."""
import os
import re
import subprocess

import pytest

import server
from cli import FAILED, OK, PROBLEMS, USAGE
from server import READY_S

HEX_KEY = "0123456789abcdef" * 4


# ---- the command line ----

def test_without_a_verb_the_overview_begins_with_examples(bare):
    done = bare()
    assert done.returncode == USAGE
    assert done.stdout.index("Examples:") < done.stdout.index("Verbs:")
    assert bare("--help").returncode == OK and bare("help").stdout == done.stdout


def test_every_verb_has_help_that_begins_with_examples(bare):
    names = re.findall(r"^  ([a-z-]+(?: [a-z]+)*)(?: [A-Z\[.]+.*?)?(?:  |$)", bare("--help").stdout.split("Verbs:")[1], re.M)
    assert len(names) >= 20 and {"app keys add", "process-type add"} <= set(names)
    for name in names:
        done = bare(*name.split(), "--help")
        assert done.returncode == OK, name
        assert done.stdout.index("Examples:\n  ") < done.stdout.index("Usage: parley " + name), name


@pytest.mark.parametrize("line, says", [
    (["srve"], "did you mean `parley serve`"),
    (["agent", "ad"], "did you mean `parley agent add`"),
    (["agnet", "add"], "did you mean `parley agent add`"),
    (["app", "key", "add"], "did you mean `parley app keys add`"),
    (["zzzzzzzz"], "lists them"),
    (["app", "keys", "ad"], "no verb `app keys ad`; did you mean `parley app keys add`"),
    (["flow", "chek"], "no verb `flow chek`; did you mean `parley flow check`"),
    (["config", "zzzzzz"], "no verb `config zzzzzz`; `parley config --help` lists them"),
    (["token", "mint", "--key", "x", "--sub", ""], "needs --key FILE and --sub ID"),
    (["agent", "list", "--jsn"], "did you mean --json"),
    (["agent", "add", "a@b", "--rol=x"], None),
    (["agent", "list", "--zzzzzz"], "has no flag --zzzzzz"),
    (["agent", "list", "--json=1"], "takes no value"),
    (["agent", "add"], "needs EMAIL"),
    (["agent", "add", "a@b", "c@d"], "takes no operand `c@d`"),
    (["agent", "add", "a@b", "--name"], "--name needs a value"),
    (["agent", "add", "a@b", "--name", "x", "--name", "y"], "--name is given twice"),
    (["token", "mint"], "needs --key FILE and --sub ID"),
    (["agent", "list", "--", "x"], "takes no operand `x`"),
    (["x" * 100000], "no verb"),
    (["agent", "add", "a@b", "--role", "\udcff\udcfe"], None),
])
def test_mistakes_on_the_line_are_usage_errors(bare, line, says):
    error = bare.refused(USAGE, *line, says=says or "")
    assert error.startswith("parley: ") and len(error) < 600


def test_help_of_a_verb_is_its_page(bare):
    for verb in (["serve"], ["app", "keys", "list"]):
        assert bare("help", *verb).stdout == bare(*verb, "--help").stdout != bare("help").stdout
    assert bare("help", "app").stdout == bare("app", "--help").stdout
    bare.refused(USAGE, "help", "sreve", says="did you mean `parley serve`")
    assert all(len(line) <= 120 for line in bare("process-type", "add", "--help").stdout.splitlines())


def test_what_is_wrong_with_a_setting_is_said_in_its_own_unit(bare):
    said = bare("config", "check", "--set", "auth.leeway=11m", "--set", "auth.nope=1").stderr
    assert "needs 0 to 10m, not `11m`" in said and all(line.startswith("parley: ") for line in said.splitlines())


def test_an_app_may_name_a_flow_to_come(cli):
    assert "No flow `welcome` is published yet" in cli("app", "add", "shop", "--flow", "welcome").stderr
    assert cli.json("app", "add", "other", "--flow", "welcome")["name"] == "other"


def test_a_family_lists_its_verbs(bare):
    done = bare("app")
    assert done.returncode == USAGE and "app keys add" in done.stdout and "agent" not in done.stdout
    for family in (["config"], ["app"], ["app", "keys"]):
        done = bare(*family, "--help")
        assert done.returncode == OK and bare("help", *family).stdout == done.stdout
        assert done.stdout.startswith("Examples:\n  parley " + " ".join(family)) and "Verbs of `parley" in done.stdout


def test_a_reader_that_goes_away_is_no_crash(bare):
    done = subprocess.run(f"'{server.program()}' config keys | head -1; exit ${{PIPESTATUS[0]}}", shell=True, executable="/bin/bash",
                          env=bare.env, cwd=bare.folder, text=True, capture_output=True, timeout=READY_S)
    assert done.returncode in (OK, FAILED, 141), done.stderr
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([server.program(), "version"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=READY_S)
    assert done.returncode == FAILED and "cannot write to standard output" in done.stderr


def test_version_is_json_on_request(bare):
    assert bare.json("version")["protocol"] == "parley.v1"
    assert bare("--version").stdout == bare("version").stdout


def test_colours_are_for_terminals_only(bare):
    assert "\033" not in bare("config", "keys").stdout


# ---- configuration ----

def test_a_good_configuration_is_checked_and_printed_with_origins(bare, tmp_path):
    (tmp_path / "parley.conf").write_text("[server]\nlisten = 127.0.0.1:9000\n[log]\nlevel = warn\n")
    assert bare("config", "check").stdout == "ok: parley.conf\n"
    printed = {row["key"]: row for row in bare.json("config", "print", PARLEY_SERVER_LISTEN="0.0.0.0:1")}
    assert printed["server.listen"]["value"] == "0.0.0.0:1"
    assert printed["server.listen"]["origin"] == "env PARLEY_SERVER_LISTEN (parley.conf:2 says 127.0.0.1:9000)"
    assert printed["log.level"]["origin"] == "parley.conf:4"
    assert "listen = 127.0.0.1:9000   # parley.conf:2" in bare("config", "print", "--origin").stdout


def test_all_mistakes_of_a_configuration_come_at_once(bare, tmp_path):
    (tmp_path / "parley.conf").write_text("[server]\nlistn = 1\nworkers = x\n[serverr]\n")
    error = bare.refused(PROBLEMS, "config", "check", "--set", "log.level=loud", PARLEY_FLOWS_MEMORY_LIMIT="8MB")
    assert [line.removeprefix("parley: ").split(":")[0] for line in error.splitlines()] == ["parley.conf"] * 2 + [
        "parley.conf", "env PARLEY_FLOWS_MEMORY_LIMIT", "--set log.level"]
    assert "did you mean `listen`" in error and "did you mean [server]" in error


def test_a_bad_configuration_stops_every_verb_that_uses_it(bare, tmp_path):
    (tmp_path / "parley.conf").write_text("[server]\nlistn = 1\n")
    for verb in (["serve"], ["db", "status"], ["agent", "list"], ["config", "print"]):
        bare.refused(USAGE, *verb, says="did you mean `listen`")


@pytest.mark.parametrize("make, says", [
    (lambda p: None, "there is no such file"),
    (lambda p: p.mkdir(), "not a file"),
    (lambda p: p.write_bytes(b"[server]\nworkers\0=1\n"), ":2: not text"),
    (lambda p: p.write_bytes(os.urandom(5000).replace(b"\n", b"x")), "not text|longer than|not `key = value`"),
    (lambda p: os.truncate(p, 1 << 30) if p.write_text("") == 0 else None, "far too big"),
    (lambda p: p.write_text("[server]\nworkers = 1\nworkers = 2\n"), ":3: `workers` is given twice"),
    (lambda p: p.write_text("[tls]\ncertificate = nowhere.pem\n"), ":2: tls.certificate needs a file"),
    (lambda p: p.write_text("[server]\nworkers = 99999999999999999999\n"), ":2: server.workers needs a whole number"),
    (lambda p: p.write_text("[server]\nworkers = -1\n"), ":2: server.workers needs 0 to 256"),
    (lambda p: p.write_text("[server]\nworkers = 2 threads\n"), ":2: server.workers needs a whole number"),
])
def test_files_that_are_no_configuration_are_refused(bare, tmp_path, make, says):
    path = tmp_path / "other.conf"
    make(path)
    bare.refused(PROBLEMS, "config", "check", "--config", str(path), says=says)


def test_an_empty_file_is_a_configuration(bare, tmp_path):
    (tmp_path / "empty.conf").write_text("")
    assert bare("config", "check", "--config", "empty.conf").returncode == OK


def test_secrets_are_masked_and_their_files_private(bare, tmp_path):
    secret = tmp_path / "url"
    secret.write_text("postgresql://parley:canary-1@db/parley\n")
    secret.chmod(0o644)
    bare.refused(PROBLEMS, "config", "check", "--set", f"database.url_file={secret}", says="can be read by everybody")
    secret.chmod(0o600)
    done = bare("config", "print", "--origin", "--set", f"database.url_file={secret}", PARLEY_AUTH_MASTER_KEY=HEX_KEY)
    assert done.returncode == OK and "canary-1" not in done.stdout + done.stderr and HEX_KEY not in done.stdout
    assert "url = postgresql://***@db/***" in done.stdout


def test_tls_files_are_looked_at(bare, tmp_path):
    subprocess.run("for n in a b; do openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $n.key "
                   "-out $n.pem -days 100 -subj /CN=$n; chmod 600 $n.key; done; "
                   "openssl x509 -in a.pem -signkey a.key -days -1 -out old.pem", shell=True, cwd=tmp_path, check=True,
                   capture_output=True)
    tls = lambda cert, key: ("config", "check", "--set", f"tls.certificate={cert}", "--set", f"tls.key={key}")  # noqa: E731
    assert bare(*tls("a.pem", "a.key")).returncode == OK
    bare.refused(PROBLEMS, *tls("a.pem", "b.key"), says="b.key is not the key of a.pem")
    bare.refused(PROBLEMS, *tls("old.pem", "a.key"), says="old.pem has expired")
    (tmp_path / "a.key").chmod(0o644)
    bare.refused(PROBLEMS, *tls("a.pem", "a.key"), says="can be read by everybody")


def test_every_key_is_listed_with_its_meaning(bare):
    keys = bare.json("config", "keys")
    assert len(keys) > 25 and all(row["meaning"] and row["type"] for row in keys)
    assert "| `listen` |" in bare("config", "keys", "--markdown").stdout
