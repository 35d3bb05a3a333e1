"""A process among several that share a store: its share of the work, its sign of life."""
