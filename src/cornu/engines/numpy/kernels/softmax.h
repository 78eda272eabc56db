// Softmax and the crossentropies of classes, along the last axis.
#pragma once

#include <cstdint>

#include "isa.h"

namespace nanobind {
class module_;
}

namespace cornu {

template <class T> struct Classes {
  int64_t rows, classes;
  bool from_logits;
  T low, high;            // what probabilities are clipped to
  const T *targets;       // (rows, classes), or null
  const int32_t *indices; // (rows,), of the true classes, or null
};

// y and x are (rows, n); a result may take the place of an operand.
#define CORNU_SOFTMAX(T, NAME)                                                     \
  CORNU_PER_ISA(void, softmax_##NAME, (int64_t rows, int64_t n, const T *x, T *y)) \
  CORNU_PER_ISA(void, log_softmax_##NAME,                                          \
                (int64_t rows, int64_t n, const T *x, T *y))                       \
  CORNU_PER_ISA(void, softmax_grad_##NAME,                                         \
                (int64_t rows, int64_t n, const T *g, const T *y, T *out))         \
  CORNU_PER_ISA(void, crossentropy_##NAME, (const Classes<T> &, const T *x, T *y)) \
  CORNU_PER_ISA(void, crossentropy_grad_##NAME,                                    \
                (const Classes<T> &, const T *x, const T *g, T *out))

CORNU_SOFTMAX(float, f32)
CORNU_SOFTMAX(double, f64)

void bind_softmax(nanobind::module_ &);

} // namespace cornu
