Images are grey, a byte a pixel, rows `stride` bytes apart, the first row on top. A box is
(left, top, right, bottom) in pixels, as the detector named above gives them. `points` takes
2 * CASCADE_POINTS numbers, x before y, in pixels; pixel centres are at whole numbers. 0 is
returned, or a code of what is wrong, and then nothing is written. Nothing is allocated, and
nothing is kept between calls: several threads may call. A call needs some hundred kilobytes of
stack (sizeof(struct cascade_room), and a little more).

    cc -std=c99 -O3 -c model.c    (link with -lm)

-march=native makes it faster where it runs on this machine alone; -ffast-math moves landmarks.

    int cascade_predict(const uint8_t *grey, int width, int height, int stride,
                        const float box[4], float *points);

Two models in one program: compile each with another -Dcascade_predict=NAME, and likewise of
cascade_align, cascade_n_points, cascade_from_detector and cascade_box_of. WebAssembly, which needs
no library either:

    clang --target=wasm32 -O3 -msimd128 -mbulk-memory -nostdlib -Wl,--no-entry
        -Wl,--export=cascade_predict -Wl,--export=cascade_align -Wl,--export=cascade_n_points
        -Wl,--export=cascade_from_detector -Wl,--export=cascade_box_of
        -Wl,--export=__heap_base -Wl,-z,stack-size=1048576 -o model.wasm model.c
