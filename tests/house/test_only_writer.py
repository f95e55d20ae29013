"""The registry is the only writer, and in the registry one module is: nobody else puts anything into the store or takes it out."""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "wherry"
WRITER = "registry/storing.py"
WRITES = {"put", "delete"}


def _writes(path: Path) -> list[str]:
    """Calls of `store.put`, `core.store.delete`, `self._store.put` and the like, and methods of a store that are handed on."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr in WRITES:
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else node.value.id if isinstance(node.value, ast.Name) else ""
            if owner.strip("_") == "store":
                found.append(f"{path.relative_to(SOURCE)}:{node.lineno}")
    return found


def test_only_one_module_writes_to_the_store() -> None:
    found = [each for path in sorted(SOURCE.rglob("*.py")) if not path.is_relative_to(SOURCE / "store") for each in _writes(path)]
    assert found
    assert {each.partition(":")[0] for each in found} == {WRITER}
