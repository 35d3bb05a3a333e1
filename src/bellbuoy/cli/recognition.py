"""Recognition, driven over the network for a person."""

from pathlib import Path

from bellbuoy.config import Config
from bellbuoy.errors import FetchError
from bellbuoy.exchange import Exchange, Response
from bellbuoy.formats import Formats
from bellbuoy.formats.recognise import Recognition, recognise
from bellbuoy.http.driver import Driver

__all__ = ["Recognition", "Samples", "ask", "kept"]


class Samples:
    """Keeps bodies in a folder, numbered in the order in which they came; in none if None.

    `count` is how many came, and `failures` are the questions that brought none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.count = 0
        self.failures: list[FetchError] = []
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def keep(self, response: Response) -> None:
        """Keep one body, beside the address and status that it came with."""
        self.count += 1
        if self._folder is None:
            return
        path = self._folder / f"{self.count:04d}.body"
        path.write_bytes(response.body)
        head = f"{response.url}\n{response.status}\n{response.content_type}\n"
        path.with_suffix(".txt").write_text(head, encoding="utf-8")


async def ask(address: str, config: Config, samples: Samples) -> Recognition:
    """Recognise the page behind an address; without a scheme, https and then http are tried.

    Raises FetchError if no server answers there.
    """
    exchange = kept(recognise(address, Formats(config.formats)), samples)
    url = address if "://" in address else f"https://{address}"
    async with Driver(config.http) as driver, driver.visit(url) as conversation:
        return await conversation.drive(exchange)


def kept(exchange: Exchange[Recognition], samples: Samples) -> Exchange[Recognition]:
    """The same exchange, with every body kept on its way, and every failure."""
    try:
        request = next(exchange)
        while True:
            try:
                response = yield request
            except FetchError as error:
                samples.failures.append(error)
                request = exchange.throw(error)
            else:
                samples.keep(response)
                request = exchange.send(response)
    except StopIteration as end:
        return end.value
    finally:
        exchange.close()
