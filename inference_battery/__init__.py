"""What a model can do: sampled text, scored by probes that need no second model.

Depends on torch and `state` only. Anything that satisfies `LanguageModel` can be tried.
"""
