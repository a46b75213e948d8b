/* Mean distance of the landmarks of all starts from their median, in box sides. */
static float cascade_mean_spread(const struct cascade_answer *answers)
{
    float middle[2 * CASCADE_POINTS];
    double sum = 0;
    cascade_median_shape(answers, CASCADE_STARTS, middle);
    for (int i = 0; i < CASCADE_STARTS; i++)
        for (int k = 0; k < CASCADE_POINTS; k++)
            sum += (double)cascade_distance(&answers[i], k, middle[k], middle[CASCADE_POINTS + k]);
    return (float)(sum / (CASCADE_STARTS * CASCADE_POINTS));
}

/* Where the starts of a face lie apart, take others if these lie closer (Burgos-Artizzu et al.
   2013, section 3.3). */
static void cascade_start_anew(const struct cascade_view *view, struct cascade_room *room,
                               struct cascade_answer *answers)
{
    float apart = cascade_mean_spread(answers);
    for (int attempt = 1; attempt <= CASCADE_RESTARTS && apart > cascade_restart_spread;
         attempt++) {
        struct cascade_answer others[CASCADE_STARTS];
        float spread;
        for (int i = 0; i < CASCADE_STARTS; i++)
            cascade_open(view, room, attempt * CASCADE_STARTS + i, &others[i]);
        spread = cascade_mean_spread(others);
        if (spread < apart) {
            apart = spread;
            for (int i = 0; i < CASCADE_STARTS; i++)
                answers[i] = others[i];
        }
    }
}
