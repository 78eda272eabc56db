// Pooling over one to three spatial axes, channels last.
#pragma once

#include <cstdint>

#include "isa.h"

namespace nanobind {
class module_;
}

namespace cornu {

struct Pooling {
  int64_t batch, channels;
  int64_t in[3], out[3], window[3], strides[3], low[3];
};

// What there is for each type of elements and each type P of numbers of taps.
#define CORNU_POOLING(T, NAME)                                                     \
  CORNU_PER_ISA(void, window_max_##NAME, (const Pooling &, const T *x, T *y))      \
  CORNU_PER_ISA(void, window_sum_##NAME, (const Pooling &, const T *x, T *y))      \
  CORNU_PER_ISA(void, window_sum_grad_##NAME, (const Pooling &, const T *g, T *x)) \
  CORNU_POOLING_BY_TAP(T, NAME, int8_t, i8)                                        \
  CORNU_POOLING_BY_TAP(T, NAME, int32_t, i32)
#define CORNU_POOLING_BY_TAP(T, NAME, P, PLACES)                                   \
  CORNU_PER_ISA(void, window_argmax_##NAME##_##PLACES,                             \
                (const Pooling &, const T *x, const T *y, P *places))              \
  CORNU_PER_ISA(void, window_max_at_##NAME##_##PLACES,                             \
                (const Pooling &, const T *x, T *y, P *places))                    \
  CORNU_PER_ISA(void, window_put_##NAME##_##PLACES,                                \
                (const Pooling &, const T *g, const P *places, T *x))              \
  CORNU_PER_ISA(void, window_pick_##NAME##_##PLACES,                               \
                (const Pooling &, const T *x, const P *places, T *y))

CORNU_POOLING(float, f32)
CORNU_POOLING(double, f64)

void bind_pooling(nanobind::module_ &);

} // namespace cornu
