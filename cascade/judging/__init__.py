"""What a model is worth: evaluation, and comparison with others."""
