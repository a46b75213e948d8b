/* -------------------- a last look: a linear classifier on descriptors at the landmarks (HOG) */

struct cascade_verifier_room {
    uint8_t crop[CASCADE_FRAME * CASCADE_FRAME];
    struct cascade_hog_room hog;
    int16_t numbers[CASCADE_NUMBERS];
};

/* Log odds that a face is one; its box in pixels, its shape all x before all y. */
static double cascade_verify(const struct cascade_level *levels, int number, const float *box,
                             const float *shape, struct cascade_verifier_room *room)
{
    const struct cascade_level *level = &levels[number];
    double width = (double)box[2] - box[0], height = (double)box[3] - box[1];
    float cx = cascade_rounded(((double)box[0] + box[2]) / 2);
    float cy = cascade_rounded(((double)box[1] + box[3]) / 2);
    float side = cascade_rounded(sqrt(width * height)), local[2 * CASCADE_POINTS];
    double x = cascade_to_level(cx, number), y = cascade_to_level(cy, number), sum = 0;
    int64_t left = (int64_t)floor(x + 0.5), top = (int64_t)floor(y + 0.5);
    int64_t last_x = level->width + CASCADE_PAD - 1, last_y = level->height + CASCADE_PAD - 1;
    struct cascade_view view;
    struct cascade_turn turn;
    int octave;

    for (int v = 0; v < CASCADE_FRAME; v++) {
        int64_t line = cascade_between(top + v - CASCADE_FRAME / 2, -CASCADE_PAD, last_y);
        for (int u = 0; u < CASCADE_FRAME; u++) {
            int64_t column = cascade_between(left + u - CASCADE_FRAME / 2, -CASCADE_PAD, last_x);
            room->crop[v * CASCADE_FRAME + u] = level->first[line * level->row + column];
        }
    }
    view.first = room->crop;
    view.step = 1;
    view.row = view.width = view.height = CASCADE_FRAME;
    view.cx = cascade_rounded(x - (double)left + CASCADE_FRAME / 2);
    view.cy = cascade_rounded(y - (double)top + CASCADE_FRAME / 2);
    view.side = cascade_rounded(side / cascade_power(number));
    for (int k = 0; k < CASCADE_POINTS; k++) {
        local[k] = (shape[k] - cx) / side;
        local[CASCADE_POINTS + k] = (shape[CASCADE_POINTS + k] - cy) / side;
    }
    for (int l = 0; l < CASCADE_LEVELS; l++)
        room->hog.planes[l].made = 0;
    turn = cascade_similarity(local);
    octave = cascade_octave(cascade_spacing * view.side, &view);
    cascade_describe(cascade_plane_of(view, octave, &room->hog), octave, &view, local, turn,
                     cascade_cells, CASCADE_CELLS, room->numbers);
    for (int f = 0; f < CASCADE_NUMBERS; f++)
        sum += (double)((float)room->numbers[f] / CASCADE_STEPS) * cascade_weights[f];
    return sum + cascade_offset;
}

/* Natural logarithm of a positive number. */
static double cascade_log(double x)
{
    double z, square, sum = 0, power = 0;
    for (; x > 1.4142; x /= 2)
        power++;
    for (; x < 0.7072; x *= 2)
        power--;
    z = (x - 1) / (x + 1);
    square = z * z;
    for (int k = 23; k > 0; k -= 2)
        sum = sum * square + 1.0 / k;
    return 2 * z * sum + power * 0.69314718055994530942;
}
