"""Joint cascade detection and alignment."""
