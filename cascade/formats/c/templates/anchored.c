/* Points that are tied to landmarks, and turn and scale with the shape. */
struct cascade_points {
    int n;
    const uint16_t *anchors;
    const float *right, *down; /* from the landmark, in the frame of the mean shape */
};

static void cascade_read_points(const struct cascade_view *view, const float *shape,
                                struct cascade_turn turn, const struct cascade_points *points,
                                uint8_t *restrict out)
{
    float across[CASCADE_PIXELS], down[CASCADE_PIXELS];
    ptrdiff_t where[CASCADE_PIXELS];
    float cx = view->cx + 0.5f, cy = view->cy + 0.5f, side = view->side, a = turn.a, b = turn.b;
    float right = (float)(view->width - 1), bottom = (float)(view->height - 1);
    int n = points->n;
    for (int p = 0; p < n; p++) {
        across[p] = shape[points->anchors[p]];
        down[p] = shape[CASCADE_POINTS + points->anchors[p]];
    }
    for (int p = 0; p < n; p++) {
        float dx = points->right[p], dy = points->down[p];
        float x = cx + side * (across[p] + a * dx - b * dy);
        float y = cy + side * (down[p] + b * dx + a * dy);
        x = x > 0 ? x : 0; /* not a number ends at 0 */
        y = y > 0 ? y : 0;
        x = x < right ? x : right;
        y = y < bottom ? y : bottom;
        where[p] = (ptrdiff_t)(int32_t)y * view->row + (ptrdiff_t)(int32_t)x * view->step;
    }
    for (int p = 0; p < n; p++)
        out[p] = view->first[where[p]];
}
