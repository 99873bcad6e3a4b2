"""The inference battery as a run uses it: what is asked, of whom, and how it is shown."""
