/* --------------------------------------------------------------------------- from many answers */

/* The median of n numbers, which are left sorted. */
static float cascade_median(float *values, int n)
{
    for (int i = 1; i < n; i++)
        for (int j = i; j > 0 && values[j] < values[j - 1]; j--) {
            float value = values[j];
            values[j] = values[j - 1];
            values[j - 1] = value;
        }
    return n == 1 ? values[0] : (values[(n - 1) / 2] + values[n / 2]) * 0.5f;
}

/* Where a face has got to from one start. */
struct cascade_answer {
    float shape[2 * CASCADE_POINTS];
    float visibility[CASCADE_POINTS]; /* 1 surely, 0 not; 1 where the model does not say */
};

/* The distance of landmark k of an answer from (x, y). */
static float cascade_distance(const struct cascade_answer *answer, int k, float x, float y)
{
    float dx = answer->shape[k] - x, dy = answer->shape[CASCADE_POINTS + k] - y;
    return sqrtf(dx * dx + dy * dy);
}

static void cascade_median_shape(const struct cascade_answer *answers, int n, float *shape)
{
    for (int c = 0; c < 2 * CASCADE_POINTS; c++) {
        float values[CASCADE_ANSWERS];
        for (int i = 0; i < n; i++)
            values[i] = answers[i].shape[c];
        shape[c] = cascade_median(values, n);
    }
}
