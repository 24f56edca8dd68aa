"""The schema and its steps, migrated by the real program on a real Postgres."""
import json
import os
import threading

import psycopg2
import pytest

from cli import CONFLICT, DENIED, FAILED, OK, PROBLEMS, UNREACHABLE, USAGE


# ---- the schema ----

def test_migrating_goes_from_nothing_to_all_and_no_further(empty):
    done = empty("db", "status", "--json")
    assert done.returncode == PROBLEMS, done.stderr
    rows = json.loads(done.stdout)
    assert empty("db", "status").returncode == PROBLEMS and all(row["applied_at"] is None for row in rows)
    dry = empty.text("db", "migrate", "--dry-run")
    assert "create table conversation" in dry and empty("db", "status").returncode == PROBLEMS
    assert empty.text("db", "migrate").splitlines() == [f"applied {row['name']}" for row in rows]
    assert "nothing to do" in empty.text("db", "migrate")
    assert all(row["applied_at"] for row in empty.json("db", "status"))


def test_what_a_dry_run_prints_is_what_migrating_does(empty, postgres):
    other = empty.database + "_2"
    postgres.create(other)
    try:
        with psycopg2.connect(postgres.dsn(other)) as connection:
            connection.autocommit = True
            connection.cursor().execute(empty.text("db", "migrate", "--dry-run"))
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
