/* --------------------------------- histograms of oriented gradients (Xiong & De la Torre, SDM) */

enum {
    CASCADE_DIRECTIONS = 8, /* 0, 45, ..., 315 degrees, which gradients are resolved into */
    CASCADE_STEPS = 4096,   /* numbers of a descriptor, 0 to 1, are whole multiples of 1/4096 */
    CASCADE_LEVELS = 7      /* times that an image may be halved, and one */
};

/* Histograms of an image in blocks of 2x2 pixels, smoothed; the eight directions lie together. */
struct cascade_plane {
    int made, height, width;
    const float *first;
};

/* What is known about the view so far, and where it is kept. */
struct cascade_hog_room {
    struct cascade_plane planes[CASCADE_LEVELS];
    float histograms[CASCADE_HISTOGRAMS]; /* whole numbers, which are read as floats */
    uint8_t halved[CASCADE_HALVED];
};

/* How often to halve an image for cells that are `spacing` pixels apart. */
static int cascade_octave(float spacing, const struct cascade_view *view)
{
    int level = 0, size = view->width < view->height ? view->width : view->height;
    while (spacing >= 6 && level < CASCADE_LEVELS - 1 && size >= 32) {
        spacing /= 2;
        size /= 2;
        level++;
    }
    return level;
}

/* A view at half the size, written to `out`. */
static struct cascade_view cascade_halve(struct cascade_view view, uint8_t *restrict out)
{
    struct cascade_view half = view;
    half.first = out;
    half.step = 1;
    half.row = half.width = view.width / 2;
    half.height = view.height / 2;
    for (int y = 0; y < half.height; y++) {
        const uint8_t *u = view.first + 2 * y * view.row, *v = u + view.row;
        uint8_t *line = out + y * half.row;
        for (int x = 0; x < half.width; x++) {
            ptrdiff_t at = 2 * x * view.step, next = at + view.step;
            line[x] = (uint8_t)((u[at] + u[next] + v[at] + v[next] + 2) >> 2);
        }
    }
    return half;
}

/* The smaller of two where both are positive, 0 elsewhere: a share of a resolved gradient. */
static int16_t cascade_share(int16_t one, int16_t other)
{
    int16_t least = one < other ? one : other;
    return least > 0 ? least : 0;
}

/* Row y of a view between a pixel on either side that repeats its ends. */
static void cascade_padded_row(const struct cascade_view *view, int y, uint8_t *restrict out)
{
    const uint8_t *line;
    int width = view->width;
    y = y < 0 ? 0 : y < view->height ? y : view->height - 1;
    line = view->first + y * view->row;
    if (view->step == 1)
        for (int x = 0; x < width; x++)
            out[x + 1] = line[x];
    else
        for (int x = 0; x < width; x++)
            out[x + 1] = line[x * view->step];
    out[0] = out[1];
    out[width + 1] = out[width];
}

/* The histograms of one row of blocks: a gradient is resolved into the nearer two directions;
   the odd ones lack a factor of the root of 2. */
static void cascade_pool(const struct cascade_view *view, int row, int16_t *restrict out)
{
    uint8_t lines[4][CASCADE_FRAME + 2];
    int16_t parts[CASCADE_DIRECTIONS][CASCADE_FRAME];
    int n = view->width / 2 * 2;
    for (int y = 0; y < 4; y++)
        cascade_padded_row(view, 2 * row - 1 + y, lines[y]);
    for (int y = 0; y < 2; y++) {
        const uint8_t *up = lines[y], *at = lines[y + 1], *down = lines[y + 2];
        for (int x = 0; x < n; x++) {
            int16_t gx = (int16_t)(at[x + 2] - at[x]), gy = (int16_t)(down[x + 1] - up[x + 1]);
            int16_t plus = (int16_t)(gx + gy), minus = (int16_t)(gx - gy);
            int16_t left = (int16_t)-gx, above = (int16_t)-gy;
            int16_t less = (int16_t)-plus, other = (int16_t)-minus;
            int16_t shares[CASCADE_DIRECTIONS];
            shares[0] = cascade_share(plus, minus);
            shares[1] = cascade_share(gx, gy);
            shares[2] = cascade_share(plus, other);
            shares[3] = cascade_share(left, gy);
            shares[4] = cascade_share(less, other);
            shares[5] = cascade_share(left, above);
            shares[6] = cascade_share(less, minus);
            shares[7] = cascade_share(gx, above);
            for (int o = 0; o < CASCADE_DIRECTIONS; o++)
                parts[o][x] = (int16_t)(y ? parts[o][x] + shares[o] : shares[o]);
        }
    }
    for (int o = 0; o < CASCADE_DIRECTIONS; o++)
        for (int j = 0; j < n / 2; j++)
            out[j * CASCADE_DIRECTIONS + o] = (int16_t)(parts[o][2 * j] + parts[o][2 * j + 1]);
}

/* Weighted sums, 1 2 1, of the rows of blocks above, at and below, then of columns likewise. */
static void cascade_smooth(const int16_t *restrict up, const int16_t *restrict here,
                           const int16_t *restrict down, int width, float *restrict out)
{
    enum { D = CASCADE_DIRECTIONS };
    int16_t middle[(CASCADE_FRAME / 2 + 2) * D];
    int n = width * D;
    for (int q = 0; q < n; q++)
        middle[D + q] = (int16_t)(up[q] + 2 * here[q] + down[q]);
    for (int o = 0; o < D; o++) {
        middle[o] = middle[D + o];
        middle[D + n + o] = middle[n + o];
    }
    for (int q = 0; q < n; q++)
        out[q] = (float)(middle[q] + 2 * middle[q + D] + middle[q + 2 * D]);
}

/* The plane of a view that is halved `level` times; made once. */
static const struct cascade_plane *cascade_plane_of(struct cascade_view view, int level,
                                                    struct cascade_hog_room *room)
{
    int16_t ring[3][CASCADE_FRAME / 2 * CASCADE_DIRECTIONS];
    struct cascade_plane *plane = &room->planes[level];
    float *histograms = room->histograms;
    uint8_t *halved = room->halved;
    if (plane->made)
        return plane;
    for (int l = 0; l < level; l++) {
        int half = (CASCADE_FRAME >> l) / 2;
        histograms += half * half * CASCADE_DIRECTIONS;
        view = cascade_halve(view, halved);
        halved += half * half;
    }
    plane->made = 1;
    plane->height = view.height / 2;
    plane->width = view.width / 2;
    plane->first = histograms;
    cascade_pool(&view, 0, ring[0]);
    for (int i = 0; i < plane->height; i++) {
        int above = i > 0 ? i - 1 : 0, below = i + 1 < plane->height ? i + 1 : i;
        if (below > i)
            cascade_pool(&view, below, ring[below % 3]);
        cascade_smooth(ring[above % 3], ring[i % 3], ring[below % 3], plane->width,
                       histograms + (ptrdiff_t)i * plane->width * CASCADE_DIRECTIONS);
    }
    return plane;
}

/* The angle of (x, y) in eighths of a turn, -4 to 4; within 1e-7, on every machine the same. */
static float cascade_eighths(float y, float x)
{
    static const double series[] = {
        /* arctangent of 0 to tan(pi / 8), over its argument, in its square */
        1.0, -1.0 / 3, 1.0 / 5, -1.0 / 7, 1.0 / 9, -1.0 / 11, 1.0 / 13, -1.0 / 15, 1.0 / 17,
        -1.0 / 19, 1.0 / 21, -1.0 / 23};
    const double quarter = 0.78539816339744830962, corner = 0.41421356237309504880;
    double u = x < 0 ? -(double)x : x, v = y < 0 ? -(double)y : y;
    double t = u > v ? v : u, base = 0, angle = 0;
    t = u > v ? v / u : v > 0 ? u / v : 0;
    if (t > corner) {
        t = (t - 1) / (t + 1);
        base = quarter;
    }
    for (int k = 11; k >= 0; k--)
        angle = angle * t * t + series[k];
    angle = base + angle * t;
    if (v >= u && v > 0)
        angle = 2 * quarter - angle;
    if (x < 0)
        angle = 4 * quarter - angle;
    return (float)(y < 0 ? -angle : angle) * (float)(1 / quarter);
}
