"""Pages behind a proxy: their links lead below it, and nothing else of them changes."""

from __future__ import annotations

import gzip
import zlib

import pytest

from wherry.server.html_links import below, body_below, link_below

PATH, HOSTS = "/api/v1/namespaces/default/pods/web/proxy", ("10.0.0.1:80", "kubernetes:6443")


@pytest.mark.parametrize(("link", "led"), [
    ("/x/y?a=b#c", f"{PATH}/x/y?a=b#c"), ("/", f"{PATH}/"), ("/x/", f"{PATH}/x/"), ("/a/../b", f"{PATH}/b"),
    ("x/y", "x/y"), ("", ""), ("#top", "#top"), ("https://example.com/x", "https://example.com/x"), ("mailto:a@b.c", "mailto:a@b.c"),
    ("http://10.0.0.1:80/x", f"{PATH}/x"), ("https://kubernetes:6443/x", f"{PATH}/x"), (f"{PATH}/x", f"{PATH}/x"), ("http://[", "http://["),
])  # fmt: skip
def test_a_link_to_the_root_leads_below_the_proxy(link: str, led: str) -> None:
    assert link_below(link, PATH, HOSTS) == led


def test_only_attributes_with_links_change() -> None:
    page = """<!DOCTYPE html><!-- <a href="/no"> --><HTML><body class="/no">
<a href="/rewriteme">test</a> <A HREF='/two?a=1&amp;b=2' title="/no">/no</A><img src=/three alt=x><img
 src="/four"/><script>var a = '<a href="/no">';</script><p>é /no</p><a href="rel">r</a>
</body>"""
    expected = page.replace('"/rewriteme"', f'"{PATH}/rewriteme"').replace("'/two?a=1&amp;b=2'", f'"{PATH}/two?a=1&amp;b=2"')
    expected = expected.replace("src=/three", f'src="{PATH}/three"').replace('"/four"', f'"{PATH}/four"')
    assert below(page, PATH, HOSTS) == expected


def test_packed_pages_are_unpacked_and_packed_again() -> None:
    page, led = b'<a href="/x">\xff</a>', f'<a href="{PATH}/x">'.encode() + b"\xff</a>"
    assert body_below(page, "", PATH, HOSTS, 1000) == led
    assert gzip.decompress(body_below(gzip.compress(page), "gzip", PATH, HOSTS, 1000)) == led
    raw = zlib.compressobj(wbits=-15)
    assert zlib.decompress(body_below(raw.compress(page) + raw.flush(), "deflate", PATH, HOSTS, 1000), -15) == led
    bomb = gzip.compress(page + b" " * 10_000)
    for body, encoding in ((page, "br"), (b"no gzip", "gzip"), (bomb, "gzip"), (gzip.compress(page)[:-4], "gzip")):
        assert body_below(body, encoding, PATH, HOSTS, 1000) == body
