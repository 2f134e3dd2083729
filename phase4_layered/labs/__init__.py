"""Experiments with layers: what they cost, and what they let one do."""
