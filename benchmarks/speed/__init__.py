"""How fast is a step? Every figure is a ratio of two things measured in turn."""
