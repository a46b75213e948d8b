struct cascade_anchored_ferns {
    struct cascade_points points;
    struct cascade_ferns ferns;
};

static void cascade_run_anchored_ferns(const struct cascade_anchored_ferns *stage,
                                       const struct cascade_view *view, float *shape)
{
    struct cascade_turn turn = cascade_similarity(shape);
    uint8_t pixel[CASCADE_PIXELS];
    int32_t total[CASCADE_WIDTH] = {0};
    float sums[CASCADE_WIDTH], delta[CASCADE_OUTPUTS];
    cascade_read_points(view, shape, turn, &stage->points, pixel);
    cascade_add_ferns(&stage->ferns, pixel, 0, stage->ferns.n, total);
    for (int r = 0; r < CASCADE_WIDTH; r++)
        sums[r] = (float)total[r];
    cascade_apply_basis(sums, CASCADE_WIDTH, stage->ferns.basis, stage->ferns.bias, delta);
    cascade_move(shape, turn, delta);
}
