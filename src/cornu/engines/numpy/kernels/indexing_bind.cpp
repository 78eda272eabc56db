#include <nanobind/nanobind.h>

#include <string>

#include "arrays.h"
#include "indexing.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace cornu {
namespace {

// A table, the indices of rows along an axis, and what there is per index.
Rows shapes(const View &table, const View &indices, const View &given, int axis) {
  if (axis < 0 || axis >= table.ndim)
    throw std::invalid_argument("there is no such axis");
  if (!is_type<int32_t>(indices))
    throw std::invalid_argument("indices are int32");
  Rows r{1, table.shape[axis], 1, nullptr, indices.size()};
  bool fits = given.ndim == table.ndim - 1 + indices.ndim;
  fits = fits && given.itemsize == table.itemsize && given.kind == table.kind;
  for (int i = 0; fits && i < given.ndim; i++) {
    int after = i - indices.ndim + 1; // the table's axis, beyond the indices'
    fits = given.shape[i] == (i < axis                  ? table.shape[i]
                              : i < axis + indices.ndim ? indices.shape[i - axis]
                                                        : table.shape[after]);
  }
  if (!fits)
    throw std::invalid_argument("an element per index, of the table's dtype");
  for (int i = 0; i < table.ndim; i++)
    (i < axis ? r.outer : r.inner) *= i == axis ? 1 : table.shape[i];
  r.indices = reinterpret_cast<const int32_t *>(indices.data);
  int32_t lowest = 0, highest = -1;
  for (int64_t i = 0; i < r.count; i++) {
    lowest = r.indices[i] < lowest ? r.indices[i] : lowest;
    highest = r.indices[i] > highest ? r.indices[i] : highest;
  }
  if (lowest < -r.rows || highest >= r.rows)
    for (int64_t i = 0; i < r.count; i++)
      if (r.indices[i] < -r.rows || r.indices[i] >= r.rows)
        throw std::out_of_range("index " + std::to_string(r.indices[i]) +
                                " is out of bounds for axis " + std::to_string(axis) +
                                " with size " + std::to_string(r.rows));
  return r;
}

void gather_(nb::handle x_, nb::handle indices_, nb::handle out_, int axis) {
  Operand x(x_.ptr()), indices(indices_.ptr());
  Result out(out_.ptr());
  Rows r = shapes(x.view, indices.view, out.view, axis);
  nb::gil_scoped_release release;
  CORNU_BEST(gather)(r, x.view.itemsize, x.view.data, out.view.data);
}

void scatter_add_(nb::handle indices_, nb::handle updates_, nb::handle out_, int axis) {
  Operand indices(indices_.ptr()), updates(updates_.ptr());
  Result out(out_.ptr());
  Rows r = shapes(out.view, indices.view, updates.view, axis);
  const View &y = out.view;
  bool wide = y.itemsize == 8;
  bool known = (y.kind == 'f' || y.kind == 'i') && (wide || y.itemsize == 4);
  if (!known)
    throw std::invalid_argument("numbers of four or eight bytes");
  nb::gil_scoped_release release;
  if (y.kind == 'f' && wide)
    CORNU_BEST(scatter_add_f64)(r, updates.data<double>(), out.data<double>());
  else if (y.kind == 'f')
    CORNU_BEST(scatter_add_f32)(r, updates.data<float>(), out.data<float>());
  else if (wide)
    CORNU_BEST(scatter_add_i64)(r, updates.data<uint64_t>(), out.data<uint64_t>());
  else
    CORNU_BEST(scatter_add_i32)(r, updates.data<uint32_t>(), out.data<uint32_t>());
}

} // namespace

void bind_indexing(nb::module_ &m) {
  m.def("gather", &gather_, "x"_a, "indices"_a, "out"_a, "axis"_a = 0,
        "The slices at some indices along an axis.");
  m.def("scatter_add", &scatter_add_, "indices"_a, "updates"_a, "out"_a, "axis"_a = 0,
        "Updates added at some indices along an axis.");
}

} // namespace cornu
