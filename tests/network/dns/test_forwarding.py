"""Names outside of the cluster: who is asked for them, and what is heard when nobody answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dnslib
import pytest

from wherry.cluster.dns import resolvers
from wherry.cluster.option_values import OptionError
from wherry.network.dns import forwarding
from wherry.network.dns.forwarding import Forwarding, Unanswered


class Resolver(asyncio.DatagramProtocol):
    """It answers every question with one address, or not at all."""

    def __init__(self, address: str) -> None:
        self._address, self.asked = address, 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, sender: object) -> None:
        self.asked += 1
        if self._address:
            request = dnslib.DNSRecord.parse(data)
            reply = request.reply()
            reply.add_answer(dnslib.RR(request.q.qname, dnslib.QTYPE.A, rdata=dnslib.A(self._address)))
            self._transport.sendto(b"no answer to anything", sender)  # type: ignore[attr-defined]
            self._transport.sendto(reply.pack(), sender)  # type: ignore[attr-defined]


@asynccontextmanager
async def resolver(address: str = "") -> AsyncIterator[str]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: Resolver(address), ("127.0.0.1", 0))
    try:
        host, port = transport.get_extra_info("sockname")
        yield f"{host}:{port}"
    finally:
        transport.close()


def question(name: str) -> bytes:
    return bytes(dnslib.DNSRecord.question(name).pack())


def test_zones_have_resolvers_of_their_own_and_the_longest_counts() -> None:
    found = Forwarding(["192.0.2.1"], {"corp.example": ["192.0.2.2"], "a.corp.example.": ["192.0.2.3"]})
    wanted = {"x.example": ["192.0.2.1"], "corp.example": ["192.0.2.2"], "x.a.corp.example": ["192.0.2.3"], "acorp.example": ["192.0.2.1"]}
    assert {name: found.of(name) for name in wanted} == wanted


def test_the_next_resolver_is_asked_when_one_is_silent_and_strays_are_no_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "PATIENCE", 0.1)

    async def story() -> None:
        async with resolver() as silent, resolver("192.0.2.9") as good:
            data = question("x.example")
            said = await Forwarding([silent, good], {}).ask("x.example", data, stream=False)
            assert said[:2] == data[:2]
            assert str(dnslib.DNSRecord.parse(said).a.rdata) == "192.0.2.9"
            with pytest.raises(Unanswered, match=r"no resolver answered for x\.example"):
                await Forwarding([silent], {}).ask("x.example", data, stream=False)

    asyncio.run(story())


def test_no_more_than_so_many_are_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "MOST", 3)
    monkeypatch.setattr(forwarding, "PATIENCE", 0.2)

    async def story() -> None:
        async with resolver() as silent:
            found = Forwarding([silent], {})
            asked = [found.ask("x.example", question("x.example"), stream=False) for _ in range(5)]
            said = await asyncio.gather(*asked, return_exceptions=True)
            assert [str(each) for each in said].count("too many questions are under way") == 2

    asyncio.run(story())


def test_who_is_asked_is_an_option(tmp_path: object) -> None:
    from pathlib import Path

    file = Path(str(tmp_path)) / "resolv.conf"
    file.write_text("nameserver 192.0.2.53\nsearch example\n")
    assert resolvers(("host", "corp.example=192.0.2.2"), file) == (["192.0.2.53"], {"corp.example": ["192.0.2.2"]})
    assert resolvers(("none",), file) == ([], {})
    assert resolvers(("host",), file.with_name("none")) == ([], {})
    with pytest.raises(OptionError, match="dns_forward: a row is host, none, ADDRESS or ZONE=ADDRESS, not '=1'"):
        resolvers(("=1",), file)


def test_addresses_of_resolvers_may_have_ports() -> None:
    assert [forwarding._place(each) for each in ("192.0.2.1", "192.0.2.1:5353", "fd00::1", "[fd00::1]:54", "[fd00::1]")] == [
        ("192.0.2.1", 53), ("192.0.2.1", 5353), ("fd00::1", 53), ("fd00::1", 54), ("fd00::1", 53)]  # fmt: skip
