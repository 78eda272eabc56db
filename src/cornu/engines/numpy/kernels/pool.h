// Threads that sleep when idle: a team that spins beside BLAS slows both down.
#pragma once

#include <cstdint>

namespace cornu {

// How many threads work at most, the caller's among them.
int threads();
void set_threads(int n);

// Calls task(context, part) for every part from 0 to parts - 1, on several threads, and
// returns when all are done. Must not be called by a task.
void run_parts(int parts, void (*task)(void *, int), void *context);

template <class F> void parallel(int parts, F &&f) {
  if (parts <= 1) {
    if (parts == 1)
      f(0);
    return;
  }
  run_parts(
      parts, [](void *context, int part) { (*static_cast<F *>(context))(part); },
      &f);
}

// The part's share [start, stop) of n things, in multiples of `grain`.
inline void share(int64_t n, int64_t grain, int parts, int part, int64_t &start,
                  int64_t &stop) {
  int64_t grains = (n + grain - 1) / grain;
  start = grains * part / parts * grain;
  stop = grains * (part + 1) / parts * grain;
  if (stop > n)
    stop = n;
}

} // namespace cornu
