/* ------------------------------------ local forests and one regression (Ren et al. 2014, LBF) */

struct cascade_forests {
    int pool;                  /* points, which all landmarks share */
    const float *right, *down; /* from the landmark, in the frame of the mean shape */
    int n, depth;              /* trees, as many for each landmark */
    const uint8_t *first, *second; /* level by level, tree by tree, as of boosted trees */
    const int16_t *threshold;
    const int8_t *weights; /* a row a leaf */
    const float *basis, *bias;
};

/* Greatest whole number below, within what any image holds. */
static int32_t cascade_whole(float x)
{
    const float far = 16777216.0f;
    int32_t whole;
    x = x < far ? x : far;
    x = x > -far ? x : -far;
    whole = (int32_t)x;
    return whole - (x < (float)whole);
}

static uint8_t cascade_border_pixel(const struct cascade_view *view, int32_t x, int32_t y)
{
    x = x < 0 ? 0 : x < view->width ? x : view->width - 1;
    y = y < 0 ? 0 : y < view->height ? y : view->height - 1;
    return view->first[y * view->row + x * view->step];
}

static void cascade_run_forests(const struct cascade_forests *stage,
                                const struct cascade_view *view, float *shape)
{
    struct cascade_turn turn = cascade_similarity(shape);
    int32_t dx[CASCADE_PIXELS], dy[CASCADE_PIXELS], reach_x = 0, reach_y = 0;
    int32_t xs[CASCADE_POINTS], ys[CASCADE_POINTS];
    ptrdiff_t step[CASCADE_PIXELS];
    const uint8_t *base[CASCADE_TREES];
    uint32_t place[CASCADE_TREES];
    int32_t total[CASCADE_WIDTH] = {0};
    float sums[CASCADE_WIDTH], delta[CASCADE_OUTPUTS];
    const uint8_t *first = stage->first, *second = stage->second;
    const int16_t *threshold = stage->threshold;
    int each = stage->n / CASCADE_POINTS, inside = 1;

    /* The pool turns and scales with the shape, in whole pixels. */
    for (int p = 0; p < stage->pool; p++) {
        float u = stage->right[p], v = stage->down[p];
        dx[p] = cascade_whole(view->side * (turn.a * u - turn.b * v) + 0.5f);
        dy[p] = cascade_whole(view->side * (turn.b * u + turn.a * v) + 0.5f);
        step[p] = dy[p] * view->row + dx[p] * view->step;
        reach_x = dx[p] > reach_x ? dx[p] : -dx[p] > reach_x ? -dx[p] : reach_x;
        reach_y = dy[p] > reach_y ? dy[p] : -dy[p] > reach_y ? -dy[p] : reach_y;
    }
    for (int k = 0; k < CASCADE_POINTS; k++) {
        int32_t x = cascade_whole(view->cx + 0.5f + view->side * shape[k]);
        int32_t y = cascade_whole(view->cy + 0.5f + view->side * shape[CASCADE_POINTS + k]);
        xs[k] = x;
        ys[k] = y;
        inside &= reach_x <= x && x < view->width - reach_x;
        inside &= reach_y <= y && y < view->height - reach_y;
    }
    for (int k = 0; k < stage->n; k++)
        place[k] = (uint32_t)k;
    if (inside)
        for (int k = 0; k < stage->n; k++)
            base[k] = view->first + ys[k / each] * view->row + xs[k / each] * view->step;
    for (int level = 0; level < stage->depth; level++) {
        for (int k = 0; k < stage->n; k++) {
            uint32_t g = place[k];
            uint8_t p = first[g], q = second[g], one, other;
            if (inside) {
                one = base[k][step[p]];
                other = base[k][step[q]];
            } else {
                int32_t x = xs[k / each], y = ys[k / each];
                one = cascade_border_pixel(view, x + dx[p], y + dy[p]);
                other = cascade_border_pixel(view, x + dx[q], y + dy[q]);
            }
            place[k] = 2 * g + (one - other >= threshold[g]);
        }
        first += (ptrdiff_t)stage->n << level;
        second += (ptrdiff_t)stage->n << level;
        threshold += (ptrdiff_t)stage->n << level;
    }
    /* The leaves are the ones of a sparse code: its product is a sum of their weights. */
    cascade_add_leaves(stage->weights, place, stage->n, total);
    for (int r = 0; r < CASCADE_WIDTH; r++)
        sums[r] = (float)total[r];
    cascade_apply_basis(sums, CASCADE_WIDTH, stage->basis, stage->bias, delta);
    cascade_move(shape, turn, delta);
}
