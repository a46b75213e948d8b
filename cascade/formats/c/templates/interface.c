enum {
    CASCADE_OK = 0,
    CASCADE_BAD_IMAGE = 1, /* no image, no pixels, a stride below the width, or a side too long */
    CASCADE_BAD_BOX = 2,   /* not finite, without width or height, or 1e9 pixels away or wide */
    CASCADE_OUTSIDE = 3    /* the box lies outside the image */
};

/* Landmarks of the face in a box. */
CASCADE_API int cascade_predict(const uint8_t *grey, int width, int height, int stride,
                                const float box[4], float *points);

/* The same, and what else is known of each landmark; both may be null. `spread` takes how far the
   answers of several starts lie apart, in units of the box: 0 where there is one start. `visible`
   takes how probably a landmark can be seen: 1 where the model does not say. */
CASCADE_API int cascade_align(const uint8_t *grey, int width, int height, int stride,
                              const float box[4], float *points, float *spread, float *visible);

/* The box that this model wants where the detector 'jda' finds a face: that of `cascade convert jda
   detector.c`. CASCADE_BAD_BOX also where nothing is known of the detector's boxes. */
CASCADE_API int cascade_from_detector(const float detected[4], float box[4]);

/* The box for a second look at the same face, or for the next frame of a video; returned is how
   badly the landmarks fit the mean shape, in sides of the box. Above 0.16, they make no face. */
CASCADE_API float cascade_box_of(const float *points, float box[4]);

/* CASCADE_POINTS, for programs that are linked later. */
CASCADE_API int cascade_n_points(void);
