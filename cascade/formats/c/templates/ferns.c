/* --------------------------------------------------------- boosted ferns (ESR, CPR and RCPR) */

/* The ferns [start, stop): each compares pairs of pixels, and the outcomes are the number of a
   row in its part of the table of leaves. */
struct cascade_ferns {
    int n, depth;
    const uint16_t *first, *second; /* `depth` a fern */
    const int16_t *threshold;
    const int8_t *leaves;
    const float *basis, *bias;
};

static void cascade_add_ferns(const struct cascade_ferns *ferns, const uint8_t *pixel, int start,
                              int stop, int32_t *total)
{
    uint32_t place[CASCADE_TREES];
    for (int k = start; k < stop; k++) {
        uint32_t bin = (uint32_t)k;
        for (int f = 0; f < ferns->depth; f++) {
            int at = k * ferns->depth + f;
            int difference = pixel[ferns->first[at]] - pixel[ferns->second[at]];
            bin = 2 * bin + (difference >= ferns->threshold[at]);
        }
        place[k - start] = bin;
    }
    cascade_add_leaves(ferns->leaves, place, stop - start, total);
}
