"""Backbones: decoders that share the evolved feed-forward layer."""
