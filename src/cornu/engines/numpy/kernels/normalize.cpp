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

// Rows are laid side by side where they are short, so that loops are long: then numbers
// of columns are wanted as often as there are rows in a line. The last line may be shorter.
template <class T> class Lines {
public:
  explicit Lines(const Standard<T> &s)
      : as_rows(s), columns_(s.width),
        together_(std::max<int64_t>(1, WIDE / s.width)), all_(s.rows * s.width) {
    as_rows.width = columns_ * together_;
    as_rows.rows = (s.rows + together_ - 1) / together_;
  }

  int64_t length(int64_t line) const {
    return std::min(as_rows.width, all_ - line * as_rows.width);
  }

  // What a kind of sums comes to for a column, divided by the number of rows.
  double mean(const ColumnSums<T> &sums, int kind, int64_t column) const {
    return sum(sums, kind, column) * static_cast<double>(columns_) /
           static_cast<double>(all_);
  }
  double sum(const ColumnSums<T> &sums, int kind, int64_t column) const {
    double total = 0;
    for (int64_t i = 0; i < together_; i++)
      total += sums(kind, i * columns_ + column);
    return total;
  }

  std::vector<T> repeated(const T *numbers) const {
    std::vector<T> found;
    for (int64_t i = 0; i < together_; i++)
      found.insert(found.end(), numbers, numbers + columns_);
    return found;
  }

  Standard<T> as_rows;

private:
  static constexpr int64_t WIDE = 512;
  int64_t columns_, together_, all_;
};

template <class T>
void standardize_columns(const Standard<T> &s, const T *x, T *y, T *mean, T *variance) {
  Lines<T> lines(s);
  int64_t width = lines.as_rows.width, rows = lines.as_rows.rows;
  ColumnSums<T> sums(lines.as_rows, 1), squares(lines.as_rows, 1);
  sums.run(rows, [&](int64_t r, T *to, T *) {
    const T *row = x + r * width;
    int64_t n = lines.length(r);
    VECTORS for (int64_t j = 0; j < n; j++) to[j] += row[j];
  });
  for (int64_t j = 0; j < s.width; j++)
    mean[j] = static_cast<T>(lines.mean(sums, 0, j));
  std::vector<T> middle = lines.repeated(mean);
  const T *means = middle.data();
  squares.run(rows, [&](int64_t r, T *to, T *) {
    const T *row = x + r * width;
    int64_t n = lines.length(r);
    VECTORS for (int64_t j = 0; j < n; j++) {
      T centered = row[j] - means[j];
      to[j] += centered * centered;
    }
  });
  std::vector<T> slope(s.width), level(s.width, T(0));
  for (int64_t j = 0; j < s.width; j++) {
    variance[j] = static_cast<T>(lines.mean(squares, 0, j));
    slope[j] = inverse_root(variance[j], s.epsilon) * (s.gamma ? s.gamma[j] : T(1));
    level[j] = s.beta ? s.beta[j] : T(0);
  }
  slope = lines.repeated(slope.data());
  level = lines.repeated(level.data());
  const T *slopes = slope.data(), *levels = level.data();
  over_rows(rows, parts_of(lines.as_rows), [&](int, int64_t first, int64_t last) {
    for (int64_t r = first; r < last; r++) {
      const T *row = x + r * width;
      T *to = y + r * width;
      int64_t n = lines.length(r);
      VECTORS for (int64_t j = 0; j < n; j++) to[j] =
          (row[j] - means[j]) * slopes[j] + levels[j];
    }
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
  Lines<T> lines(s);
  int64_t width = lines.as_rows.width, rows = lines.as_rows.rows;
  ColumnSums<T> sums(lines.as_rows, 2);
  std::vector<T> middle = lines.repeated(mean);
  const T *means = middle.data();
  sums.run(rows, [&](int64_t r, T *level, T *) {
    const T *given = g + r * width, *row = x + r * width;
    T *slope = level + width;
    int64_t n = lines.length(r);
    VECTORS for (int64_t j = 0; j < n; j++) {
      level[j] += given[j];
      slope[j] += given[j] * (row[j] - means[j]);
    }
  });
  std::vector<T> level(s.width), slope(s.width), factor(s.width);
  for (int64_t j = 0; j < s.width; j++) {
    T inverse = inverse_root(variance[j], s.epsilon);
    level[j] = static_cast<T>(lines.mean(sums, 0, j));
    slope[j] = static_cast<T>(lines.mean(sums, 1, j)) * (inverse * inverse);
    factor[j] = inverse * (s.gamma ? s.gamma[j] : T(1));
    if (to.gamma)
      to.gamma[j] = static_cast<T>(lines.sum(sums, 1, j)) * inverse;
    if (to.beta)
      to.beta[j] = static_cast<T>(lines.sum(sums, 0, j));
  }
  level = lines.repeated(level.data());
  slope = lines.repeated(slope.data());
  factor = lines.repeated(factor.data());
  const T *levels = level.data(), *slopes = slope.data(), *factors = factor.data();
  over_rows(rows, parts_of(lines.as_rows), [&](int, int64_t first, int64_t last) {
    for (int64_t r = first; r < last; r++) {
      const T *given = g + r * width, *row = x + r * width;
      T *by_x = to.x + r * width;
      int64_t n = lines.length(r);
      VECTORS for (int64_t j = 0; j < n; j++) by_x[j] =
          (given[j] - levels[j] - (row[j] - means[j]) * slopes[j]) * factors[j];
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
