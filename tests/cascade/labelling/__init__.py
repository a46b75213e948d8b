"""Tests of the labelling page."""
