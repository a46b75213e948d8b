"""Evaluation of models, and comparison with others."""
