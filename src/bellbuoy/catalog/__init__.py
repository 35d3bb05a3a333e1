"""The shipped data: which providers there are, where their pages lie, how they are read."""
