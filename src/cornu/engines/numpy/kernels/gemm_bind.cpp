#include <nanobind/nanobind.h>

#include <vector>

#include "arrays.h"
#include "gemm.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace cornu {
namespace {

// Strides of the last two axes, and where each group begins.
Side side_of(const View &v, const View &out, std::vector<int64_t> &groups) {
  int64_t item = v.itemsize;
  groups.assign(1, 0);
  for (int i = 0; i < v.ndim - 2; i++) {
    if (v.shape[i] != out.shape[i])
      throw std::invalid_argument("both sides must have the groups of the result");
    std::vector<int64_t> more;
    more.reserve(groups.size() * v.shape[i]);
    for (int64_t start : groups)
      for (int64_t j = 0; j < v.shape[i]; j++)
        more.push_back(start + j * v.strides[i] / item);
    groups = std::move(more);
  }
  return {groups.data(), v.strides[v.ndim - 2] / item, v.strides[v.ndim - 1] / item};
}

void matmul(nb::handle a_, nb::handle b_, nb::handle out_) {
  struct Holder {
    View view;
  } a, b, out;
  if (!view_of(a_.ptr(), a.view) || !view_of(b_.ptr(), b.view) ||
      !view_of(out_.ptr(), out.view))
    throw std::invalid_argument("a kernel takes NumPy arrays only");
  int n = out.view.ndim;
  if (n < 2 || a.view.ndim != n || b.view.ndim != n || !out.view.writeable)
    throw std::invalid_argument("three arrays with the same number of axes");
  Gemm g{};
  g.m = out.view.shape[n - 2];
  g.n = out.view.shape[n - 1];
  g.k = a.view.shape[n - 1];
  if (a.view.shape[n - 2] != g.m || b.view.shape[n - 2] != g.k ||
      b.view.shape[n - 1] != g.n)
    throw std::invalid_argument("the shapes of a product do not fit together");
  std::vector<int64_t> at[3];
  g.a = side_of(a.view, out.view, at[0]);
  g.b = side_of(b.view, out.view, at[1]);
  g.out = side_of(out.view, out.view, at[2]);
  g.groups = static_cast<int64_t>(at[2].size());
  if (g.out.column != 1 && g.n != 1)
    throw std::invalid_argument("the columns of a result must lie side by side");
  bool narrow = same_type<float>(a, b, out);
  nb::gil_scoped_release release;
  if (narrow)
    CORNU_BEST(gemm_f32)(g, reinterpret_cast<float *>(a.view.data),
                         reinterpret_cast<float *>(b.view.data),
                         reinterpret_cast<float *>(out.view.data));
  else
    CORNU_BEST(gemm_f64)(g, reinterpret_cast<double *>(a.view.data),
                         reinterpret_cast<double *>(b.view.data),
                         reinterpret_cast<double *>(out.view.data));
}

} // namespace

void bind_gemm(nb::module_ &m) {
  m.def("matmul", &matmul, "a"_a, "b"_a, "out"_a,
        "Products of matrices, and of as many groups of them on both sides.");
}

} // namespace cornu
