/* ------------------------------------------------------------------ windows of the same face */

/* Numbers 0 to n - 1 in the order of falling scores; equal ones keep theirs. `room` takes n. */
static void cascade_sort(const double *scores, int n, int32_t *order, int32_t *room)
{
    for (int i = 0; i < n; i++)
        order[i] = i;
    for (int width = 1; width < n; width *= 2) {
        for (int low = 0; low < n; low += 2 * width) {
            int middle = low + width < n ? low + width : n;
            int high = low + 2 * width < n ? low + 2 * width : n;
            int i = low, j = middle;
            for (int k = low; k < high; k++)
                if (j == high || (i < middle && !(scores[order[j]] > scores[order[i]])))
                    room[k] = order[i++];
                else
                    room[k] = order[j++];
        }
        for (int k = 0; k < n; k++)
            order[k] = room[k];
    }
}

static double cascade_away(double x)
{
    return x < 0 ? -x : x;
}

/* Intersection over union. */
static double cascade_overlap(const struct cascade_square *one, const struct cascade_square *other)
{
    double half = (one->side + other->side) / 2, common;
    double least = one->side < other->side ? one->side : other->side;
    double width = half - cascade_away(other->x - one->x);
    double height = half - cascade_away(other->y - one->y);
    if (width <= 0 || height <= 0)
        return 0;
    width = width < least ? width : least;
    height = height < least ? height : least;
    common = width * height;
    return common / (one->side * one->side + other->side * other->side - common);
}

/* Whether two squares are turned too differently to be of one face. */
static int cascade_differ(const struct cascade_square *one, const struct cascade_square *other)
{
    return one->cosine * other->cosine + one->sine * other->sine < CASCADE_DIFFERING;
}

/* Of windows that look at the same thing, only a few of the best are kept: their number. `kept` is
   overwritten with 1 for those, 0 for others. */
static int cascade_thin(const struct cascade_square *squares, const int32_t *order, int n,
                        int32_t *chosen, uint8_t *kept)
{
    int n_kept = 0;
    for (int k = 0; k < n; k++) {
        const struct cascade_square *square = &squares[order[k]];
        int count = 0;
        for (int j = 0; j < n_kept && count < CASCADE_MOST_ALIKE; j++) {
            const struct cascade_square *other = &squares[chosen[j]];
            if (cascade_away(other->x - square->x) < square->side && !cascade_differ(square, other))
                count += cascade_overlap(square, other) > CASCADE_ALIKE;
        }
        kept[order[k]] = count < CASCADE_MOST_ALIKE;
        if (count < CASCADE_MOST_ALIKE)
            chosen[n_kept++] = order[k];
    }
    return n_kept;
}

/* The group of each window, the best one's first, or -1: how many groups there are. */
static int cascade_group(const struct cascade_square *squares, const int32_t *order, int n,
                         int32_t *labels)
{
    int n_groups = 0;
    for (int k = 0; k < n; k++)
        labels[k] = -2;
    for (int j = 0; j < n; j++) {
        int best = order[j];
        const struct cascade_square *centre = &squares[best];
        if (labels[best] != -2)
            continue;
        for (int k = 0; k < n; k++) {
            const struct cascade_square *other = &squares[k];
            double overlap, half = centre->side / 2;
            if (labels[k] != -2 || cascade_differ(centre, other))
                continue;
            overlap = cascade_overlap(centre, other);
            if (overlap > CASCADE_SAME || k == best)
                labels[k] = n_groups;
            else if (overlap > CASCADE_APART ||
                     (cascade_away(other->x - centre->x) < half &&
                      cascade_away(other->y - centre->y) < half && other->side < centre->side))
                labels[k] = -1;
        }
        n_groups++;
    }
    return n_groups;
}
