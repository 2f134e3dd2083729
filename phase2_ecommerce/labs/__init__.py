"""Experiments with the tables of this phase: predict, run, reconcile."""
