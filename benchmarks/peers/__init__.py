"""The same training in other people's code, side by side."""
