// Products of a sparse matrix by rows (CSR) with a dense one.
#pragma once

#include <cstdint>

#include "isa.h"

namespace nanobind {
class module_;
}

namespace cornu {

// Entries of row r are numbers starts[r] to starts[r + 1] - 1.
struct Csr {
  int64_t rows, columns;
  const int64_t *starts;
  const int32_t *indices;
};

// False where an index is out of range; then the result is not complete.
// out (rows, n) = x @ dense (columns, n)
CORNU_PER_ISA(bool, csr_dot_f32, (const Csr &, const float *x, const float *dense, float *out, int64_t n))
CORNU_PER_ISA(bool, csr_dot_f64, (const Csr &, const double *x, const double *dense, double *out, int64_t n))
// out (columns, n) = x turned over @ dense (rows, n)
CORNU_PER_ISA(bool, csr_dot_transposed_f32, (const Csr &, const float *x, const float *dense, float *out, int64_t n))
CORNU_PER_ISA(bool, csr_dot_transposed_f64, (const Csr &, const double *x, const double *dense, double *out, int64_t n))

void bind_sparse(nanobind::module_ &);

} // namespace cornu
