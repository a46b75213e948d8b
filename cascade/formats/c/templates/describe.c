/* ------------------------------------------------------- the descriptors at all landmarks (HOG) */

enum { CASCADE_D = CASCADE_DIRECTIONS };

/* The histogram between four of a plane, and once more behind: any eight in a row are the eight
   from some direction on. */
static void cascade_blend(const struct cascade_plane *plane, float x, float y,
                          float *restrict histogram)
{
    float right = (float)(plane->width - 1), bottom = (float)(plane->height - 1);
    float fx, fy;
    const float *at, *below;
    int column, row;
    x = x > 0 ? x : 0; /* not a number ends at 0 */
    y = y > 0 ? y : 0;
    x = x < right ? x : right;
    y = y < bottom ? y : bottom;
    column = (int)x < plane->width - 2 ? (int)x : plane->width - 2;
    row = (int)y < plane->height - 2 ? (int)y : plane->height - 2;
    fx = x - (float)column;
    fy = y - (float)row;
    at = plane->first + ((ptrdiff_t)row * plane->width + column) * CASCADE_D;
    below = at + (ptrdiff_t)plane->width * CASCADE_D;
    for (int o = 0; o < CASCADE_D; o++) {
        float high = at[o] + fx * (at[o + CASCADE_D] - at[o]);
        float low = below[o] + fx * (below[o + CASCADE_D] - below[o]);
        histogram[o] = high + fy * (low - high);
    }
    for (int o = 0; o < CASCADE_D; o++)
        histogram[o + CASCADE_D] = histogram[o];
}

/* How much of the directions `lane` and `lane + 1` of the image is in each of the shape's. */
static int cascade_turn_directions(struct cascade_turn turn, float shares[2][CASCADE_D])
{
    const float root = 1.41421353816986083984375f; /* of 2 */
    float eighths = cascade_eighths(turn.b, turn.a), whole;
    int lane;
    eighths = eighths == eighths ? eighths : 0;
    whole = floorf(eighths);
    lane = (int)whole & 7;
    for (int o = 0; o < CASCADE_D; o++)
        for (int j = 0; j < 2; j++) {
            float share = j ? eighths - whole : whole + 1 - eighths;
            shares[j][o] = ((lane + o) & 1) != j ? share * root : share;
        }
    return lane;
}

/* The descriptors at all landmarks, normalised, in steps of 1/4096; by landmark, by cell, by
   direction. */
static void cascade_describe(const struct cascade_plane *plane, int level,
                             const struct cascade_view *view, const float *shape,
                             struct cascade_turn turn, const float *cells, int n_cells,
                             int16_t *restrict numbers)
{
    float factor = 0.5f / (float)(1 << level), side = view->side * factor;
    float cx = (view->cx + 0.5f) * factor - 0.5f, cy = (view->cy + 0.5f) * factor - 0.5f;
    float shares[2][CASCADE_D], dx[CASCADE_CELLS], dy[CASCADE_CELLS];
    int lane = cascade_turn_directions(turn, shares), n = n_cells * CASCADE_D;
    for (int c = 0; c < n_cells; c++) {
        dx[c] = side * (turn.a * cells[2 * c] - turn.b * cells[2 * c + 1]);
        dy[c] = side * (turn.b * cells[2 * c] + turn.a * cells[2 * c + 1]);
    }
    for (int k = 0; k < CASCADE_POINTS; k++, numbers += n) {
        float x = cx + side * shape[k], y = cy + side * shape[CASCADE_POINTS + k];
        float parts[CASCADE_CELLS * CASCADE_D], sums[CASCADE_D] = {0}, total = 1, scale;
        for (int c = 0; c < n_cells; c++) {
            float histogram[2 * CASCADE_D], *part = parts + c * CASCADE_D;
            const float *here = histogram + lane, *next = here + 1;
            cascade_blend(plane, x + dx[c], y + dy[c], histogram);
            for (int o = 0; o < CASCADE_D; o++)
                part[o] = shares[0][o] * here[o] + shares[1][o] * next[o];
        }
        for (int c = 0; c < n_cells; c++)
            for (int o = 0; o < CASCADE_D; o++)
                sums[o] += parts[c * CASCADE_D + o];
        for (int o = 0; o < CASCADE_D; o++)
            total += sums[o];
        scale = (float)CASCADE_STEPS * CASCADE_STEPS / total;
        for (int q = 0; q < n; q++)
            numbers[q] = (int16_t)(int32_t)(sqrtf(parts[q] * scale) + 0.5f);
    }
}
