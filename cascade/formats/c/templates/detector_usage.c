Images are grey, a byte a pixel, rows `stride` bytes apart, the first row on top. Boxes are (left,
top, right, bottom) in pixels; pixel centres are at whole numbers. Nothing is allocated, and nothing
is kept between calls: all work is done in `scratch`, which the caller owns, of the size that
cascade_scratch tells; threads that call at the same time need one each.

    size_t size = cascade_scratch(width, height);
    struct cascade_face faces[10];
    int n = cascade_find(grey, width, height, width, malloc(size), size, faces, 10);

    cc -std=c99 -O3 -c detector.c    (link with -lm)

-march=native makes it faster where it runs on this machine alone; -ffast-math moves landmarks.
WebAssembly, which needs no library:

    clang --target=wasm32 -O3 -msimd128 -mbulk-memory -nostdlib -Wl,--no-entry
        -Wl,--export=cascade_find -Wl,--export=cascade_detect -Wl,--export=cascade_scratch
        -Wl,--export=cascade_face_floats -Wl,--export=__heap_base -Wl,-z,stack-size=1048576
        -o detector.wasm detector.c
