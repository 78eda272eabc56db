// Batch and layer normalization. Long sums are in float64, of what up to 64 rows add up
// to. Compiled once per instruction set.
#include "normalize.h"

#include <vector>

#include "elementary.h"
#include "pool.h"
#include "rows.h"

namespace cornu {
namespace {

constexpr int64_t LEAF = 64; // rows

template <class T> inline T inverse_root(T variance, T epsilon) {
  return T(1) / sqrt_(variance + epsilon);
}

// Calls f(part, first, last) for shares of the rows.
template <class F> void over_rows(int64_t rows, int parts, F &&f) {
  parallel(parts, [&](int part) {
    int64_t first, last;
    share(rows, LEAF, parts, part, first, last);
    f(part, first, last);
  });
}

template <class T> int parts_of(const Standard<T> &s) {
  int64_t work = s.rows * s.width / (1 << 16) + 1;
  return static_cast<int>(std::min<int64_t>({threads(), s.rows, work}));
}

// Sums down columns, of several kinds at a time: each part of the rows has its own.
template <class T> class ColumnSums {
public:
  ColumnSums(const Standard<T> &s, int kinds)
      : width_(s.width), kinds_(kinds), parts_(parts_of(s)),
        totals_(parts_ * kinds * s.width, 0.0) {}

  // Calls add(row, sums, room), which adds to `kinds` rows of sums, for each of the rows.
  // In `room` there is place for one more.
  template <class F> void run(int64_t rows, F &&add) {
    int64_t all = kinds_ * width_;
    over_rows(rows, parts_, [&](int part, int64_t first, int64_t last) {
      std::vector<T> sums(all + width_);
      double *to = totals_.data() + part * all;
      for (int64_t r = first; r < last;) {
        std::fill(sums.begin(), sums.begin() + all, T(0));
        int64_t end = std::min(last, r + LEAF);
        for (; r < end; r++)
          add(r, sums.data(), sums.data() + all);
        for (int64_t j = 0; j < all; j++)
          to[j] += static_cast<double>(sums[j]);
      }
    });
    for (int part = 1; part < parts_; part++)
      for (int64_t j = 0; j < all; j++)
        totals_[j] += totals_[part * all + j];
  }

  double operator()(int kind, int64_t column) const {
    return totals_[kind * width_ + column];
  }

private:
  int64_t width_;
  int kinds_, parts_;
  std::vector<double> totals_;
};

// y = (x - mean) * factor + beta, of one row.
template <class T>
inline void scaled_row(const T *x, int64_t n, const T *mean, const T *factor,
                       const T *beta, T *y) {
  if (beta)
    VECTORS for (int64_t j = 0; j < n; j++) y[j] = (x[j] - mean[j]) * factor[j] + beta[j];
  else
    VECTORS for (int64_t j = 0; j < n; j++) y[j] = (x[j] - mean[j]) * factor[j];
}

template <class T>
void standardize_columns(const Standard<T> &s, const T *x, T *y, T *mean, T *variance) {
  int64_t n = s.width;
  ColumnSums<T> sums(s, 1), squares(s, 1);
  sums.run(s.rows, [&](int64_t r, T *to, T *) {
    const T *row = x + r * n;
    VECTORS for (int64_t j = 0; j < n; j++) to[j] += row[j];
  });
  for (int64_t j = 0; j < n; j++)
    mean[j] = static_cast<T>(sums(0, j) / static_cast<double>(s.rows));
  squares.run(s.rows, [&](int64_t r, T *to, T *) {
    const T *row = x + r * n;
    VECTORS for (int64_t j = 0; j < n; j++) {
      T centered = row[j] - mean[j];
      to[j] += centered * centered;
    }
  });
  std::vector<T> factor(n);
  for (int64_t j = 0; j < n; j++) {
    variance[j] = static_cast<T>(squares(0, j) / static_cast<double>(s.rows));
    factor[j] = inverse_root(variance[j], s.epsilon) * (s.gamma ? s.gamma[j] : T(1));
  }
  over_rows(s.rows, parts_of(s), [&](int, int64_t first, int64_t last) {
    for (int64_t r = first; r < last; r++)
      scaled_row(x + r * n, n, mean, factor.data(), s.beta, y + r * n);
  });
}

template <class T>
void standardize_rows(const Standard<T> &s, const T *x, T *y, T *mean, T *variance) {
  int64_t n = s.width;
  over_rows(s.rows, parts_of(s), [&](int, int64_t first, int64_t last) {
    std::vector<T> room(n);
    T *squares = room.data();
    for (int64_t r = first; r < last; r++) {
      const T *from = x + r * n;
      T *to = y + r * n, middle = row_sum(from, n) / static_cast<T>(n);
      VECTORS for (int64_t j = 0; j < n; j++) {
        T centered = from[j] - middle;
        to[j] = centered;
        squares[j] = centered * centered;
      }
      mean[r] = middle;
      variance[r] = row_sum(squares, n) / static_cast<T>(n);
      T inverse = inverse_root(variance[r], s.epsilon);
      const T *gamma = s.gamma, *beta = s.beta;
      if (gamma && beta)
        VECTORS for (int64_t j = 0; j < n; j++) to[j] =
            to[j] * inverse * gamma[j] + beta[j];
      else if (gamma)
        VECTORS for (int64_t j = 0; j < n; j++) to[j] = to[j] * inverse * gamma[j];
      else if (beta)
        VECTORS for (int64_t j = 0; j < n; j++) to[j] = to[j] * inverse + beta[j];
      else
        VECTORS for (int64_t j = 0; j < n; j++) to[j] = to[j] * inverse;
    }
  });
}

template <class T>
void columns_grad(const Standard<T> &s, const T *g, const T *x, const T *mean,
                  const T *variance, const StandardGrads<T> &to) {
  int64_t n = s.width;
  ColumnSums<T> sums(s, 2);
  sums.run(s.rows, [&](int64_t r, T *level, T *) {
    const T *given = g + r * n, *row = x + r * n;
    T *slope = level + n;
    VECTORS for (int64_t j = 0; j < n; j++) {
      level[j] += given[j];
      slope[j] += given[j] * (row[j] - mean[j]);
    }
  });
  std::vector<T> room(3 * n);
  T *level = room.data(), *slope = level + n, *factor = slope + n;
  double count = static_cast<double>(s.rows);
  for (int64_t j = 0; j < n; j++) {
    T inverse = inverse_root(variance[j], s.epsilon);
    level[j] = static_cast<T>(sums(0, j) / count);
    slope[j] = static_cast<T>(sums(1, j) / count) * (inverse * inverse);
    factor[j] = inverse * (s.gamma ? s.gamma[j] : T(1));
    if (to.gamma)
      to.gamma[j] = static_cast<T>(sums(1, j)) * inverse;
    if (to.beta)
      to.beta[j] = static_cast<T>(sums(0, j));
  }
  over_rows(s.rows, parts_of(s), [&](int, int64_t first, int64_t last) {
    for (int64_t r = first; r < last; r++) {
      const T *given = g + r * n, *row = x + r * n;
      T *by_x = to.x + r * n;
      VECTORS for (int64_t j = 0; j < n; j++) by_x[j] =
          (given[j] - level[j] - (row[j] - mean[j]) * slope[j]) * factor[j];
    }
  });
}

template <class T>
void rows_grad(const Standard<T> &s, const T *g, const T *x, const T *mean,
               const T *variance, const StandardGrads<T> &to) {
  int64_t n = s.width;
  ColumnSums<T> sums(s, 2);
  const T *gamma = s.gamma;
  std::vector<T> ones(gamma ? 0 : n, T(1));
  const T *weights = gamma ? gamma : ones.data();
  sums.run(s.rows, [&](int64_t r, T *by_beta, T *room) {
    const T *given = g + r * n, *row = x + r * n;
    T *by_x = to.x + r * n, *by_gamma = by_beta + n;
    T middle = mean[r], inverse = inverse_root(variance[r], s.epsilon);
    VECTORS for (int64_t j = 0; j < n; j++) {
      T cotangent = given[j], centered = row[j] - middle;
      T h = cotangent * weights[j];
      by_beta[j] += cotangent;
      by_gamma[j] += cotangent * (centered * inverse);
      by_x[j] = h;
      room[j] = h * centered;
    }
    T level = row_sum(by_x, n) / static_cast<T>(n);
    T slope = row_sum(room, n) * (inverse * inverse) / static_cast<T>(n);
    VECTORS for (int64_t j = 0; j < n; j++) by_x[j] =
        (by_x[j] - level - (row[j] - middle) * slope) * inverse;
  });
  for (int64_t j = 0; j < n; j++) {
    if (to.beta)
      to.beta[j] = static_cast<T>(sums(0, j));
    if (to.gamma)
      to.gamma[j] = static_cast<T>(sums(1, j));
  }
}

} // namespace

#define DEFINE_NORMALIZE(T, NAME)                                                  \
  void CORNU_HERE(standardize_##NAME)(const Standard<T> &s, const T *x, T *y,      \
                                      T *mean, T *variance) {                      \
    if (s.columns)                                                                 \
      standardize_columns(s, x, y, mean, variance);                                \
    else                                                                           \
      standardize_rows(s, x, y, mean, variance);                                   \
  }                                                                                \
  void CORNU_HERE(standardize_grad_##NAME)(const Standard<T> &s, const T *g,       \
                                           const T *x, const T *mean,              \
                                           const T *variance,                      \
                                           const StandardGrads<T> &to) {           \
    if (s.columns)                                                                 \
      columns_grad(s, g, x, mean, variance, to);                                   \
    else                                                                           \
      rows_grad(s, g, x, mean, variance, to);                                      \
  }

DEFINE_NORMALIZE(float, f32)
DEFINE_NORMALIZE(double, f64)

} // namespace cornu
