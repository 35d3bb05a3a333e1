"""The Dockerfile as data."""

import json
import re

from tests.deploy.shipped import ROOT

FILE = ROOT / "deploy" / "Dockerfile"
CONFIG = ROOT / "deploy" / "bellbuoy.yaml"


def instructions():
    """Each instruction with its arguments, in order; continued lines are one."""
    text = re.sub(r"\\\n\s*", "", FILE.read_text("utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(" ", 1)) for line in lines]


def stages():
    """The instructions of each stage."""
    found = []
    for one in instructions():
        if one[0] == "FROM":
            found.append([])
        found[-1].append(one)
    return found


def said(name):
    """The arguments of the one instruction of this name in the image that is run."""
    (found,) = [rest for instruction, rest in stages()[-1] if instruction == name]
    return found


def variables():
    """What the image sets in the environment."""
    return dict(one.split("=", 1) for one in said("ENV").split())


def health():
    """The command that asks whether a container is well."""
    return json.loads(said("HEALTHCHECK").partition("CMD ")[2])
