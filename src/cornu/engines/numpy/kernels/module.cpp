// cornu.engines.numpy._kernels: what Python sees of the kernels.
#include <nanobind/nanobind.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "arrays.h"
#include "conv.h"
#include "fusion.h"
#include "gemm.h"
#include "indexing.h"
#include "isa.h"
#include "loops.h"
#include "normalize.h"
#include "pool.h"
#include "pooling.h"
#include "random.h"
#include "recurrent.h"
#include "reduce.h"
#include "softmax.h"
#include "sparse.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace cornu {

const LoopTable &loops() {
  static const LoopTable &best = CORNU_BEST(loops)();
  return best;
}

namespace {

void call(Fusion &fusion, nb::args args) {
  size_t n = args.size();
  if (n != static_cast<size_t>(fusion.inputs() + fusion.outputs()))
    throw nb::type_error("a fusion takes one array per input and one per result");
  std::vector<View> views(n);
  for (size_t i = 0; i < n; i++)
    if (!view_of(PyTuple_GET_ITEM(args.ptr(), i), views[i]))
      throw nb::type_error("a fusion takes NumPy arrays only");
  if (fusion.is_long(views[fusion.inputs()].size())) {
    nb::gil_scoped_release release;
    fusion.run(views);
  } else {
    fusion.run(views);
  }
}

std::vector<std::string> loop_keys() {
  std::vector<std::string> keys;
  for (int i = 0; i < loops().count; i++)
    keys.emplace_back(loops().entries[i].key);
  return keys;
}

} // namespace
} // namespace cornu

NB_MODULE(_kernels, m) {
  using namespace cornu;
  if (!import_numpy())
    throw nb::python_error();
  m.def("loops", &loop_keys, "The element-wise loops there are, by operation and dtypes.");
  m.def("isa", [] { return std::string(isa_name()); },
        "The instruction set that was chosen.");
  m.def("threads", &threads, "How many threads work at most.");
  m.def("set_threads", &set_threads, "n"_a, "Set it; 0 for what the machine has.");
  nb::class_<Fusion>(m, "Fusion", "Several element-wise operations in one pass.")
      .def("__init__",
           [](Fusion *self, std::vector<int> sizes, std::vector<nb::bytes> constants,
              std::vector<Fusion::Instruction> steps, std::vector<int> outputs) {
             std::vector<std::string> texts;
             for (const nb::bytes &each : constants)
               texts.emplace_back(each.c_str(), each.size());
             new (self) Fusion(std::move(sizes), std::move(texts), steps,
                               std::move(outputs));
           })
      .def("__call__", &call);
  bind_conv(m);
  bind_gemm(m);
  bind_sparse(m);
  bind_recurrent(m);
  bind_pooling(m);
  bind_indexing(m);
  bind_softmax(m);
  bind_reduce(m);
  bind_random(m);
  bind_normalize(m);
}
