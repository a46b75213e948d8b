/* --------------------------------------------------------------------------------- the search */

/* A window that passed all stages: its square, and landmarks in it, all x before all y. */
struct cascade_passed {
    struct cascade_square square;
    float shape[2 * CASCADE_POINTS];
};

/* A face before it is told to the caller. */
struct cascade_found {
    float box[4], shape[2 * CASCADE_POINTS]; /* all x before all y, in pixels */
};

/* What a search works in; the pixels of all levels follow. */
struct cascade_detector_room {
    struct cascade_level levels[CASCADE_MOST_LEVELS];
    struct cascade_window windows[CASCADE_WINDOWS];
    struct cascade_square squares[CASCADE_WINDOWS];
    double scores[CASCADE_WINDOWS];
    int32_t order[CASCADE_WINDOWS], other[CASCADE_WINDOWS];
    uint8_t kept[CASCADE_WINDOWS];
    struct cascade_passed passed[CASCADE_PASSED];
    double sums[CASCADE_PASSED], least[CASCADE_PASSED];
    int32_t labels[CASCADE_PASSED];
    struct cascade_found found[CASCADE_FOUND];
    struct cascade_scan_room scan;
#if CASCADE_VERIFY
    struct cascade_verifier_room verifier;
#endif
    int finest, coarsest, n_found;
};

/* Landmarks in pixels. */
static void cascade_to_pixels(const float *shape, const struct cascade_square *square, double *out)
{
    for (int k = 0; k < CASCADE_POINTS; k++) {
        out[k] = shape[k] * square->side + square->x;
        out[CASCADE_POINTS + k] = shape[CASCADE_POINTS + k] * square->side + square->y;
    }
}

static void cascade_begin_at(float *shape, float a, float b)
{
    for (int k = 0; k < CASCADE_POINTS; k++) {
        float x = cascade_mean_shape[k], y = cascade_mean_shape[CASCADE_POINTS + k];
        shape[k] = a * x - b * y;
        shape[CASCADE_POINTS + k] = b * x + a * y;
    }
}

/* The level at which landmarks are looked for in a box: one finer than that of its window. */
static int cascade_finer(const struct cascade_detector_room *room, double side)
{
    double x = side * CASCADE_CONTEXT / CASCADE_LEAST_SIDE;
    int level = cascade_log2(x > 1e-9 ? x : 1e-9) - 1;
    return level < room->finest ? room->finest : level < room->coarsest ? level : room->coarsest;
}

static void cascade_put_box(const struct cascade_square *square, float *box)
{
    double half = square->side / 2;
    box[0] = cascade_rounded(square->x - half);
    box[1] = cascade_rounded(square->y - half);
    box[2] = cascade_rounded(square->x + half);
    box[3] = cascade_rounded(square->y + half);
}

/* Whether a square could be a face; also false for what is not a number. */
static int cascade_is_sound(const struct cascade_square *square)
{
    const double far = 1e7;
    return square->side > 4 && square->side < far && cascade_away(square->x) < far &&
           cascade_away(square->y) < far;
}

/* The first part at all sizes and angles, and which of its windows are looked at further: how many
   there are, in `windows`, and their squares. */
static int cascade_candidates(struct cascade_detector_room *room,
                              const struct cascade_search *search, double largest)
{
    int n = 0, n_kept = 0;
    for (int angle = 0; angle < search->n_angles; angle++) {
        double factor = angle ? search->more_factor : search->factor;
        double step = angle ? search->more_step : search->step;
        for (double side = search->min_size * CASCADE_CONTEXT; side <= largest; side *= factor) {
            struct cascade_window like = {0};
            int level = cascade_level_of(side);
            if (level > room->coarsest)
                continue;
            like.level = (int16_t)level;
            like.angle = (int16_t)angle;
            like.side = side / cascade_power(level);
            n = cascade_scan(&room->levels[level], like, search->turns + 2 * angle, step,
                             &room->scan, room->windows, n);
        }
    }
    for (int i = 0; i < n; i++) {
        const struct cascade_window *window = &room->windows[i];
        room->squares[i].x = cascade_from_level(window->x, window->level);
        room->squares[i].y = cascade_from_level(window->y, window->level);
        room->squares[i].side = window->side * cascade_power(window->level);
        room->squares[i].cosine = search->turns[2 * window->angle];
        room->squares[i].sine = search->turns[2 * window->angle + 1];
        room->scores[i] = window->score;
    }
    cascade_sort(room->scores, n, room->order, room->other);
    cascade_thin(room->squares, room->order, n, room->other, room->kept);
    for (int i = 0; i < n; i++)
        if (room->kept[i]) {
            room->windows[n_kept] = room->windows[i];
            room->squares[n_kept++] = room->squares[i];
        }
    return n_kept;
}

/* The stages, in n windows: how many pass, with squares that their landmarks tell, and scores. */
static int cascade_pass(struct cascade_detector_room *room, const struct cascade_search *search,
                        int n)
{
    int n_passed = 0;
    for (int i = 0; i < n && n_passed < CASCADE_PASSED; i++) {
        const struct cascade_window *window = &room->windows[i];
        const double *turn = search->turns + 2 * window->angle;
        struct cascade_passed *passed = &room->passed[n_passed];
        struct cascade_square square = room->squares[i], told;
        struct cascade_turn turned;
        struct cascade_view view;
        double pixels[2 * CASCADE_POINTS];
        int32_t score = window->score;
        int level;
        square.side /= CASCADE_CONTEXT;
        level = cascade_finer(room, square.side);
        view = cascade_look(&room->levels[level], level, &square);
        cascade_begin_at(passed->shape, cascade_rounded(turn[0]), cascade_rounded(turn[1]));
        if (!cascade_run_joint(cascade_joints, &view, passed->shape, &score, 0))
            continue;
        cascade_to_pixels(passed->shape, &square, pixels);
        told = cascade_square_of(pixels, &turned);
        if (!cascade_is_sound(&told))
            continue;
        passed->square = square;
        /* Windows that were looked at are done with: their squares make room. */
        room->squares[n_passed] = told;
        room->scores[n_passed++] = score / CASCADE_SCORE_UNIT;
    }
    return n_passed;
}

/* The mean of the windows of a group, by how much surer they are than the least sure. */
static void cascade_average_group(const struct cascade_detector_room *room, int n, int group,
                                  struct cascade_found *face)
{
    double sums[2 * CASCADE_POINTS] = {0}, total = 0;
    struct cascade_square mean = {0, 0, 0, 1, 0};
    for (int i = 0; i < n; i++) {
        double pixels[2 * CASCADE_POINTS], weight;
        if (room->labels[i] != group)
            continue;
        weight = room->scores[i] - room->least[group] + 1e-3;
        cascade_to_pixels(room->passed[i].shape, &room->passed[i].square, pixels);
        total += weight;
        mean.x += weight * room->squares[i].x;
        mean.y += weight * room->squares[i].y;
        mean.side += weight * room->squares[i].side;
        for (int c = 0; c < 2 * CASCADE_POINTS; c++)
            sums[c] += weight * pixels[c];
    }
    mean.x /= total;
    mean.y /= total;
    mean.side /= total;
    cascade_put_box(&mean, face->box);
    for (int c = 0; c < 2 * CASCADE_POINTS; c++)
        face->shape[c] = cascade_rounded(sums[c] / total);
}

/* One face for all windows that found it, the surest first; their scores are in `scores`. */
static void cascade_gather(struct cascade_detector_room *room, int n)
{
    int n_groups;
    cascade_sort(room->scores, n, room->order, room->other);
    n_groups = cascade_group(room->squares, room->order, n, room->labels);
    for (int g = 0; g < n_groups; g++) {
        room->sums[g] = 0;
        room->least[g] = 1e300;
    }
    for (int i = 0; i < n; i++) {
        int g = room->labels[i];
        if (g < 0)
            continue;
        room->least[g] = room->scores[i] < room->least[g] ? room->scores[i] : room->least[g];
        room->sums[g] += room->scores[i];
    }
    for (int g = 0; g < n_groups; g++)
        room->sums[g] = cascade_rounded(room->sums[g]);
    cascade_sort(room->sums, n_groups, room->order, room->other);
    room->n_found = n_groups < CASCADE_FOUND ? n_groups : CASCADE_FOUND;
    for (int k = 0; k < room->n_found; k++)
        cascade_average_group(room, n, room->order[k], &room->found[k]);
    for (int k = 0; k < room->n_found; k++)
        room->scores[k] = room->sums[room->order[k]];
}

/* A face after the stages once more, from its own box. */
static void cascade_look_again(const struct cascade_detector_room *room, struct cascade_found *face)
{
    struct cascade_turn turn, turned;
    struct cascade_square square, told;
    struct cascade_view view;
    double pixels[2 * CASCADE_POINTS];
    float shape[2 * CASCADE_POINTS], length, box[4];
    int32_t score = 0;
    int level;
    for (int c = 0; c < 2 * CASCADE_POINTS; c++)
        pixels[c] = face->shape[c];
    square = cascade_square_of(pixels, &turn);
    length = (float)square.side > 1e-9f ? (float)square.side : 1e-9f;
    level = cascade_finer(room, square.side);
    view = cascade_look(&room->levels[level], level, &square);
    cascade_begin_at(shape, turn.a / length, turn.b / length);
    cascade_run_joint(cascade_joints, &view, shape, &score, 1);
    cascade_to_pixels(shape, &square, pixels);
    told = cascade_square_of(pixels, &turned);
    if (!cascade_is_sound(&told))
        return;
    cascade_put_box(&told, box);
    for (int i = 0; i < 4; i++)
        face->box[i] = box[i];
    for (int c = 0; c < 2 * CASCADE_POINTS; c++)
        face->shape[c] = cascade_rounded(pixels[c]);
}

/* Whether a face is none but one of those before it, found at another angle. */
static int cascade_is_repeated(const struct cascade_square *square,
                               const struct cascade_square *before, int n)
{
    for (int k = 0; k < n; k++) {
        double half = before[k].side / 2;
        if (cascade_overlap(&before[k], square) > CASCADE_APART)
            return 1;
        if (cascade_away(square->x - before[k].x) < half &&
            cascade_away(square->y - before[k].y) < half && square->side < before[k].side)
            return 1;
    }
    return 0;
}

/* Tell the caller, the surest first. */
static int cascade_report(struct cascade_detector_room *room, double min_score,
                          struct cascade_face *faces, int most)
{
    struct cascade_square *told = room->squares; /* nobody needs those of windows any more */
    int n = 0;
    cascade_sort(room->scores, room->n_found, room->order, room->other);
    for (int k = 0; k < room->n_found && n < most; k++) {
        const struct cascade_found *found = &room->found[room->order[k]];
        struct cascade_face *face = &faces[n];
        face->score = cascade_rounded(room->scores[room->order[k]]);
        if (!(face->score >= (float)min_score))
            break;
        for (int i = 0; i < 4; i++)
            face->box[i] = found->box[i];
        told[n].x = ((double)face->box[0] + face->box[2]) / 2;
        told[n].y = ((double)face->box[1] + face->box[3]) / 2;
        told[n].side = (double)face->box[2] - face->box[0];
        if (cascade_is_repeated(&told[n], told, n))
            continue;
        for (int p = 0; p < CASCADE_POINTS; p++) {
            face->points[2 * p] = found->shape[p];
            face->points[2 * p + 1] = found->shape[CASCADE_POINTS + p];
        }
        n++;
    }
    return n;
}

CASCADE_API size_t cascade_scratch(int width, int height)
{
    size_t size = sizeof(struct cascade_detector_room) + 16;
    if (width < 1 || height < 1 || width > CASCADE_LONGEST || height > CASCADE_LONGEST)
        return 0;
    for (int level = 0; level < CASCADE_MOST_LEVELS; level++) {
        size += cascade_level_bytes(width, height);
        width = cascade_halved(width);
        height = cascade_halved(height);
    }
    return size;
}

static int cascade_is_search(const struct cascade_search *search)
{
    return search && search->turns && search->min_size >= 8 && search->min_size <= 1 << 20 &&
           search->max_size >= 0 && search->factor >= 1.01 && search->factor <= 4 &&
           search->step >= 0.01 && search->step <= 1 && search->n_angles >= 1 &&
           search->n_angles <= 36 &&
           (search->n_angles == 1 ||
            (search->more_factor >= 1.01 && search->more_factor <= 8 &&
             search->more_step >= 0.01 && search->more_step <= 2));
}

CASCADE_API int cascade_detect(const uint8_t *grey, int width, int height, int stride,
                               const struct cascade_search *search, void *scratch, size_t size,
                               struct cascade_face *faces, int most)
{
    struct cascade_detector_room *room;
    double smallest, largest, side, last;
    int n, shorter = width < height ? width : height;
    if (!grey || !faces || stride < width || !cascade_scratch(width, height))
        return CASCADE_BAD_IMAGE;
    if (!cascade_is_search(search))
        return CASCADE_BAD_SEARCH;
    if (!scratch || size < cascade_scratch(width, height))
        return CASCADE_BAD_SCRATCH;
    room = (struct cascade_detector_room *)(((uintptr_t)scratch + 15) & ~(uintptr_t)15);
    smallest = search->min_size * CASCADE_CONTEXT;
    largest = search->max_size > 0 ? search->max_size * CASCADE_CONTEXT : shorter * 1.25;
    /* No window that is larger has its centre far enough from the border. */
    largest = largest < 2.0 * shorter ? largest : 2.0 * shorter;
    if (smallest > largest)
        return 0;
    for (side = last = smallest; side <= largest; side *= search->factor)
        last = side;
    room->finest = cascade_level_of(smallest) > 0 ? cascade_level_of(smallest) - 1 : 0;
    room->coarsest = cascade_level_of(last) > room->finest ? cascade_level_of(last) : room->finest;
    cascade_fill_levels(grey, width, height, stride, room->finest, room->coarsest,
                        (uint8_t *)(room + 1), room->levels);

    n = cascade_candidates(room, search, largest);
    n = cascade_pass(room, search, n);
    cascade_gather(room, n);
    for (int k = 0; k < room->n_found; k++)
        cascade_look_again(room, &room->found[k]);
#if CASCADE_VERIFY
    for (int k = 0; k < room->n_found; k++) {
        const struct cascade_found *face = &room->found[k];
        double width_of = (double)face->box[2] - face->box[0], score;
        double height_of = (double)face->box[3] - face->box[1];
        int level = cascade_finer(room, cascade_rounded(sqrt(width_of * height_of)));
        score = cascade_verify(room->levels, level, face->box, face->shape, &room->verifier);
        /* Small windows are many, and few of them hold a face. */
        score += cascade_log(width_of / CASCADE_USUAL_SIDE);
        room->scores[k] = cascade_rounded(score);
    }
#endif
    return cascade_report(room, search->min_score, faces, most);
}

CASCADE_API int cascade_find(const uint8_t *grey, int width, int height, int stride, void *scratch,
                             size_t size, struct cascade_face *faces, int most)
{
    int longer = width > height ? width : height;
    struct cascade_search search = {
        0, 0, 1.15, 0.1, CASCADE_MORE_FACTOR, CASCADE_MORE_STEP, CASCADE_LEAST, CASCADE_ANGLES,
        cascade_angles};
    search.min_size = longer * CASCADE_PART;
    search.min_size = search.min_size > CASCADE_SMALLEST ? search.min_size : CASCADE_SMALLEST;
    return cascade_detect(grey, width, height, stride, &search, scratch, size, faces, most);
}

CASCADE_API int cascade_face_floats(void)
{
    return (int)(sizeof(struct cascade_face) / sizeof(float));
}
