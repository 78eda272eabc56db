// Rows of a table: looked up, and added to.
#pragma once

#include <cstdint>

#include "isa.h"

namespace nanobind {
class module_;
}

namespace cornu {

// A table (outer, rows, inner), and the `count` rows of it that are meant.
struct Rows {
  int64_t outer, rows, inner;
  const int32_t *indices; // -rows ... rows - 1; negative ones count from the end
  int64_t count;
};

// A row of `inner` elements as bytes.
CORNU_PER_ISA(void, gather, (const Rows &, int64_t itemsize, const char *x, char *y))

CORNU_PER_ISA(void, scatter_add_f32, (const Rows &, const float *updates, float *y))
CORNU_PER_ISA(void, scatter_add_f64, (const Rows &, const double *updates, double *y))
CORNU_PER_ISA(void, scatter_add_i32, (const Rows &, const uint32_t *updates, uint32_t *y))
CORNU_PER_ISA(void, scatter_add_i64, (const Rows &, const uint64_t *updates, uint64_t *y))

void bind_indexing(nanobind::module_ &);

} // namespace cornu
