// Products of matrices, in any layout.
#pragma once

#include <cstdint>

#include "isa.h"

namespace nanobind {
class module_;
}

namespace cornu {

// One side of a product: element (i, j) of product g at data + groups[g] + i * row +
// j * column, in elements.
struct Side {
  const int64_t *groups;
  int64_t row, column;
};

// out (groups, m, n) = a (groups, m, k) @ b (groups, k, n); columns of `out` lie side by
// side.
struct Gemm {
  int64_t groups, m, n, k;
  Side a, b, out;
};

CORNU_PER_ISA(void, gemm_f32, (const Gemm &, const float *a, const float *b, float *out))
CORNU_PER_ISA(void, gemm_f64, (const Gemm &, const double *a, const double *b, double *out))

void bind_gemm(nanobind::module_ &);

} // namespace cornu
