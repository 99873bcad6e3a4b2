"""Members of equal shape that train as one batched program: docs/design/gpu.md."""
