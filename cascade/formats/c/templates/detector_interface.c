enum {
    CASCADE_BAD_IMAGE = -1,  /* no image, no pixels, a stride below the width, or a side too long */
    CASCADE_BAD_SEARCH = -2, /* sizes, factor, step or number of angles out of range */
    CASCADE_BAD_SCRATCH = -3 /* no scratch, or less than cascade_scratch tells */
};

/* A face: its box, how sure it is (log odds), and its landmarks, x before y, in pixels. */
struct cascade_face {
    float box[4], score, points[2 * CASCADE_POINTS];
};

/* What to look for. */
struct cascade_search {
    double min_size, max_size; /* sides of boxes, in pixels; 8 or more; 0 is as large as can be */
    double factor, step;       /* from a size to the next, 1.01 to 4; between windows, in sides */
    double more_factor, more_step; /* the same of all angles but the first */
    double min_score;          /* faces with a lower one are left out */
    int n_angles;              /* 1 to 36, by which faces are turned, clockwise; */
    const double *turns;       /* the cosine and sine of each */
};

/* Bytes that a search of an image works in; 0 for an image that cannot be. */
CASCADE_API size_t cascade_scratch(int width, int height);

/* Faces, the surest first, `most` of them at most: their number, or a code of what is wrong. */
CASCADE_API int cascade_detect(const uint8_t *grey, int width, int height, int stride,
                               const struct cascade_search *search, void *scratch, size_t size,
                               struct cascade_face *faces, int most);

/* The same for faces of at least 20 pixels, or 1/64 of the longer side, that are upright or turned
   by about 40 degrees at most: what the detector 'jda' of the package finds. */
CASCADE_API int cascade_find(const uint8_t *grey, int width, int height, int stride, void *scratch,
                             size_t size, struct cascade_face *faces, int most);

/* Floats in a struct cascade_face, for programs that are linked later. */
CASCADE_API int cascade_face_floats(void);
