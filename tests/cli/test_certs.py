"""`wherry certs`: what there is, and new ones that a cluster starts with."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.cli.program import up, wherry
from wherry.cluster import known_certificates, pki


def test_certificates_are_shown_and_made_anew(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert "holds no certificates" in wherry("certs", "check", "--data-dir", home).refused()
    with up(home, "--no-run-nodes", "--certificate-names", "api.example.com"):
        head, ca, server = wherry("certs", "check", "--data-dir", home).out.splitlines()
        assert re.split(r" {2,}", head) == ["CERTIFICATE", "EXPIRES", "RESIDUAL TIME", "CERTIFICATE AUTHORITY"]
        assert (ca.split()[0], ca.split()[-1], server.split()[0], server.split()[-1]) == ("ca", "wherry-ca", "apiserver", "wherry-ca")
        assert re.search(r" 36[345]d ", server)
        before = (home / "pki" / "server.crt").read_bytes()
        done = wherry("certs", "renew", "--data-dir", home).out.splitlines()
        assert done[0].startswith("certificate apiserver renewed: good until 20")
        assert done[1].startswith("the cluster that runs (pid ")
        after = (home / "pki" / "server.crt").read_bytes()
        assert after != before
    told = json.loads(wherry("certs", "check", "-o", "json", "--data-dir", home).out)
    assert [each["name"] for each in told] == ["ca", "apiserver"]
    with up(home, "--no-run-nodes", "--certificate-names", "api.example.com") as running:
        assert running.connection() is not None
        assert (home / "pki" / "server.crt").read_bytes() == after, "it is good, so the start keeps it"


def test_what_cannot_be_renewed_is_said(tmp_path: Path) -> None:
    pki.ensure(tmp_path / "pki")
    for name, why in (("ca", "the CA is not made anew"), ("nosuch", "there is no certificate nosuch: ca, apiserver, "),
                      ("front-proxy-client", "it is made when it is first needed")):  # fmt: skip
        assert why in wherry("certs", "renew", name, "--data-dir", tmp_path).refused()
    (tmp_path / "pki" / "server.crt").write_text("none")
    assert "server.crt cannot be read" in wherry("certs", "check", "--data-dir", tmp_path).refused()


def test_one_that_has_ended_is_marked(tmp_path: Path) -> None:
    own = pki.ensure(tmp_path / "pki")
    (own.directory / "front-proxy-client.crt").write_bytes(_ended())
    done = wherry("certs", "check", "--data-dir", tmp_path)
    assert done.status == 1
    assert "<ended>" in done.out.splitlines()[-1]
    renewed = known_certificates.renew(own.directory, "front-proxy-client")
    assert renewed.ends > (datetime.now(UTC) + timedelta(days=300)).timestamp()
    assert wherry("certs", "check", "--data-dir", tmp_path).status == 0


def _ended() -> bytes:
    """A certificate that was good until yesterday."""
    name, key, now = x509.Name([]), ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=9), now - timedelta(days=1))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
