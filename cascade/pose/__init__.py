"""Turned heads: key shapes, routes and clusters of shapes."""
