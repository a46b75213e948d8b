/* Points on the lines between two landmarks (Burgos-Artizzu et al. 2013). */
struct cascade_line_ferns {
    int points;
    const uint16_t *one, *other; /* landmarks */
    const float *fraction;       /* 0 at the one, 1 at the other */
    struct cascade_ferns ferns;
    int zones;             /* parts of the face; a fern reads one of them */
    const int32_t *edges;  /* the ferns of zone z are [edges[z], edges[z + 1]) */
    const uint8_t *zone_of; /* the zone of each landmark */
};

#if CASCADE_VISIBILITY
/* How much the ferns of each zone count: its visibility over the mean of all, at most 2. */
static void cascade_zone_weights(const struct cascade_line_ferns *stage, const float *visibility,
                                 float *weights)
{
    float seen[CASCADE_ZONES] = {0}, count[CASCADE_ZONES] = {0}, total = 0, mean;
    for (int k = 0; k < CASCADE_POINTS; k++) {
        float v = visibility[k] > 0.02f ? visibility[k] : 0.02f;
        v = v < 1 ? v : 1;
        seen[stage->zone_of[k]] += v;
        count[stage->zone_of[k]] += 1;
        total += v;
    }
    mean = total / CASCADE_POINTS;
    for (int z = 0; z < stage->zones; z++) {
        weights[z] = count[z] > 0 ? seen[z] / (count[z] * mean) : 1;
        weights[z] = weights[z] < 2 ? weights[z] : 2;
    }
}
#endif

static void cascade_run_line_ferns(const struct cascade_line_ferns *stage,
                                   const struct cascade_view *view, float *shape,
                                   float *visibility)
{
    uint8_t pixel[CASCADE_PIXELS];
    float weights[CASCADE_ZONES], sums[CASCADE_WIDTH] = {0}, delta[CASCADE_OUTPUTS];
    float cx = view->cx + 0.5f, cy = view->cy + 0.5f, side = view->side;
    struct cascade_turn turn;
    for (int p = 0; p < stage->points; p++) {
        const float *xs = shape, *ys = shape + CASCADE_POINTS;
        int u = stage->one[p], v = stage->other[p];
        float t = stage->fraction[p];
        pixel[p] = cascade_pixel(view, cx + side * (xs[u] + t * (xs[v] - xs[u])),
                                 cy + side * (ys[u] + t * (ys[v] - ys[u])));
    }
    for (int z = 0; z < stage->zones; z++)
        weights[z] = 1;
#if CASCADE_VISIBILITY
    cascade_zone_weights(stage, visibility, weights);
#endif
    /* The ferns of each zone add up, and count as much as the zone is seen. */
    for (int z = 0; z < stage->zones; z++) {
        int32_t total[CASCADE_WIDTH] = {0};
        if (stage->edges[z] == stage->edges[z + 1])
            continue;
        cascade_add_ferns(&stage->ferns, pixel, stage->edges[z], stage->edges[z + 1], total);
        for (int r = 0; r < CASCADE_WIDTH; r++)
            sums[r] += weights[z] * (float)total[r];
    }
    turn = cascade_similarity(shape);
    cascade_apply_basis(sums, CASCADE_WIDTH, stage->ferns.basis, stage->ferns.bias, delta);
    cascade_move(shape, turn, delta);
#if CASCADE_VISIBILITY
    for (int k = 0; k < CASCADE_POINTS; k++)
        visibility[k] += delta[2 * CASCADE_POINTS + k];
#else
    (void)visibility;
#endif
}
