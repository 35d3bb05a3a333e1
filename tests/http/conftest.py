"""Certificates for loopback, made once per worker."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the tests: its file, and contexts for servers below it."""

    ca: trustme.CA
    file: str

    def server(self, *names: str) -> ssl.SSLContext:
        """A server's context with a certificate for these names or addresses."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*names).configure_cert(context)
        return context


@pytest.fixture(scope="session")
def authority(tmp_path_factory) -> Authority:
    """An authority that only `http.ca_file` makes trusted."""
    ca = trustme.CA()
    file = Path(tmp_path_factory.mktemp("ca")) / "ca.pem"
    ca.cert_pem.write_to_path(file)
    return Authority(ca, str(file))
