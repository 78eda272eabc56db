#include <nanobind/nanobind.h>

#include <optional>

#include "arrays.h"
#include "normalize.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace cornu {
namespace {

template <class T> void check_type(const View &view) {
  if (!is_type<T>(view))
    throw std::invalid_argument("arrays of one dtype, float32 or float64");
}

// How x lies: one mean per row, or with `columns` one per column.
template <class T>
Standard<T> shapes(const View &x, const View &mean, const View &variance, bool columns,
                   double epsilon) {
  Standard<T> s{0, 0, columns, static_cast<T>(epsilon), nullptr, nullptr};
  int64_t n = mean.size(), all = x.size();
  if (n == 0 || all == 0 || all % n || variance.size() != n)
    throw std::invalid_argument("a mean and a variance per row or column");
  s.rows = columns ? all / n : n;
  s.width = columns ? n : all / n;
  for (const View *view : {&x, &mean, &variance})
    check_type<T>(*view);
  return s;
}

template <class T> const T *weights(const std::optional<Operand> &given, int64_t n) {
  if (!given)
    return nullptr;
  check_type<T>(given->view);
  if (given->view.size() != n)
    throw std::invalid_argument("a weight per column");
  return given->data<T>();
}

template <class T> T *results(std::optional<Result> &given, int64_t n) {
  if (!given)
    return nullptr;
  check_type<T>(given->view);
  if (given->view.size() != n)
    throw std::invalid_argument("a weight per column");
  return given->data<T>();
}

void put(std::optional<Operand> &place, nb::handle given) {
  if (!given.is_none())
    place.emplace(given.ptr());
}

template <class T>
void run(const Operand &x, const std::optional<Operand> &gamma,
         const std::optional<Operand> &beta, Result &y, Result &mean, Result &variance,
         bool columns, double epsilon) {
  Standard<T> s = shapes<T>(x.view, mean.view, variance.view, columns, epsilon);
  s.gamma = weights<T>(gamma, s.width);
  s.beta = weights<T>(beta, s.width);
  check_type<T>(y.view);
  if (y.view.size() != x.view.size())
    throw std::invalid_argument("a result for each element");
  nb::gil_scoped_release release;
  if constexpr (sizeof(T) == sizeof(float))
    CORNU_BEST(standardize_f32)
    (s, x.data<T>(), y.data<T>(), mean.data<T>(), variance.data<T>());
  else
    CORNU_BEST(standardize_f64)
    (s, x.data<T>(), y.data<T>(), mean.data<T>(), variance.data<T>());
}

void standardize(nb::handle x_, nb::handle gamma_, nb::handle beta_, nb::handle y_,
                 nb::handle mean_, nb::handle variance_, bool columns, double epsilon) {
  Operand x(x_.ptr());
  std::optional<Operand> gamma, beta;
  put(gamma, gamma_);
  put(beta, beta_);
  Result y(y_.ptr()), mean(mean_.ptr()), variance(variance_.ptr());
  if (is_type<float>(x.view))
    run<float>(x, gamma, beta, y, mean, variance, columns, epsilon);
  else
    run<double>(x, gamma, beta, y, mean, variance, columns, epsilon);
}

template <class T>
void run_grad(const Operand &g, const Operand &x, const Operand &mean,
              const Operand &variance, const std::optional<Operand> &gamma, Result &by_x,
              std::optional<Result> &by_gamma, std::optional<Result> &by_beta,
              bool columns, double epsilon) {
  Standard<T> s = shapes<T>(x.view, mean.view, variance.view, columns, epsilon);
  s.gamma = weights<T>(gamma, s.width);
  check_type<T>(g.view);
  check_type<T>(by_x.view);
  if (g.view.size() != x.view.size() || by_x.view.size() != x.view.size())
    throw std::invalid_argument("a result for each element");
  StandardGrads<T> to{by_x.data<T>(), results<T>(by_gamma, s.width),
                      results<T>(by_beta, s.width)};
  nb::gil_scoped_release release;
  if constexpr (sizeof(T) == sizeof(float))
    CORNU_BEST(standardize_grad_f32)
    (s, g.data<T>(), x.data<T>(), mean.data<T>(), variance.data<T>(), to);
  else
    CORNU_BEST(standardize_grad_f64)
    (s, g.data<T>(), x.data<T>(), mean.data<T>(), variance.data<T>(), to);
}

void standardize_grad(nb::handle g_, nb::handle x_, nb::handle mean_,
                      nb::handle variance_, nb::handle gamma_, nb::handle by_x_,
                      nb::handle by_gamma_, nb::handle by_beta_, bool columns,
                      double epsilon) {
  Operand g(g_.ptr()), x(x_.ptr()), mean(mean_.ptr()), variance(variance_.ptr());
  std::optional<Operand> gamma;
  put(gamma, gamma_);
  Result by_x(by_x_.ptr());
  std::optional<Result> by_gamma, by_beta;
  if (!by_gamma_.is_none())
    by_gamma.emplace(by_gamma_.ptr());
  if (!by_beta_.is_none())
    by_beta.emplace(by_beta_.ptr());
  if (is_type<float>(x.view))
    run_grad<float>(g, x, mean, variance, gamma, by_x, by_gamma, by_beta, columns,
                    epsilon);
  else
    run_grad<double>(g, x, mean, variance, gamma, by_x, by_gamma, by_beta, columns,
                     epsilon);
}

} // namespace

void bind_normalize(nb::module_ &m) {
  m.def("standardize", &standardize, "x"_a, "gamma"_a.none(), "beta"_a.none(), "out"_a,
        "mean"_a, "variance"_a, "columns"_a, "epsilon"_a,
        "Mean 0 and variance 1, along rows or down columns.");
  m.def("standardize_grad", &standardize_grad, "g"_a, "x"_a, "mean"_a, "variance"_a,
        "gamma"_a.none(), "out"_a, "by_gamma"_a.none(), "by_beta"_a.none(), "columns"_a,
        "epsilon"_a, "Its gradients by x and by its weights.");
}

} // namespace cornu
