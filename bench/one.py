"""One part in a process of its own: `python -m bench.one PART SETTINGS`. Called by `bench.__main__`, once per run.

Prints a line of JSON for each figure as it comes, and at the end one with the curves, so that memory and warmth of one part never show in
another.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys

from bench import setup
from wherry.kit.garbage import look_seldom


def main() -> None:
    part, settings = sys.argv[1], json.loads(sys.argv[2])
    for name, value in settings.items():
        setattr(setup.SETTINGS, name, value)
    logging.disable(logging.WARNING)
    look_seldom()  # as the command line does
    for name, value in importlib.import_module(f"bench.{part}").run():
        print(json.dumps({"name": name, "value": value}), flush=True)
    print(json.dumps({"series": setup.SERIES}), flush=True)


if __name__ == "__main__":
    main()
