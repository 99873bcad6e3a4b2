"""Every validation gate of a run that is on disk, before more is spent on it."""
