"""Where dashboard and API are served, and who may ask."""

import pytest

from bellbuoy.config.load import load_config
from bellbuoy.config.web import Web, is_loopback, too_open
from bellbuoy.errors import ConfigError

TOKEN = "a-token-that-is-long-enough"


def web(text, tmp_path):
    """What a config says of it."""
    path = tmp_path / "bellbuoy.yaml"
    path.write_text(text, "utf-8")
    return load_config(str(path), env={}).web


def test_without_a_word_it_is_the_loopback_and_nothing_can_be_written(tmp_path):
    """The safe thing needs no config."""
    said = web("providers: [github]", tmp_path)
    assert (said.host, said.port) == ("127.0.0.1", 8484)
    assert said.read is None
    assert said.write == ""


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [
        ("127.0.0.1:9000", "127.0.0.1", 9000),
        ('":9000"', "127.0.0.1", 9000),
        ('"[::1]:9000"', "::1", 9000),
        ("localhost", "localhost", 8484),
    ],
)
def test_address_and_port_may_each_be_left_out(listen, host, port, tmp_path):
    """What is not said is the default's."""
    said = web(f"web: {{listen: {listen}}}", tmp_path)
    assert (said.host, said.port) == (host, port)


def test_the_world_is_let_in_where_the_config_says_who_reads(tmp_path):
    """Open on purpose is allowed; open by accident is not."""
    text = "web: {listen: '0.0.0.0:80', hosts: [status.example.com], auth: {read: open}}"
    said = web(text, tmp_path)
    assert said.read == ""
    assert too_open(said) == ""
    with pytest.raises(ConfigError, match=r"auth\.read"):
        web("web: {listen: '0.0.0.0:80', hosts: [status.example.com]}", tmp_path)


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("a", False)],
)
def test_only_the_loopback_is_the_machine_itself(host, is_ours):
    """0.0.0.0 is every address, so it is not."""
    assert is_loopback(host) is is_ours


def test_w8_no_token_is_ever_printed(tmp_path):
    """Neither by the settings nor by an error about them."""
    said = web(f"web: {{auth: {{write: {TOKEN}}}}}", tmp_path)
    assert said.secrets == (TOKEN,)
    assert TOKEN not in repr(said)
    assert TOKEN not in repr(Web(write=TOKEN))
    with pytest.raises(ConfigError) as caught:
        web(f"web: {{auth: {{write: {TOKEN}, read: {TOKEN}}}}}", tmp_path)
    assert TOKEN not in str(caught.value)


def test_tags_of_a_provider_are_kept_and_those_of_a_page_given_twice_add_up(tmp_path):
    """They name the boards on which it stands."""
    path = tmp_path / "bellbuoy.yaml"
    path.write_text(
        "providers: [{stripe: {tags: payments}}, {stripe: {tags: [eu, payments]}}]", "utf-8"
    )
    (watched,) = load_config(str(path), env={}).watched
    assert watched.tags == ("payments", "eu")
