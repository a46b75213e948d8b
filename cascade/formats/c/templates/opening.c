/* ------------------------------------------------------------------- from a start to an answer */

static void cascade_run_stages(const struct cascade_view *view, struct cascade_room *room,
                               struct cascade_answer *answer, int first, int last)
{
    for (int t = first; t < last; t++)
        cascade_run_stage(t, view, room, answer);
}

static void cascade_begin(struct cascade_answer *answer, const float *shape)
{
    for (int c = 0; c < 2 * CASCADE_POINTS; c++)
        answer->shape[c] = shape[c];
    for (int k = 0; k < CASCADE_POINTS; k++)
        answer->visibility[k] = 1;
}

/* The early stages from one of the starts. */
static void cascade_open(const struct cascade_view *view, struct cascade_room *room, int start,
                         struct cascade_answer *answer)
{
#if CASCADE_KEYS
    /* All key shapes run them, and the one with the least error goes on, as far as can be told. */
    float least = 0;
    for (int i = 0; i < CASCADE_KEYS; i++) {
        const float *key = cascade_starts + (start * CASCADE_KEYS + i) * 2 * CASCADE_POINTS;
        struct cascade_answer tried;
        float sum, score;
        cascade_begin(&tried, key);
        cascade_run_stages(view, room, &tried, 0, CASCADE_EARLY);
        cascade_see(&cascade_score, view, &room->hog, tried.shape, &sum);
        score = sum * cascade_score.basis[0] + cascade_score.bias[0];
        if (i == 0 || score < least) {
            least = score;
            *answer = tried;
        }
    }
#else
    cascade_begin(answer, cascade_starts + start * 2 * CASCADE_POINTS);
    cascade_run_stages(view, room, answer, 0, CASCADE_EARLY);
#endif
}
