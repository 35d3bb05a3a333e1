"""The conformance tests that the author of a plugin runs; Bellbuoy's own modules pass them too.

    from bellbuoy.testing import check_format, check_notifier

    def test_the_format_conforms():
        check_format(my_format, url="https://status.acme.example", answers={"api": recorded})

    def test_the_notifier_conforms():
        check_notifier(my_notifier, {"url": "https://chat.example/hook"})

Each raises AssertionError, which says in one sentence what does not conform.
"""

from bellbuoy.testing.events import sample_events
from bellbuoy.testing.formats import check_format, play
from bellbuoy.testing.notifiers import check_notifier

__all__ = ["check_format", "check_notifier", "play", "sample_events"]
