// Products in tiles that stay in registers: what convolutions and recurrent layers are
// made of. Only for files that are compiled once per instruction set.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "simd.h"

namespace cornu {
namespace {

// How many panels of TILE_COLUMNS hold n columns.
template <class T> inline int64_t panels(int64_t n) {
  return (n + TILE_COLUMNS<T> - 1) / TILE_COLUMNS<T>;
}

// Packs a matrix (k, n), element (i, j) at right[i * row + j * column], into panels:
// (panel, k, TILE_COLUMNS), with zeros beyond n. `packed` holds panels(n) * k * TILE_COLUMNS.
template <class T>
void pack(const T *right, int64_t k, int64_t n, int64_t row, int64_t column, T *packed) {
  constexpr int64_t width = TILE_COLUMNS<T>;
  for (int64_t first = 0; first < n; first += width) {
    int64_t here = std::min(width, n - first);
    for (int64_t i = 0; i < k; i++) {
      const T *from = right + i * row + first * column;
      for (int64_t j = 0; j < here; j++)
        packed[j] = from[j * column];
      for (int64_t j = here; j < width; j++)
        packed[j] = T(0);
      packed += width;
    }
  }
}

// sums[r] += sum over taps t and elements c of left[r][offsets[t] + c] * panel[t, c].
template <class T, int ROWS>
inline void multiply_rows(const T *const *left, const int64_t *offsets, int64_t taps,
                          int64_t depth, const T *panel, vec<T> (&sums)[ROWS][2]) {
  constexpr int64_t width = TILE_COLUMNS<T>;
  for (int64_t t = 0; t < taps; t++) {
    const T *rows[ROWS];
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; r++)
      rows[r] = left[r] + offsets[t];
    for (int64_t c = 0; c < depth; c++) {
      vec<T> first = load(panel), second = load(panel + LANES<T>);
      panel += width;
#pragma GCC unroll 16
      for (int r = 0; r < ROWS; r++) {
        vec<T> x = splat(rows[r][c]);
        sums[r][0] += x * first;
        sums[r][1] += x * second;
      }
    }
  }
}

// Stores (or with `add` adds) the first `columns` numbers of the first `rows` sums.
template <class T, int ROWS>
inline void store_tile(vec<T> (&sums)[ROWS][2], T *const *out, int rows, int64_t columns,
                       bool add) {
  for (int r = 0; r < ROWS; r++) {
    if (r >= rows)
      break;
    if (columns == TILE_COLUMNS<T>) {
      vec<T> first = sums[r][0], second = sums[r][1];
      if (add) {
        first += load(out[r]);
        second += load(out[r] + LANES<T>);
      }
      store(out[r], first);
      store(out[r] + LANES<T>, second);
    } else {
      T row[TILE_COLUMNS<T>];
      store(row, sums[r][0]);
      store(row + LANES<T>, sums[r][1]);
      for (int64_t j = 0; j < columns; j++)
        out[r][j] = add ? out[r][j] + row[j] : row[j];
    }
  }
}

// out (rows, n) = or += left (rows, k) @ right (k, n), which has been packed. Rows of
// `left` and of `out` lie `left_row` and `out_row` elements apart.
template <class T>
void multiply_packed(const T *left, int64_t left_row, const T *packed, T *out,
                     int64_t out_row, int64_t rows, int64_t k, int64_t n, bool add) {
  constexpr int64_t width = TILE_COLUMNS<T>;
  const int64_t zero = 0;
  for (int64_t i = 0; i < rows; i += TILE_ROWS) {
    int here = static_cast<int>(std::min<int64_t>(TILE_ROWS, rows - i));
    const T *lefts[TILE_ROWS];
    T *outs[TILE_ROWS];
    for (int r = 0; r < TILE_ROWS; r++) {
      lefts[r] = left + (i + (r < here ? r : 0)) * left_row;
      outs[r] = out + (i + (r < here ? r : 0)) * out_row;
    }
    for (int64_t j = 0; j < n; j += width) {
      vec<T> sums[TILE_ROWS][2] = {};
      multiply_rows<T, TILE_ROWS>(lefts, &zero, 1, k, packed + j * k, sums);
      T *at[TILE_ROWS];
      for (int r = 0; r < TILE_ROWS; r++)
        at[r] = outs[r] + j;
      store_tile<T, TILE_ROWS>(sums, at, here, std::min(width, n - j), add);
    }
  }
}

template <class T, int ROWS>
inline void one_tile(const T *left, int64_t left_row, const T *panel, T *out,
                     int64_t out_row, int rows, int64_t k, int64_t columns) {
  const int64_t zero = 0;
  const T *lefts[ROWS];
  T *outs[ROWS];
  for (int r = 0; r < ROWS; r++) {
    lefts[r] = left + (r < rows ? r : 0) * left_row;
    outs[r] = out + (r < rows ? r : 0) * out_row;
  }
  vec<T> sums[ROWS][2] = {};
  multiply_rows<T, ROWS>(lefts, &zero, 1, k, panel, sums);
  store_tile<T, ROWS>(sums, outs, rows, columns, false);
}

// The right side of many products, in panels.
template <class T> class Packed {
public:
  Packed(const T *right, int64_t k, int64_t n, int64_t row, int64_t column)
      : k_(k), n_(n), packed_(new T[panels<T>(n) * k * TILE_COLUMNS<T>]) {
    pack(right, k, n, row, column, packed_.get());
  }

  // out (rows, n) = left (rows, k) @ right. Panel by panel: one stays in the cache.
  void multiply(const T *left, int64_t left_row, T *out, int64_t out_row,
                int64_t rows) const {
    constexpr int64_t width = TILE_COLUMNS<T>;
    constexpr int some = TILE_ROWS / 3, most = some * 2;
    for (int64_t j = 0; j < n_; j += width) {
      const T *panel = packed_.get() + j * k_;
      int64_t columns = std::min(width, n_ - j);
      for (int64_t i = 0; i < rows; i += TILE_ROWS) {
        int here = static_cast<int>(std::min<int64_t>(TILE_ROWS, rows - i));
        const T *from = left + i * left_row;
        T *to = out + i * out_row + j;
        if (here > most)
          one_tile<T, TILE_ROWS>(from, left_row, panel, to, out_row, here, k_, columns);
        else if (here > some)
          one_tile<T, most>(from, left_row, panel, to, out_row, here, k_, columns);
        else if (here > 1)
          one_tile<T, some>(from, left_row, panel, to, out_row, here, k_, columns);
        else
          one_tile<T, 1>(from, left_row, panel, to, out_row, here, k_, columns);
      }
    }
  }

  int64_t bytes() const {
    return panels<T>(n_) * k_ * TILE_COLUMNS<T> * static_cast<int64_t>(sizeof(T));
  }

private:
  int64_t k_, n_;
  std::unique_ptr<T[]> packed_; // not set to zero first, as a vector would be
};

constexpr int SUM_ROWS = TILE_ROWS == 12 ? 8 : 4;

// A sum of products left^T @ right: what a thread knows of the gradient of a kernel.
// Sums of a few rows are added to the total: all rows, one by one, would lose digits.
template <class T> class Total {
public:
  Total() = default;
  Total(int64_t k, int64_t n)
      : k_(k), n_(n), width_(padded(n)),
        total_((k + SUM_ROWS - 1) / SUM_ROWS * SUM_ROWS * padded(n), T(0)) {}

  // How far apart rows of the right side lie: whole panels.
  static int64_t padded(int64_t n) { return panels<T>(n) * TILE_COLUMNS<T>; }

  // left (rows, k) and right (rows, n), which is padded; their rows lie `left_row` and
  // `right_row` elements apart.
  void add(const T *left, int64_t left_row, const T *right, int64_t right_row,
           int64_t rows) {
    for (int64_t i = 0; i < k_; i += SUM_ROWS) {
      int64_t at[SUM_ROWS];
      for (int r = 0; r < SUM_ROWS; r++)
        at[r] = std::min(i + r, k_ - 1);
      for (int64_t j = 0; j < width_; j += TILE_COLUMNS<T>) {
        vec<T> sums[SUM_ROWS][2] = {};
        const T *x = left, *g = right + j;
        for (int64_t b = 0; b < rows; b++, x += left_row, g += right_row) {
          vec<T> first = load(g), second = load(g + LANES<T>);
#pragma GCC unroll 8
          for (int r = 0; r < SUM_ROWS; r++) {
            vec<T> factor = splat(x[at[r]]);
            sums[r][0] += factor * first;
            sums[r][1] += factor * second;
          }
        }
        T *to = total_.data() + i * width_ + j;
        for (int r = 0; r < SUM_ROWS; r++, to += width_) {
          store(to, load(to) + sums[r][0]);
          store(to + LANES<T>, load(to + LANES<T>) + sums[r][1]);
        }
      }
    }
  }

  // Adds what it has to the result, whose rows lie `row` elements apart.
  void add_to(T *out, int64_t row) const {
    for (int64_t i = 0; i < k_; i++)
      for (int64_t j = 0; j < n_; j++)
        out[i * row + j] += total_[i * width_ + j];
  }

private:
  int64_t k_ = 0, n_ = 0, width_ = 0;
  std::vector<T> total_;
};

// out (k, n), whose rows lie `row` elements apart: the sum, always in the same order.
template <class T>
void sum_totals(const std::vector<Total<T>> &totals, T *out, int64_t k, int64_t n,
                int64_t row) {
  for (int64_t i = 0; i < k; i++)
    std::fill(out + i * row, out + i * row + n, T(0));
  for (const Total<T> &each : totals)
    each.add_to(out, row);
}

} // namespace
} // namespace cornu
