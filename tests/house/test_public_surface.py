"""The public surface is what `__all__` says, docs/python.md lists it, and a user's strict type checker sees real types."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

import wherry
from wherry import WherryError

ROOT = Path(__file__).parents[2]
MODULES = ("wherry", "wherry.rollout", "wherry.rehearse", "wherry.testing")


@pytest.mark.parametrize("module", MODULES)
def test_each_public_name_is_there_and_documented(module: str) -> None:
    found = importlib.import_module(module)
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    section = page.partition(f"## `{module}`\n")[2].partition("\n## ")[0]
    assert section, f"docs/python.md has a section of {module}"
    table = section.partition("| name | |\n|---|---|\n")[2].partition("\n\n")[0]
    listed = [name for row in table.splitlines() for name in re.findall(r"`([A-Za-z_]+)`", row.split("|")[1])]
    assert sorted(listed) == sorted(found.__all__)
    for name in found.__all__:
        assert getattr(found, name) is not None, name
    with pytest.raises(AttributeError):
        found.nothing_of_that_name  # noqa: B018


def test_errors_that_a_user_may_catch_have_one_root() -> None:
    for module in MODULES:
        found = importlib.import_module(module)
        for name in found.__all__:
            each = getattr(found, name)
            if inspect.isclass(each) and issubclass(each, BaseException):
                assert issubclass(each, WherryError), name
    for error, builtin in ((wherry.TimedOut, TimeoutError), (wherry.WaitFailed, AssertionError), (wherry.PortError, OSError),
                           (wherry.StateError, ValueError), (wherry.OptionError, ValueError)):  # fmt: skip
        assert issubclass(error, builtin)


def check(folder: Path, *files: str) -> tuple[str, int]:
    """What mypy says, run as a user would."""
    from mypy import api

    cache = ["--cache-dir", str(ROOT / ".mypy_cache" / "users")]
    out, err, status = api.run([*cache, "--config-file", str(ROOT / "examples" / "mypy.ini"), *(str(folder / name) for name in files)])
    assert not err, err
    return out, status


@pytest.mark.parametrize("example", ["deploy_script", "job_launcher", "operator", "rollback"])
@pytest.mark.slow  # the type checker reads all of wherry
@pytest.mark.timeout(300)
def test_a_users_strict_type_checker_passes_over_the_examples(example: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ROOT / "examples" / example
    monkeypatch.chdir(folder)
    out, status = check(folder, *(path.name for path in sorted(folder.glob("*.py"))))
    assert status == 0, out


@pytest.mark.slow  # the type checker reads all of wherry
@pytest.mark.timeout(300)
def test_and_finds_what_is_mistyped(tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text("""
from wherry import Cluster, SyncCluster, resource

with Cluster(nodes=2) as cluster:
    reveal_type(cluster)
    reveal_type(cluster.client.get(resource("pods"), "default", "x"))
    reveal_type(cluster.wait_for("pod/x", "ready"))
    reveal_type(cluster.apply("x.yaml"))
    reveal_type(cluster.rollout("deployment/web").finished())
    reveal_type(cluster.rollout("deployment/web").history())
    cluster.clock.advnce("1h")
    cluster.cleint


async def main() -> None:
    async with Cluster() as own:
        reveal_type(own.client)
        reveal_type(await own.wait_for("pod/x", "ready"))
        reveal_type(await own.rollout("deployment/web").progress())
        await own.clock.advance("1h")


Cluster(ndoes=4)
Cluster(nodes="4")
""")
    out, status = check(tmp_path, "user.py")
    assert status == 1
    revealed = re.findall(r'Revealed type is "([^"]*)"', out)
    obj = "dict[str, Any]"
    assert [re.sub(r"\bbuiltins\.|\bwherry\.[a-z_.]+\.|\btyping\.", "", each) for each in revealed] == [
        "SyncCluster", obj, obj, f"list[{obj}]", "Progress", "list[Revision]", "Client", obj, "Progress"]  # fmt: skip
    for mistake in ('"advnce"', '"cleint"', '"ndoes"', 'Argument "nodes" to "Cluster" has incompatible type "str"'):
        assert mistake in out, out
    assert out.count("error:") == 4
