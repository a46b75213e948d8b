"""The landmark schemes of published data sets.

Texts of the sets differ in whose left they mean; here a side is the pictured person's own.
"""

from .scheme import Scheme


def _flip(n_points, *pairs):
    """Flip index of which two equally long ranges a pair hold the counterparts in order."""
    flip = list(range(n_points))
    for right, left in pairs:
        for i, j in zip(right, left, strict=True):
            flip[i], flip[j] = j, i
    return tuple(flip)


def _lines(**groups):
    """Groups from (first, last, closed), both ends included."""
    return {
        name: (tuple(range(first, last + 1)), closed)
        for name, (first, last, closed) in groups.items()
    }


# 300-W (Sagonas et al. 2013), the Multi-PIE order: jaw from the person's right ear to the left,
# eyebrows, nose, eyes, outer then inner lip.
FACE68 = Scheme(
    "face68",
    68,
    flip=_flip(
        68,
        (range(8), range(16, 8, -1)),
        (range(17, 22), range(26, 21, -1)),
        ((31, 32), (35, 34)),
        ((36, 37, 38, 39, 40, 41), (45, 44, 43, 42, 47, 46)),
        ((48, 49, 50), (54, 53, 52)),
        ((58, 59), (56, 55)),
        ((60, 61, 67), (64, 63, 65)),
    ),
    groups=_lines(
        jaw=(0, 16, False),
        right_eyebrow=(17, 21, False),
        left_eyebrow=(22, 26, False),
        nose_bridge=(27, 30, False),
        nose_base=(31, 35, False),
        right_eye=(36, 41, True),
        left_eye=(42, 47, True),
        outer_lip=(48, 59, True),
        inner_lip=(60, 67, True),
    ),
    eye_corners=(36, 45),
    pupils=(range(36, 42), range(42, 48)),
)

# IMM (Stegmann and Nordstrøm et al. 2004): jaw from the person's right to the left; left eye then
# right eye, each from the outer corner over the upper lid; left eyebrow then right eyebrow, each
# from the nose outwards; mouth from the person's right corner over the upper lip; nose from beside
# the right eye down around the tip and up again.
IMM58 = Scheme(
    "imm58",
    58,
    flip=_flip(
        58,
        (range(6), range(12, 6, -1)),
        (range(21, 29), range(13, 21)),
        (range(34, 39), range(29, 34)),
        ((39, 40, 46), (43, 42, 44)),
        (range(47, 52), range(57, 52, -1)),
    ),
    groups=_lines(
        jaw=(0, 12, False),
        left_eye=(13, 20, True),
        right_eye=(21, 28, True),
        left_eyebrow=(29, 33, False),
        right_eyebrow=(34, 38, False),
        mouth=(39, 46, True),
        nose=(47, 57, False),
    ),
    eye_corners=(21, 13),
    pupils=(range(21, 29), range(13, 21)),
)

# Five points in dlib's order: left eye outer corner, left eye inner corner, right eye outer corner,
# right eye inner corner, base of the nose; landmarks 45, 42, 36, 39 and 33 of face68.
FACE5 = Scheme(
    "face5",
    5,
    flip=(2, 3, 0, 1, 4),
    groups=_lines(left_eye=(0, 1, False), right_eye=(2, 3, False), nose=(4, 4, False)),
    eye_corners=(2, 0),
    pupils=((2, 3), (0, 1)),
)

# COFW (Burgos-Artizzu et al. 2013), the points of LFPW (Belhumeur et al. 2011) without the ears, in
# pairs of the person's right, then left: eyebrows outer end, inner end; right eyebrow top, bottom,
# left likewise; eyes outer corner, inner corner; right eye top, bottom, left likewise; pupils;
# nostrils' outer edges; nose tip, nose base; mouth corners; upper lip top, bottom, lower lip top,
# bottom; chin.
COFW29 = Scheme(
    "cofw29",
    29,
    flip=_flip(
        29,
        ((0, 2, 4, 5), (1, 3, 6, 7)),
        ((8, 10, 12, 13, 16), (9, 11, 14, 15, 17)),
        ((18, 22), (19, 23)),
    ),
    groups={
        "right_eyebrow": ((0, 4, 2, 5), True),
        "left_eyebrow": ((1, 6, 3, 7), True),
        "right_eye": ((8, 12, 10, 13), True),
        "left_eye": ((9, 14, 11, 15), True),
        "right_pupil": ((16,), False),
        "left_pupil": ((17,), False),
        "nose": ((18, 20, 19, 21), True),
        "outer_lip": ((22, 24, 23, 27), True),
        "inner_lip": ((25, 26), False),
        "chin": ((28,), False),
    },
    eye_corners=(8, 9),
    pupils=((16,), (17,)),
)

# AFLW (Köstinger et al. 2011): eyebrows, then eyes, each three points across the image; right ear,
# nose across, left ear; mouth across; chin.
AFLW21 = Scheme(
    "aflw21",
    21,
    flip=_flip(
        21,
        (range(3), range(5, 2, -1)),
        (range(6, 9), range(11, 8, -1)),
        ((12, 13, 17), (16, 15, 19)),
    ),
    groups=_lines(
        right_eyebrow=(0, 2, False),
        left_eyebrow=(3, 5, False),
        right_eye=(6, 8, False),
        left_eye=(9, 11, False),
        right_ear=(12, 12, False),
        nose=(13, 15, False),
        left_ear=(16, 16, False),
        mouth=(17, 19, False),
        chin=(20, 20, False),
    ),
    eye_corners=(6, 11),
    pupils=((7,), (10,)),
)

# The 19 points of AFLW that papers report on: the 21 without the ears (Zhu et al. 2016).
AFLW19 = Scheme(
    "aflw19",
    19,
    flip=_flip(
        19,
        (range(3), range(5, 2, -1)),
        (range(6, 9), range(11, 8, -1)),
        ((12, 15), (14, 17)),
    ),
    groups=_lines(
        right_eyebrow=(0, 2, False),
        left_eyebrow=(3, 5, False),
        right_eye=(6, 8, False),
        left_eye=(9, 11, False),
        nose=(12, 14, False),
        mouth=(15, 17, False),
        chin=(18, 18, False),
    ),
    eye_corners=(6, 11),
    pupils=((7,), (10,)),
)

# WFLW (Wu et al. 2018): as 300-W, but denser, eyebrows as closed outlines that begin with their
# upper edge, and the pupils at the end.
WFLW98 = Scheme(
    "wflw98",
    98,
    flip=_flip(
        98,
        (range(16), range(32, 16, -1)),
        (range(33, 38), range(46, 41, -1)),
        (range(38, 42), range(50, 46, -1)),
        ((55, 56), (59, 58)),
        (range(60, 65), range(72, 67, -1)),
        ((65, 66, 67), (75, 74, 73)),
        ((76, 77, 78), (82, 81, 80)),
        ((87, 86), (83, 84)),
        ((88, 89, 95), (92, 91, 93)),
        ((96,), (97,)),
    ),
    groups=_lines(
        jaw=(0, 32, False),
        right_eyebrow=(33, 41, True),
        left_eyebrow=(42, 50, True),
        nose_bridge=(51, 54, False),
        nose_base=(55, 59, False),
        right_eye=(60, 67, True),
        left_eye=(68, 75, True),
        outer_lip=(76, 87, True),
        inner_lip=(88, 95, True),
        right_pupil=(96, 96, False),
        left_pupil=(97, 97, False),
    ),
    eye_corners=(60, 72),
    pupils=((96,), (97,)),
)

# HELEN (Le et al. 2012). The set describes which points make which part, but not where each outline
# begins and which way it runs, so there is no flip index and no corner; `Scheme.from_file` takes a
# scheme that has them.
HELEN194 = Scheme(
    "helen194",
    194,
    groups=_lines(
        jaw=(0, 40, False),
        nose=(41, 57, False),
        outer_lip=(58, 85, True),
        inner_lip=(86, 113, True),
        right_eye=(114, 133, True),
        left_eye=(134, 153, True),
        right_eyebrow=(154, 173, True),
        left_eyebrow=(174, 193, True),
    ),
    pupils=(range(114, 134), range(134, 154)),
)

ALL = (FACE68, IMM58, FACE5, COFW29, AFLW19, AFLW21, WFLW98, HELEN194)
