/* ------------------ the first part: boosted trees on the pixels of windows (Markus et al. 2013) */

/* A window that passed. */
struct cascade_window {
    double side;               /* in pixels of its level */
    int32_t x, y, score;       /* its centre there, and the sum of the trees */
    int16_t level, angle;
};

/* Windows that go through a tree side by side. */
enum { CASCADE_CHUNK = 4096 };

struct cascade_scan_room {
    int32_t points[CASCADE_GRID * CASCADE_GRID];
    ptrdiff_t centre[CASCADE_CHUNK];
    int32_t score[CASCADE_CHUNK];
    int32_t which[CASCADE_CHUNK];
};

/* Where the points of a window lie, from the pixel of its centre. */
static void cascade_place_grid(double side, const double *turn, ptrdiff_t row, int32_t *points)
{
    float a = cascade_rounded(side * turn[0]), b = cascade_rounded(side * turn[1]);
    for (int v = 0; v < CASCADE_GRID; v++)
        for (int u = 0; u < CASCADE_GRID; u++) {
            float x = cascade_line[u], y = cascade_line[v];
            int32_t right = (int32_t)floorf(a * x - b * y + 0.5f);
            int32_t down = (int32_t)floorf(b * x + a * y + 0.5f);
            points[v * CASCADE_GRID + u] = down * (int32_t)row + right;
        }
}

/* Add up the trees of n windows until their sums fall below a limit; how many pass, and which. */
static int cascade_run_front(const uint8_t *pixels, struct cascade_scan_room *room, int n)
{
    enum { NODES = (1 << CASCADE_FRONT_DEPTH) - 1 };
    ptrdiff_t first[NODES], second[NODES];
    for (int i = 0; i < n; i++) {
        room->which[i] = i;
        room->score[i] = 0;
    }
    for (int t = 0; t < CASCADE_FRONT_TREES && n; t++) {
        const struct cascade_node *tree = cascade_front_nodes + t * NODES;
        const int32_t *leaves = cascade_front_leaves + t * (NODES + 1);
        int32_t limit = cascade_front_limits[t];
        int passed = 0;
        for (int k = 0; k < NODES; k++) {
            first[k] = room->points[tree[k].first];
            second[k] = room->points[tree[k].second];
        }
        for (int j = 0; j < n; j++) {
            int i = room->which[j], at = 0;
            const uint8_t *centre = pixels + room->centre[i];
            int32_t score;
            for (int d = 0; d < CASCADE_FRONT_DEPTH; d++) {
                int a = centre[first[at]], b = centre[second[at]];
                at = 2 * at + 1 + (a * tree[at].w >= b * tree[at].v);
            }
            score = room->score[i] + leaves[at - NODES];
            room->score[i] = score;
            room->which[passed] = i;
            passed += score >= limit;
        }
        n = passed;
    }
    return n;
}

/* Search a level for windows of one size and angle; how many are now in `out`. */
static int cascade_scan(const struct cascade_level *level, struct cascade_window like,
                        const double *turn, double step, struct cascade_scan_room *room,
                        struct cascade_window *out, int n_out)
{
    double side = like.side, margin = CASCADE_MARGIN * side, apart = step * side;
    int64_t columns, lines, total;
    apart = apart > 1 ? apart : 1;
    columns = (int64_t)floor((level->width - 1 - margin - margin) / apart) + 1;
    lines = (int64_t)floor((level->height - 1 - margin - margin) / apart) + 1;
    total = columns > 0 && lines > 0 ? columns * lines : 0;
    if (total)
        cascade_place_grid(side, turn, level->row, room->points);
    for (int64_t first = 0; first < total; first += CASCADE_CHUNK) {
        int n = (int)(total - first < CASCADE_CHUNK ? total - first : CASCADE_CHUNK);
        int64_t v = first / columns, u = first % columns;
        for (int i = 0; i < n; i++) {
            int32_t y = (int32_t)(margin + (double)v * apart);
            int32_t x = (int32_t)(margin + (double)u * apart);
            room->centre[i] = y * level->row + x;
            if (++u == columns) {
                u = 0;
                v++;
            }
        }
        n = cascade_run_front(level->first, room, n);
        for (int j = 0; j < n && n_out < CASCADE_WINDOWS; j++) {
            int i = room->which[j];
            like.x = (int32_t)(room->centre[i] % level->row);
            like.y = (int32_t)(room->centre[i] / level->row);
            like.score = room->score[i];
            out[n_out++] = like;
        }
    }
    return n_out;
}
