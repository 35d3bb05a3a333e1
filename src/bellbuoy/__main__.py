"""`python -m bellbuoy`, and the command `bellbuoy`."""

from bellbuoy.cli.program import main

if __name__ == "__main__":
    raise SystemExit(main())
