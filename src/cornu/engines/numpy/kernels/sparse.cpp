// Products with a sparse matrix: each entry adds one row to another. Compiled once per
// instruction set.
#include "sparse.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "pool.h"
#include "simd.h"

namespace cornu {
namespace {

int parts_for(const Csr &x, int64_t n) {
  int64_t work = (x.starts[x.rows] - x.starts[0]) * n + x.columns;
  return static_cast<int>(std::min<int64_t>(threads(), work / (1 << 17) + 1));
}

// Rows of WIDE vectors; of 0, rows of any length.
template <class T, int WIDE>
inline void add_row(T factor, const T *from, T *to, int64_t n) {
  if (WIDE > 0) {
    vec<T> x = splat(factor);
#pragma GCC unroll 4
    for (int v = 0; v < WIDE; v++)
      store(to + v * LANES<T>, load(to + v * LANES<T>) + x * load(from + v * LANES<T>));
    return;
  }
#pragma GCC ivdep
  for (int64_t j = 0; j < n; j++)
    to[j] += factor * from[j];
}

template <class T, int WIDE>
bool rows_of(const Csr &x, const T *values, const T *dense, T *out, int64_t n,
             int64_t first, int64_t last) {
  bool fine = true;
  for (int64_t r = first; r < last; r++) {
    T sums[WIDE > 0 ? WIDE * LANES<T> : 1]; // stays in registers
    T *to = WIDE > 0 ? sums : out + r * n;
    std::memset(to, 0, n * sizeof(T));
    for (int64_t i = x.starts[r]; i < x.starts[r + 1]; i++) {
      int64_t c = x.indices[i];
      if (c < 0 || c >= x.columns)
        fine = false;
      else
        add_row<T, WIDE>(values[i], dense + c * n, to, n);
    }
    if (WIDE > 0)
      std::memcpy(out + r * n, sums, n * sizeof(T));
  }
  return fine;
}

// Each thread has some of the columns, so that sums run in one order on any number.
template <class T, int WIDE>
bool columns_of(const Csr &x, const T *values, const T *dense, T *out, int64_t n,
                int64_t first, int64_t last) {
  bool fine = true;
  std::memset(out + first * n, 0, (last - first) * n * sizeof(T));
  for (int64_t r = 0; r < x.rows; r++)
    for (int64_t i = x.starts[r]; i < x.starts[r + 1]; i++) {
      int64_t c = x.indices[i];
      if (c >= first && c < last)
        add_row<T, WIDE>(values[i], dense + r * n, out + c * n, n);
      else if (c < 0 || c >= x.columns)
        fine = false;
    }
  return fine;
}

template <class T, int WIDE>
bool in_parts(const Csr &x, const T *values, const T *dense, T *out, int64_t n,
              bool transposed) {
  std::atomic<bool> fine{true};
  int parts = parts_for(x, n);
  parallel(parts, [&](int part) {
    int64_t first, last;
    share(transposed ? x.columns : x.rows, 1, parts, part, first, last);
    bool here = transposed
                    ? columns_of<T, WIDE>(x, values, dense, out, n, first, last)
                    : rows_of<T, WIDE>(x, values, dense, out, n, first, last);
    if (!here)
      fine = false;
  });
  return fine;
}

template <class T>
bool product(const Csr &x, const T *values, const T *dense, T *out, int64_t n,
             bool transposed) {
  if (n == LANES<T>)
    return in_parts<T, 1>(x, values, dense, out, n, transposed);
  if (n == 2 * LANES<T>)
    return in_parts<T, 2>(x, values, dense, out, n, transposed);
  if (n == 4 * LANES<T>)
    return in_parts<T, 4>(x, values, dense, out, n, transposed);
  return in_parts<T, 0>(x, values, dense, out, n, transposed);
}

} // namespace

bool CORNU_HERE(csr_dot_f32)(const Csr &x, const float *v, const float *d, float *out, int64_t n) {
  return product(x, v, d, out, n, false);
}
bool CORNU_HERE(csr_dot_f64)(const Csr &x, const double *v, const double *d, double *out, int64_t n) {
  return product(x, v, d, out, n, false);
}
bool CORNU_HERE(csr_dot_transposed_f32)(const Csr &x, const float *v, const float *d, float *out, int64_t n) {
  return product(x, v, d, out, n, true);
}
bool CORNU_HERE(csr_dot_transposed_f64)(const Csr &x, const double *v, const double *d, double *out, int64_t n) {
  return product(x, v, d, out, n, true);
}

} // namespace cornu
