"""What the kernel is told, and what is remembered of it: by one of ours that takes transactions, refuses them, or finds them too large."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wherry.linux.fabric import RulesRefused, RulesTooLarge
from wherry.network.kernel_rules import KernelRules
from wherry.rules.networking.proxy.endpoints import Backend
from wherry.rules.networking.proxy.routes import Choice, Front, Route


class Kernel:
    """It writes down what it takes. `most`: lines in a transaction."""

    def __init__(self, most: int = 10**6) -> None:
        self.taken: list[str] = []
        self.refuses = ""
        self.listing = "table"
        self._most = most

    async def rules(self, text: str) -> str:
        if self.refuses:
            raise RulesRefused(self.refuses)
        if text.startswith("list"):
            return self.listing
        if text.count("\n") > self._most:
            raise RulesTooLarge("Message too long")
        self.taken.append(text)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return ""


def route(number: int, *last_bytes: int) -> Any:
    ends = tuple(Backend(f"10.244.0.{each}", 80) for each in last_bytes)
    return {Front(f"10.96.0.{number}", "tcp", 80): Route(f"d/s{number}", (Choice((), ends),) if ends else ())}


def told(work: Any, **options: Any) -> Kernel:
    kernel = Kernel(**options)
    asyncio.run(work(KernelRules(kernel), kernel))
    return kernel


def test_only_what_changed_is_written() -> None:
    async def work(rules: KernelRules, kernel: Kernel) -> None:
        await rules.apply({f"d/s{each}": route(each, each) for each in range(2, 20)})
        await rules.apply({"d/s2": route(2, 2)})
        await rules.apply({"d/s2": route(2, 2, 3)})
        await rules.apply({"d/s2": {}})

    first, changed, gone = told(work).taken
    assert first.startswith("table ip wherry-services\ndelete table")
    assert (changed.count("add rule"), "add element" in changed) == (1, False)
    assert "delete element ip wherry-services services { 10.96.0.2 . tcp . 80 }" in gone
    # the pod of another Service may still reach itself
    assert "hairpin { 10.244.0.2 . 10.244.0.2 }" in gone
    assert "10.244.0.3 . 10.244.0.3" not in gone


def test_a_transaction_that_is_too_large_is_done_in_parts() -> None:
    async def work(rules: KernelRules, kernel: Kernel) -> None:
        await rules.apply({f"d/s{each}": route(each, each) for each in range(2, 100)})

    taken = told(work, most=60).taken
    assert len(taken) > 3
    assert sum(text.count("add rule") for text in taken) == 98


def test_after_a_refusal_everything_is_written_anew() -> None:
    async def work(rules: KernelRules, kernel: Kernel) -> None:
        await rules.apply({"d/s2": route(2, 2)})
        kernel.refuses = "no"
        with pytest.raises(RulesRefused):
            await rules.apply({"d/s2": route(2, 3)})
        assert rules.fresh
        kernel.refuses = ""
        await rules.apply({"d/s2": route(2, 3)})

    assert told(work).taken[-1].startswith("table ip wherry-services\ndelete table")


def test_an_address_of_two_services_stays_with_the_first_until_it_goes() -> None:
    async def work(rules: KernelRules, kernel: Kernel) -> None:
        await rules.apply({"d/a": route(9, 2)})
        assert await rules.apply({"d/b": {**route(9, 3), **route(8, 3)}}) == []
        assert "10.96.0.9" not in kernel.taken[-1]
        assert await rules.apply({"d/a": {}}) == ["d/b"]
        await rules.apply({"d/b": {**route(9, 3), **route(8, 3)}})
        assert "10.96.0.9 . tcp . 80 : goto" in kernel.taken[-1]

    told(work)


RULE = "meta l4proto tcp dnat ip to 10.244.0.2:80"


def test_what_somebody_else_changed_is_noticed_and_clients_that_come_and_go_are_not() -> None:
    async def work(rules: KernelRules, kernel: Kernel) -> None:
        await rules.apply({"d/s2": route(2, 2)})
        kernel.listing = f"table\n {RULE}\n elements = {{ 10.0.0.2 : goto b, 10.0.0.3 : goto c }}"
        assert await rules.intact()
        kernel.listing = f"table\n {RULE}\n elements = {{ 10.0.0.3 : goto c, 10.0.0.2 : goto b, 10.0.0.1 expires 5s }}"
        assert await rules.intact()
        kernel.listing = f"table\n {RULE}"
        assert not await rules.intact()

    told(work)


def test_what_is_gone_is_noticed_at_the_first_look_after_a_write() -> None:
    async def work(rules: KernelRules, kernel: Kernel) -> None:
        await rules.apply({"d/s2": route(2, 2)})
        kernel.listing = "table"
        assert not await rules.intact()

    told(work)


def test_a_look_while_something_is_written_proves_nothing() -> None:
    async def work(rules: KernelRules, kernel: Kernel) -> None:
        await rules.apply({"d/s2": route(2, 2)})
        kernel.listing = f"table\n {RULE}"
        writing = asyncio.create_task(rules.apply({"d/s3": route(3, 3)}))
        await asyncio.sleep(0)
        assert await rules.intact()
        await writing
        assert not await rules.intact()

    told(work)
