"""A server of a few lines that answers as a test says, to see what the client sends and how it takes trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

Answer = Callable[[str, dict[str, str], bytes], bytes | None]


def reply(body: str = "{}", status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers, "", body]
    return "\r\n".join(lines).encode()


async def serve(answer: Answer, work: Callable[[str], Awaitable[None]], *, hang_up_after: int = 0) -> list[str]:
    """Run `work` with the server's address; gives the request lines. An answer None, or the request of that number: hang up."""
    lines: list[str] = []
    tasks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                lines.append(head[0])
                found = answer(head[0], headers, body)
                if found is None:
                    return
                writer.write(found)
                await writer.drain()
                if len(lines) == hang_up_after:
                    return
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(talk(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        await work(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return lines
