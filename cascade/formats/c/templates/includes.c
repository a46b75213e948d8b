#include <stddef.h>
#include <stdint.h>
#if defined(__wasm__) && !defined(__wasi__)
/* No library: these are instructions of the machine. */
double floor(double);
double sqrt(double);
float floorf(float);
float sqrtf(float);
#else
#include <math.h>
#endif
#if defined(__GNUC__)
/* Nobody reads errno: then many roots are one instruction. */
__attribute__((const)) float sqrtf(float);
#endif
