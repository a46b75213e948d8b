"""Shape models: ASM and AAM, and the point distribution model that both are based on."""
