"""Why something that was seen on a page led to no event, in phrases a person can read."""

from enum import StrEnum


class Reason(StrEnum):
    """The answer to "why was I not told?", as far as detection goes."""

    BASELINE_OVER = "over before this page was first looked at"
    BASELINE_PLANNED = "planned work, not yet begun at the first look"
    BASELINE_UNKNOWN = "there at the first look, and the page does not say whether it is over"
    OLDER_THAN_FLOOR = "older than the history of the first look, and over"
    STALE_COPY = "an older copy than one already seen"
    SEEN_ONCE = "seen once without newer evidence; waits to be seen again"
    HELD_BEFORE = "a value it had before, without newer evidence"
    TEXT_HELD_BEFORE = "a text that this update had before"
    BUMP = "a later stamp on the same words"
    EDITS_CAPPED = "the text of this update changes too often to record each change"
    ABSENT_FROM_PART = "absent from a list that is not complete: absence is not resolution"
    ABSENT_FOR_NOW = "absent from complete lists, but not for long enough"
    ABSENT_UNPROVEN = "absent from complete lists, but its own address does not say that it is gone"
    WITH_INCIDENT = "a component's move that belongs to its incident"
    GROUP = "a group moves when its components do"
    NEW_COMPONENT = "a component not seen before"
