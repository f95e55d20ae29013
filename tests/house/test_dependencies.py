"""Every library that wherry is made or tested with stands in constraints.txt, with a version that pyproject.toml allows."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins() -> dict[str, str]:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def wanted() -> list[Requirement]:
    project = PROJECT["project"]
    groups = [project["dependencies"], PROJECT["dependency-groups"]["dev"], *project["optional-dependencies"].values()]
    return [Requirement(line) for group in groups for line in group]


def test_every_library_has_a_version_that_is_allowed() -> None:
    known = pins()
    missing = [each.name for each in wanted() if canonicalize_name(each.name) not in known]
    assert missing == [], "say which version they are tested with: scripts/constraints"
    assert [str(each) for each in wanted() if not each.specifier.contains(known[canonicalize_name(each.name)])] == []


def test_every_library_says_what_it_is_there_for() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    block = text.split("\ndependencies = [", 1)[1].split("\n]", 1)[0]
    assert [line for line in block.splitlines() if line.strip() and not re.search(r'",\s+# \S', line)] == []
