// Sums and extremes over axes that lie side by side.
#pragma once

#include <cstdint>

#include "isa.h"

namespace nanobind {
class module_;
}

namespace cornu {

// An array (outer, reduced, inner) that becomes (outer, inner).
struct Reduction {
  int64_t outer, reduced, inner;
};

#define CORNU_REDUCE(T, NAME)                                                      \
  CORNU_PER_ISA(void, reduce_sum_##NAME, (const Reduction &, const T *x, T *y))    \
  CORNU_PER_ISA(void, reduce_max_##NAME, (const Reduction &, const T *x, T *y))    \
  CORNU_PER_ISA(void, reduce_min_##NAME, (const Reduction &, const T *x, T *y))    \
  CORNU_PER_ISA(void, argmax_##NAME, (const Reduction &, const T *x, int32_t *y))  \
  CORNU_PER_ISA(void, argmin_##NAME, (const Reduction &, const T *x, int32_t *y))

CORNU_REDUCE(float, f32)
CORNU_REDUCE(double, f64)

void bind_reduce(nanobind::module_ &);

} // namespace cornu
