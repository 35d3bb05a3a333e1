"""A pretend internet: seeded vendors on loopback, with full lives, in every format."""
