/* The test of a node: whether a * w >= b * v, for the pixels a and b of two points. */
struct cascade_node {
    uint16_t first, second;
    int16_t w, v;
};
