#include <nanobind/nanobind.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include "arrays.h"
#include "pooling.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace cornu {
namespace {

using Sizes = std::vector<int64_t>;
using Padding = std::vector<std::pair<int64_t, int64_t>>;

// x is what windows look into, y has one element per window and channel.
Pooling shapes(const View &x, const View &y, const Sizes &window, const Sizes &strides,
               const Padding &padding) {
  size_t n = window.size();
  if (n < 1 || n > 3 || strides.size() != n || padding.size() != n ||
      x.ndim != static_cast<int>(n) + 2 || y.ndim != x.ndim)
    throw std::invalid_argument("one to three spatial axes, channels last");
  Pooling p{};
  p.batch = x.shape[0];
  p.channels = x.shape[n + 1];
  bool fits = y.shape[0] == p.batch && y.shape[n + 1] == p.channels;
  for (int a = 0; a < 3; a++) {
    p.in[a] = p.out[a] = p.window[a] = p.strides[a] = 1;
    int i = a - (3 - static_cast<int>(n)); // the last axes are those that there are
    if (i < 0)
      continue;
    p.in[a] = x.shape[1 + i];
    p.out[a] = y.shape[1 + i];
    p.window[a] = window[i];
    p.strides[a] = strides[i];
    p.low[a] = padding[i].first;
    int64_t high = padding[i].second;
    int64_t room = p.in[a] + p.low[a] + high - p.window[a];
    fits = fits && p.low[a] >= 0 && high >= 0 && window[i] > 0 && strides[i] > 0 &&
           room >= 0 && room / strides[i] + 1 == p.out[a];
  }
  if (!fits || p.window[0] * p.window[1] * p.window[2] > (1 << 30))
    throw std::invalid_argument("the shapes of a pooling do not fit together");
  return p;
}

// Whether numbers of taps are bytes; else they must be words.
bool are_bytes(const View &places, const View &y) {
  bool fit = places.ndim == y.ndim && places.size() == y.size();
  for (int i = 0; fit && i < y.ndim; i++)
    fit = places.shape[i] == y.shape[i];
  if (!fit || places.kind != 'i' || (places.itemsize != 1 && places.itemsize != 4))
    throw std::invalid_argument("a number of a tap, int8 or int32, for each window");
  return places.itemsize == 1;
}

void window_max(nb::handle x_, nb::handle y_, Sizes window, Sizes strides,
                Padding padding) {
  Operand x(x_.ptr());
  Result y(y_.ptr());
  Pooling p = shapes(x.view, y.view, window, strides, padding);
  nb::gil_scoped_release release;
  if (same_type<float>(x, y))
    CORNU_BEST(window_max_f32)(p, x.data<float>(), y.data<float>());
  else
    CORNU_BEST(window_max_f64)(p, x.data<double>(), y.data<double>());
}

void window_sum(nb::handle x_, nb::handle y_, Sizes window, Sizes strides,
                Padding padding) {
  Operand x(x_.ptr());
  Result y(y_.ptr());
  Pooling p = shapes(x.view, y.view, window, strides, padding);
  nb::gil_scoped_release release;
  if (same_type<float>(x, y))
    CORNU_BEST(window_sum_f32)(p, x.data<float>(), y.data<float>());
  else
    CORNU_BEST(window_sum_f64)(p, x.data<double>(), y.data<double>());
}

void window_sum_grad(nb::handle g_, nb::handle x_, Sizes window, Sizes strides,
                     Padding padding) {
  Operand g(g_.ptr());
  Result x(x_.ptr());
  Pooling p = shapes(x.view, g.view, window, strides, padding);
  nb::gil_scoped_release release;
  if (same_type<float>(g, x))
    CORNU_BEST(window_sum_grad_f32)(p, g.data<float>(), x.data<float>());
  else
    CORNU_BEST(window_sum_grad_f64)(p, g.data<double>(), x.data<double>());
}

void window_argmax(nb::handle x_, nb::handle y_, nb::handle places_, Sizes window,
                   Sizes strides, Padding padding) {
  Operand x(x_.ptr()), y(y_.ptr());
  Result places(places_.ptr());
  Pooling p = shapes(x.view, y.view, window, strides, padding);
  bool bytes = are_bytes(places.view, y.view);
  if (bytes && p.window[0] * p.window[1] * p.window[2] > 127)
    throw std::invalid_argument("more taps than a byte can count");
  nb::gil_scoped_release release;
  if (same_type<float>(x, y)) {
    if (bytes)
      CORNU_BEST(window_argmax_f32_i8)
      (p, x.data<float>(), y.data<float>(), places.data<int8_t>());
    else
      CORNU_BEST(window_argmax_f32_i32)
      (p, x.data<float>(), y.data<float>(), places.data<int32_t>());
  } else if (bytes) {
    CORNU_BEST(window_argmax_f64_i8)
    (p, x.data<double>(), y.data<double>(), places.data<int8_t>());
  } else {
    CORNU_BEST(window_argmax_f64_i32)
    (p, x.data<double>(), y.data<double>(), places.data<int32_t>());
  }
}

void window_max_at(nb::handle x_, nb::handle y_, nb::handle places_, Sizes window,
                   Sizes strides, Padding padding) {
  Operand x(x_.ptr());
  Result y(y_.ptr()), places(places_.ptr());
  Pooling p = shapes(x.view, y.view, window, strides, padding);
  bool bytes = are_bytes(places.view, y.view);
  if (bytes && p.window[0] * p.window[1] * p.window[2] > 127)
    throw std::invalid_argument("more taps than a byte can count");
  nb::gil_scoped_release release;
  if (same_type<float>(x, y)) {
    if (bytes)
      CORNU_BEST(window_max_at_f32_i8)
      (p, x.data<float>(), y.data<float>(), places.data<int8_t>());
    else
      CORNU_BEST(window_max_at_f32_i32)
      (p, x.data<float>(), y.data<float>(), places.data<int32_t>());
  } else if (bytes) {
    CORNU_BEST(window_max_at_f64_i8)
    (p, x.data<double>(), y.data<double>(), places.data<int8_t>());
  } else {
    CORNU_BEST(window_max_at_f64_i32)
    (p, x.data<double>(), y.data<double>(), places.data<int32_t>());
  }
}

void window_put(nb::handle g_, nb::handle places_, nb::handle x_, Sizes window,
                Sizes strides, Padding padding) {
  Operand g(g_.ptr()), places(places_.ptr());
  Result x(x_.ptr());
  Pooling p = shapes(x.view, g.view, window, strides, padding);
  bool bytes = are_bytes(places.view, g.view);
  nb::gil_scoped_release release;
  if (same_type<float>(g, x)) {
    if (bytes)
      CORNU_BEST(window_put_f32_i8)
      (p, g.data<float>(), places.data<int8_t>(), x.data<float>());
    else
      CORNU_BEST(window_put_f32_i32)
      (p, g.data<float>(), places.data<int32_t>(), x.data<float>());
  } else if (bytes) {
    CORNU_BEST(window_put_f64_i8)
    (p, g.data<double>(), places.data<int8_t>(), x.data<double>());
  } else {
    CORNU_BEST(window_put_f64_i32)
    (p, g.data<double>(), places.data<int32_t>(), x.data<double>());
  }
}

void window_pick(nb::handle x_, nb::handle places_, nb::handle y_, Sizes window,
                 Sizes strides, Padding padding) {
  Operand x(x_.ptr()), places(places_.ptr());
  Result y(y_.ptr());
  Pooling p = shapes(x.view, y.view, window, strides, padding);
  bool bytes = are_bytes(places.view, y.view);
  nb::gil_scoped_release release;
  if (same_type<float>(x, y)) {
    if (bytes)
      CORNU_BEST(window_pick_f32_i8)
      (p, x.data<float>(), places.data<int8_t>(), y.data<float>());
    else
      CORNU_BEST(window_pick_f32_i32)
      (p, x.data<float>(), places.data<int32_t>(), y.data<float>());
  } else if (bytes) {
    CORNU_BEST(window_pick_f64_i8)
    (p, x.data<double>(), places.data<int8_t>(), y.data<double>());
  } else {
    CORNU_BEST(window_pick_f64_i32)
    (p, x.data<double>(), places.data<int32_t>(), y.data<double>());
  }
}

} // namespace

void bind_pooling(nb::module_ &m) {
  m.def("window_max", &window_max, "x"_a, "out"_a, "window"_a, "strides"_a,
        "padding"_a, "The largest element of each window.");
  m.def("window_sum", &window_sum, "x"_a, "out"_a, "window"_a, "strides"_a,
        "padding"_a, "The sum over each window.");
  m.def("window_sum_grad", &window_sum_grad, "g"_a, "out"_a, "window"_a, "strides"_a,
        "padding"_a, "What each element gets from all windows that it is in.");
  m.def("window_argmax", &window_argmax, "x"_a, "y"_a, "out"_a, "window"_a,
        "strides"_a, "padding"_a, "The first tap of each window that holds y.");
  m.def("window_max_at", &window_max_at, "x"_a, "out"_a, "places"_a, "window"_a,
        "strides"_a, "padding"_a, "The largest element, and its tap's number.");
  m.def("window_put", &window_put, "g"_a, "places"_a, "out"_a, "window"_a, "strides"_a,
        "padding"_a, "Each window's number at the tap that is chosen for it.");
  m.def("window_pick", &window_pick, "x"_a, "places"_a, "out"_a, "window"_a,
        "strides"_a, "padding"_a, "From each window the element at a tap.");
}

} // namespace cornu
