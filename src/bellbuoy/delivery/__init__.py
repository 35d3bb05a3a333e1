"""From the event log to the receivers."""
