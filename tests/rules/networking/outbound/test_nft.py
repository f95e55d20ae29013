from wherry.rules.networking.outbound import nft


def test_only_addresses_outside_of_the_cluster_are_led_out() -> None:
    text = nft.table(["10.96.0.0/12", "10.0.0.1"], ("10.244.0.1", 15001), "10.96.0.10")
    assert "elements = { 0.0.0.0/8, 10.0.0.1, 10.96.0.0/12, 127.0.0.0/8, 224.0.0.0/3 }" in text
    assert "ip daddr != @inside ct direction original meta l4proto tcp tproxy to 10.244.0.1:15001;" in text
    assert "udp dport 53 dnat ip to 10.96.0.10:53;" in text


def test_without_a_name_server_questions_are_refused_as_all_else_is() -> None:
    assert "dnat" not in nft.table([], ("10.244.0.1", 15001), "")
