// Random bits by counting: Threefry-2x32, as cornu/ops/primitives/random.py says it.
#pragma once

#include <cstdint>

#include "isa.h"

namespace nanobind {
class module_;
}

namespace cornu {

CORNU_PER_ISA(void, random_bits, (const uint32_t *key, int64_t n, int32_t *out))

// x / keep where an element's bits are at least `limit`, and 0 elsewhere.
CORNU_PER_ISA(void, dropout_f32,
              (const uint32_t *key, int64_t n, int32_t limit, float keep, const float *x,
               float *y))
CORNU_PER_ISA(void, dropout_f64,
              (const uint32_t *key, int64_t n, int32_t limit, double keep,
               const double *x, double *y))

void bind_random(nanobind::module_ &);

} // namespace cornu
