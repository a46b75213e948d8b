/* ---------------------------------------------------------------------------- the mirror image */

enum { CASCADE_SMALLEST_VIEW = 4 };

/* The pixels [first, last) of one side of an image that are seen around a face. */
static void cascade_cut(double center, double reach, int length, int *first, int *last)
{
    int64_t low = (int64_t)(center - reach), high = (int64_t)(center + reach) + 2;
    int most = length > CASCADE_SMALLEST_VIEW ? length - CASCADE_SMALLEST_VIEW : 0;
    *first = (int)cascade_between(low, 0, most);
    *last = (int)cascade_between(high, 0, length);
    most = *first + CASCADE_SMALLEST_VIEW < length ? *first + CASCADE_SMALLEST_VIEW : length;
    *last = *last > most ? *last : most;
}

/* What `view` looks like in a mirror, cut to what training would show. */
static struct cascade_view cascade_mirror(struct cascade_view view)
{
    double reach = (double)CASCADE_FRAME / CASCADE_FACE / 2 * (double)view.side;
    int left, right, top, bottom;
    cascade_cut(view.cx, reach, view.width, &left, &right);
    cascade_cut(view.cy, reach, view.height, &top, &bottom);
    view.first += top * view.row + (right - 1) * view.step;
    view.step = -view.step;
    view.width = right - left;
    view.height = bottom - top;
    view.cx = cascade_rounded(view.width - 1 - ((double)view.cx - left));
    view.cy = cascade_rounded((double)view.cy - top);
    return view;
}
