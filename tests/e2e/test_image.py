"""What is installed, and the container image: built from the same steps in a folder, since no container engine is here."""
import os
import re
import shutil
import subprocess

import pytest

import server
from dockerfile import Build, steps

ROOT = server.ROOT


@pytest.fixture
def program():
    return server.program()


def test_installing_puts_everything_in_its_place(program, tmp_path):
    build = os.path.dirname(program)
    done = subprocess.run(["cmake", "--install", build, "--component", "parley", "--prefix", str(tmp_path / "usr")],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = {os.path.relpath(os.path.join(at, name), tmp_path / "usr") for at, _, names in os.walk(tmp_path) for name in names}
    assert {"bin/parley", "share/parley/schema/0001_init.sql", "lib/systemd/system/parley.service",
            "share/doc/parley/README.md", "share/doc/parley/SECURITY.md", "share/doc/parley/LICENSE",
            "share/doc/parley/examples/parley.conf"} <= found
    assert subprocess.run([tmp_path / "usr/bin/parley", "version"], capture_output=True).returncode == 0


def test_the_example_configuration_is_one(program, tmp_path):
    shutil.copy(os.path.join(ROOT, "server", "packaging", "parley.conf"), tmp_path / "parley.conf")
    (tmp_path / "database.url").write_text("postgresql://parley:x@db/parley\n")
    (tmp_path / "master.key").write_text("00" * 32 + "\n")
    for name in ("database.url", "master.key"):
        (tmp_path / name).chmod(0o600)
    env = {k: v for k, v in os.environ.items() if not k.startswith("PARLEY_")}
    done = subprocess.run([program, "config", "check", "--config", tmp_path / "parley.conf"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_image_runs_without_rights_and_says_how_it_is(program):
    described = dict(steps(os.path.join(ROOT, "Dockerfile")))
    assert described["USER"] == "parley" and described["STOPSIGNAL"] == "SIGTERM"
    assert '"parley", "status"' in described["HEALTHCHECK"] and described["CMD"] == '["serve"]'
    assert [word for word, _ in steps(os.path.join(ROOT, "Dockerfile"))].count("FROM") == 2


def test_the_steps_of_the_dockerfile_give_a_program_that_runs(request, tmp_path):
    if not request.config.getoption("--long"):
        pytest.skip("takes minutes: --long")
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        pytest.skip("needs root and debootstrap")
    build = Build(os.path.join(ROOT, "Dockerfile"), ROOT, str(tmp_path))
    root = build.run()
    libraries = build.call(["ldd", "/usr/bin/parley"]).stdout
    assert "not found" not in libraries and "libwebsockets" in libraries
    plugins = [name for at, _, names in os.walk(os.path.join(root, "usr/lib")) for name in names]
    assert any(re.match(r"libwebsockets-evlib_uv\.so", name) for name in plugins)
    assert "release build" in build.call(["parley", "version"]).stdout
    assert build.call(["parley", "config", "check"]).stdout.startswith("ok")
    nobody = ["env", "PARLEY_METRICS_LISTEN=127.0.0.1:1", "parley", "status"]
    assert build.call(nobody, check=False).returncode == 5
    assert not os.path.exists(os.path.join(root, "src")) and not os.path.exists(os.path.join(root, "usr/bin/cc"))
    shutil.rmtree(tmp_path, ignore_errors=True)
