#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/pair.h>

#include "arrays.h"
#include "conv.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace cornu {
namespace {

using Pair = std::array<int64_t, 2>;
using Padding = std::array<Pair, 2>;

Conv shapes(const View &x, const View &w, const View &y, Pair strides, Padding padding,
            Pair dilation) {
  if (x.ndim != 4 || w.ndim != 4 || y.ndim != 4)
    throw std::invalid_argument("two spatial axes, channels last");
  Conv c{};
  c.batch = x.shape[0];
  c.channels = x.shape[3];
  c.filters = y.shape[3];
  for (int i = 0; i < 2; i++) {
    c.in[i] = x.shape[1 + i];
    c.out[i] = y.shape[1 + i];
    c.window[i] = w.shape[i];
    c.strides[i] = strides[i];
    c.dilation[i] = dilation[i];
    c.low[i] = padding[i][0];
    c.high[i] = padding[i][1];
    int64_t room = c.in[i] + c.low[i] + c.high[i] - (c.window[i] - 1) * c.dilation[i] - 1;
    bool fits = c.low[i] >= 0 && c.high[i] >= 0 && strides[i] > 0 && dilation[i] > 0 &&
                room >= 0 && room / strides[i] + 1 == c.out[i];
    if (!fits)
      throw std::invalid_argument("the shapes of a convolution do not fit together");
  }
  if (y.shape[0] != c.batch || w.shape[2] != c.channels || w.shape[3] != c.filters)
    throw std::invalid_argument("the shapes of a convolution do not fit together");
  return c;
}

void conv(nb::handle x_, nb::handle w_, nb::handle y_, Pair strides, Padding padding,
          Pair dilation) {
  Operand x(x_.ptr()), w(w_.ptr());
  Result y(y_.ptr());
  Conv c = shapes(x.view, w.view, y.view, strides, padding, dilation);
  nb::gil_scoped_release release;
  if (same_type<float>(x, w, y))
    CORNU_BEST(conv_f32)(c, x.data<float>(), w.data<float>(), y.data<float>(), false);
  else
    CORNU_BEST(conv_f64)(c, x.data<double>(), w.data<double>(), y.data<double>(), false);
}

// Only where strides are 1: a convolution of g by the kernel turned around.
void conv_input_grad(nb::handle g_, nb::handle w_, nb::handle x_, Padding padding,
                     Pair dilation) {
  Operand g(g_.ptr()), w(w_.ptr());
  Result x(x_.ptr());
  Conv there = shapes(x.view, w.view, g.view, {1, 1}, padding, dilation);
  Conv c = there;
  c.channels = there.filters;
  c.filters = there.channels;
  for (int i = 0; i < 2; i++) {
    int64_t reach = (there.window[i] - 1) * there.dilation[i];
    c.in[i] = there.out[i];
    c.out[i] = there.in[i];
    c.low[i] = reach - there.low[i];
    c.high[i] = reach - there.high[i];
    if (c.low[i] < 0 || c.high[i] < 0)
      throw std::invalid_argument("more padding than the window reaches");
  }
  nb::gil_scoped_release release;
  if (same_type<float>(g, w, x))
    CORNU_BEST(conv_f32)(c, g.data<float>(), w.data<float>(), x.data<float>(), true);
  else
    CORNU_BEST(conv_f64)(c, g.data<double>(), w.data<double>(), x.data<double>(), true);
}

void conv_kernel_grad(nb::handle x_, nb::handle g_, nb::handle w_, Pair strides,
                      Padding padding, Pair dilation) {
  Operand x(x_.ptr()), g(g_.ptr());
  Result w(w_.ptr());
  Conv c = shapes(x.view, w.view, g.view, strides, padding, dilation);
  nb::gil_scoped_release release;
  if (same_type<float>(x, g, w))
    CORNU_BEST(conv_kernel_f32)(c, x.data<float>(), g.data<float>(), w.data<float>());
  else
    CORNU_BEST(conv_kernel_f64)(c, x.data<double>(), g.data<double>(), w.data<double>());
}

} // namespace

void bind_conv(nb::module_ &m) {
  m.def("conv", &conv, "x"_a, "w"_a, "out"_a, "strides"_a, "padding"_a, "dilation"_a,
        "Convolution over two spatial axes.");
  m.def("conv_input_grad", &conv_input_grad, "g"_a, "w"_a, "out"_a, "padding"_a,
        "dilation"_a, "Its gradient by the input, for strides of 1.");
  m.def("conv_kernel_grad", &conv_kernel_grad, "x"_a, "g"_a, "out"_a, "strides"_a,
        "padding"_a, "dilation"_a, "Its gradient by the kernel.");
}

} // namespace cornu
