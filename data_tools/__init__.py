"""Data in, judgement out: annotated faces, landmark schemes and the store that training reads."""
