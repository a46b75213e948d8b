/* The sum of rows of a table of leaves; `place` says which. */
static void cascade_add_leaves(const int8_t *restrict leaves, const uint32_t *restrict place, int n,
                               int32_t *restrict total)
{
    for (int k = 0; k < n;) {
        int stop = n - k < 256 ? n : k + 256; /* so many leaves add up in 16 bits */
        int16_t part[CASCADE_WIDTH] = {0};
        for (; k + 4 <= stop; k += 4) {
            const int8_t *u = leaves + (size_t)place[k] * CASCADE_WIDTH;
            const int8_t *v = leaves + (size_t)place[k + 1] * CASCADE_WIDTH;
            const int8_t *w = leaves + (size_t)place[k + 2] * CASCADE_WIDTH;
            const int8_t *x = leaves + (size_t)place[k + 3] * CASCADE_WIDTH;
            for (int r = 0; r < CASCADE_WIDTH; r++)
                part[r] = (int16_t)(part[r] + (u[r] + v[r]) + (w[r] + x[r]));
        }
        for (; k < stop; k++)
            for (int r = 0; r < CASCADE_WIDTH; r++)
                part[r] = (int16_t)(part[r] + leaves[(size_t)place[k] * CASCADE_WIDTH + r]);
        for (int r = 0; r < CASCADE_WIDTH; r++)
            total[r] += part[r];
    }
}
