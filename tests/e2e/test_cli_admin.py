"""The administrator's verbs of the real program against a real Postgres: what they write, refuse and return."""
import base64
import json
import re
import stat

import jwt
import psycopg2
import pytest

from cli import CONFLICT, FAILED, NOT_FOUND, USAGE
from server import signing_key

HEX_KEY = "0123456789abcdef" * 4


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
    assert "María" in cli.text("agent", "list")
    cli.json("queue", "add", "wide", "--title", "客户服务", LC_ALL="C.UTF-8")
    rows = [row for row in cli.text("queue", "list", LC_ALL="C.UTF-8").splitlines() if row.startswith(("support", "wide"))]
    assert len(rows) == 2 and len({len(row) + sum(c > "\u2000" for c in row) for row in rows}) == 1, rows


def test_what_a_role_may_do(cli):
    before = {row["role"]: row["permissions"] for row in cli.json("role", "list")}
    assert before["supervisor"] == "serve,watch" and before["bot"] == "speak" and before["associate"] == "view"
    assert cli.json("role", "grant", "agent", "watch") == {"role": "agent", "permissions": "serve,watch"}
    assert cli.json("role", "grant", "agent", "watch")["permissions"] == "serve,watch"
    assert cli.json("role", "revoke", "agent", "serve")["permissions"] == "watch"
    assert cli.json("role", "revoke", "agent", "watch")["permissions"] is None
    assert {row["role"]: row["permissions"] for row in cli.json("role", "list")} == {**before, "agent": None}
    cli.refused(NOT_FOUND, "role", "revoke", "agent", "watch", says="may not `watch`")
    cli.refused(USAGE, "role", "grant", "agnet", "watch", says="did you mean agent")
    cli.refused(USAGE, "role", "grant", "agent", "wacth", says="did you mean watch")
    cli.refused(USAGE, "role", "revoke", "agent", "everything", says="serve")
    cli.refused(USAGE, "role", "grant", "system", "serve", says="no role `system`")


def test_a_queue_has_opening_hours(cli):
    cli.json("queue", "add", "support")
    cli.json("queue", "add", "vip")
    assert cli.json("queue", "hours", "support") == [{"name": "support", "hours": "always", "zone": "UTC"}]
    week = "mon-fri 9:00-17:00, 12-25 closed"
    assert cli.json("queue", "hours", "support", week, "--zone", "Europe/Berlin") == [
        {"name": "support", "hours": week, "zone": "Europe/Berlin"}]
    assert [row["hours"] for row in cli.json("queue", "hours")] == [week, "always"]
    cli.refused(USAGE, "queue", "hours", "support", "mon 9", says='"mon 9" is no part of opening hours')
    cli.refused(USAGE, "queue", "hours", "support", week, "--zone", "Berlin", says='no time zone is known as "Berlin"')
    cli.refused(USAGE, "queue", "hours", "support", week, "--always", says="--always")
    cli.refused(USAGE, "queue", "hours", "support", "--zone", "UTC", says="give the hours")
    cli.refused(NOT_FOUND, "queue", "hours", "nope", "--always", says="no queue `nope`")
    assert cli.json("queue", "hours", "support", "--always")[0]["hours"] == "always"


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


def test_a_flow_that_an_app_names_and_nobody_has_published_is_told(cli):
    cli.json("app", "add", "shop")
    for named in (("oders", "refund"), ()):
        done = cli("app", "flows", "shop", *named)
        assert done.returncode == 0 and "no flow oders is published" in done.stderr and "no flow refund" in done.stderr
    assert cli.json("app", "flows", "shop") == []
    for all_or_none in ("--all", "--none"):
        assert "published" not in cli("app", "flows", "shop", all_or_none).stderr


def test_that_nothing_has_been_logged_is_said_of_what_was_asked_for(cli):
    assert cli("flow", "logs").stderr == "nothing has been logged\n"
    assert cli("flow", "logs", "--level", "warn").stderr == "nothing of that level has been logged\n"


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
    assert cli.text("app", "keys", "add", "shop", "--out", "key.jwk") == ""
    assert stat.S_IMODE((tmp_path / "key.jwk").stat().st_mode) == 0o600
    before = cli.json("app", "keys", "list")
    cli.refused(CONFLICT, "app", "keys", "add", "shop", "--out", "key.jwk", says="is not written over")
    assert cli.json("app", "keys", "list") == before, "a key whose private half is lost is not kept"
    assert cli.text("token", "mint", "--key", "key.jwk", "--sub", "ana").count(".") == 2


def test_keys_made_elsewhere_are_taken_with_their_public_half(cli, tmp_path, postgres):
    from cryptography.hazmat.primitives.asymmetric import ec
    at = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    x, y = [base64.urlsafe_b64encode(n.to_bytes(32, "big")).decode().rstrip("=") for n in (at.x, at.y)]    # leading zeros too
    public = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    cli.json("app", "add", "shop")
    (tmp_path / "public.jwk").write_text(json.dumps({**public, "kid": "theirs"}))
    assert cli.text("app", "keys", "add", "shop", "--import", "public.jwk") == "kid: theirs\n"
    cli.refused(CONFLICT, "app", "keys", "add", "shop", "--import", "public.jwk", says="a key `theirs` already")
    assert postgres.run(cli.database, "select public_jwk->>'x' from app_key") == [(public["x"],)]
    (tmp_path / "bad.jwk").write_text(json.dumps({**public, "kid": "short", "x": x[:-2]}))
    cli.refused(FAILED, "app", "keys", "add", "shop", "--import", "bad.jwk", says="x")
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
    token = cli.text(*mint, "--aud", "other", "--iss", "https://id.example").strip()
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
    assert "\033" not in cli.text("queue", "list")
    assert cli.json("queue", "list")[0]["title"] == "a\033[31mb\nc"
