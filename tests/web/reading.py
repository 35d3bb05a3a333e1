"""A page as a person reads it, for tests of pages."""

import httpx
from lxml import html

PERSON = {"accept": "text/html"}


class Read:
    """An answer's document: its text in one line, and what stands in it."""

    def __init__(self, answer: httpx.Response) -> None:
        self.status = answer.status_code
        self.root = html.fromstring(answer.text)

    @property
    def text(self) -> str:
        """All that is written, with single blanks."""
        return " ".join(self.root.text_content().split())

    def texts(self, path: str) -> list[str]:
        """What is written in each element that an XPath finds."""
        return [" ".join(one.text_content().split()) for one in self.root.xpath(path)]

    def all(self, path: str) -> list:
        """What an XPath finds."""
        return self.root.xpath(path)


async def read(client: httpx.AsyncClient, path: str, **more) -> Read:
    """A page as it answers to a browser."""
    headers = {**PERSON, **more.pop("headers", {})}
    return Read(await client.get(path, headers=headers, **more))


async def press(client: httpx.AsyncClient, path: str, fields: dict, headers: dict) -> Read:
    """Send a form and follow it to where it leads."""
    answer = await client.post(path, data=fields, headers={**PERSON, **headers})
    if answer.status_code == 303:
        return await read(client, answer.headers["location"], headers=headers)
    return Read(answer)
