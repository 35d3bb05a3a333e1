"""Which addresses a page may lie at."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.errors import ConfigError
from bellbuoy.http.guard import Guard

REFUSED = [
    ("127.0.0.1", "a loopback"),
    ("127.255.255.254", "a loopback"),
    ("0.0.0.0", "an unspecified"),
    ("0.1.2.3", "an unspecified"),
    ("10.0.0.1", "a private"),
    ("10.255.255.255", "a private"),
    ("172.16.0.1", "a private"),
    ("172.31.255.255", "a private"),
    ("192.168.1.1", "a private"),
    ("100.64.0.1", "a carrier's private"),
    ("100.127.255.255", "a carrier's private"),
    ("169.254.1.1", "a link-local"),
    ("169.254.169.254", "a cloud metadata"),
    ("100.100.100.200", "a cloud metadata"),
    ("192.0.0.192", "a cloud metadata"),
    ("168.63.129.16", "a cloud metadata"),
    ("192.0.0.8", "a reserved"),
    ("192.0.2.1", "a documentation"),
    ("192.88.99.1", "a reserved"),
    ("198.18.0.1", "a benchmarking"),
    ("198.51.100.7", "a documentation"),
    ("203.0.113.9", "a documentation"),
    ("224.0.0.1", "a multicast"),
    ("239.255.255.250", "a multicast"),
    ("240.0.0.1", "a reserved"),
    ("255.255.255.255", "a reserved"),
    ("::", "an unspecified"),
    ("::1", "a loopback"),
    ("::127.0.0.1", "a reserved"),
    ("::ffff:127.0.0.1", "a loopback"),
    ("::ffff:10.1.2.3", "a private"),
    ("::ffff:169.254.169.254", "a cloud metadata"),
    ("::ffff:0:127.0.0.1", "a reserved"),
    ("64:ff9b::127.0.0.1", "a loopback"),
    ("64:ff9b::a00:1", "a private"),
    ("64:ff9b::169.254.169.254", "a cloud metadata"),
    ("64:ff9b:1::1", "a reserved"),
    ("100::1", "a reserved"),
    ("2001:db8::1", "a documentation"),
    ("3fff::1", "a documentation"),
    ("2001:2::1", "a benchmarking"),
    ("2001:10::1", "a reserved"),
    ("2001:20::1", "a reserved"),
    ("2002:7f00:1::", "a loopback"),
    ("2002:a00:1::1", "a private"),
    ("2001:0:7f00:1::1", "a loopback"),
    ("2001:0:808:808:0:0:f5ff:fffe", "a private"),
    ("fc00::1", "a private"),
    ("fd12:3456::1", "a private"),
    ("fd00:ec2::254", "a cloud metadata"),
    ("fe80::1", "a link-local"),
    ("fe80::1%eth0", "a link-local"),
    ("fec0::1", "a site-local"),
    ("ff02::1", "a multicast"),
    ("5f00::1", "a reserved"),
    ("4000::1", "a reserved"),
    ("", "an unreadable"),
    ("2130706433", "an unreadable"),
    ("localhost", "an unreadable"),
]

ALLOWED = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
]


@pytest.mark.parametrize(("address", "kind"), REFUSED)
def test_h12_an_address_that_is_not_public_is_refused_by_its_kind(address, kind):
    """Every special range is refused, also inside IPv4-mapped, NAT64, 6to4 and Teredo addresses."""
    assert Guard().refusal(address) == kind


@pytest.mark.parametrize("address", ALLOWED)
def test_a_public_address_is_allowed(address):
    """Public addresses pass, also through NAT64 and 6to4, and so do the neighbours of ranges."""
    assert Guard().refusal(address) is None


def test_the_operator_may_allow_a_private_network_and_only_that():
    """`allow_private` opens what it lists, in every spelling of the address, and nothing else."""
    guard = Guard(["10.1.0.0/16", "fd00:1::/32", "127.0.0.1"])
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd00:1::5", "127.0.0.1"):
        assert guard.refusal(address) is None, address
    for address in ("10.2.0.1", "fd00:2::5", "127.0.0.2", "169.254.169.254"):
        assert guard.refusal(address) is not None, address


def test_a_network_that_is_none_is_a_config_error_that_names_the_key():
    """A mistyped CIDR is refused at the start, not at the first visit."""
    with pytest.raises(ConfigError, match=r"http\.allow_private: '10\.0\.0\.0/33'"):
        Guard(["10.0.0.0/33"])


@given(st.ip_addresses())
def test_h12_python_never_calls_global_what_is_private_here(address):
    """Whatever Python itself calls loopback, link-local, private or multicast is refused."""
    inner = getattr(address, "ipv4_mapped", None) or address
    is_special = inner.is_loopback or inner.is_link_local or inner.is_multicast
    is_special = is_special or (inner.is_private and not _is_tunnel(inner))
    if is_special:
        assert Guard().refusal(str(address)) is not None


def _is_tunnel(address):
    """Prefixes that Python versions judge differently, because they carry an IPv4 address."""
    return address.version == 6 and any(
        address in ipaddress.ip_network(network) for network in ("2001::/23", "64:ff9b:1::/48")
    )
