/* --------------------------------------------------------------------- routes by kind of pose */

/* The route whose shape is nearest to this one, moved, turned and scaled onto the mean shape. */
static int cascade_route(const float *shape, int n, const float *centres)
{
    const float *mean = cascade_reference;
    double mx = 0, my = 0, px = 0, py = 0, energy = 0, a = 0, b = 0;
    float turn[2], shift[2], scale, aligned[2 * CASCADE_POINTS], nearest = 0;
    int best = 0;
    for (int k = 0; k < CASCADE_POINTS; k++) {
        mx += (double)shape[k] / CASCADE_POINTS;
        my += (double)shape[CASCADE_POINTS + k] / CASCADE_POINTS;
        px += (double)mean[k] / CASCADE_POINTS;
        py += (double)mean[CASCADE_POINTS + k] / CASCADE_POINTS;
    }
    for (int k = 0; k < CASCADE_POINTS; k++) {
        double x = mean[k] - px, y = mean[CASCADE_POINTS + k] - py;
        double u = shape[k] - mx, v = shape[CASCADE_POINTS + k] - my;
        energy += x * x + y * y;
        a += x * u + y * v;
        b += x * v - y * u;
    }
    energy = energy > 1e-12 ? energy : 1e-12;
    turn[0] = (float)(a / energy);
    turn[1] = (float)(b / energy);
    shift[0] = (float)(mx - ((double)turn[0] * px - (double)turn[1] * py));
    shift[1] = (float)(my - ((double)turn[1] * px + (double)turn[0] * py));
    scale = turn[0] * turn[0] + turn[1] * turn[1];
    if (!(scale > 0))
        return 0; /* a shape that has shrunk to a point is like no other */
    for (int k = 0; k < CASCADE_POINTS; k++) {
        float x = shape[k] - shift[0], y = shape[CASCADE_POINTS + k] - shift[1];
        aligned[k] = (turn[0] * x + turn[1] * y) / scale;
        aligned[CASCADE_POINTS + k] = (turn[0] * y - turn[1] * x) / scale;
    }
    for (int i = 0; i < n; i++) {
        float distance = 0;
        for (int c = 0; c < 2 * CASCADE_POINTS; c++) {
            float d = aligned[c] - centres[i * 2 * CASCADE_POINTS + c];
            distance += d * d;
        }
        if (i == 0 || distance < nearest) {
            nearest = distance;
            best = i;
        }
    }
    return best;
}
