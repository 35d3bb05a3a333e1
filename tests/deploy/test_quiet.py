"""What leaves the machine: questions to pages, what goes to receivers, and nothing else."""

import json
import os
import re
import signal
import socket
import sys
import urllib.request
from urllib.parse import urlsplit

import pytest

from tests.cli.pages import incident, served, statuspage
from tests.cli.test_serve import address_of
from tests.deploy.programs import child_of, traced

SENDING = "connect,sendto,sendmsg,sendmmsg"

_TO = re.compile(
    r"(?:connect|sendto|sendmsg|sendmmsg)\(\d+.*?sa_family=(AF_INET6?), sin6?_port=htons\((\d+)\)"
    r".*?\"([0-9a-f.:]+)\"",
    re.IGNORECASE,
)
"""Where a call of the system sends something, as strace prints it."""


def reached(notes):
    """The addresses in the notes, each with its port."""
    return {(address, int(port)) for _, port, address in _TO.findall(notes.read_text("utf-8"))}


@pytest.mark.skipif(sys.platform != "linux", reason="strace is of Linux")
def test_it_reaches_its_pages_and_its_receivers_and_nobody_else(tmp_path):
    """From its start to its end no other connection is made and no name is asked for."""
    with served(statuspage(incident())) as page, socket.create_server(("127.0.0.1", 0)) as receiver:
        (tmp_path / "bellbuoy.yaml").write_text(config(page, receiver, tmp_path), "utf-8")
        with traced(SENDING, tmp_path, "serve", "--port", "0") as (process, notes):
            own = address_of(process)
            assert any("next look in" in line for line in process.stderr)
            receiver.settimeout(30)
            receiver.accept()[0].close()
            urllib.request.urlopen(own, timeout=20).close()
            os.kill(child_of(process), signal.SIGTERM)
            assert process.wait(timeout=20) == 0
        wanted = {("127.0.0.1", urlsplit(page).port), receiver.getsockname()}
    assert reached(notes) == wanted


def config(page, receiver, folder):
    """One page, and a receiver at a port of this machine."""
    port = receiver.getsockname()[1]
    hook = {
        "kind": "webhook",
        "url": f"http://127.0.0.1:{port}/",
        "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    }
    said = {
        "providers": [{"name": "Acme", "url": page, "format": "statuspage"}],
        "receivers": {"ops": hook},
        "routes": [{"to": "ops"}],
        "http": {"allow_private": ["127.0.0.0/8"]},
        "store": str(folder / "x.db"),
    }
    return json.dumps(said)
