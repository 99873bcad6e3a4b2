"""Playing a run again from its configuration and its results alone, without torch and Ray."""
