// Convolutions over two spatial axes, channels last.
#pragma once

#include <cstdint>

#include "isa.h"

namespace nanobind {
class module_;
}

namespace cornu {

struct Conv {
  int64_t batch;
  int64_t in[2], out[2], window[2], strides[2], low[2], high[2], dilation[2];
  int64_t channels, filters;
};

// y (batch, out, filters) from x (batch, in, channels) and w (window, channels, filters).
// With `turned`, w is (window, filters, channels) and its taps come in reversed order:
// what gives the gradient by the input.
CORNU_PER_ISA(void, conv_f32, (const Conv &, const float *x, const float *w, float *y, bool turned))
CORNU_PER_ISA(void, conv_f64, (const Conv &, const double *x, const double *w, double *y, bool turned))
// w (window, channels, filters) from x and g (batch, out, filters).
CORNU_PER_ISA(void, conv_kernel_f32, (const Conv &, const float *x, const float *g, float *w))
CORNU_PER_ISA(void, conv_kernel_f64, (const Conv &, const double *x, const double *g, double *w))

void bind_conv(nanobind::module_ &);

} // namespace cornu
