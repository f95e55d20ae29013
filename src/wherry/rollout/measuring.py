"""Measures the checks of a step, all at once, until they say something.

Called by the driver of steps as a task of its own, so that a promotion or an abort from elsewhere does not wait for it. Nothing of it is
kept: a driver that dies leaves the step, and the next one measures anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from wherry.kit.fetch import Fetched, fetch
from wherry.rollout.checks import Check, Measured, Tally, of_command, of_http, of_pods, of_query
from wherry.rules.workloads.steps.decide import Verdict

Fetch = Callable[[str], Awaitable[Fetched]]
#: characters of a program's last line that are told
_TOLD = 200


class Pods(NamedTuple):
    """Of the new revision."""

    restarts: int
    ready: int
    there: int


async def measure(checks: Sequence[Check], pods: Callable[[], Pods], *, fetch: Fetch = fetch, environment: dict[str, str] | None = None,
                  ) -> Verdict:  # fmt: skip
    """Until one fails, or all have said something. `environment`: what programs are told besides."""
    asked = [asyncio.create_task(_one(check, pods, fetch, environment or {})) for check in checks]
    try:
        unclear = ""
        for each in asyncio.as_completed(asked):
            said = await each
            if said.result == "bad":
                return Verdict("bad", said.why)
            unclear = unclear or said.why
        return Verdict("unclear", unclear) if unclear else Verdict("good")
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


async def _one(check: Check, pods: Callable[[], Pods], fetch: Fetch, environment: dict[str, str]) -> Measured:
    tally = Tally(check)
    while True:
        said = tally.add(await _measured(check, pods, fetch, environment))
        if said is not None:
            return said
        await asyncio.sleep(check.every)


async def _measured(check: Check, pods: Callable[[], Pods], fetch: Fetch, environment: dict[str, str]) -> Measured:
    if check.kind == "pods":
        return of_pods(check, *pods())
    if check.kind == "command":
        return of_command(*await run(check.command, check.timeout, environment))
    began = asyncio.get_running_loop().time()
    status, body = await fetch(check.url)
    took = asyncio.get_running_loop().time() - began
    return of_http(check, status, body, took) if check.kind == "http" else of_query(check, status, body)


async def run(command: Sequence[str], timeout: float, environment: dict[str, str]) -> tuple[int | None, str]:
    """Exit status and the last line it wrote; None and why when it could not be run, or took too long: then all it started is ended."""
    try:
        program = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                                                       stderr=asyncio.subprocess.STDOUT, env={**os.environ, **environment},
                                                       start_new_session=True)
    except OSError as error:
        return None, f"{command[0]}: {error.strerror or error}"
    try:
        async with asyncio.timeout(timeout):
            output, _ = await program.communicate()
    except TimeoutError:
        return None, f"{command[0]} took more than {timeout:g}s"
    finally:
        if program.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)
            await program.wait()
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return program.returncode, lines[-1][:_TOLD] if lines else ""
