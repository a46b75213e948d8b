/* ------------------------------------------------------------------------------------ the crop

   A face that is not near the scale of training is resampled to it: a whole number of pixels is
   averaged into a cell, and cells are interpolated, as OpenCV's resize does with INTER_AREA and
   INTER_LINEAR, to the bit. */

enum { CASCADE_ONE = 1 << 11 }; /* one, in the fixed-point weights of the interpolation */

/* The cells along one axis of the image. */
struct cascade_cells {
    int64_t start, average, length; /* first pixel of cell 0, pixels a cell, pixels of the image */
    int64_t n, first, last;         /* cells, and those of them that are inside the image */
};

/* How a pixel of the crop lies between two cells. */
struct cascade_tap {
    int cell, next;
    int weight, rest;
};

/* What `cascade_crop` works in. */
struct cascade_crop_room {
    uint8_t crop[CASCADE_FRAME * CASCADE_FRAME];
    uint8_t cells[2 * CASCADE_FRAME];
    struct cascade_tap taps[CASCADE_FRAME];
    int32_t lines[2][CASCADE_FRAME];
};

/* Cells that the border of the image cuts are left out, unless there is no other. */
static int cascade_find_cells(struct cascade_cells *cells)
{
    int64_t start = cells->start, average = cells->average, n = cells->n;
    if (start >= cells->length || start + n * average <= 0)
        return 0;
    cells->first = cascade_between(-cascade_floor_div(start, average), 0, n);
    cells->last = cascade_floor_div(cells->length - start, average);
    cells->last = (cells->last < n ? cells->last : n) - 1;
    if (cells->first > cells->last)
        cells->first = cells->last = cascade_between(cascade_floor_div(-start, average), 0, n - 1);
    return 1;
}

/* The pixels [begin, end) of a cell; outside the image the nearest cell inside stands for it. */
static void cascade_cell_pixels(const struct cascade_cells *cells, int64_t cell, int64_t *begin,
                                int64_t *end)
{
    cell = cascade_between(cell, cells->first, cells->last);
    *begin = cells->start + cell * cells->average;
    *end = *begin + cells->average;
    *begin = *begin > 0 ? *begin : 0;
    *end = *end < cells->length ? *end : cells->length;
    *end = *end > *begin ? *end : *begin + 1;
}

/* Nearest whole number of 0 to 2^22, halves to the even one. */
static int cascade_nearest(float x)
{
    int below = (int)x;
    float rest = x - (float)below;
    return below + (rest > 0.5f || (rest == 0.5f && (below & 1)));
}

/* The mean grey level of a cell. */
static uint8_t cascade_mean(const struct cascade_view *view, int64_t x0, int64_t x1, int64_t y0,
                            int64_t y1)
{
    uint64_t sum = 0;
    float inverse = 1.0f / (float)((x1 - x0) * (y1 - y0));
    for (int64_t y = y0; y < y1; y++) {
        const uint8_t *line = view->first + y * view->row;
        for (int64_t x = x0; x < x1; x++)
            sum += line[x];
    }
    if (x1 - x0 == 2 && y1 - y0 == 2)
        return (uint8_t)((sum + 2) >> 2); /* OpenCV rounds the mean of four upwards */
    return (uint8_t)cascade_nearest((float)sum * inverse);
}

/* The mean grey levels of a row of cells. */
static void cascade_average(const struct cascade_view *view, const struct cascade_cells *columns,
                            const struct cascade_cells *rows, int64_t row, uint8_t *restrict out)
{
    int64_t x0, x1, y0, y1, first = columns->first, last = columns->last;
    cascade_cell_pixels(rows, row, &y0, &y1);
    cascade_cell_pixels(columns, first, &x0, &x1);
    if (x1 - x0 == 1 && y1 - y0 == 1) {
        const uint8_t *line = view->first + y0 * view->row + x0;
        for (int64_t c = first; c <= last; c++)
            out[c] = line[c - first];
    } else if (x1 - x0 == 2 && y1 - y0 == 2) {
        const uint8_t *u = view->first + y0 * view->row + x0, *v = u + view->row;
        for (int64_t c = first; c <= last; c++, u += 2, v += 2)
            out[c] = (uint8_t)((u[0] + u[1] + v[0] + v[1] + 2) >> 2);
    } else {
        for (int64_t c = first; c <= last; c++) {
            cascade_cell_pixels(columns, c, &x0, &x1);
            out[c] = cascade_mean(view, x0, x1, y0, y1);
        }
    }
    for (int64_t c = 0; c < first; c++)
        out[c] = out[first];
    for (int64_t c = last + 1; c < columns->n; c++)
        out[c] = out[last];
}

/* Which of n cells pixel i of the crop lies between, and what each weighs. */
static struct cascade_tap cascade_find_tap(int i, int64_t n, int is_column)
{
    double scale = 1.0 / ((double)CASCADE_FRAME / (double)n);
    float at = (float)((i + 0.5) * scale - 0.5);
    float cell = floorf(at), share = at - cell;
    struct cascade_tap tap;
    /* OpenCV clears the weight of a column that is not there, but not that of a row. */
    if (is_column && (cell < 0 || cell >= (float)(n - 1)))
        share = 0;
    tap.cell = (int)cascade_between((int64_t)cell, 0, n - 1);
    tap.next = (int)cascade_between((int64_t)cell + 1, 0, n - 1);
    tap.weight = cascade_nearest((1.0f - share) * CASCADE_ONE);
    tap.rest = cascade_nearest(share * CASCADE_ONE);
    return tap;
}

/* Make `view`, which shows the image, show the crop around its face instead. */
static int cascade_crop(struct cascade_view *view, struct cascade_crop_room *room)
{
    double cx = view->cx, cy = view->cy, side = view->side, wanted = side / CASCADE_FACE;
    double average = cascade_round(wanted), n, scale, dx, dy;
    struct cascade_cells columns, rows;
    int held[2] = {-1, -1}; /* the rows of cells whose interpolation is in `lines` */

    average = average > 1 ? average : 1;
    n = cascade_round(wanted * CASCADE_FRAME / average);
    n = n > 1 ? n : 1;
    columns.n = rows.n = (int64_t)n;
    columns.average = rows.average = (int64_t)average;
    columns.length = view->width;
    rows.length = view->height;
    columns.start = (int64_t)cascade_round(cx + 0.5 - n * average / 2);
    rows.start = (int64_t)cascade_round(cy + 0.5 - n * average / 2);
    if (!cascade_find_cells(&columns) || !cascade_find_cells(&rows))
        return CASCADE_OUTSIDE;

    for (int x = 0; x < CASCADE_FRAME; x++)
        room->taps[x] = cascade_find_tap(x, columns.n, 1);
    for (int y = 0; y < CASCADE_FRAME; y++) {
        struct cascade_tap tap = cascade_find_tap(y, rows.n, 0);
        uint8_t *out = room->crop + y * CASCADE_FRAME;
        for (int k = 0; k < 2; k++) {
            int cell = k ? tap.next : tap.cell;
            if (held[cell & 1] == cell)
                continue;
            held[cell & 1] = cell;
            cascade_average(view, &columns, &rows, cell, room->cells);
            for (int x = 0; x < CASCADE_FRAME; x++) {
                const struct cascade_tap *t = &room->taps[x];
                room->lines[cell & 1][x] =
                    (room->cells[t->cell] * t->weight + room->cells[t->next] * t->rest) >> 4;
            }
        }
        const int32_t *above = room->lines[tap.cell & 1], *below = room->lines[tap.next & 1];
        for (int x = 0; x < CASCADE_FRAME; x++) {
            int32_t sum = (above[x] * tap.weight >> 16) + (below[x] * tap.rest >> 16);
            out[x] = (uint8_t)((sum + 2) >> 2);
        }
    }
    scale = n * average / CASCADE_FRAME;
    dx = (double)columns.start + scale / 2 - 0.5;
    dy = (double)rows.start + scale / 2 - 0.5;
    view->first = room->crop;
    view->row = view->width = view->height = CASCADE_FRAME;
    view->cx = cascade_rounded((cx - dx) / scale);
    view->cy = cascade_rounded((cy - dy) / scale);
    view->side = cascade_rounded(side / scale);
    return CASCADE_OK;
}
