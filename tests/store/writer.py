"""The child of the kill test: opens the store in the given directory, writes for ever, and prints every acknowledged revision."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests.store.support import value
from wherry.store.history import Bounds
from wherry.store.sqlite import SQLiteStore


async def main(directory: Path) -> None:
    # nothing is forgotten: what was written is compared with what is there
    store = await SQLiteStore.open(directory, Bounds(records=10**9, bytes=1 << 40, seconds=None))

    async def write(number: int) -> None:
        while True:
            record = await store.put(f"pods/{number}/{store.revision}", value())
            os.write(1, b"%d %s\n" % (record.revision, record.key.encode()))
            gone = await store.delete(record.key, value(), expect=record.revision) if record.revision % 3 == 0 else None
            if gone is not None:
                os.write(1, b"%d -%s\n" % (gone.revision, gone.key.encode()))

    await asyncio.gather(*(write(number) for number in range(8)))


asyncio.run(main(Path(sys.argv[1])))
