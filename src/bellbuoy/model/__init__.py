"""The words of Bellbuoy as frozen values: what pages say, what we hold, what we send."""
