"""A sign for each tone, for receivers that show emoji; it stands beside words, never alone."""

from bellbuoy.notifiers._wording import Tone

SIGNS = {
    Tone.CRITICAL: "🔴",
    Tone.MAJOR: "🟠",
    Tone.MINOR: "🟡",
    Tone.PLANNED: "🔵",
    Tone.UNKNOWN: "⚪",
    Tone.GOOD: "🟢",
}
