"""No module outgrows what one reads in one go."""

from __future__ import annotations

from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "wherry"


def test_no_file_is_longer_than_400_lines() -> None:
    long = {str(p.relative_to(SOURCE)): n for p in SOURCE.rglob("*.py") if (n := len(p.read_text().splitlines())) > 400}
    assert long == {}


def test_every_module_opens_with_its_story() -> None:
    silent = [str(p.relative_to(SOURCE)) for p in SOURCE.rglob("*.py") if not p.read_text().lstrip().startswith('"""')]
    assert silent == []
