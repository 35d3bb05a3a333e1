"""What other tools read of us: a status page of our own, feeds, a calendar, badges."""
