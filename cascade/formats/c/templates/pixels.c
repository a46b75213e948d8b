/* ------------------------------------------------------------------------------ reading pixels */

/* The grey level nearest to (x, y), where 0.5 was added to both; outside, the border is repeated.
   Not a number ends at 0. */
static uint8_t cascade_pixel(const struct cascade_view *view, float x, float y)
{
    float right = (float)(view->width - 1), bottom = (float)(view->height - 1);
    x = x > 0 ? x : 0;
    y = y > 0 ? y : 0;
    x = x < right ? x : right;
    y = y < bottom ? y : bottom;
    return view->first[(int)y * view->row + (int)x * view->step];
}
