"""Linear regression on descriptors."""
