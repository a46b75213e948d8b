/* Greatest whole number below the quotient of two whole numbers. */
static int64_t cascade_floor_div(int64_t a, int64_t b)
{
    int64_t quotient = a / b;
    return quotient - (a % b != 0 && (a < 0) != (b < 0));
}

/* Nearest whole number, halves to the even one. */
static double cascade_round(double x)
{
    double below = floor(x), rest = x - below;
    int odd = below - 2 * floor(below / 2) != 0;
    return rest > 0.5 || (rest == 0.5 && odd) ? below + 1 : below;
}

/* The placement of a box: its centre, and the root of its area. 0 or a code of what is wrong. */
static int cascade_place(const float box[4], struct cascade_view *view)
{
    double left = box[0], top = box[1], right = box[2], bottom = box[3];
    const double farthest = 1e9;
    if (!(-farthest < left && left < right && right < farthest))
        return CASCADE_BAD_BOX;
    if (!(-farthest < top && top < bottom && bottom < farthest))
        return CASCADE_BAD_BOX;
    if (right < 0 || bottom < 0 || left > view->width - 1 || top > view->height - 1)
        return CASCADE_OUTSIDE;
    view->cx = cascade_rounded((left + right) / 2);
    view->cy = cascade_rounded((top + bottom) / 2);
    view->side = cascade_rounded(sqrt((right - left) * (bottom - top)));
    return CASCADE_OK;
}
