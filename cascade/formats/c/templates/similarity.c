/* ------------------------------------------------------------------------------ moving a shape

   A shape is the x of all landmarks, then the y of all, in units of the box around its centre. */

/* The scaled rotation [[a, -b], [b, a]] that aligns the centred mean shape with a shape. */
struct cascade_turn {
    float a, b;
};

static struct cascade_turn cascade_similarity(const float *shape)
{
    const float *mean = cascade_reference;
    struct cascade_turn turn = {0, 0};
    for (int k = 0; k < CASCADE_POINTS; k++) {
        float x = mean[k], y = mean[CASCADE_POINTS + k];
        float u = shape[k], v = shape[CASCADE_POINTS + k];
        turn.a += x * u + y * v;
        turn.b += x * v - y * u;
    }
    turn.a /= cascade_energy;
    turn.b /= cascade_energy;
    return turn;
}

/* The update bias + total @ basis, given in the frame of the mean shape. */
static void cascade_apply_basis(const float *restrict total, int n, const float *restrict basis,
                                const float *restrict bias, float *restrict delta)
{
    for (int c = 0; c < CASCADE_OUTPUTS; c++)
        delta[c] = bias[c];
    for (int r = 0; r < n; r++)
        for (int c = 0; c < CASCADE_OUTPUTS; c++)
            delta[c] += total[r] * basis[r * CASCADE_OUTPUTS + c];
}

/* Add an update, which turns with the shape. */
static void cascade_move(float *restrict shape, struct cascade_turn turn,
                         const float *restrict delta)
{
    const float *x = delta, *y = delta + CASCADE_POINTS;
    for (int k = 0; k < CASCADE_POINTS; k++)
        shape[k] += turn.a * x[k] - turn.b * y[k];
    for (int k = 0; k < CASCADE_POINTS; k++)
        shape[CASCADE_POINTS + k] += turn.b * x[k] + turn.a * y[k];
}
