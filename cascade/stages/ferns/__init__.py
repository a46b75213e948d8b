"""Boosted random ferns, with visibility or without."""
