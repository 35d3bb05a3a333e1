"""What Bellbuoy costs, beside a plain loop that does the same: `python -m benchmarks`."""
