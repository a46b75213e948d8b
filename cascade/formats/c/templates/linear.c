struct cascade_linear {
    float spacing;      /* of cells, in box sides */
    const float *cells; /* their centres, (x, y), in the frame of the mean shape */
    int n_cells;
    float gain;         /* what a box side of the shape counts; 0 where it is not read */
    int n, components;  /* numbers, a multiple of 16, and rows of `weights` */
    const int8_t *weights;
    const float *basis, *bias;
};

/* How far a shape is from the mean shape, in its frame, in the same steps. */
static void cascade_compare(const float *shape, struct cascade_turn turn, float gain,
                            int16_t *numbers)
{
    const float far = 4.0f * CASCADE_STEPS;
    float energy = turn.a * turn.a + turn.b * turn.b, a, b, cx = 0, cy = 0;
    energy = energy > 1e-12f ? energy : 1e-12f;
    a = turn.a / energy;
    b = turn.b / energy;
    for (int k = 0; k < CASCADE_POINTS; k++) {
        cx += shape[k];
        cy += shape[CASCADE_POINTS + k];
    }
    cx /= CASCADE_POINTS;
    cy /= CASCADE_POINTS;
    gain *= CASCADE_STEPS;
    for (int axis = 0; axis < 2; axis++)
        for (int k = 0; k < CASCADE_POINTS; k++) {
            float x = shape[k] - cx, y = shape[CASCADE_POINTS + k] - cy;
            float aligned = axis ? a * y - b * x : a * x + b * y;
            float value = gain * (aligned - cascade_reference[axis * CASCADE_POINTS + k]);
            value = value > -far ? value : -far;
            value = value < far ? value : far;
            numbers[2 * k + axis] = (int16_t)floorf(value + 0.5f);
        }
}

/* Products of whole numbers with the weights of each component. */
static void cascade_project(const struct cascade_linear *stage, const int16_t *restrict numbers,
                            float *restrict sums)
{
    for (int r = 0; r < stage->components; r++) {
        const int8_t *restrict row = stage->weights + (ptrdiff_t)r * stage->n;
        int32_t sum = 0;
        for (int f = 0; f < stage->n; f++)
            sum += numbers[f] * row[f];
        sums[r] = (float)sum;
    }
}

/* The components of what a stage sees, and how the shape is turned. */
static struct cascade_turn cascade_see(const struct cascade_linear *stage,
                                       const struct cascade_view *view,
                                       struct cascade_hog_room *room, const float *shape,
                                       float *sums)
{
    int n = CASCADE_POINTS * stage->n_cells * CASCADE_DIRECTIONS;
    struct cascade_turn turn = cascade_similarity(shape);
    int level = cascade_octave(stage->spacing * view->side, view);
    const struct cascade_plane *plane = cascade_plane_of(*view, level, room);
    int16_t numbers[CASCADE_NUMBERS];
    for (int f = n; f < stage->n; f++)
        numbers[f] = 0;
    cascade_describe(plane, level, view, shape, turn, stage->cells, stage->n_cells, numbers);
    if (stage->gain > 0)
        cascade_compare(shape, turn, stage->gain, numbers + n);
    cascade_project(stage, numbers, sums);
    return turn;
}

static void cascade_run_linear(const struct cascade_linear *stage, const struct cascade_view *view,
                               struct cascade_hog_room *room, float *shape)
{
    float sums[CASCADE_COMPONENTS], delta[CASCADE_OUTPUTS];
    struct cascade_turn turn = cascade_see(stage, view, room, shape, sums);
    cascade_apply_basis(sums, stage->components, stage->basis, stage->bias, delta);
    cascade_move(shape, turn, delta);
}
