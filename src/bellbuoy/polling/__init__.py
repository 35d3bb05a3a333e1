"""Which pages are due, and one visit to one page."""
