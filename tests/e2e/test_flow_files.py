"""Pictures and files that a flow says: found beside it, published with it, downloaded by the customer."""
import asyncio
import http.client
import os
import struct
import subprocess
import zlib
from urllib.parse import urlsplit

import pytest

from parley_link import Refused
from server import Failed, program
from test_chat_desk import file
from test_flow_publish import risen
from test_flow_tools import parley


def picture(*rgb):
    """A PNG of one dot."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    dot = zlib.compress(b"\0" + bytes(rgb))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)) + chunk(b"IDAT", dot) + chunk(b"IEND", b"")


FLOW = """flow { id = "shows", title = "Shows" }
say { text = "This is us.", image = "us.png", alt = "A dot", fallback = "A red dot." }
ask "The terms?"
say { text = "Here they are.", file = "terms.txt", name = "Our terms", fallback = "Ask us for the terms." }
say { card = { title = "Us again", image = "us.png" } }
ask "More?"
"""
TERMS = os.urandom(300_000).hex().encode()  # three parts of a blob


def shows(shop, red=255):
    for name, data in (("us.png", picture(red, 0, 0)), ("terms.txt", TERMS)):
        with open(os.path.join(shop.site.folder, name), "wb") as file:
            file.write(data)
    shop.site.flow("shows", FLOW)


def get(server, path):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()


async def fetched(server, client, blob):
    got = await client.request("download", conversation=client.main, blob=blob)
    return await asyncio.to_thread(get, server, urlsplit(got["url"]).path)


def shown(client):
    return [i["body"].get("blob") or i["body"]["image"] for i in client.items() if i["kind"] in ("media", "card")]


@pytest.mark.parametrize("point", ["flow_before_step", "move_after_submit", "flow_after_step"])
async def test_what_a_flow_shows_comes_once_and_can_be_downloaded(shop, point):
    """The server dies while it says it; meanwhile a newer version, to which the run has moved, has another picture."""
    shows(shop)
    shop.app = shop.site.app("shows-app", queue="care", flow="shows")
    with shop.serve() as server:
        ann = await shop.customer("ann")
        ann.stay()
        await ann.post("Hello")
        await ann.until(lambda: "The terms?" in ann.texts())
        server.kill()
        shows(shop, red=0)
        server.start(fault=f"{point}:1")
        rising = asyncio.ensure_future(risen(server))
        await ann.post("yes")
        await rising
        await ann.until(lambda: "More?" in ann.texts(), 60)
        await ann.settled()
        assert [(i["kind"], i["body"].get("name") or i["body"].get("title")) for i in ann.items() if i["kind"] in ("media", "card")] == \
            [("media", "us.png"), ("media", "Our terms"), ("card", "Us again")]
        assert [i["body"].get("fallback") for i in ann.items() if i["kind"] in ("media", "card")] == \
            ["A red dot.", "Ask us for the terms.", None]
        first, terms, card = shown(ann)
        assert await fetched(server, ann, first) == picture(255, 0, 0)
        assert await fetched(server, ann, terms) == TERMS
        assert await fetched(server, ann, card) == picture(0, 0, 0)
        bob = await shop.customer("bob")
        await bob.post("Hello")
        await bob.until(lambda: "The terms?" in bob.texts())
        assert await fetched(server, bob, shown(bob)[0]) == picture(0, 0, 0)
        await shop.close()


async def test_a_flows_file_is_nobodys_but_where_it_was_said(shop):
    shows(shop)
    shop.app = shop.site.app("shows-app", queue="care", flow="shows")
    with shop.serve() as server:
        ann, bob = await shop.customer("ann"), await shop.customer("bob")
        await ann.post("Hello")
        await ann.until(lambda: "The terms?" in ann.texts())
        (stored,), = shop.site.sql("select id::text from blob where conversation = '00000000-0000-0000-0000-000000000000' and name = 'us.png'")
        for client, blob in ((bob, shown(ann)[0]), (ann, stored), (bob, stored)):
            with pytest.raises(Refused, match="not_found"):
                await client.request("download", conversation=client.main, blob=blob)
        assert shop.site.sql("select count(*) from blob_part where blob = %s", shown(ann)[0]) == [(0,)], "it is lent, not copied"
        await shop.close()


def test_publishing_again_stores_a_file_once_and_a_version_is_its_files_too(shop):
    shows(shop)
    before = shop.site.cli("flow", "versions", "shows")
    shows(shop)
    assert shop.site.cli("flow", "versions", "shows") == before
    shows(shop, red=1)
    assert shop.site.cli("flow", "versions", "shows") != before
    files = shop.site.sql("select name, count(*) from blob where state = 2 group by name order by name")
    assert files == [("terms.txt", 1), ("us.png", 2)]
    path = os.path.join(shop.site.folder, "shows.lua")
    with open(os.path.join(shop.site.folder, "us.png"), "wb") as file:
        file.write(picture(2, 0, 0))
    said = shop.site.cli("flow", "diff", path)
    assert "--- files of shows published" in said and "+--@file us.png image/png" in said, said
    os.remove(os.path.join(shop.site.folder, "us.png"))
    with pytest.raises(Failed, match="E113"):
        shop.site.cli("flow", "publish", path)
    assert shop.site.cli("flow", "rollback", "shows"), "what was published has its files"


SAYS = """flow { id = "says", title = "Says" }

say { image = "us.png", text = "Hello" }
"""


def test_check_says_what_is_wrong_with_a_file(tmp_path):
    (tmp_path / "says.lua").write_text(SAYS)
    code, said = parley(tmp_path, "check", "says.lua")
    assert code == 7 and "says.lua:3: error: there is no file 'us.png' beside this flow  [E113]" in said, said
    (tmp_path / "uss.png").write_bytes(picture(1, 2, 3))
    assert "did you mean 'uss.png'?" in parley(tmp_path, "check", "says.lua")[1]
    for wrong, code, words in ((b"GIF89a", "E114", "does not begin like a picture"), (b"", "E114", "is empty"),
                               (picture(1, 2, 3) + bytes(10 << 20), "E115", "at most 10485760 are possible")):
        (tmp_path / "us.png").write_bytes(wrong)
        failed, said = parley(tmp_path, "check", "says.lua")
        assert failed == 7 and f"[{code}]" in said and words in said and ">   3 | say {" in said, said
    (tmp_path / "us.png").write_bytes(picture(1, 2, 3))
    assert parley(tmp_path, "check", "says.lua") == (0, "says.lua: ok\n")
    (tmp_path / "says.chat").write_text("flow says\n> hi\n< media \"us.png\"\n< Hello\n")
    assert parley(tmp_path, "test", "says.chat")[0] == 0
    assert 'media "us.png"' in parley(tmp_path, "play", "says.lua", typed="Hello\n")[1]


def test_a_flow_that_is_called_brings_its_files_and_there_is_a_limit(tmp_path):
    (tmp_path / "inner.lua").write_text('flow { id = "inner", title = "I" }\n\nsay { card = { title = "A", image = "a.png" } }\n')
    (tmp_path / "outer.lua").write_text('flow { id = "outer", title = "O" }\ncall "inner"\n')
    code, said = parley(tmp_path, "check", "outer.lua")
    assert code == 7 and "inner.lua:3: error: there is no file 'a.png'" in said and ">   3 | say { card" in said, said
    (tmp_path / "a.png").write_bytes(picture(0, 0, 0))
    assert parley(tmp_path, "check", "outer.lua")[0] == 0
    many = "".join(f'  say {{ file = "n{i}.txt" }}\n' for i in range(33))
    for i in range(33):
        (tmp_path / f"n{i}.txt").write_text("x")
    (tmp_path / "many.lua").write_text(f'flow {{ id = "many", title = "M" }}\n{many}')
    code, said = parley(tmp_path, "check", "many.lua")
    assert code == 7 and "many.lua:34: error: a flow sends at most 32 files" in said, said


def test_a_terminal_shows_the_words_that_stand_for_a_picture(shop):
    shows(shop)
    shop.app = shop.site.app("shows-app", queue="care", flow="shows")
    token = file(shop, "ana.jwt", shop.app.token("ana"))
    with shop.serve() as server, subprocess.Popen([program(), "chat", "--server", server.url, "--token", token], text=True,
                                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE) as chat:
        chat.stdin.write("hello\n")
        chat.stdin.flush()
        shown = []
        while "The terms?" not in "".join(shown[-1:]):
            shown.append(chat.stdout.readline())
            assert shown[-1], shown
        chat.stdin.close()
        assert chat.wait(60) == 0
    dot = len(picture(255, 0, 0))
    assert shown[-4:-1] == [f"bot       [us.png, image/png, {dot} bytes]\n", "          A red dot.\n", "bot       This is us.\n"]
