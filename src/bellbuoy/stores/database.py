"""What every SQL database does in its own way: `sqlite` and `postgres` keep this contract.

All else is in statements that both say alike, so nothing above asks which database it is.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine

READERS = 2
"""Threads, each with a connection, that read beside the writer."""


class Database(Protocol):
    """An open database. Its methods may raise what `faults.mapped` maps."""

    @property
    def place(self) -> str:
        """Where it is, for people: a path, or an address without a password."""
        ...

    @property
    def is_shared(self) -> bool:
        """Whether several workers may use it at once."""
        ...

    @property
    def reading(self) -> Engine:
        """Connections for `READERS` threads; each transaction sees one instant."""
        ...

    @property
    def writing(self) -> Engine:
        """One connection, whose transactions may write."""
        ...

    @property
    def leasing(self) -> Engine:
        """One connection beside it, for one short job in each transaction, so that signs of life
        wait for no writer; `writing` itself where only one may write.
        """
        ...

    def damage(self) -> tuple[str, ...]:
        """What the database itself finds wrong with its files, or nothing."""
        ...

    def copy(self, target: Path) -> None:
        """Write a consistent copy to a new file. Raises StoreError with the cure if it cannot."""
        ...

    def announce(self, connection: Connection, log_id: str) -> None:
        """Tell other processes, when this transaction is committed, that the log has grown."""
        ...

    def listen(self, log_id: str, ring: Callable[[], None]) -> None:
        """Have `ring` called when another process announces; at once, and only as a hint."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
