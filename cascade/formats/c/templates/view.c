/* ------------------------------------------------------------------ where a face is looked at */

/* The pixels that a face is looked at in, and where the frame of its box lies in them: the origin
   of a shape is (cx, cy), its unit is `side` pixels. */
struct cascade_view {
    const uint8_t *first;   /* pixel (0, 0) */
    ptrdiff_t step, row;    /* to the next pixel on the right (-1 in a mirror), and to that below */
    int width, height;
    float cx, cy, side;
};

/* A number rounded to float. Volatile for GCC alone: version 12 goes on with the unrounded one
   where it makes a vector of two of them. Clang 14 for WebAssembly reads a volatile one again, when
   another has taken its place. */
static float cascade_rounded(double x)
{
#if defined(__GNUC__) && !defined(__clang__)
    volatile float rounded = (float)x;
#else
    float rounded = (float)x;
#endif
    return rounded;
}
