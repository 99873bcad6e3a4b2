"""Is the composite of the inference battery believable? See docs/design/battery.md."""
