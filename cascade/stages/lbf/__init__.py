"""Linear regression on local binary features."""
