"""Names of images."""

import pytest

from wherry.node.engine import PullFailed
from wherry.node.images import names

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(("text", "full"), [
    ("nginx", "docker.io/library/nginx:latest"),
    ("nginx:1.21", "docker.io/library/nginx:1.21"),
    ("me/app", "docker.io/me/app:latest"),
    ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
    ("localhost/app:1", "localhost/app:1"),
    ("localhost:5000/a/b:v1", "localhost:5000/a/b:v1"),
    ("registry.k8s.io/pause:3.9", "registry.k8s.io/pause:3.9"),
    (f"nginx@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"),
    (f"nginx:1@{DIGEST}", f"docker.io/library/nginx:1@{DIGEST}"),
    ("[::1]:5000/app", "[::1]:5000/app:latest"),
])
def test_a_name_in_full(text, full):
    assert str(names.parse(text)) == full


@pytest.mark.parametrize("text", ["", "a b", "nginx:", "nginx:a/b/", "-x", "nginx@sha256:12", "a//b", "x" * 300])
def test_what_is_no_name_is_refused(text):
    with pytest.raises(PullFailed, match="couldn't parse image name") as raised:
        names.parse(text)
    assert raised.value.kind == "InvalidImageName"


def test_capitals_are_refused_with_the_reference_s_words():
    with pytest.raises(PullFailed) as raised:
        names.parse("Not:A:Name")
    assert "couldn't parse image name" in raised.value.text
    with pytest.raises(PullFailed, match=r"repository name \(library/Nginx\) must be lowercase"):
        names.parse("Nginx")
