# ruff: noqa: A005 - it is named like the room that it tests
