"""Models of shape and appearance that are fitted to an image: ASM and AAM, and what both stand on,
the point distribution model."""
