"""import-linter sees every file: what it does not analyse may import anything.

It passes over folders without an `__init__.py`, and says nothing.
"""

from __future__ import annotations

import configparser
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "wherry"


def files() -> set[str]:
    """The dotted names of all modules there are."""
    parts = (path.relative_to(PACKAGE.parent).with_suffix("").parts for path in PACKAGE.rglob("*.py"))
    return {".".join(part for part in each if part != "__init__") for each in parts}


def test_import_linter_analyses_every_file() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / ".importlinter")
    graph = grimp.build_graph(settings["importlinter"]["root_package"], cache_dir=None)
    assert files() - graph.modules == set()
    assert len(files()) == len(list(PACKAGE.rglob("*.py")))


def test_every_folder_of_modules_is_a_package() -> None:
    assert [str(path.parent) for path in PACKAGE.rglob("*.py") if not (path.parent / "__init__.py").exists()] == []
