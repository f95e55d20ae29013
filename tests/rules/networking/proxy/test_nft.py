"""Routes as text for nftables: chains, sets of clients, and the steps from one state to the next."""

from __future__ import annotations

from wherry.rules.networking.proxy import nft
from wherry.rules.networking.proxy.endpoints import Backend
from wherry.rules.networking.proxy.routes import Choice, Front, Route

ONE, TWO = Backend("10.244.0.2", 8080), Backend("10.244.0.3", 8080)
FRONT = Front("10.96.0.9", "tcp", 80)


def made(*choices: Choice, sticky: int = 0) -> nft.Unit:
    found = nft.unit(Route("d/s/web", choices, sticky))
    assert found is not None
    return found


def test_a_route_without_endpoints_has_no_chain() -> None:
    assert nft.unit(Route("d/s/web", ())) is None


def test_backends_are_picked_at_random_and_others_dropped() -> None:
    one = made(Choice(("10.244.1.0/24", "10.0.0.1"), ()), Choice((), (ONE, TWO)))
    [chain] = one.chains
    assert chain.rules == (
        "ip saddr { 10.244.1.0/24, 10.0.0.1 } drop",
        "meta l4proto { tcp, udp, sctp } dnat ip to numgen random mod 2 map { 0 : 10.244.0.2 . 8080, 1 : 10.244.0.3 . 8080 }",
    )
    assert chain.name == made(Choice((), (ONE,))).name  # whatever its state


def test_who_comes_back_goes_where_it_went() -> None:
    one = made(Choice((), (ONE,)), sticky=60)
    main, end = one.chains
    assert one.sets == ((f"c{end.name}", 60),)
    assert main.rules == (f"ip saddr @c{end.name} goto {end.name}", f"numgen random mod 1 vmap {{ 0 : goto {end.name} }}")
    assert end.rules == (f"update @c{end.name} {{ ip saddr }}", "meta l4proto { tcp, udp, sctp } dnat ip to 10.244.0.2:8080")


def test_a_change_replaces_a_chain_and_takes_away_what_only_the_old_one_had() -> None:
    old, new = made(Choice((), (ONE, TWO)), sticky=60), made(Choice((), (TWO,)), sticky=60)
    gone = old.chains[1].name
    text = nft.put(new, old)
    assert f"delete chain ip wherry-services {gone}\n" in text
    assert f"delete set ip wherry-services c{gone}\n" in text
    assert "add set" not in text  # those of the other backend keep the clients they remember
    assert text.index(f"flush chain ip wherry-services {new.name}") < text.index(f"delete chain ip wherry-services {gone}")


def test_a_front_moves_between_a_chain_and_refusal() -> None:
    key = "{ 10.96.0.9 . tcp . 80 }"
    assert nft.lead(FRONT, "s", None) == "add element ip wherry-services services { 10.96.0.9 . tcp . 80 : goto s }\n"
    assert nft.lead(FRONT, "", "s") == f"delete element ip wherry-services services {key}\nadd element ip wherry-services refused {key}\n"
    assert nft.lead(FRONT, None, "") == f"delete element ip wherry-services refused {key}\n"
    assert nft.lead(FRONT, "s", "s") == ""
