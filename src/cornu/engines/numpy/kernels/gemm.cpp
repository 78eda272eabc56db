// Products of matrices: both sides are packed into the order in which a tile of the
// result reads them (Goto and van de Geijn, 2008). Compiled once per instruction set.
#include "gemm.h"

#include "pool.h"
#include "scratch.h"
#include "tile.h"

namespace cornu {
namespace {

// How deep a packed block is: a panel of the right side stays in the first cache.
constexpr int64_t DEPTH = 256;
// Rows of the left side that are packed at a time: they stay in the second cache.
constexpr int64_t LINES = 8 * TILE_ROWS;
// Panels of the right side up to which the left side is not packed.
constexpr int64_t THIN = 4;

// (k, ROWS) of the left side, zeros beyond `rows`.
template <class T>
void pack_left(const T *a, int64_t row, int64_t column, int64_t rows, int64_t k, T *to) {
  for (int64_t r = 0; r < TILE_ROWS; r++) {
    const T *from = a + r * row;
    if (r < rows)
      for (int64_t p = 0; p < k; p++)
        to[p * TILE_ROWS + r] = from[p * column];
    else
      for (int64_t p = 0; p < k; p++)
        to[p * TILE_ROWS + r] = T(0);
  }
}

// The same of `lines` rows that lie side by side, tile after tile: each column is read
// once from end to end, however far apart they are.
template <class T>
void pack_columns(const T *a, int64_t column, int64_t lines, int64_t k, T *to) {
  int64_t whole = lines / TILE_ROWS * TILE_ROWS;
  for (int64_t p = 0; p < k; p++, a += column) {
    for (int64_t r = 0; r < whole; r += TILE_ROWS)
      std::memcpy(to + r * k + p * TILE_ROWS, a + r, TILE_ROWS * sizeof(T));
    if (whole < lines)
      for (int64_t r = 0; r < TILE_ROWS; r++)
        to[whole * k + p * TILE_ROWS + r] = whole + r < lines ? a[whole + r] : T(0);
  }
}

// (k, WIDTH) of the right side, zeros beyond `columns`.
template <class T>
void pack_right(const T *b, int64_t row, int64_t column, int64_t columns, int64_t k, T *to) {
  constexpr int64_t width = TILE_COLUMNS<T>;
  if (columns == width && column == 1) {
    for (int64_t p = 0; p < k; p++, to += width, b += row) {
      store(to, load(b));
      store(to + LANES<T>, load(b + LANES<T>));
    }
    return;
  }
  if (row == 1) { // what lies side by side is read side by side
    for (int64_t j = 0; j < width; j++)
      for (int64_t p = 0; p < k; p++)
        to[p * width + j] = j < columns ? b[j * column + p] : T(0);
    return;
  }
  for (int64_t p = 0; p < k; p++, to += width, b += row)
    for (int64_t j = 0; j < width; j++)
      to[j] = j < columns ? b[j * column] : T(0);
}

// Stores (or with `add` adds) what a tile has summed.
template <class T, int ROWS, int VECTORS>
inline void put(vec<T> (&sums)[ROWS][VECTORS], T *out, int64_t out_row, int rows,
                int64_t columns, bool add) {
  if (columns >= VECTORS * LANES<T>) {
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; r++) {
      if (r >= rows)
        break;
#pragma GCC unroll 2
      for (int v = 0; v < VECTORS; v++) {
        T *at = out + r * out_row + v * LANES<T>;
        store(at, add ? load(at) + sums[r][v] : sums[r][v]);
      }
    }
    return;
  }
  T line[VECTORS * LANES<T>];
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < VECTORS; v++)
      store(line + v * LANES<T>, sums[r][v]);
    for (int64_t j = 0; j < columns; j++)
      out[r * out_row + j] = add ? out[r * out_row + j] + line[j] : line[j];
  }
}

template <class T, int ROWS, int VECTORS>
inline void tile(const T *left, const T *right, int64_t k, T *out, int64_t out_row,
                 int rows, int64_t columns, bool add) {
  vec<T> sums[ROWS][VECTORS] = {};
  for (int64_t p = 0; p < k; p++) {
    vec<T> b[VECTORS];
#pragma GCC unroll 2
    for (int v = 0; v < VECTORS; v++)
      b[v] = load(right + v * LANES<T>);
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; r++) {
      vec<T> x = splat(left[r]);
#pragma GCC unroll 2
      for (int v = 0; v < VECTORS; v++)
        sums[r][v] += x * b[v];
    }
    left += TILE_ROWS;
    right += TILE_COLUMNS<T>;
  }
  put<T, ROWS, VECTORS>(sums, out, out_row, rows, columns, add);
}

template <class T, int VECTORS>
inline void tile_of(int rows, const T *left, const T *right, int64_t k, T *out,
                    int64_t out_row, int64_t columns, bool add) {
  if (rows > 8)
    tile<T, TILE_ROWS, VECTORS>(left, right, k, out, out_row, rows, columns, add);
  else if (rows > 4)
    tile<T, (TILE_ROWS < 8 ? TILE_ROWS : 8), VECTORS>(left, right, k, out, out_row, rows,
                                                      columns, add);
  else if (rows > 2)
    tile<T, 4, VECTORS>(left, right, k, out, out_row, rows, columns, add);
  else
    tile<T, 2, VECTORS>(left, right, k, out, out_row, rows, columns, add);
}

// A tile whose left side is read where it lies: rows with their columns side by side.
template <class T, int ROWS, int VECTORS>
inline void tile_in_place(const T *left, int64_t row, const T *right, int64_t k, T *out,
                          int64_t out_row, int rows, int64_t columns, bool add) {
  vec<T> sums[ROWS][VECTORS] = {};
  const T *at[ROWS];
  for (int r = 0; r < ROWS; r++)
    at[r] = left + (r < rows ? r : 0) * row;
  for (int64_t p = 0; p < k; p++) {
    vec<T> b[VECTORS];
#pragma GCC unroll 2
    for (int v = 0; v < VECTORS; v++)
      b[v] = load(right + v * LANES<T>);
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; r++) {
      vec<T> x = splat(at[r][p]);
#pragma GCC unroll 2
      for (int v = 0; v < VECTORS; v++)
        sums[r][v] += x * b[v];
    }
    right += TILE_COLUMNS<T>;
  }
  put<T, ROWS, VECTORS>(sums, out, out_row, rows, columns, add);
}

// A product with few columns: packing the left side would take longer than it gains.
template <class T>
void thin_product(const Gemm &g, const T *a, const T *b, T *out, int64_t m0, int64_t m1,
                  int64_t n0, int64_t n1) {
  constexpr int64_t width = TILE_COLUMNS<T>;
  int64_t wide = (n1 - n0 + width - 1) / width;
  int64_t depth = std::min(wide == 1 ? 8 * DEPTH : DEPTH, g.k);
  T *right = scratch<T>(wide * depth * width);
  for (int64_t p = 0; p < g.k; p += depth) {
    int64_t k = std::min(depth, g.k - p);
    for (int64_t j = 0; j < wide; j++)
      pack_right(b + p * g.b.row + (n0 + j * width) * g.b.column, g.b.row, g.b.column,
                 std::min(width, n1 - n0 - j * width), k, right + j * k * width);
    for (int64_t i = m0; i < m1; i += TILE_ROWS) {
      int rows = static_cast<int>(std::min<int64_t>(TILE_ROWS, m1 - i));
      for (int64_t j = 0; j < wide; j++) {
        int64_t columns = std::min(width, n1 - n0 - j * width);
        const T *left = a + i * g.a.row + p;
        T *at = out + i * g.out.row + n0 + j * width;
        if (columns > LANES<T>)
          tile_in_place<T, TILE_ROWS, 2>(left, g.a.row, right + j * k * width, k, at,
                                         g.out.row, rows, columns, p > 0);
        else
          tile_in_place<T, TILE_ROWS, 1>(left, g.a.row, right + j * k * width, k, at,
                                         g.out.row, rows, columns, p > 0);
      }
    }
  }
}

// One product, for some of its rows and columns, on this thread.
template <class T>
void product(const Gemm &g, const T *a, const T *b, T *out, int64_t m0, int64_t m1,
             int64_t n0, int64_t n1) {
  constexpr int64_t width = TILE_COLUMNS<T>;
  int64_t wide = (n1 - n0 + width - 1) / width;
  if (wide <= THIN && g.a.column == 1)
    return thin_product(g, a, b, out, m0, m1, n0, n1);
  int64_t depth = std::min(DEPTH, g.k);
  T *right = scratch<T>(wide * depth * width + LINES * depth);
  T *left = right + wide * depth * width;
  for (int64_t p = 0; p < g.k; p += DEPTH) {
    int64_t k = std::min(DEPTH, g.k - p);
    for (int64_t j = 0; j < wide; j++)
      pack_right(b + p * g.b.row + (n0 + j * width) * g.b.column, g.b.row, g.b.column,
                 std::min(width, n1 - n0 - j * width), k, right + j * k * width);
    for (int64_t i = m0; i < m1; i += LINES) {
      int64_t lines = std::min(LINES, m1 - i);
      if (g.a.row == 1)
        pack_columns(a + i + p * g.a.column, g.a.column, lines, k, left);
      for (int64_t r = 0; r < lines && g.a.row != 1; r += TILE_ROWS)
        pack_left(a + (i + r) * g.a.row + p * g.a.column, g.a.row, g.a.column,
                  std::min<int64_t>(TILE_ROWS, lines - r), k, left + r * k);
      for (int64_t j = 0; j < wide; j++) {
        int64_t columns = std::min(width, n1 - n0 - j * width);
        for (int64_t r = 0; r < lines; r += TILE_ROWS) {
          int rows = static_cast<int>(std::min<int64_t>(TILE_ROWS, lines - r));
          T *at = out + (i + r) * g.out.row + n0 + j * width;
          if (columns > LANES<T>)
            tile_of<T, 2>(rows, left + r * k, right + j * k * width, k, at, g.out.row,
                          columns, p > 0);
          else
            tile_of<T, 1>(rows, left + r * k, right + j * k * width, k, at, g.out.row,
                          columns, p > 0);
        }
      }
    }
  }
}

template <class T> void gemm(const Gemm &g, const T *a, const T *b, T *out) {
  int64_t work = g.groups * g.m * g.n * g.k;
  int parts = static_cast<int>(std::min<int64_t>(threads(), work / (1 << 19) + 1));
  if (g.groups >= parts) {
    parallel(parts, [&](int part) {
      int64_t first, last;
      share(g.groups, 1, parts, part, first, last);
      for (int64_t i = first; i < last; i++)
        product(g, a + g.a.groups[i], b + g.b.groups[i], out + g.out.groups[i], 0, g.m, 0,
                g.n);
    });
    return;
  }
  for (int64_t i = 0; i < g.groups; i++) {
    const T *left = a + g.a.groups[i], *right = b + g.b.groups[i];
    T *to = out + g.out.groups[i];
    // Both threads pack the side that is not shared out: that should be the smaller.
    bool by_rows = g.m >= g.n;
    parallel(parts, [&](int part) {
      int64_t first, last;
      if (by_rows) {
        share(g.m, TILE_ROWS, parts, part, first, last);
        product(g, left, right, to, first, last, 0, g.n);
      } else {
        share(g.n, TILE_COLUMNS<T>, parts, part, first, last);
        product(g, left, right, to, 0, g.m, first, last);
      }
    });
  }
}

} // namespace

void CORNU_HERE(gemm_f32)(const Gemm &g, const float *a, const float *b, float *out) {
  gemm(g, a, b, out);
}
void CORNU_HERE(gemm_f64)(const Gemm &g, const double *a, const double *b, double *out) {
  gemm(g, a, b, out);
}

} // namespace cornu
