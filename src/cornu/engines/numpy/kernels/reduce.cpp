// Sums and extremes over axes. Compiled once per instruction set.
#include "reduce.h"

#include <numeric>
#include <vector>

#include "pool.h"
#include "rows.h"

namespace cornu {
namespace {

constexpr int64_t LEAF = 64; // rows that are added before float64 takes over

template <class T> struct Sum {
  using Total = double;
  static constexpr int64_t leaf = LEAF;
  static Total none() { return 0; }
  static vec<T> start(const T *) { return vec<T>{}; }
  static T begin(const T *) { return T(0); }
  template <class V> static V join(V a, V b) { return a + b; }
  static Total row(const T *p, int64_t n) { return long_sum(p, n); }
};

template <class Join, class T> struct Extreme {
  using Total = T;
  static constexpr int64_t leaf = std::numeric_limits<int64_t>::max();
  static Total none() {
    T infinity = std::numeric_limits<T>::infinity();
    return Join::both(infinity, -infinity) > T(0) ? -infinity : infinity;
  }
  static vec<T> start(const T *p) { return load(p); }
  static T begin(const T *p) { return *p; }
  template <class V> static V join(V a, V b) { return Join::both(a, b); }
  static Total row(const T *p, int64_t n) { return row_extreme<Join>(p, n); }
};

// Some vectors of columns of a few rows, joined to the totals.
template <class Kind, int COUNT, class T>
inline void join_vectors(const T *x, int64_t rows, int64_t width,
                         typename Kind::Total *totals) {
  vec<T> joined[COUNT];
#pragma GCC unroll 4
  for (int v = 0; v < COUNT; v++)
    joined[v] = Kind::start(x + v * LANES<T>);
  for (int64_t r = 0; r < rows; r++, x += width) {
#pragma GCC unroll 4
    for (int v = 0; v < COUNT; v++)
      joined[v] = Kind::join(joined[v], load(x + v * LANES<T>));
  }
  T all[COUNT * LANES<T>];
#pragma GCC unroll 4
  for (int v = 0; v < COUNT; v++)
    store(all + v * LANES<T>, joined[v]);
  using Total = typename Kind::Total;
  for (int j = 0; j < COUNT * LANES<T>; j++)
    totals[j] = Kind::join(totals[j], static_cast<Total>(all[j]));
}

// The rows of x (rows, width), joined to the totals column by column.
template <class Kind, class T>
void join_rows(const T *x, int64_t rows, int64_t width, typename Kind::Total *totals) {
  using Total = typename Kind::Total;
  for (int64_t r = 0; r < rows;) {
    int64_t here = std::min(Kind::leaf, rows - r);
    const T *from = x + r * width;
    int64_t j = 0;
    for (; j + 4 * LANES<T> <= width; j += 4 * LANES<T>)
      join_vectors<Kind, 4>(from + j, here, width, totals + j);
    for (; j + LANES<T> <= width; j += LANES<T>)
      join_vectors<Kind, 1>(from + j, here, width, totals + j);
    for (; j < width; j++) {
      T joined = Kind::begin(from + j);
      for (int64_t i = 0; i < here; i++)
        joined = Kind::join(joined, from[i * width + j]);
      totals[j] = Kind::join(totals[j], static_cast<Total>(joined));
    }
    r += here;
  }
}

// Narrow rows side by side make a wide one that fills vectors: how many of them.
template <class T> int64_t side_by_side(int64_t rows, int64_t width) {
  if (width >= 4 * LANES<T>)
    return 1;
  int64_t fit = LANES<T> / std::gcd<int64_t>(LANES<T>, width);
  int64_t more = std::max<int64_t>(1, 4 * LANES<T> / (fit * width));
  while (more > 1 && rows < 8 * fit * more)
    more /= 2;
  return rows < 2 * fit ? 1 : fit * more;
}

// What the columns of x (rows, width) give: into totals, which need room for
// `width * side_by_side(rows, width)`.
template <class Kind, class T>
void join_columns(const T *x, int64_t rows, int64_t width,
                  typename Kind::Total *totals) {
  int64_t together = side_by_side<T>(rows, width), wide = width * together;
  std::fill(totals, totals + wide, Kind::none());
  int64_t whole = rows / together;
  join_rows<Kind>(x, whole, wide, totals);
  for (int64_t j = width; j < wide; j += width)
    for (int64_t i = 0; i < width; i++)
      totals[i] = Kind::join(totals[i], totals[j + i]);
  join_rows<Kind>(x + whole * wide, rows - whole * together, width, totals);
}

// One row or several columns of totals, by several threads for a part of the rows each.
template <class Kind, class T>
void join_in_parts(const T *x, int64_t rows, int64_t width, int parts, T *y) {
  using Total = typename Kind::Total;
  int64_t wide = width * side_by_side<T>(rows, width);
  std::vector<Total> totals(parts * wide, Kind::none());
  parallel(parts, [&](int part) {
    int64_t first, last;
    share(rows, width == 1 ? SHORT_SUM : LEAF, parts, part, first, last);
    Total *to = totals.data() + part * wide;
    if (first == last)
      return;
    if (width == 1)
      *to = Kind::row(x + first, last - first);
    else
      join_columns<Kind>(x + first * width, last - first, width, to);
  });
  for (int64_t j = 0; j < width; j++) {
    Total total = totals[j];
    for (int part = 1; part < parts; part++)
      total = Kind::join(total, totals[part * wide + j]);
    y[j] = static_cast<T>(total);
  }
}

template <class Kind, class T> void reduce(const Reduction &r, const T *x, T *y) {
  using Total = typename Kind::Total;
  int64_t work = r.outer * r.reduced * r.inner / (1 << 18) + 1;
  int parts = static_cast<int>(std::min<int64_t>(threads(), work));
  if (r.outer == 1)
    return join_in_parts<Kind>(x, r.reduced, r.inner, parts, y);
  parts = static_cast<int>(std::min<int64_t>(parts, r.outer));
  parallel(parts, [&](int part) {
    int64_t first, last;
    share(r.outer, 1, parts, part, first, last);
    if (r.inner == 1) {
      for (int64_t i = first; i < last; i++)
        y[i] = static_cast<T>(Kind::row(x + i * r.reduced, r.reduced));
      return;
    }
    std::vector<Total> totals(r.inner * side_by_side<T>(r.reduced, r.inner));
    for (int64_t i = first; i < last; i++) {
      join_columns<Kind>(x + i * r.reduced * r.inner, r.reduced, r.inner,
                         totals.data());
      for (int64_t j = 0; j < r.inner; j++)
        y[i * r.inner + j] = static_cast<T>(totals[j]);
    }
  });
}

// The first NaN, or else the first that no other is beyond.
template <class Join, class T> int32_t row_arg(const T *p, int64_t n) {
  if (n < 4 * LANES<T>) {
    int32_t found = 0;
    T best = p[0];
    for (int64_t j = 1; j < n && best == best; j++)
      if (Join::both(best, p[j]) != best) {
        best = p[j];
        found = static_cast<int32_t>(j);
      }
    return found;
  }
  T best = row_extreme<Join>(p, n);
  for (int64_t j = 0; j < n; j++)
    if (p[j] == best || p[j] != p[j])
      return static_cast<int32_t>(j);
  return 0;
}

template <class Join, class T> void arg(const Reduction &r, const T *x, int32_t *y) {
  int64_t work = r.outer * r.reduced / (1 << 16) + 1;
  int parts = static_cast<int>(std::min<int64_t>({threads(), r.outer, work}));
  parallel(parts, [&](int part) {
    int64_t first, last;
    share(r.outer, 1, parts, part, first, last);
    for (int64_t i = first; i < last; i++)
      y[i] = row_arg<Join>(x + i * r.reduced, r.reduced);
  });
}

} // namespace

#define DEFINE_REDUCE(T, NAME)                                                     \
  void CORNU_HERE(reduce_sum_##NAME)(const Reduction &r, const T *x, T *y) {       \
    reduce<Sum<T>>(r, x, y);                                                       \
  }                                                                                \
  void CORNU_HERE(reduce_max_##NAME)(const Reduction &r, const T *x, T *y) {       \
    reduce<Extreme<Larger, T>>(r, x, y);                                           \
  }                                                                                \
  void CORNU_HERE(reduce_min_##NAME)(const Reduction &r, const T *x, T *y) {       \
    reduce<Extreme<Smaller, T>>(r, x, y);                                          \
  }                                                                                \
  void CORNU_HERE(argmax_##NAME)(const Reduction &r, const T *x, int32_t *y) {     \
    arg<Larger>(r, x, y);                                                          \
  }                                                                                \
  void CORNU_HERE(argmin_##NAME)(const Reduction &r, const T *x, int32_t *y) {     \
    arg<Smaller>(r, x, y);                                                         \
  }

DEFINE_REDUCE(float, f32)
DEFINE_REDUCE(double, f64)

} // namespace cornu
