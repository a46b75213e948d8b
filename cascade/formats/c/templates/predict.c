/* The answers of all starts in one view. */
static void cascade_run(const struct cascade_view *view, struct cascade_room *room,
                        struct cascade_answer *answers)
{
    cascade_new_view(room);
    for (int i = 0; i < CASCADE_STARTS; i++)
        cascade_open(view, room, i, &answers[i]);
#if CASCADE_RESTARTS
    cascade_start_anew(view, room, answers);
#endif
    for (int i = 0; i < CASCADE_STARTS; i++)
        cascade_run_stages(view, room, &answers[i], CASCADE_EARLY, CASCADE_STAGES);
}

CASCADE_API int cascade_align(const uint8_t *grey, int width, int height, int stride,
                              const float box[4], float *points, float *spread, float *visible)
{
    struct cascade_answer answers[CASCADE_ANSWERS];
    struct cascade_room room;
    struct cascade_view view, image;
    float shape[2 * CASCADE_POINTS];
    int code;

    if (!grey || !box || !points || width < 1 || height < 1 || stride < width)
        return CASCADE_BAD_IMAGE;
    if (width > CASCADE_LONGEST || height > CASCADE_LONGEST)
        return CASCADE_BAD_IMAGE;
    image.first = grey;
    image.step = 1;
    image.row = stride;
    image.width = width;
    image.height = height;
    code = cascade_place(box, &image);
    if (code != CASCADE_OK)
        return code;

    /* A face near the scale of training is read where it is, any other from a crop. */
    view = image;
    if (CASCADE_ALWAYS_CROP || !(CASCADE_NEAR_LOW <= view.side && view.side <= CASCADE_NEAR_HIGH)) {
        code = cascade_crop(&view, &room.crop);
        if (code != CASCADE_OK)
            return code;
    }
    cascade_run(&view, &room, answers);
#if CASCADE_MIRROR
    view = cascade_mirror(view);
    cascade_run(&view, &room, answers + CASCADE_STARTS);
    for (int i = CASCADE_STARTS; i < CASCADE_ANSWERS; i++) {
        struct cascade_answer seen = answers[i];
        for (int k = 0; k < CASCADE_POINTS; k++) {
            answers[i].shape[k] = -seen.shape[cascade_flip[k]];
            answers[i].shape[CASCADE_POINTS + k] = seen.shape[CASCADE_POINTS + cascade_flip[k]];
            answers[i].visibility[k] = seen.visibility[cascade_flip[k]];
        }
    }
#endif

    cascade_median_shape(answers, CASCADE_ANSWERS, shape);
    for (int k = 0; k < CASCADE_POINTS; k++) {
        float values[CASCADE_ANSWERS], seen;
        points[2 * k] = shape[k] * image.side + image.cx;
        points[2 * k + 1] = shape[CASCADE_POINTS + k] * image.side + image.cy;
        if (spread) {
            for (int i = 0; i < CASCADE_ANSWERS; i++)
                values[i] = cascade_distance(&answers[i], k, shape[k], shape[CASCADE_POINTS + k]);
            spread[k] = cascade_median(values, CASCADE_ANSWERS);
        }
        if (visible) {
            for (int i = 0; i < CASCADE_ANSWERS; i++)
                values[i] = answers[i].visibility[k];
            seen = cascade_median(values, CASCADE_ANSWERS);
            visible[k] = seen < 0 ? 0 : seen > 1 ? 1 : seen;
        }
    }
    return CASCADE_OK;
}

CASCADE_API int cascade_predict(const uint8_t *grey, int width, int height, int stride,
                                const float box[4], float *points)
{
    return cascade_align(grey, width, height, stride, box, points, 0, 0);
}

CASCADE_API int cascade_n_points(void)
{
    return CASCADE_POINTS;
}
