"""Boosted regression trees on shape-indexed pixels."""
