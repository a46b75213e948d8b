/* ------------------------------------------------------- from a detector's box, and to the next */

CASCADE_API int cascade_from_detector(const float detected[4], float box[4])
{
    double width = (double)detected[2] - detected[0], height = (double)detected[3] - detected[1];
    double side, x, y, half;
    if (!(width > 0 && height > 0) || CASCADE_BOX_SCALE <= 0)
        return CASCADE_BAD_BOX;
    side = cascade_rounded(sqrt(width * height));
    x = cascade_rounded(((double)detected[0] + detected[2]) / 2) + side * CASCADE_BOX_RIGHT;
    y = cascade_rounded(((double)detected[1] + detected[3]) / 2) + side * CASCADE_BOX_DOWN;
    half = CASCADE_BOX_SCALE * side / 2;
    box[0] = cascade_rounded(x - half);
    box[1] = cascade_rounded(y - half);
    box[2] = cascade_rounded(x + half);
    box[3] = cascade_rounded(y + half);
    return CASCADE_OK;
}

CASCADE_API float cascade_box_of(const float *points, float box[4])
{
    struct cascade_turn turn;
    struct cascade_square square;
    double shape[2 * CASCADE_POINTS], sum = 0, half;
    for (int k = 0; k < CASCADE_POINTS; k++) {
        shape[k] = points[2 * k];
        shape[CASCADE_POINTS + k] = points[2 * k + 1];
    }
    square = cascade_square_of(shape, &turn);
    for (int k = 0; k < CASCADE_POINTS; k++) {
        float x = cascade_mean_shape[k], y = cascade_mean_shape[CASCADE_POINTS + k];
        double u = shape[k] - (turn.a * x - turn.b * y) - square.x;
        double v = shape[CASCADE_POINTS + k] - (turn.b * x + turn.a * y) - square.y;
        sum += u * u + v * v;
    }
    half = square.side / 2;
    box[0] = cascade_rounded(square.x - half);
    box[1] = cascade_rounded(square.y - half);
    box[2] = cascade_rounded(square.x + half);
    box[3] = cascade_rounded(square.y + half);
    return cascade_rounded(sqrt(sum / CASCADE_POINTS) / (square.side > 1e-9 ? square.side : 1e-9));
}
