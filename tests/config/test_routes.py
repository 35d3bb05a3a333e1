"""What a service needs, as a person writes it."""

from bellbuoy.config.routes import target
from bellbuoy.model.delivery import Matcher


def test_a_target_finds_a_provider_a_page_or_a_component():
    """A page by its address in whatever spelling, a provider by its name or glob."""
    assert target("github") == Matcher(providers=("github",))
    assert target("aws: us-east-1/ec2") == Matcher(
        providers=("aws",), components=("us-east-1/ec2",)
    )
    assert target("HTTPS://Status.Acme.example:443/:API") == Matcher(
        pages=("https://status.acme.example",), components=("API",)
    )
