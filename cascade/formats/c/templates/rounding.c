/* A product and a sum that are rounded as one would move landmarks away from those of training.
   GCC is also told not to unroll the loops over leaves in a way that costs them their vectors. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC optimize("fp-contract=off", "no-loop-unroll-and-jam")
#endif
