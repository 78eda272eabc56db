// Batch and layer normalization: mean 0 and variance 1, along rows or down columns.
#pragma once

#include <cstdint>

#include "isa.h"

namespace nanobind {
class module_;
}

namespace cornu {

// x is (rows, width). Each row has a mean and a variance, or with `columns` each column.
// Weights, where there are any, belong to the columns.
template <class T> struct Standard {
  int64_t rows, width;
  bool columns;
  T epsilon;
  const T *gamma, *beta; // or null
};

template <class T> struct StandardGrads {
  T *x, *gamma, *beta; // gamma and beta may be null
};

CORNU_PER_ISA(void, standardize_f32,
              (const Standard<float> &, const float *x, float *y, float *mean,
               float *variance))
CORNU_PER_ISA(void, standardize_f64,
              (const Standard<double> &, const double *x, double *y, double *mean,
               double *variance))
CORNU_PER_ISA(void, standardize_grad_f32,
              (const Standard<float> &, const float *g, const float *x,
               const float *mean, const float *variance, const StandardGrads<float> &))
CORNU_PER_ISA(void, standardize_grad_f64,
              (const Standard<double> &, const double *g, const double *x,
               const double *mean, const double *variance,
               const StandardGrads<double> &))

void bind_normalize(nanobind::module_ &);

} // namespace cornu
