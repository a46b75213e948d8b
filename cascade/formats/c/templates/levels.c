/* ------------------------------------------------------- the image, at its own size and halved

   A window is read at the level at which it is 20 to 40 pixels wide. Each level is continued by
   CASCADE_PAD pixels on all sides, which repeat its border: windows are read without a test. */

struct cascade_level {
    uint8_t *first; /* pixel (0, 0) */
    ptrdiff_t row;
    int width, height;
};

/* How often x can be halved and still be 1 or more; -1, -2, ... below 1. */
static int cascade_log2(double x)
{
    int n = 0;
    for (; x >= 2; x /= 2)
        n++;
    for (; x < 1 && n > -64; x *= 2)
        n--;
    return n;
}

static double cascade_power(int n)
{
    double power = 1;
    for (; n > 0; n--)
        power *= 2;
    return power;
}

/* The level at which a window is read. */
static int cascade_level_of(double side)
{
    int level = cascade_log2((side > 1 ? side : 1) / CASCADE_LEAST_SIDE);
    return level < 0 ? 0 : level < CASCADE_MOST_LEVELS - 1 ? level : CASCADE_MOST_LEVELS - 1;
}

static double cascade_to_level(double x, int level)
{
    return (x + 0.5) / cascade_power(level) - 0.5;
}

static double cascade_from_level(double x, int level)
{
    return (x + 0.5) * cascade_power(level) - 0.5;
}

static size_t cascade_level_bytes(int width, int height)
{
    return ((size_t)width + 2 * CASCADE_PAD) * ((size_t)height + 2 * CASCADE_PAD);
}

static int cascade_halved(int length)
{
    return length / 2 > 1 ? length / 2 : 1;
}

/* Means of 2x2 pixels of the level above; the last of an odd number is left out. */
static void cascade_halve_line(const uint8_t *upper, const uint8_t *lower, int width,
                               uint8_t *restrict out)
{
    for (int x = 0; x < width / 2; x++) {
        int sum = upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1];
        out[x] = (uint8_t)((sum + 2) >> 2);
    }
    if (width == 1)
        out[0] = (uint8_t)((upper[0] + lower[0] + 1) >> 1);
}

/* Write a level, of another one or of the image itself, and what surrounds it. */
static void cascade_fill_level(const struct cascade_level *level, const uint8_t *grey,
                               ptrdiff_t stride, int width, int height, int halve)
{
    size_t length = (size_t)level->row;
    uint8_t *top = level->first - CASCADE_PAD, *bottom;
    for (int y = 0; y < level->height; y++) {
        uint8_t *line = level->first + y * level->row;
        if (halve) {
            const uint8_t *upper = grey + 2 * y * stride;
            cascade_halve_line(upper, 2 * y + 1 < height ? upper + stride : upper, width, line);
        } else {
            for (int x = 0; x < width; x++)
                line[x] = grey[y * stride + x];
        }
        for (int x = 1; x <= CASCADE_PAD; x++) {
            line[-x] = line[0];
            line[level->width - 1 + x] = line[level->width - 1];
        }
    }
    bottom = top + (level->height - 1) * level->row;
    for (int y = 1; y <= CASCADE_PAD; y++)
        for (size_t x = 0; x < length; x++) {
            top[(ptrdiff_t)x - y * level->row] = top[x];
            bottom[(ptrdiff_t)x + y * level->row] = bottom[x];
        }
}

/* Make the levels up to the coarsest, the first of them only where `finest` is 0. */
static void cascade_fill_levels(const uint8_t *grey, int width, int height, int stride, int finest,
                                int coarsest, uint8_t *pixels, struct cascade_level *levels)
{
    ptrdiff_t row = stride;
    for (int l = 0; l <= coarsest; l++) {
        struct cascade_level *level = &levels[l];
        if (l == 0 && finest > 0)
            continue;
        level->width = l ? cascade_halved(width) : width;
        level->height = l ? cascade_halved(height) : height;
        level->row = level->width + 2 * CASCADE_PAD;
        level->first = pixels + CASCADE_PAD * (level->row + 1);
        pixels += cascade_level_bytes(level->width, level->height);
        cascade_fill_level(level, grey, row, width, height, l > 0);
        grey = level->first;
        row = level->row;
        width = level->width;
        height = level->height;
    }
}
