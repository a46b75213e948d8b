static int64_t cascade_between(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}
