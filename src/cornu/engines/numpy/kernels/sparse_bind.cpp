#include <nanobind/nanobind.h>

#include "arrays.h"
#include "sparse.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace cornu {
namespace {

void csr_dot(nb::handle starts_, nb::handle indices_, nb::handle values_, nb::handle dense_,
             nb::handle out_, bool transposed) {
  Operand starts(starts_.ptr()), indices(indices_.ptr()), values(values_.ptr()),
      dense(dense_.ptr());
  Result out(out_.ptr());
  if (!is_type<int64_t>(starts.view) || !is_type<int32_t>(indices.view) ||
      starts.view.ndim != 1 || indices.view.ndim != 1 || values.view.ndim != 1 ||
      dense.view.ndim != 2 || out.view.ndim != 2 || starts.view.shape[0] < 1 ||
      values.view.shape[0] != indices.view.shape[0] ||
      dense.view.shape[1] != out.view.shape[1])
    throw std::invalid_argument("the arrays of a sparse product do not fit together");
  int64_t rows = starts.view.shape[0] - 1;
  const int64_t *at = starts.data<int64_t>();
  bool ordered = at[0] >= 0 && at[rows] <= indices.view.shape[0];
  for (int64_t r = 0; r < rows; r++)
    ordered = ordered && at[r] <= at[r + 1];
  const View &by_row = transposed ? dense.view : out.view;
  if (!ordered || by_row.shape[0] != rows)
    throw std::invalid_argument("the arrays of a sparse product do not fit together");
  Csr x{rows, transposed ? out.view.shape[0] : dense.view.shape[0], at,
        indices.data<int32_t>()};
  int64_t n = out.view.shape[1];
  bool narrow = same_type<float>(values, dense, out), fine;
  {
    nb::gil_scoped_release release;
    if (narrow)
      fine = (transposed ? CORNU_BEST(csr_dot_transposed_f32) : CORNU_BEST(csr_dot_f32))(
          x, values.data<float>(), dense.data<float>(), out.data<float>(), n);
    else
      fine = (transposed ? CORNU_BEST(csr_dot_transposed_f64) : CORNU_BEST(csr_dot_f64))(
          x, values.data<double>(), dense.data<double>(), out.data<double>(), n);
  }
  if (!fine)
    throw nb::index_error("an index of a sparse matrix is out of its range");
}

} // namespace

void bind_sparse(nb::module_ &m) {
  m.def("csr_dot", &csr_dot, "starts"_a, "indices"_a, "values"_a, "dense"_a, "out"_a,
        "transposed"_a, "The product of a matrix in compressed rows with a dense one.");
}

} // namespace cornu
