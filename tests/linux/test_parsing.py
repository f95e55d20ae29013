"""What the system's tables and files mean, without a call to the kernel."""

import pytest

from wherry.linux import capabilities, cgroups, ids, netlink, ptys


def test_a_user_s_range_is_found_by_name_or_number():
    text = "root:100000:65536\nann:165536:65536\n1001:231072:1000\n"
    assert ids.parse_range(text, 1000, "ann") == ids.Range(165536, 65536)
    assert ids.parse_range(text, 1001, "bob") == ids.Range(231072, 1000)
    assert ids.parse_range(text, 1002, "eve") is None


def test_a_line_that_is_no_range_is_passed_over():
    assert ids.parse_range("ann:x:65536\nann:5\n# ann\nann:7:8\n", 1000, "ann") == ids.Range(7, 8)


def test_the_map_command_gives_the_user_as_root_and_the_range_after():
    assert ids.map_command("/usr/bin/newuidmap", 12, 1000, ids.Range(165536, 65536)) == [
        "/usr/bin/newuidmap", "12", "0", "1000", "1", "1", "165536", "65536"
    ]


@pytest.mark.parametrize(("add", "drop", "some", "none"), [
    ((), (), "CHOWN", "NET_ADMIN"),
    (("NET_ADMIN",), (), "NET_ADMIN", "SYS_ADMIN"),
    (("CAP_net_admin",), ("ALL",), "NET_ADMIN", "CHOWN"),
    (("ALL",), ("SYS_ADMIN",), "SYS_MODULE", "SYS_ADMIN"),
])
def test_capabilities_are_the_default_ones_with_changes(add, drop, some, none):
    wanted = capabilities.wanted(add, drop)
    assert some in wanted
    assert none not in wanted


def test_a_name_that_is_no_capability_is_refused():
    with pytest.raises(ValueError, match="FLY"):
        capabilities.wanted(("FLY",), ())


def test_capability_numbers_are_the_kernel_s():
    assert (capabilities.NAMES.index("CHOWN"), capabilities.SYS_ADMIN, capabilities.NAMES.index("CHECKPOINT_RESTORE")) == (0, 21, 40)


def test_limits_of_version_2():
    wanted = cgroups.Wanted(memory=1 << 20, cpu=0.5, shares=1024, processes=10)
    assert cgroups.files(2, wanted) == [
        ("memory", "memory.max", "1048576"), ("memory", "memory.swap.max", "0"),
        ("memory", "memory.oom.group", "1"), ("cpu", "cpu.max", "50000 100000"),
        ("cpu", "cpu.weight", "39"), ("pids", "pids.max", "10"),
    ]


def test_limits_of_version_1():
    wanted = cgroups.Wanted(memory=1 << 20, cpu=0.5, shares=512, processes=10)
    assert cgroups.files(1, wanted) == [
        ("memory", "memory.limit_in_bytes", "1048576"), ("cpu", "cpu.cfs_period_us", "100000"), ("cpu", "cpu.cfs_quota_us", "50000"),
        ("cpu", "cpu.shares", "512"), ("pids", "pids.max", "10"),
    ]


def test_no_limit_is_no_file():
    assert cgroups.files(1, cgroups.Wanted()) == cgroups.files(2, cgroups.Wanted()) == []
    # who asked for nothing is told so: programs read it
    assert cgroups.files(1, cgroups.Wanted(shares=2)) == [("cpu", "cpu.shares", "2")]
    assert cgroups.files(2, cgroups.Wanted(shares=2)) == [("cpu", "cpu.weight", "1")]


def test_a_tree_is_not_made_where_nothing_is_delegated(tmp_path):
    assert cgroups.make_tree("x", str(tmp_path)) is None


def test_an_attribute_of_netlink_is_padded_to_four_bytes():
    assert netlink._attribute(3, b"ab\0") == b"\x07\0\x03\0ab\0\0"


def test_a_terminal_has_the_size_it_was_given():
    import os

    outer, inner = ptys.open_pair()
    try:
        ptys.resize(outer, 100, 30)
        assert os.get_terminal_size(inner) == (100, 30)
    finally:
        os.close(outer)
        os.close(inner)
