"""`api` and `rules` are pure: no clock, no randomness, no I/O, no event loop. Checked by what they import and call."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "wherry"
FORBIDDEN = {
    "asyncio",
    "http",
    "io",
    "logging",
    "os",
    "pathlib",
    "secrets",
    "selectors",
    "shutil",
    "signal",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "uuid",
    "aiohttp",
    "uvloop",
}
#: text in, text out, whatever the package around it does
PURE = {"urllib.parse"}
#: what loads the package's own data, once, when a schema is first asked for
LOADERS = {"api/schema_data.py": {"pathlib"}}
CLOCK_CALLS = {"now", "today", "utcnow"}
FILES = sorted(p for package in ("api", "rules") for p in (SOURCE / package).rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_module_is_pure(path: Path) -> None:
    name = str(path.relative_to(SOURCE))
    tree = ast.parse(path.read_text())
    allowed = LOADERS.get(name, set())
    found = []
    for node in ast.walk(tree):
        modules = (
            [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        found += [m for m in modules if m.split(".")[0] in FORBIDDEN - allowed and m not in PURE]
        if isinstance(node, ast.ImportFrom) and node.module == "random":
            found.append("random")
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "random" and node.attr != "Random":
                found.append(f"random.{node.attr}")
            if node.value.id in ("datetime", "date") and node.attr in CLOCK_CALLS:
                found.append(f"{node.value.id}.{node.attr}")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("open", "print", "input"):
            found.append(node.func.id)
    assert not found
