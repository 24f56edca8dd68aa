"""Options, paths and fixtures of the end-to-end tests.

  /usr/bin/python3 -m pytest tests/e2e                a seeded sample of everything
  /usr/bin/python3 -m pytest tests/e2e --long         the full numbers
  /usr/bin/python3 -m pytest tests/e2e --seed 7       another sample

PARLEY names the program to test; else the newest of build/asan/parley and build/release/parley is taken.
"""
import asyncio
import os
import random
import re
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="the full numbers instead of a sample")
    parser.addoption("--seed", type=int, default=1, help="what chance begins with (1)")


class Size:
    """How much a test does: size(sample, full) says it on the line, with the seed."""

    def __init__(self, config, name):
        self.long, self.seed, self.name = config.getoption("--long"), config.getoption("--seed"), name
        self.rng = random.Random(f"{self.seed} {name}")

    def __call__(self, sample, full):
        number = full if self.long else sample
        print(f"{self.name}: seed {self.seed}, size {number} of {full}")
        return number


@pytest.fixture
def size(request):
    return Size(request.config, request.node.name)


@pytest.fixture(scope="session")
def postgres():
    """One private cluster for the whole session; each test makes databases of its own."""
    from postgres import Cluster
    with Cluster() as cluster:
        yield cluster


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """A test may be a coroutine."""
    if not asyncio.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(asyncio.wait_for(pyfuncitem.obj(**arguments), 7200 if pyfuncitem.config.getoption("--long") else 900))
    return True


@pytest.fixture
def dialogues(size):
    import dialogues
    found = dialogues.sample(size, 60)
    if found is None:
        pytest.skip(f"the dialogues are not here: {os.path.relpath(dialogues.PATH)}")
    return found


@pytest.fixture
def site(postgres, tmp_path):
    """A migrated database of its own, with what it takes to fill it."""
    from server import Site
    site = Site(postgres, tmp_path)
    yield site
    site.close()


@pytest.fixture
def shop(site):
    """A company on that database; in the end no log may hold a secret."""
    from shop import Shop
    shop = Shop(site)
    yield shop
    shop.search_canaries()


@pytest.fixture
def bare(tmp_path):
    """No database, no configuration."""
    from cli import Cli
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
    assert empty("db", "migrate").returncode == 0
    return empty
