#include <nanobind/nanobind.h>

#include "arrays.h"
#include "random.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace cornu {
namespace {

const uint32_t *words_of(const Operand &key) {
  if (!is_type<uint32_t>(key.view) || key.view.size() != 2)
    throw std::invalid_argument("a key is two words, uint32");
  return key.data<uint32_t>();
}

void random_bits(nb::handle key_, nb::handle out_) {
  Operand key(key_.ptr());
  Result out(out_.ptr());
  const uint32_t *words = words_of(key);
  if (!is_type<int32_t>(out.view))
    throw std::invalid_argument("random bits are int32");
  nb::gil_scoped_release release;
  CORNU_BEST(random_bits)(words, out.view.size(), out.data<int32_t>());
}

void dropout(nb::handle x_, nb::handle key_, nb::handle out_, int32_t limit,
             double keep) {
  Operand x(x_.ptr()), key(key_.ptr());
  Result out(out_.ptr());
  const uint32_t *words = words_of(key);
  int64_t n = out.view.size();
  if (x.view.size() != n)
    throw std::invalid_argument("a result for each element");
  bool narrow = same_type<float>(x, out);
  nb::gil_scoped_release release;
  if (narrow)
    CORNU_BEST(dropout_f32)
    (words, n, limit, static_cast<float>(keep), x.data<float>(), out.data<float>());
  else
    CORNU_BEST(dropout_f64)
    (words, n, limit, keep, x.data<double>(), out.data<double>());
}

} // namespace

void bind_random(nb::module_ &m) {
  m.def("random_bits", &random_bits, "key"_a, "out"_a, "31 random bits per element.");
  m.def("dropout", &dropout, "x"_a, "key"_a, "out"_a, "limit"_a, "keep"_a,
        "Elements over keep where their bits are at least the limit, and zeros.");
}

} // namespace cornu
