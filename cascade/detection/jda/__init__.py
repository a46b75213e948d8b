"""Joint cascade face detection and alignment: method ``jda``.

A window goes through three parts, each of which may reject it: boosted comparisons of pixels in the
fixed window (`front`), stages of trees at points that move with the landmarks, which also move them
(`stages`), and a linear classifier on HOG descriptors at the landmarks (`verifying`). `running`
searches an image with all of them, `training` makes them against windows that `mining` finds.
"""
