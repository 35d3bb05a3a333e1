"""The one port, and addresses that cannot be had."""

import pytest

from bellbuoy.config.web import Web
from bellbuoy.errors import ConfigError
from bellbuoy.web.server import listen


@pytest.mark.parametrize("host", ["a" * 70, "a..b", "192.0.2.1"])
def test_an_address_that_cannot_be_had_is_told_with_its_cure(host):
    """Also one that is no name at all: it has an empty part, or one that is too long."""
    with pytest.raises(ConfigError, match=r"cannot listen on .*web\.listen"):
        listen(Web(host=host, port=0))
