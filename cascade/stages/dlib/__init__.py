"""Boosted trees by the rules of dlib's shape predictor."""
