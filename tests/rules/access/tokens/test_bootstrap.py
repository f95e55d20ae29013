"""Bootstrap tokens: what is one, how it is stored, and when it is over."""

from __future__ import annotations

import pytest

from wherry.rules.access.tokens import bootstrap
from wherry.rules.access.tokens.bootstrap import Token


def test_what_is_stored_is_read_again() -> None:
    for token in (Token("abcdef", "0123456789abcdef", 1_750_000_000.0, ("signing",), "for Bob", ("system:bootstrappers:a",)),
                  Token("abcdef", "0123456789abcdef", None, (), "", ())):  # fmt: skip
        assert bootstrap.token_of(bootstrap.secret(token)) == token
    made = bootstrap.secret(Token("abcdef", "0123456789abcdef"))
    assert (made["metadata"], made["type"]) == ({"name": "bootstrap-token-abcdef", "namespace": "kube-system"}, bootstrap.TYPE)
    assert bootstrap.token_of({**made, "type": "Opaque"}) is None
    assert bootstrap.token_of({**made, "metadata": {"name": "bootstrap-token-other"}}) is None


@pytest.mark.parametrize("text", ["", "abcdef", "abcdef.0123", "ABCDEF.0123456789abcdef", "abcdef.0123456789abcdef "])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="was not of the form"):
        bootstrap.parse(text)


def test_tokens_are_named_by_their_id_or_whole() -> None:
    assert bootstrap.id_of("abcdef") == bootstrap.id_of("abcdef.0123456789abcdef") == "abcdef"
    with pytest.raises(ValueError, match="didn't match pattern"):
        bootstrap.id_of("abc")


def test_usages_and_groups_that_there_are() -> None:
    bootstrap.check(["signing", "authentication"], [bootstrap.DEFAULT_GROUP])
    with pytest.raises(ValueError, match="invalid bootstrap token usage string: sing, valid usage options: signing, authentication"):
        bootstrap.check(["sing"], [])
    with pytest.raises(ValueError, match="bootstrap group 'system:masters' is invalid"):
        bootstrap.check([], ["system:masters"])


def test_a_time_that_cannot_be_read_is_over() -> None:
    made = bootstrap.secret(Token("abcdef", "0123456789abcdef", 5.0))
    assert bootstrap.ends(made) == 5.0
    assert bootstrap.ends({**made, "data": {**made["data"], "expiration": "bm8="}}) == 0.0
    assert bootstrap.ends({**made, "data": {}}) is None
