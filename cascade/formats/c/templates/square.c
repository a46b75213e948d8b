/* -------------------------------------------------------------- boxes that landmarks lie in */

/* A square: its centre and side, and the cosine and sine of the angle of what is in it. */
struct cascade_square {
    double x, y, side, cosine, sine;
};

/* The square that a shape, all x before all y in pixels, lies to as the mean shape to its box; and
   how it is turned. */
static struct cascade_square cascade_square_of(const double *shape, struct cascade_turn *turn)
{
    struct cascade_square square;
    double means[4] = {0}, energy = 0, a = 0, b = 0;
    for (int k = 0; k < CASCADE_POINTS; k++)
        for (int axis = 0; axis < 2; axis++) {
            means[axis] += cascade_mean_shape[axis * CASCADE_POINTS + k];
            means[2 + axis] += shape[axis * CASCADE_POINTS + k];
        }
    for (int i = 0; i < 4; i++)
        means[i] /= CASCADE_POINTS;
    for (int k = 0; k < CASCADE_POINTS; k++) {
        double x = cascade_mean_shape[k] - means[0];
        double y = cascade_mean_shape[CASCADE_POINTS + k] - means[1];
        double u = shape[k] - means[2], v = shape[CASCADE_POINTS + k] - means[3];
        energy += x * x + y * y;
        a += x * u + y * v;
        b += x * v - y * u;
    }
    energy = energy > 1e-12 ? energy : 1e-12;
    a /= energy;
    b /= energy;
    turn->a = cascade_rounded(a);
    turn->b = cascade_rounded(b);
    square.x = cascade_rounded(means[2] - (a * means[0] - b * means[1]));
    square.y = cascade_rounded(means[3] - (b * means[0] + a * means[1]));
    square.side = cascade_rounded(sqrt((double)turn->a * turn->a + (double)turn->b * turn->b));
    square.cosine = square.side > 0 ? turn->a / square.side : 1;
    square.sine = square.side > 0 ? turn->b / square.side : 0;
    return square;
}
