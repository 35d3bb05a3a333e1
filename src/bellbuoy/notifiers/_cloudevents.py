"""An event as the CloudEvent that a broker carries: its attributes, its data, its words.

Beside the attributes of every event there are extensions
(https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#extension-context-attributes,
read on 2026-11-29), each a text:

- `partitionkey`: the lane, as the spec's own extension of that name has it. What has the same
  one is told in order;
- `bellbuoykey`: the key for idempotency, the same at every attempt: the event's id, but for
  reminders and the like;
- `bellbuoyoccasion`, `bellbuoyservices`, `bellbuoyaftergap`, `bellbuoyrepeat`: as in a webhook's
  headers, and only where there is something to say.
"""

from hashlib import blake2b
from urllib.parse import quote

import msgspec

from bellbuoy.events import Event, to_builtins
from bellbuoy.model.delivery import Occasion
from bellbuoy.notifiers import Message

# 3.1.3.2 of the HTTP binding, and of that for NATS: printable ASCII except space, double quote
# and percent.
_AS_IT_IS = "".join(map(chr, range(0x21, 0x7F))).translate({ord('"'): None, ord("%"): None})

_LONGEST_WORD = 100


def in_a_header(text: str) -> str:
    """A text as it stands in a header that takes ASCII only: percent-encoded."""
    return quote(text, _AS_IT_IS)


def circumstances(message: Message) -> dict[str, str]:
    """What is to be said of this delivery, and is no part of the event; absent is not so."""
    occasion = message.delivery.occasion
    said = {
        "occasion": "" if occasion is Occasion.EVENT else occasion.value,
        "services": ",".join(quote(one.name, "") for one in message.services),
        "after-gap": "true" if message.delivery.after_gap else "",
        "repeat": "true" if message.repeat else "",
    }
    return {name: value for name, value in said.items() if value}


def binary(message: Message) -> tuple[dict[str, str], str, bytes]:
    """The attributes with all extensions, the content type of the data, and the data."""
    attributes = to_builtins(message.event)
    data = msgspec.json.encode(attributes.pop("data"))
    content_type = attributes.pop("datacontenttype")
    return {**attributes, **_extensions(message)}, content_type, data


def structured(message: Message) -> bytes:
    """All of it as one line of JSON."""
    event = to_builtins(message.event)
    data = event.pop("data")
    return msgspec.json.encode({**event, **_extensions(message), "data": data})


def words(event: Event) -> tuple[str, ...]:
    """What a consumer may choose by: provider, kind of thing, its id if it has one, what happened.

    Each is a word of 1 to 100 printable characters of ASCII without `.`, `*`, `#` and `>`.
    """
    slug, _, rest = event.subject.partition("/")
    thing, _, id = rest.partition("/")
    happened = event.kind.value.partition(".")[2]
    return tuple(_word(each) for each in (slug, thing, id, happened) if each)


def _word(text: str) -> str:
    word = quote(text, "").replace(".", "%2E")
    if len(word) <= _LONGEST_WORD:
        return word
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _extensions(message: Message) -> dict[str, str]:
    said = {
        f"bellbuoy{name.replace('-', '')}": value for name, value in circumstances(message).items()
    }
    return {"partitionkey": message.event.lane, "bellbuoykey": message.delivery.key, **said}
