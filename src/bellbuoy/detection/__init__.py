"""What changed on a page, how reading it goes, and when to look again. Pure."""
