// Convolutions as products whose left side is never copied: each row is a window, found
// where it lies. Compiled once per instruction set.
#include "conv.h"

#include <vector>

#include "pool.h"
#include "tile.h"

namespace cornu {
namespace {

// One sample amid its border of zeros: (rows, columns, channels).
template <class T> class Bordered {
public:
  Bordered(const Conv &c)
      : conv_(c), rows_(c.in[0] + c.low[0] + c.high[0]),
        columns_(c.in[1] + c.low[1] + c.high[1]),
        needed_(c.low[0] || c.low[1] || c.high[0] || c.high[1]) {
    if (needed_)
      memory_.assign(rows_ * columns_ * c.channels, T(0));
  }

  const T *sample(const T *x) {
    if (!needed_)
      return x;
    int64_t line = conv_.in[1] * conv_.channels;
    for (int64_t i = 0; i < conv_.in[0]; i++)
      std::memcpy(&memory_[((i + conv_.low[0]) * columns_ + conv_.low[1]) * conv_.channels],
                  x + i * line, line * sizeof(T));
    return memory_.data();
  }

  // Where a tap finds its channels, from where the window begins.
  std::vector<int64_t> offsets() const {
    std::vector<int64_t> found;
    for (int64_t i = 0; i < conv_.window[0]; i++)
      for (int64_t j = 0; j < conv_.window[1]; j++)
        found.push_back((i * conv_.dilation[0] * columns_ + j * conv_.dilation[1]) *
                        conv_.channels);
    return found;
  }

  int64_t line() const { return columns_ * conv_.channels; }

private:
  const Conv &conv_;
  int64_t rows_, columns_;
  bool needed_;
  std::vector<T> memory_;
};

template <class T> std::vector<T> packed_kernel(const Conv &c, const T *w, bool turned) {
  int64_t taps = c.window[0] * c.window[1], width = TILE_COLUMNS<T>;
  int64_t depth = taps * c.channels;
  std::vector<T> packed(panels<T>(c.filters) * depth * width);
  for (int64_t p = 0; p < panels<T>(c.filters); p++) {
    T *to = packed.data() + p * depth * width;
    int64_t first = p * width, here = std::min(width, c.filters - first);
    for (int64_t t = 0; t < taps; t++) {
      const T *tap = w + (turned ? taps - 1 - t : t) * c.channels * c.filters;
      for (int64_t i = 0; i < c.channels; i++, to += width)
        for (int64_t j = 0; j < width; j++)
          to[j] = j >= here ? T(0)
                  : turned  ? tap[(first + j) * c.channels + i]
                            : tap[i * c.filters + first + j];
    }
  }
  return packed;
}

template <class T>
void convolve(const Conv &c, const T *x, const T *w, T *y, bool turned) {
  constexpr int64_t width = TILE_COLUMNS<T>;
  std::vector<T> packed = packed_kernel(c, w, turned);
  int64_t taps = c.window[0] * c.window[1], places = c.out[0] * c.out[1];
  int64_t work = c.batch * places * taps * c.channels * c.filters;
  int parts = static_cast<int>(
      std::min<int64_t>({threads(), c.batch, work / (1 << 18) + 1}));
  parallel(parts, [&](int part) {
    int64_t first, last;
    share(c.batch, 1, parts, part, first, last);
    Bordered<T> border(c);
    std::vector<int64_t> offsets = border.offsets();
    for (int64_t n = first; n < last; n++) {
      const T *sample = border.sample(x + n * c.in[0] * c.in[1] * c.channels);
      T *results = y + n * places * c.filters;
      for (int64_t place = 0; place < places; place += TILE_ROWS) {
        int here = static_cast<int>(std::min<int64_t>(TILE_ROWS, places - place));
        const T *rows[TILE_ROWS];
        T *outs[TILE_ROWS];
        for (int r = 0; r < TILE_ROWS; r++) {
          int64_t at = place + (r < here ? r : 0);
          rows[r] = sample + at / c.out[1] * c.strides[0] * border.line() +
                    at % c.out[1] * c.strides[1] * c.channels;
          outs[r] = results + at * c.filters;
        }
        for (int64_t j = 0; j < c.filters; j += width) {
          vec<T> sums[TILE_ROWS][2] = {};
          multiply_rows<T, TILE_ROWS>(rows, offsets.data(), taps, c.channels,
                                      packed.data() + j * taps * c.channels, sums);
          T *to[TILE_ROWS];
          for (int r = 0; r < TILE_ROWS; r++)
            to[r] = outs[r] + j;
          store_tile<T, TILE_ROWS>(sums, to, here, std::min(width, c.filters - j), false);
        }
      }
    }
  });
}

// The gradient by the kernel: rows are (tap, channel), columns filters, and the sum goes
// over places. Blocks of places are so small that what they read stays in the cache.
constexpr int KERNEL_ROWS = 8;

template <class T, int ROWS>
inline void add_places(const T *base, const int64_t *offsets, const T *g, int64_t filters,
                       int64_t step, int64_t n, vec<T> (&sums)[ROWS][2]) {
  for (int64_t p = 0; p < n; p++) {
    vec<T> first = load(g), second = load(g + LANES<T>);
    g += filters;
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; r++) {
      vec<T> x = splat(base[offsets[r]]);
      sums[r][0] += x * first;
      sums[r][1] += x * second;
    }
    base += step;
  }
}

template <class T> void convolve_kernel(const Conv &c, const T *x, const T *g, T *w) {
  constexpr int64_t width = TILE_COLUMNS<T>;
  int64_t taps = c.window[0] * c.window[1], places = c.out[0] * c.out[1];
  int64_t depth = taps * c.channels, columns = panels<T>(c.filters) * width;
  int64_t work = c.batch * places * depth * c.filters;
  int parts = static_cast<int>(
      std::min<int64_t>({threads(), c.batch, work / (1 << 18) + 1}));
  int64_t rows = (depth + KERNEL_ROWS - 1) / KERNEL_ROWS * KERNEL_ROWS;
  std::vector<T> totals(parts * rows * columns, T(0));
  parallel(parts, [&](int part) {
    int64_t first, last;
    share(c.batch, 1, parts, part, first, last);
    Bordered<T> border(c);
    T *total = totals.data() + part * rows * columns;
    std::vector<int64_t> taps_at = border.offsets(), offsets(rows, 0);
    for (int64_t i = 0; i < depth; i++)
      offsets[i] = taps_at[i / c.channels] + i % c.channels;
    // Filters beyond the last whole panel are copied into room for one.
    std::vector<T> tail(columns > c.filters ? places * width : 0, T(0));
    int64_t whole = c.filters / width * width;
    int64_t lines = std::max<int64_t>(1, 256 / std::max<int64_t>(1, c.out[1]));
    for (int64_t n = first; n < last; n++) {
      const T *sample = border.sample(x + n * c.in[0] * c.in[1] * c.channels);
      const T *results = g + n * places * c.filters;
      if (!tail.empty())
        for (int64_t p = 0; p < places; p++)
          std::memcpy(&tail[p * width], results + p * c.filters + whole,
                      (c.filters - whole) * sizeof(T));
      for (int64_t line = 0; line < c.out[0]; line += lines) {
        int64_t end = std::min(c.out[0], line + lines);
        for (int64_t j = 0; j < columns; j += width) {
          const T *right = j < whole ? results + j : tail.data();
          int64_t apart = j < whole ? c.filters : width;
          for (int64_t i = 0; i < rows; i += KERNEL_ROWS) {
            T *at = total + i * columns + j;
            vec<T> sums[KERNEL_ROWS][2];
            for (int r = 0; r < KERNEL_ROWS; r++) {
              sums[r][0] = load(at + r * columns);
              sums[r][1] = load(at + r * columns + LANES<T>);
            }
            for (int64_t l = line; l < end; l++)
              add_places<T, KERNEL_ROWS>(
                  sample + l * c.strides[0] * border.line(), &offsets[i],
                  right + l * c.out[1] * apart, apart, c.strides[1] * c.channels,
                  c.out[1], sums);
            for (int r = 0; r < KERNEL_ROWS; r++) {
              store(at + r * columns, sums[r][0]);
              store(at + r * columns + LANES<T>, sums[r][1]);
            }
          }
        }
      }
    }
  });
  for (int64_t i = 0; i < depth; i++)
    for (int64_t j = 0; j < c.filters; j++) {
      T sum = T(0);
      for (int part = 0; part < parts; part++)
        sum += totals[part * rows * columns + i * columns + j];
      w[i * c.filters + j] = sum;
    }
}

} // namespace

void CORNU_HERE(conv_f32)(const Conv &c, const float *x, const float *w, float *y, bool turned) {
  convolve(c, x, w, y, turned);
}
void CORNU_HERE(conv_f64)(const Conv &c, const double *x, const double *w, double *y, bool turned) {
  convolve(c, x, w, y, turned);
}
void CORNU_HERE(conv_kernel_f32)(const Conv &c, const float *x, const float *g, float *w) {
  convolve_kernel(c, x, g, w);
}
void CORNU_HERE(conv_kernel_f64)(const Conv &c, const double *x, const double *g, double *w) {
  convolve_kernel(c, x, g, w);
}

} // namespace cornu
