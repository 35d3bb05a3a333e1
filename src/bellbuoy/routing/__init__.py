"""Who hears of an event. Pure."""
