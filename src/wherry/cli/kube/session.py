"""One run of a command: its connection, its output, and how it ends.

`execute` is called by `command` alone: it runs the command's function on a loop and turns what it raises into text and exit status, as
kubectl does. The server is not asked for anything before a command needs it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, TextIO

from wherry.api.errors import StatusError
from wherry.cli.kube import program
from wherry.cli.kube.errors import CommandError, Several, text
from wherry.cli.kube.flags import Given, duration, record
from wherry.client.access import Access, ConfigError
from wherry.client.transport import ConnectionFailed
from wherry.rollout.errors import RolloutError

if TYPE_CHECKING:
    from wherry.cli.kube.command import Run
    from wherry.cli.kube.mapper import Mapper
    from wherry.client.http import HttpClient

_EXPECTED = (StatusError, CommandError, Several, ConfigError, ConnectionFailed, RolloutError)


class Kube:
    """What a command works with. `path`: the words of the command, without the program's name."""

    def __init__(self, given: Given, path: list[str], out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.given = given
        self.path = path
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self._access: Access | None = None
        self._client: HttpClient | None = None
        self._mapper: Mapper | None = None
        self.warned = 0

    # --- output ---
    def out(self, text: str) -> None:
        """Text as it is; there is no line feed added."""
        self._out.write(text)
        self._out.flush()

    def err(self, text: str) -> None:
        self._out.flush()
        self._err.write(text)
        self._err.flush()

    @property
    def color(self) -> bool:
        """Colours are wanted: a terminal, and nobody said no (https://no-color.org)."""
        return self._out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    @property
    def terminal(self) -> bool:
        """Somebody looks at what is written."""
        return self._out.isatty()

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    # --- the server ---
    @property
    def access(self) -> Access:
        if self._access is None:
            from wherry.client.kubeconfig import Overrides, load

            given = self.given
            self._access = load(Overrides(
                kubeconfig=given["kubeconfig"], context=given["context"], cluster=given["cluster"], user=given["user"],
                namespace=given["namespace"], server=given["server"], token=given["token"], username=given["username"],
                password=given["password"], certificate_authority=given["certificate-authority"],
                client_certificate=given["client-certificate"], client_key=given["client-key"],
                insecure=given["insecure-skip-tls-verify"] if given.said("insecure-skip-tls-verify") else None,
                tls_server_name=given["tls-server-name"], proxy_url=given["proxy-url"], as_user=given["as"], as_uid=given["as-uid"],
                as_groups=tuple(given["as-group"])))
        return self._access

    @property
    def namespace(self) -> str:
        return self.access.namespace

    @property
    def enforced(self) -> bool:
        """The namespace was named on the command line: objects of files must not say another."""
        return bool(self.given["namespace"])

    @property
    def client(self) -> HttpClient:
        if self._client is None:
            from wherry.client.http import HttpClient

            self._client = HttpClient(self.access, user_agent=program.name(), on_warning=self._warn, timeout=self._request_timeout())
        return self._client

    def _request_timeout(self) -> float | None:
        """Seconds; a number without a unit is seconds too. Raises CommandError."""
        text = str(self.given["request-timeout"])
        try:
            return (float(text) if text.isdigit() else duration(text)) or None
        except ValueError:
            raise CommandError("Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a "
                               "corresponding time unit (e.g. 1s | 2m | 3h)") from None

    @property
    def mapper(self) -> Mapper:
        if self._mapper is None:
            from wherry.cli.kube.mapper import Mapper

            self._mapper = Mapper(self)
        return self._mapper

    def _warn(self, message: str) -> None:
        self.warned += 1
        self.err(f"Warning: {message}\n")

    # --- the change-cause ---
    @property
    def cause(self) -> str:
        """What to write as kubernetes.io/change-cause: --change-cause, or with --record the command itself; "": nothing."""
        if self.given.get("change-cause"):
            return str(self.given["change-cause"])
        return record(program.name(), self.path, self.given) if self.given.get("record") else ""

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()


def _own_cluster(kube: Kube) -> str:
    """For who forgot $KUBECONFIG, and asked where nothing is: wherry's own cluster may run."""
    from wherry.cli.home import default_home, read_note

    nowhere = kube._access is not None and kube._access.server.endswith("localhost:8080")
    running = read_note(default_home()) if nowhere else None
    return f"wherry's own cluster runs: export KUBECONFIG={running.kubeconfig}\n" if running is not None else ""


def execute(run: Run, given: Given, path: list[str]) -> int:
    """Run a command to its exit status."""
    kube = Kube(given, path)
    try:
        return asyncio.run(_whole(kube, run))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


async def _whole(kube: Kube, run: Run) -> int:
    try:
        status = await run(kube, kube.given) or 0
        if kube.warned and kube.given["warnings-as-errors"]:
            kube.err(f"error: {kube.warned} warning{'s' if kube.warned > 1 else ''} received\n")
            return 1
        return status
    except TimeoutError:
        kube.err("error: timed out waiting for the condition\n")
        return 1
    except _EXPECTED as error:
        shown = text(error, kube._access.server if kube._access else "")
        kube.err(shown if shown.endswith("\n") else shown + "\n")
        if isinstance(error, ConnectionFailed) and program.name() != "kubectl":
            kube.err(_own_cluster(kube))
        return getattr(error, "exit_status", 1)
    finally:
        await kube.close()
