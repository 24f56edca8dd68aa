"""The administrator's verbs of the real program against a real Postgres: what they print, refuse, suggest and return."""
import json
import os
import re
import stat
import subprocess
import threading

import jwt
import psycopg2
import pytest

import server
from server import READY_S, signing_key

OK, FAILED, USAGE, NOT_FOUND, DENIED, UNREACHABLE, CONFLICT, PROBLEMS = range(8)
HEX_KEY = "0123456789abcdef" * 4


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


@pytest.fixture
def bare(tmp_path):
    """No database, no configuration."""
    try:
        server.program()
    except server.NotBuilt:
        pytest.skip("parley is not built yet")
    return Cli(tmp_path, HOME=str(tmp_path))


@pytest.fixture
def empty(bare, postgres, request):
    """An empty database."""
    name = re.sub(r"\W", "_", request.node.name)[:50]
    postgres.create(name)
    bare.dsn, bare.database = postgres.dsn(name), name
    bare.env["PARLEY_DATABASE_URL"] = bare.dsn
    yield bare
    postgres.drop(name)


@pytest.fixture
def cli(empty):
    """A migrated database."""
    assert empty("db", "migrate").returncode == OK
    return empty


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


# ---- the schema ----

def test_migrating_goes_from_nothing_to_all_and_no_further(empty):
    rows = json.loads(empty("db", "status", "--json").stdout)
    assert empty("db", "status").returncode == PROBLEMS and all(row["applied_at"] is None for row in rows)
    dry = empty("db", "migrate", "--dry-run").stdout
    assert "create table conversation" in dry and empty("db", "status").returncode == PROBLEMS
    assert empty("db", "migrate").stdout.splitlines() == [f"applied {row['name']}" for row in rows]
    assert "nothing to do" in empty("db", "migrate").stdout
    assert all(row["applied_at"] for row in empty.json("db", "status"))


def test_what_a_dry_run_prints_is_what_migrating_does(empty, postgres):
    other = empty.database + "_2"
    postgres.create(other)
    try:
        with psycopg2.connect(postgres.dsn(other)) as connection:
            connection.autocommit = True
            connection.cursor().execute(empty("db", "migrate", "--dry-run").stdout)
        empty("db", "migrate")
        tables = "select count(*) from information_schema.columns where table_schema = 'public' and table_name <> 'parley_migration'"
        assert postgres.run(other, tables) == postgres.run(empty.database, tables)
    finally:
        postgres.drop(other)


def test_two_who_migrate_at_once_do_it_once(empty):
    codes = []
    threads = [threading.Thread(target=lambda: codes.append(empty("db", "migrate").returncode)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [OK] * 4 and empty("db", "status").returncode == OK


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be refused for being root")
def test_it_does_not_serve_as_root_unless_told(bare):
    error = bare.refused(DENIED, "serve", says="not as root")
    assert "User=" in error and "USER" in error and "server.allow_root" in error
    bare.refused(USAGE, "serve", "--set", "server.allow_root=yes", says="no database is configured")
    bare.refused(USAGE, "serve", PARLEY_SERVER_ALLOW_ROOT="yes", says="no database is configured")


def test_a_newer_schema_is_refused(cli, postgres):
    postgres.run(cli.database, "insert into parley_migration values (9999, '9999_later', '\\x00')")
    for verb in (["db", "status"], ["db", "migrate"], ["agent", "list"], ["serve", "--set", "server.allow_root=yes"]):
        cli.refused(CONFLICT, *verb, says="it is newer; run a newer parley")


def test_a_changed_step_is_refused(cli, postgres):
    postgres.run(cli.database, "update parley_migration set checksum = '\\x00'")
    cli.refused(CONFLICT, "db", "migrate", says="applied with another text")


def test_a_missing_step_is_refused(cli, postgres):
    postgres.run(cli.database, "update parley_migration set number = number + 100 where number = 1")
    cli.refused(CONFLICT, "db", "migrate", says="step 1 is missing|it is newer")


def test_a_step_that_fails_changes_nothing(empty, postgres):
    postgres.run(empty.database, "create table role (x int)")
    empty.refused(FAILED, "db", "migrate", says="step 0001_init failed and changed nothing: .*role.* already exists")
    assert postgres.run(empty.database, "select count(*) from information_schema.tables where table_schema = 'public'") == [(1,)]


def test_databases_that_cannot_do_are_refused(empty, postgres):
    name = empty.database + "_latin"
    postgres.run("postgres", f"create database {name} template template0 encoding 'LATIN1' locale 'C'")
    try:
        empty.refused(FAILED, "db", "migrate", says="encoding LATIN1", PARLEY_DATABASE_URL=postgres.dsn(name))
    finally:
        postgres.drop(name)


def test_a_user_without_rights_is_told_so(empty, postgres):
    postgres.run("postgres", "create role reader login")
    try:
        dsn = postgres.dsn(empty.database).replace("user=parley", "user=reader")
        empty.refused(DENIED, "db", "migrate", says="permission denied", PARLEY_DATABASE_URL=dsn)
    finally:
        postgres.run("postgres", "drop role reader")


def test_other_verbs_wait_for_the_schema(empty):
    empty.refused(FAILED, "agent", "list", says="run `parley db migrate` first")


def test_no_database_is_no_crash(bare):
    bare.refused(USAGE, "db", "status", says="no database is configured")
    bare.refused(PROBLEMS, "config", "check", says="database.url needs a URL that begins with postgresql://",
                 PARLEY_DATABASE_URL="mysql://u@127.0.0.1:1/x")
    for fine in ("postgres://u@h/x", "host=/tmp password=a://b", "service=x"):
        assert bare("config", "check", PARLEY_DATABASE_URL=fine).returncode == OK
    error = bare.refused(UNREACHABLE, "db", "status", says="cannot be reached",
                         PARLEY_DATABASE_URL="postgresql://u:canary-2@127.0.0.1:1/x")
    assert "canary-2" not in error


# ---- who takes part ----

def test_queues_agents_and_who_serves_where(cli):
    cli.json("queue", "add", "support", "--title", "Customer support")
    cli.json("queue", "add", "vip", "--priority", "10")
    made = cli.json("agent", "add", "Maria@Example.com", "--name", "María", "--queue", "support", "--queue", "vip", "--capacity", "2")
    assert re.fullmatch(r"[a-z]{5}-[a-z]{5}-[a-z]{5}", made["password"])
    listed = cli.json("agent", "list")
    assert listed == [{"email": "maria@example.com", "name": "María", "role": "agent", "status": "offline", "capacity": 2,
                       "load": 0, "queues": "support,vip", "disabled": False}]
    queues = {row["name"]: row for row in cli.json("queue", "list")}
    assert queues["vip"]["priority"] == 10 and queues["support"]["agents"] == 1 and queues["support"]["waiting"] == 0
    assert "María" in cli("agent", "list").stdout
    cli.json("queue", "add", "wide", "--title", "客户服务", LC_ALL="C.UTF-8")
    rows = [row for row in cli("queue", "list", LC_ALL="C.UTF-8").stdout.splitlines() if row.startswith(("support", "wide"))]
    assert len(rows) == 2 and len({len(row) + sum(c > "\u2000" for c in row) for row in rows}) == 1, rows


def test_administration_refuses_what_cannot_be(cli):
    cli.json("queue", "add", "support")
    cli.refused(CONFLICT, "queue", "add", "support", says="there is a queue `support` already")
    cli.refused(USAGE, "queue", "add", "Support Desk", says="is no name")
    cli.refused(USAGE, "queue", "add", "x", "--priority", "high", says="whole number")
    cli.json("agent", "add", "a@b")
    cli.refused(CONFLICT, "agent", "add", "A@B", says="already")
    cli.refused(NOT_FOUND, "agent", "add", "c@d", "--queue", "nope", says="queues does not exist")
    cli.refused(USAGE, "agent", "add", "nobody", says="is no address")
    cli.refused(USAGE, "agent", "add", "c@d", "--role", "boss", says="agent, supervisor and admin")
    cli.refused(USAGE, "agent", "add", "c@d", "--capacity", "1000", says="0 to 100")
    cli.refused(NOT_FOUND, "app", "keys", "add", "nope", says="no app `nope`")
    cli.refused(NOT_FOUND, "key", "add", "nope", "x", says="no app `nope`")
    cli.json("app", "add", "shop")
    cli.refused(CONFLICT, "app", "add", "shop", says="already")
    cli.refused(NOT_FOUND, "app", "add", "other", "--queue", "nope", says="no queue `nope`")
    cli.refused(NOT_FOUND, "app", "keys", "list", "nope", says="no app `nope`")
    assert cli.json("app", "keys", "list", "shop") == []
    assert [row["name"] for row in cli.json("app", "list")] == ["shop"]
    cli.refused(USAGE, "app", "add", "../shop", says="is no name")
    assert [row["email"] for row in cli.json("agent", "list")] == ["a@b"], "what is refused leaves nothing behind"


def test_a_password_may_come_from_standard_input_only(cli, postgres):
    done = cli("agent", "add", "a@b", "--password-stdin", "--json", stdin="a long enough one\n")
    assert json.loads(done.stdout)["password"] is None
    cli.refused(USAGE, "agent", "add", "c@d", "--password-stdin", says="shorter than 12", stdin="short\n")
    cli.refused(USAGE, "agent", "add", "c@d", "--password-stdin", says="nothing came")
    cli.refused(USAGE, "agent", "password", "a@b", "--password-stdin", says="shorter than 12", stdin="short\n")
    cli.refused(USAGE, "agent", "password", "a@b", "--password-stdin", says="nothing came")
    hashes = postgres.run(cli.database, "select password, one_time from agent")
    assert hashes[0][0].startswith("$argon2id$v=19$m=65536,t=3,p=1$") and hashes[0][1] is False
    made = cli.json("agent", "password", "A@B")["password"]
    assert made and made not in str(postgres.run(cli.database, "select password, one_time from agent"))
    assert postgres.run(cli.database, "select one_time, password <> %s from agent", hashes[0][0]) == [(True, True)]


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "HS256"])
def test_tokens_of_each_algorithm_verify_with_another_library(cli, tmp_path, postgres, algorithm):
    cli.json("queue", "add", "support")
    cli.json("app", "add", "shop", "--queue", "support", "--origin", "https://shop.example")
    made = cli.json("app", "keys", "add", "shop", "--algorithm", algorithm, "--kid", "k1", PARLEY_AUTH_MASTER_KEY=HEX_KEY)
    (tmp_path / "key.jwk").write_text(json.dumps(made["jwk"]))
    minted = cli.json("token", "mint", "--key", "key.jwk", "--sub", "ana", "--name", "Ana", "--ttl", "10m", "--language", "pt")
    key = signing_key(made["jwk"])
    claims = jwt.decode(minted["token"], key if algorithm == "HS256" else key.public_key(), algorithms=[algorithm],
                        audience="parley")
    assert (claims["sub"], claims["name"], claims["language"]) == ("ana", "Ana", "pt")
    assert claims["exp"] - claims["iat"] == 600 and claims["exp"] == minted["expires_at"] // 1000
    assert jwt.get_unverified_header(minted["token"]) == {"alg": algorithm, "kid": "k1", "typ": "JWT"}
    stored = postgres.run(cli.database, "select algorithm, public_jwk, sealed from app_key")
    secret = made["jwk"].get("k") or made["jwk"]["d"]
    assert stored[0][0] == algorithm and secret not in str(stored)
    assert cli.json("app", "keys", "list", "shop")[0]["kid"] == "k1"


def test_a_private_key_goes_to_one_file_only_its_owner_reads(cli, tmp_path):
    cli.json("app", "add", "shop")
    assert cli("app", "keys", "add", "shop", "--out", "key.jwk").stdout == ""
    assert stat.S_IMODE((tmp_path / "key.jwk").stat().st_mode) == 0o600
    before = cli.json("app", "keys", "list")
    cli.refused(CONFLICT, "app", "keys", "add", "shop", "--out", "key.jwk", says="is not written over")
    assert cli.json("app", "keys", "list") == before, "a key whose private half is lost is not kept"
    assert cli("token", "mint", "--key", "key.jwk", "--sub", "ana").stdout.count(".") == 2


def test_keys_made_elsewhere_are_taken_with_their_public_half(cli, tmp_path, postgres):
    from cryptography.hazmat.primitives.asymmetric import ec
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))
    cli.json("app", "add", "shop")
    (tmp_path / "public.jwk").write_text(json.dumps({**public, "kid": "theirs"}))
    assert cli("app", "keys", "add", "shop", "--import", "public.jwk").stdout == "kid: theirs\n"
    cli.refused(CONFLICT, "app", "keys", "add", "shop", "--import", "public.jwk", says="a key `theirs` already")
    assert postgres.run(cli.database, "select public_jwk->>'x' from app_key") == [(public["x"],)]
    (tmp_path / "bad.jwk").write_text('{"kty":"oct","k":"c2hvcnQ"}')
    cli.refused(FAILED, "app", "keys", "add", "shop", "--import", "bad.jwk", says="32 to 512 bytes")
    cli.refused(NOT_FOUND, "app", "keys", "add", "shop", "--import", "none.jwk", says="cannot read none.jwk")
    cli.refused(FAILED, "token", "mint", "--key", "public.jwk", "--sub", "ana", says="is it the private half")


def test_a_shared_secret_needs_a_master_key(cli):
    cli.json("app", "add", "shop")
    cli.refused(FAILED, "app", "keys", "add", "shop", "--algorithm", "HS256", says="auth.master_key_file")
    cli.refused(USAGE, "app", "keys", "add", "shop", "--algorithm", "none", says="ES256, RS256 and HS256")
    assert cli.json("app", "keys", "list") == []


def test_minting_is_held_to_what_a_server_takes(cli, tmp_path):
    cli.json("app", "add", "shop")
    cli("app", "keys", "add", "shop", "--out", "key.jwk")
    mint = ("token", "mint", "--key", "key.jwk", "--sub", "ana")
    cli.refused(USAGE, *mint, "--ttl", "2d", says="longer than auth.max_ttl")
    cli.refused(USAGE, *mint, "--ttl", "soon", says="a duration")
    token = cli(*mint, "--aud", "other", "--iss", "https://id.example").stdout.strip()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["aud"], claims["iss"]) == ("other", "https://id.example")


def test_keys_of_programs_are_kept_as_digests(cli, postgres):
    import hashlib
    cli.json("app", "add", "shop")
    made = cli.json("key", "add", "shop", "orders")
    assert re.fullmatch(r"pk_[A-Za-z0-9_-]{43}", made["key"]) and made["role"] == "backend"
    stored = postgres.run(cli.database, "select digest from api_key")
    assert bytes(stored[0][0]) == hashlib.sha256(made["key"].encode()).digest()
    assert cli.json("key", "add", "shop", "bot", "--role", "bot")["role"] == "bot"
    assert [row["name"] for row in cli.json("key", "list")] == ["orders", "bot"]
    assert made["key"] not in json.dumps(cli.json("key", "list"))


def test_changes_are_told_to_who_listens(cli, postgres):
    listener = psycopg2.connect(cli.dsn)
    listener.autocommit = True
    listener.cursor().execute("listen parley_admin")
    cli.json("queue", "add", "support")
    cli.json("agent", "add", "a@b", "--queue", "support")
    cli.json("app", "add", "shop")
    cli.json("key", "add", "shop", "x")
    cli.refused(CONFLICT, "queue", "add", "support")
    listener.cursor().execute("select 1")
    listener.poll()
    assert [notice.payload for notice in listener.notifies] == ["queue", "agent", "app", "key"]
    listener.close()


def test_what_others_chose_cannot_play_with_the_terminal(cli, postgres):
    cli.json("queue", "add", "support", "--title", "a\033[31mb\nc")
    assert "\033" not in cli("queue", "list").stdout
    assert cli.json("queue", "list")[0]["title"] == "a\033[31mb\nc"


# ---- the private Postgres ----

@pytest.fixture
def cluster_folder(bare):
    import shutil
    import tempfile
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
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        with open(os.path.join(cluster_folder, "pg", "postmaster.pid"), "w", encoding="ascii") as file:
            file.write(f"{bystander.pid}\n{cluster_folder}/pg\n0\n5432\n/tmp/none\n\n0 0\nready\n")
        assert bare("testpg", "stop", cluster_folder).returncode == NOT_FOUND
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


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
    import signal
    process, banner = dev(bare, cluster_folder)
    try:
        passwords = re.findall(r"([a-z]+@example\.com) / ([a-z]{5}-[a-z]{5}-[a-z]{5})", banner)
        assert [who for who, _ in passwords] == ["kim@example.com", "sam@example.com", "lee@example.com"]
        pid = postmaster(cluster_folder)
        second = bare("dev", "--state", cluster_folder)
        assert second.returncode == FAILED and "another parley runs on" in second.stderr
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
