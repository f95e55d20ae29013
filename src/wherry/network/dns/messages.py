"""DNS messages: a question read, an answer written. The format is dnslib's.

Called by `server`. An answer that does not fit a datagram says so (TC), and the client asks again over TCP.
Source: RFC 1035, RFC 2308 (negative answers), RFC 6891 (EDNS: the size of a datagram).
"""

from __future__ import annotations

from typing import NamedTuple

import dnslib

from wherry.rules.networking.names.records import TTL, ZONE, Answer, Record

#: bytes of a datagram to clients that do not say, and at most
_PLAIN, _MOST = 512, 1232
_SERIAL = 1
_REVERSE = {4: ".in-addr.arpa", 6: ".ip6.arpa"}


class Question(NamedTuple):
    """`name`: in lower case, without the last dot. `size`: bytes of a datagram that the client takes."""

    name: str
    kind: str
    size: int
    request: dnslib.DNSRecord


def read(data: bytes) -> Question | None:
    """None for what is no question. Raises DNSError for what cannot be read."""
    request = dnslib.DNSRecord.parse(data)
    if request.header.qr or len(request.questions) != 1 or request.header.opcode:
        return None
    [question] = request.questions
    size = max((each.edns_len for each in request.ar if each.rtype == dnslib.QTYPE.OPT), default=_PLAIN)
    kind = dnslib.QTYPE.forward.get(question.qtype, str(question.qtype))
    return Question(str(question.qname).rstrip(".").lower(), kind, min(max(size, _PLAIN), _MOST), request)


def address_of(name: str) -> str:
    """What a name of the reverse zones is of; "" for other names and for parts of one."""
    if name.endswith(_REVERSE[4]) and len(parts := name.removesuffix(_REVERSE[4]).split(".")) == 4:
        return ".".join(parts[::-1])
    if name.endswith(_REVERSE[6]) and len(parts := name.removesuffix(_REVERSE[6]).split(".")) == 32:
        digits = "".join(parts[::-1])
        return ":".join(digits[at : at + 4] for at in range(0, 32, 4))
    return ""


def written(question: Question, found: Answer) -> dnslib.DNSRecord:
    """Of the cluster's own zone."""
    reply = question.request.reply(ra=1, aa=1)
    for record in found.records:
        reply.add_answer(_record(record))
    for record in found.more:
        reply.add_ar(_record(record))
    if not found.known:
        reply.header.rcode = dnslib.RCODE.NXDOMAIN
    if not found.records:
        reply.add_auth(_start_of_authority())
    return reply


def refused(question: Question, code: str) -> bytes:
    """`code`: SERVFAIL, NXDOMAIN, NOTIMP, ..."""
    reply = question.request.reply(ra=1, aa=0)
    reply.header.rcode = getattr(dnslib.RCODE, code)
    if code == "NXDOMAIN":
        reply.add_auth(_start_of_authority())
    return bytes(reply.pack())


def fitted(packed: bytes, size: int) -> bytes:
    """As much as a datagram carries: nothing but the question, and the note that there is more."""
    if len(packed) <= size:
        return packed
    reply = dnslib.DNSRecord.parse(packed)
    reply.header.tc = 1
    reply.rr, reply.auth, reply.ar = [], [], []
    return bytes(reply.pack())


def followed(reply: dnslib.DNSRecord, elsewhere: bytes) -> None:
    """The addresses that others gave for the name in a CNAME."""
    for each in dnslib.DNSRecord.parse(elsewhere).rr:
        reply.add_answer(each)


def asking(name: str, kind: str) -> bytes:
    """A question of our own."""
    return bytes(dnslib.DNSRecord.question(name, kind).pack())


def _record(record: Record) -> dnslib.RR:
    data: dnslib.RD
    if record.type == "SRV":
        port, _, host = record.value.partition(" ")
        data = dnslib.SRV(0, 100, int(port), host)
    else:
        data = {"A": dnslib.A, "AAAA": dnslib.AAAA, "PTR": dnslib.PTR, "CNAME": dnslib.CNAME, "TXT": dnslib.TXT}[record.type](record.value)
    return dnslib.RR(record.name, getattr(dnslib.QTYPE, record.type), rdata=data, ttl=TTL)


def _start_of_authority() -> dnslib.RR:
    data = dnslib.SOA(f"ns.dns.{ZONE}", f"hostmaster.{ZONE}", (_SERIAL, 7200, 1800, 86400, TTL))
    return dnslib.RR(ZONE, dnslib.QTYPE.SOA, rdata=data, ttl=TTL)
