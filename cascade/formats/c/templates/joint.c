/* ------------------------- stages that know the landmarks (Chen, Ren, Wei, Cao & Sun 2014, JDA) */

struct cascade_joint {
    struct cascade_points points;
    const struct cascade_node *nodes;
    const int32_t *leaves, *limits;
    const int8_t *weights; /* a row a leaf */
    const float *basis, *bias;
};

/* The view of a level around a square of the image, its surroundings included. */
static struct cascade_view cascade_look(const struct cascade_level *level, int number,
                                        const struct cascade_square *square)
{
    struct cascade_view view;
    view.first = level->first - CASCADE_PAD * (level->row + 1);
    view.step = 1;
    view.row = level->row;
    view.width = (int)level->row;
    view.height = level->height + 2 * CASCADE_PAD;
    view.cx = cascade_rounded(cascade_to_level(square->x, number)) + CASCADE_PAD;
    view.cy = cascade_rounded(cascade_to_level(square->y, number)) + CASCADE_PAD;
    view.side = cascade_rounded(square->side / cascade_power(number));
    return view;
}

/* Add the trees of all stages to a score, and move a shape; whether the window passes. Where it
   must pass, the score stays as it is. */
static int cascade_run_joint(const struct cascade_joint *stages, const struct cascade_view *view,
                             float *shape, int32_t *score, int must_pass)
{
    enum { NODES = (1 << CASCADE_DEPTH) - 1 };
    uint8_t pixel[CASCADE_PIXELS];
    uint32_t place[CASCADE_TREES];
    for (int s = 0; s < CASCADE_STAGES; s++) {
        const struct cascade_joint *stage = &stages[s];
        struct cascade_turn turn = cascade_similarity(shape);
        int32_t total[CASCADE_WIDTH] = {0};
        float sums[CASCADE_WIDTH], delta[CASCADE_OUTPUTS];
        cascade_read_points(view, shape, turn, &stage->points, pixel);
        for (int t = 0; t < CASCADE_TREES; t++) {
            const struct cascade_node *tree = stage->nodes + t * NODES;
            int at = 0;
            for (int d = 0; d < CASCADE_DEPTH; d++) {
                const struct cascade_node *node = &tree[at];
                at = 2 * at + 1 + (pixel[node->first] * node->w >= pixel[node->second] * node->v);
            }
            place[t] = (uint32_t)(t * (NODES + 1) + at - NODES);
            if (must_pass)
                continue;
            *score += stage->leaves[place[t]];
            if (*score < stage->limits[t])
                return 0;
        }
        cascade_add_leaves(stage->weights, place, CASCADE_TREES, total);
        for (int r = 0; r < CASCADE_WIDTH; r++)
            sums[r] = (float)total[r];
        cascade_apply_basis(sums, CASCADE_WIDTH, stage->basis, stage->bias, delta);
        cascade_move(shape, turn, delta);
    }
    return 1;
}
