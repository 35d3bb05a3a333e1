"""The pretend internet: seeded vendors, rendered in every format and served on loopback."""
