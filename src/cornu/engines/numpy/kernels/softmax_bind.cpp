#include <nanobind/nanobind.h>

#include "arrays.h"
#include "softmax.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace cornu {
namespace {

bool same_shape(const View &a, const View &b) {
  bool same = a.ndim == b.ndim;
  for (int i = 0; same && i < a.ndim; i++)
    same = a.shape[i] == b.shape[i];
  return same;
}

int64_t classes_of(const View &x) {
  if (x.ndim < 1 || x.size() == 0)
    throw std::invalid_argument("rows of at least one class");
  return x.shape[x.ndim - 1];
}

void check(bool fits) {
  if (!fits)
    throw std::invalid_argument("arrays of one shape, or a number for each row");
}

void softmax(nb::handle x_, nb::handle y_) {
  Operand x(x_.ptr());
  Result y(y_.ptr());
  check(same_shape(x.view, y.view));
  int64_t n = classes_of(x.view), rows = x.view.size() / n;
  bool narrow = same_type<float>(x, y);
  nb::gil_scoped_release release;
  if (narrow)
    CORNU_BEST(softmax_f32)(rows, n, x.data<float>(), y.data<float>());
  else
    CORNU_BEST(softmax_f64)(rows, n, x.data<double>(), y.data<double>());
}

void log_softmax(nb::handle x_, nb::handle y_) {
  Operand x(x_.ptr());
  Result y(y_.ptr());
  check(same_shape(x.view, y.view));
  int64_t n = classes_of(x.view), rows = x.view.size() / n;
  bool narrow = same_type<float>(x, y);
  nb::gil_scoped_release release;
  if (narrow)
    CORNU_BEST(log_softmax_f32)(rows, n, x.data<float>(), y.data<float>());
  else
    CORNU_BEST(log_softmax_f64)(rows, n, x.data<double>(), y.data<double>());
}

void softmax_grad(nb::handle g_, nb::handle y_, nb::handle out_) {
  Operand g(g_.ptr()), y(y_.ptr());
  Result out(out_.ptr());
  check(same_shape(g.view, y.view) && same_shape(out.view, y.view));
  int64_t n = classes_of(y.view), rows = y.view.size() / n;
  bool narrow = same_type<float>(g, y, out);
  nb::gil_scoped_release release;
  if (narrow)
    CORNU_BEST(softmax_grad_f32)
    (rows, n, g.data<float>(), y.data<float>(), out.data<float>());
  else
    CORNU_BEST(softmax_grad_f64)
    (rows, n, g.data<double>(), y.data<double>(), out.data<double>());
}

template <class T>
Classes<T> classes(const View &target, const View &x, bool from_logits, double epsilon) {
  int64_t n = classes_of(x), rows = x.size() / n;
  Classes<T> c{rows, n, from_logits, T(epsilon), T(1.0 - epsilon), nullptr, nullptr};
  if (is_type<int32_t>(target)) {
    check(target.size() == rows);
    c.indices = reinterpret_cast<const int32_t *>(target.data);
  } else {
    check(same_shape(target, x) && is_type<T>(target));
    c.targets = reinterpret_cast<const T *>(target.data);
  }
  return c;
}

void crossentropy(nb::handle target_, nb::handle x_, nb::handle y_, bool from_logits,
                  double epsilon) {
  Operand target(target_.ptr()), x(x_.ptr());
  Result y(y_.ptr());
  if (same_type<float>(x, y)) {
    Classes<float> c = classes<float>(target.view, x.view, from_logits, epsilon);
    check(y.view.size() == c.rows);
    nb::gil_scoped_release release;
    CORNU_BEST(crossentropy_f32)(c, x.data<float>(), y.data<float>());
  } else {
    Classes<double> c = classes<double>(target.view, x.view, from_logits, epsilon);
    check(y.view.size() == c.rows);
    nb::gil_scoped_release release;
    CORNU_BEST(crossentropy_f64)(c, x.data<double>(), y.data<double>());
  }
}

void crossentropy_grad(nb::handle target_, nb::handle x_, nb::handle g_, nb::handle out_,
                       bool from_logits, double epsilon) {
  Operand target(target_.ptr()), x(x_.ptr()), g(g_.ptr());
  Result out(out_.ptr());
  check(same_shape(x.view, out.view));
  if (same_type<float>(x, g, out)) {
    Classes<float> c = classes<float>(target.view, x.view, from_logits, epsilon);
    check(g.view.size() == c.rows);
    nb::gil_scoped_release release;
    CORNU_BEST(crossentropy_grad_f32)
    (c, x.data<float>(), g.data<float>(), out.data<float>());
  } else {
    Classes<double> c = classes<double>(target.view, x.view, from_logits, epsilon);
    check(g.view.size() == c.rows);
    nb::gil_scoped_release release;
    CORNU_BEST(crossentropy_grad_f64)
    (c, x.data<double>(), g.data<double>(), out.data<double>());
  }
}

} // namespace

void bind_softmax(nb::module_ &m) {
  m.def("softmax", &softmax, "x"_a, "out"_a, "Softmax along the last axis.");
  m.def("log_softmax", &log_softmax, "x"_a, "out"_a, "Its logarithm.");
  m.def("softmax_grad", &softmax_grad, "g"_a, "y"_a, "out"_a, "Its gradient.");
  m.def("crossentropy", &crossentropy, "target"_a, "output"_a, "out"_a, "from_logits"_a,
        "epsilon"_a, "The crossentropy of classes, of probabilities or of indices.");
  m.def("crossentropy_grad", &crossentropy_grad, "target"_a, "output"_a, "g"_a, "out"_a,
        "from_logits"_a, "epsilon"_a, "Its gradient by the output.");
}

} // namespace cornu
