// Looking up rows, and adding to them. Compiled once per instruction set.
#include "indexing.h"

#include <algorithm>
#include <cstring>

#include "pool.h"

namespace cornu {
namespace {

constexpr int64_t MANY_BYTES = 1 << 18; // that are worth a thread

template <class T>
void gather_elements(const Rows &r, const T *x, T *y, int64_t first, int64_t last) {
  for (int64_t i = first; i < last; i++) {
    int64_t at = r.indices[i];
    y[i] = x[at < 0 ? at + r.rows : at];
  }
}

// Calls f(first, last) for shares of the indices.
template <class F> void over_indices(const Rows &r, int64_t bytes, F &&f) {
  int64_t work = r.outer * r.count * bytes / MANY_BYTES + 1;
  int parts = static_cast<int>(std::min<int64_t>({threads(), r.count, work}));
  parallel(parts, [&](int part) {
    int64_t first, last;
    share(r.count, 16, parts, part, first, last);
    f(first, last);
  });
}

// Rows of the table belong to one thread each, and every thread goes through all
// indices: so equal ones are added in their order, however many threads there are.
template <class T> void scatter_add(const Rows &r, const T *updates, T *y) {
  int64_t bytes = r.outer * r.count * r.inner * static_cast<int64_t>(sizeof(T));
  int parts =
      static_cast<int>(std::min<int64_t>({threads(), r.rows, bytes / MANY_BYTES + 1}));
  parallel(parts, [&](int part) {
    int64_t first, last;
    share(r.rows, 1, parts, part, first, last);
    for (int64_t n = 0; n < r.outer; n++) {
      T *table = y + n * r.rows * r.inner;
      const T *given = updates + n * r.count * r.inner;
      for (int64_t i = 0; i < r.count; i++) {
        int64_t at = r.indices[i];
        at = at < 0 ? at + r.rows : at;
        if (at < first || at >= last)
          continue;
        T *__restrict to = table + at * r.inner;
        const T *__restrict from = given + i * r.inner;
        for (int64_t j = 0; j < r.inner; j++)
          to[j] += from[j];
      }
    }
  });
}

} // namespace

void CORNU_HERE(gather)(const Rows &r, int64_t itemsize, const char *x, char *y) {
  int64_t bytes = r.inner * itemsize;
  over_indices(r, bytes, [&](int64_t first, int64_t last) {
    for (int64_t n = 0; n < r.outer; n++) {
      const char *table = x + n * r.rows * bytes;
      char *to = y + n * r.count * bytes;
      if (bytes == 4 && reinterpret_cast<uintptr_t>(x) % 4 == 0) {
        gather_elements(r, reinterpret_cast<const uint32_t *>(table),
                        reinterpret_cast<uint32_t *>(to), first, last);
      } else if (bytes == 8 && reinterpret_cast<uintptr_t>(x) % 8 == 0) {
        gather_elements(r, reinterpret_cast<const uint64_t *>(table),
                        reinterpret_cast<uint64_t *>(to), first, last);
      } else {
        for (int64_t i = first; i < last; i++) {
          int64_t at = r.indices[i];
          std::memcpy(to + i * bytes, table + (at < 0 ? at + r.rows : at) * bytes, bytes);
        }
      }
    }
  });
}

void CORNU_HERE(scatter_add_f32)(const Rows &r, const float *updates, float *y) {
  scatter_add(r, updates, y);
}
void CORNU_HERE(scatter_add_f64)(const Rows &r, const double *updates, double *y) {
  scatter_add(r, updates, y);
}
void CORNU_HERE(scatter_add_i32)(const Rows &r, const uint32_t *updates, uint32_t *y) {
  scatter_add(r, updates, y);
}
void CORNU_HERE(scatter_add_i64)(const Rows &r, const uint64_t *updates, uint64_t *y) {
  scatter_add(r, updates, y);
}

} // namespace cornu
