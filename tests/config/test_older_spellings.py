"""The complete files of earlier tools, pasted as they are."""

import pytest

from bellbuoy.config.load import load_config


def load(tmp_path, text: str):
    """Read a config."""
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return load_config(str(path), env={})


def test_a_file_with_product_and_feed_url(tmp_path):
    """`{name, product, feed_url, poll_interval_seconds}`: the address is read as it is."""
    config = load(
        tmp_path,
        """
providers:
  - name: OpenAI
    product: OpenAI API
    feed_url: https://status.openai.com/history.atom
    poll_interval_seconds: 60
  - name: AWS
    product: EC2 us-east-1
    feed_url: https://status.aws.amazon.com/rss/ec2-us-east-1.rss
    poll_interval_seconds: 30
""",
    )
    openai, aws = (one.page for one in config.watched)
    assert openai.url == openai.key == "https://status.openai.com/history.atom"
    assert (openai.format, openai.every, openai.every_is_explicit) == ("feed", 60, True)
    assert (openai.provider.slug, openai.provider.name) == ("openai", "OpenAI API")
    assert (aws.provider.slug, aws.provider.name) == ("aws", "AWS EC2 us-east-1")
    assert aws.every == 30
    assert config.warnings == ()


def test_a_file_with_feed_type(tmp_path):
    """`{name, feed_url, feed_type, poll_interval_seconds}`: a feed says itself which it is."""
    config = load(
        tmp_path,
        """
providers:
  - {name: GitHub, feed_url: "https://www.githubstatus.com/history.rss", feed_type: rss,
     poll_interval_seconds: 60}
  - {name: Acme, feed_url: "https://status.acme.example/feed.atom", feed_type: Atom,
     poll_interval_seconds: 60.5}
""",
    )
    assert [one.page.format for one in config.watched] == ["feed", "feed"]
    assert config.watched[1].page.every == 60.5
    assert config.warnings == ()


def test_a_feed_type_that_is_no_feed_is_warned_of(tmp_path):
    """It is read as a feed all the same, and the person knows where to look."""
    text = "providers: [{name: A, feed_url: 'https://a.example/x', feed_type: json}]"
    (warning,) = load(tmp_path, text).warnings
    assert "providers.0.feed_type: is not read" in warning


@pytest.mark.parametrize("end", ["/api/v2", "/api/v2/", "/api/v2/summary.json", "", "/"])
def test_a_list_with_api_base(tmp_path, end):
    """`{name, api_base}`: the page is what stands before the API, its format is recognised."""
    config = load(tmp_path, f"providers: [{{name: Acme, api_base: 'https://a.example/eu{end}'}}]")
    page = config.watched[0].page
    assert (page.key, page.format, page.every) == ("https://a.example/eu", "", 60)
