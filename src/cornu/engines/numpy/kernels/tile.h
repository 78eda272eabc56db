// Products in tiles that stay in registers: what convolutions and recurrent layers are
// made of. Only for files that are compiled once per instruction set.
#pragma once

#include <algorithm>
#include <cstdint>

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

} // namespace
} // namespace cornu
