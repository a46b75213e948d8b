/* ------------------------------------------------- boosted trees (Kazemi & Sullivan 2014, ERT) */

struct cascade_trees {
    struct cascade_points points;
    int n, depth;
    /* Nodes level by level, and within a level tree by tree: the children of node g of a level are
       2g and 2g + 1 of the next, and those of the last level are the leaves. */
    const uint16_t *first, *second;
    const int16_t *threshold;
    const int8_t *leaves;
    const float *basis, *bias;
};

static void cascade_run_trees(const struct cascade_trees *stage, const struct cascade_view *view,
                              float *shape)
{
    struct cascade_turn turn = cascade_similarity(shape);
    uint8_t pixel[CASCADE_PIXELS];
    uint32_t place[CASCADE_TREES];
    int32_t total[CASCADE_WIDTH] = {0};
    float sums[CASCADE_WIDTH], delta[CASCADE_OUTPUTS];
    const uint16_t *first = stage->first, *second = stage->second;
    const int16_t *threshold = stage->threshold;

    cascade_read_points(view, shape, turn, &stage->points, pixel);
    for (int k = 0; k < stage->n; k++)
        place[k] = (uint32_t)k;
    for (int level = 0; level < stage->depth; level++) {
        /* All trees take one step, then all the next: no step waits for another. */
        for (int k = 0; k < stage->n; k++) {
            uint32_t g = place[k];
            place[k] = 2 * g + (pixel[first[g]] - pixel[second[g]] >= threshold[g]);
        }
        first += (ptrdiff_t)stage->n << level;
        second += (ptrdiff_t)stage->n << level;
        threshold += (ptrdiff_t)stage->n << level;
    }
    cascade_add_leaves(stage->leaves, place, stage->n, total);
    for (int r = 0; r < CASCADE_WIDTH; r++)
        sums[r] = (float)total[r];
    cascade_apply_basis(sums, CASCADE_WIDTH, stage->basis, stage->bias, delta);
    cascade_move(shape, turn, delta);
}
