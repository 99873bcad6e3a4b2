"""The run in a terminal: a live view where there is one, line logs elsewhere."""
