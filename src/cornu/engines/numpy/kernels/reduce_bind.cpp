#include <nanobind/nanobind.h>
#include <nanobind/stl/vector.h>

#include "arrays.h"
#include "reduce.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace cornu {
namespace {

using Axes = std::vector<int>;

// The result may have kept the axes or not: its size tells.
Reduction shapes(const View &x, const View &y, const Axes &axes) {
  Reduction r{1, 1, 1};
  int reached = 0; // 0 before the axes that are reduced, 1 among them, 2 behind them
  for (int i = 0; i < x.ndim; i++) {
    bool reduced = false;
    for (int axis : axes)
      reduced = reduced || axis == i;
    if (x.shape[i] == 1)
      continue;
    if (reduced && reached == 2)
      throw std::invalid_argument("axes that lie side by side");
    reached = reduced ? 1 : reached == 1 ? 2 : reached;
    (reached == 0 ? r.outer : reached == 1 ? r.reduced : r.inner) *= x.shape[i];
  }
  if (x.size() == 0 || y.size() != r.outer * r.inner)
    throw std::invalid_argument("a result for each row that is not empty");
  return r;
}

#define BIND_REDUCE(NAME)                                                          \
  void NAME(nb::handle x_, nb::handle y_, Axes axes) {                             \
    Operand x(x_.ptr());                                                           \
    Result y(y_.ptr());                                                            \
    Reduction r = shapes(x.view, y.view, axes);                                    \
    bool narrow = same_type<float>(x, y);                                          \
    nb::gil_scoped_release release;                                                \
    if (narrow)                                                                    \
      CORNU_BEST(NAME##_f32)(r, x.data<float>(), y.data<float>());                 \
    else                                                                           \
      CORNU_BEST(NAME##_f64)(r, x.data<double>(), y.data<double>());               \
  }
#define BIND_ARG(NAME)                                                             \
  void NAME(nb::handle x_, nb::handle y_) {                                        \
    Operand x(x_.ptr());                                                           \
    Result y(y_.ptr());                                                            \
    Reduction r = shapes(x.view, y.view, {x.view.ndim - 1});                       \
    if (!is_type<int32_t>(y.view))                                                 \
      throw std::invalid_argument("an index is int32");                            \
    bool narrow = same_type<float>(x);                                             \
    nb::gil_scoped_release release;                                                \
    if (narrow)                                                                    \
      CORNU_BEST(NAME##_f32)(r, x.data<float>(), y.data<int32_t>());               \
    else                                                                           \
      CORNU_BEST(NAME##_f64)(r, x.data<double>(), y.data<int32_t>());              \
  }

BIND_REDUCE(reduce_sum)
BIND_REDUCE(reduce_max)
BIND_REDUCE(reduce_min)
BIND_ARG(argmax)
BIND_ARG(argmin)

} // namespace

void bind_reduce(nb::module_ &m) {
  m.def("reduce_sum", &reduce_sum, "x"_a, "out"_a, "axis"_a, "The sum over axes.");
  m.def("reduce_max", &reduce_max, "x"_a, "out"_a, "axis"_a, "The largest element.");
  m.def("reduce_min", &reduce_min, "x"_a, "out"_a, "axis"_a, "The smallest element.");
  m.def("argmax", &argmax, "x"_a, "out"_a, "Where the largest of each row is.");
  m.def("argmin", &argmin, "x"_a, "out"_a, "Where the smallest of each row is.");
}

} // namespace cornu
