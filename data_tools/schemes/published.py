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

# The points of 300-W without the jaw, which papers report too ("51 points").
INNER51 = Scheme(
    "inner51",
    51,
    flip=tuple(i - 17 for i in FACE68.flip[17:]),
    groups={
        name: (tuple(i - 17 for i in points), closed)
        for name, (points, closed) in FACE68.groups.items()
        if name != "jaw"
    },
    eye_corners=(19, 28),
    pupils=(range(19, 25), range(25, 31)),
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

# HELEN (Le et al. 2012): jaw from the person's right to the left; nose down one side, under the tip
# and up the other; outline of the lips from the person's right corner over the upper edge; inner
# outline likewise; left eye, then right eye, each from the inner corner over the upper lid; left
# eyebrow, then right eyebrow, each its upper edge before its lower one. The paper names the parts;
# where each begins is as Stasm's table of this scheme has it, but for the lips, where its pairs are
# one point off the middles that it gives itself.
HELEN194 = Scheme(
    "helen194",
    194,
    flip=_flip(
        194,
        (range(20), range(40, 20, -1)),
        (range(41, 49), range(57, 49, -1)),
        (range(58, 65), range(72, 65, -1)),
        (range(80, 86), range(78, 72, -1)),
        (range(86, 93), range(100, 93, -1)),
        (range(108, 114), range(106, 100, -1)),
        (range(134, 154), range(114, 134)),
        (range(174, 194), range(154, 174)),
    ),
    groups=_lines(
        jaw=(0, 40, False),
        nose=(41, 57, False),
        outer_lip=(58, 85, True),
        inner_lip=(86, 113, True),
        left_eye=(114, 133, True),
        right_eye=(134, 153, True),
        left_eyebrow=(154, 173, True),
        right_eyebrow=(174, 193, True),
    ),
    eye_corners=(145, 125),
    pupils=(range(134, 154), range(114, 134)),
)

# The five points of MTFL, CelebA and most networks' detectors: centres of the right and the left
# eye, tip of the nose, right and left corner of the mouth. There are no eye corners; papers divide
# by the distance of the eyes' centres.
CENTRES5 = Scheme(
    "centres5",
    5,
    flip=(1, 0, 2, 4, 3),
    groups=_lines(
        right_eye=(0, 0, False), left_eye=(1, 1, False), nose=(2, 2, False), mouth=(3, 4, False)
    ),
    pupils=((0,), (1,)),
)

# BioID (Jesorsky et al. 2001, points of the FGNET project): pupils, mouth corners, eyebrows across
# the image, right temple, eye corners across the image, left temple, nose tip, nostrils, middle of
# the upper and the lower lip, chin.
BIOID20 = Scheme(
    "bioid20",
    20,
    flip=_flip(20, ((0, 2, 4, 5, 8, 9, 10, 15), (1, 3, 7, 6, 13, 12, 11, 16))),
    groups={
        "right_pupil": ((0,), False),
        "left_pupil": ((1,), False),
        "mouth": ((2, 17, 3, 18), True),
        "right_eyebrow": ((4, 5), False),
        "left_eyebrow": ((6, 7), False),
        "right_eye": ((9, 10), False),
        "left_eye": ((11, 12), False),
        "nose": ((15, 14, 16), False),
        "outline": ((8, 19, 13), False),
    },
    eye_corners=(9, 12),
    pupils=((0,), (1,)),
)

# The 39 points of Menpo's profile faces (Zafeiriou et al. 2017): outline, eyebrow, bridge of the
# nose, its base and wing, eye, outer and inner lip. They are named by what they are, whichever side
# of the face is seen, so in a mirror each is its own counterpart. There is one eye, so neither eye
# corners nor pupils: papers divide by the size of the face (normaliser "box").
MENPO39 = Scheme(
    "menpo39",
    39,
    flip=tuple(range(39)),
    groups=_lines(
        outline=(0, 11, False),
        eyebrow=(12, 15, False),
        nose_bridge=(16, 19, False),
        nose_base=(20, 21, False),
        eye=(22, 26, True),
        outer_lip=(27, 33, False),
        inner_lip=(34, 38, False),
    ),
)


def _muct(name, n_points, right_lids=(), left_lids=()):
    """Landmarks of MUCT; the later of its two schemes has four more points on each lid."""
    return Scheme(
        name,
        n_points,
        flip=_flip(
            n_points,
            (range(7), range(14, 7, -1)),
            (range(21, 27), range(15, 21)),
            (range(27, 32), range(32, 37)),
            ((37, 38, 39, 40, 46), (45, 44, 43, 42, 47)),
            ((48, 49, 50, 59, 58, 60, 65), (54, 53, 52, 55, 56, 62, 63)),
            (right_lids, left_lids),
        ),
        groups={
            "jaw": (range(15), False),
            "left_eyebrow": (range(15, 21), True),
            "right_eyebrow": (range(21, 27), True),
            "right_eye": (_outline((27, 28, 29, 30), right_lids), True),
            "right_pupil": ((31,), False),
            "left_eye": (_outline((32, 33, 34, 35), left_lids), True),
            "left_pupil": ((36,), False),
            "nose": (range(37, 46), False),
            "nostrils": ((46, 67, 47), False),
            "outer_lip": (range(48, 60), True),
            "inner_lip": ((60, 61, 62, 63, 64, 65), True),
            "mouth_centre": ((66,), False),
        },
        eye_corners=(27, 32),
        pupils=((31,), (36,)),
    )


def _outline(corners, lids):
    """Outer corner, top, inner corner and bottom of an eye, with the points of the lids between."""
    return tuple(
        i for pair in zip(corners, lids or [None] * 4, strict=True) for i in pair if i is not None
    )


# MUCT (Milborrow et al. 2010): jaw from the person's right to the left; left, then right eyebrow
# from the outer end along the upper edge and back; right eye's outer corner, top, inner corner,
# bottom and pupil, then the left's; nose down one side and up the other; nostrils; mouth; its
# centre; tip of the nose. MUCT68 is XM2VTS's scheme too, and none of 300-W's.
MUCT68 = _muct("muct68", 68)
MUCT76 = _muct("muct76", 76, (68, 69, 70, 71), (72, 73, 74, 75))

# JD-landmark (Liu et al. 2019) and LaPa (Liu et al. 2020): jaw from the person's right to the left;
# eyebrows' upper, then lower edges; bridge of the nose; its sides and base; eyes; lips; pupils.
# Points 72 and 81 are the lower lids' middles, as 68 and 77 are the upper ones'.
LAPA106 = Scheme(
    "lapa106",
    106,
    flip=_flip(
        106,
        (range(16), range(32, 16, -1)),
        (range(33, 38), range(46, 41, -1)),
        (range(38, 42), range(50, 46, -1)),
        (range(55, 60), range(65, 60, -1)),
        (range(66, 71), range(79, 74, -1)),
        ((71, 72, 73, 74), (82, 81, 80, 83)),
        ((84, 85, 86), (90, 89, 88)),
        ((95, 94), (91, 92)),
        ((96, 97, 103), (100, 99, 101)),
        ((104,), (105,)),
    ),
    groups={
        "jaw": (range(33), False),
        "right_eyebrow": ((33, 34, 35, 36, 37, 38, 39, 40, 41), True),
        "left_eyebrow": ((42, 43, 44, 45, 46, 47, 48, 49, 50), True),
        "nose_bridge": (range(51, 55), False),
        "nose_base": (range(55, 66), False),
        "right_eye": (range(66, 74), True),
        "right_iris": ((74,), False),
        "left_eye": (range(75, 83), True),
        "left_iris": ((83,), False),
        "outer_lip": (range(84, 96), True),
        "inner_lip": (range(96, 104), True),
        "right_pupil": ((104,), False),
        "left_pupil": ((105,), False),
    },
    eye_corners=(66, 79),
    pupils=((104,), (105,)),
)

# The first scheme of a number of points is the one that number stands for.
ALL = (
    FACE68, IMM58, FACE5, COFW29, AFLW19, AFLW21, WFLW98, HELEN194, CENTRES5, BIOID20, MENPO39,
    MUCT68, MUCT76, LAPA106, INNER51,
)  # fmt: skip
