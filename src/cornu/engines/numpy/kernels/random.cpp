// Threefry-2x32 (Salmon et al., 2011). Compiled once per instruction set.
#include "random.h"

#include <algorithm>

#include "elementary.h"
#include "pool.h"

namespace cornu {
namespace {

constexpr int64_t BLOCK = 512; // counters at a time

inline uint32_t rotated(uint32_t x, int by) { return (x << by) | (x >> (32 - by)); }

template <int A, int B, int C, int D>
inline void four_rounds(uint32_t &x0, uint32_t &x1, uint32_t k0, uint32_t k1) {
  x0 += x1, x1 = rotated(x1, A) ^ x0;
  x0 += x1, x1 = rotated(x1, B) ^ x0;
  x0 += x1, x1 = rotated(x1, C) ^ x0;
  x0 += x1, x1 = rotated(x1, D) ^ x0;
  x0 += k0, x1 += k1;
}

// Both words of the counters from `first` on, without their last bits.
inline void words(const uint32_t *key, int64_t first, int64_t n, int32_t *low,
                  int32_t *high) {
  uint32_t a = key[0], b = key[1], c = a ^ b ^ 0x1BD11BDAu;
  uint32_t start = static_cast<uint32_t>(first) + a;
  VECTORS for (int64_t i = 0; i < n; i++) {
    uint32_t x0 = start + static_cast<uint32_t>(i), x1 = b;
    four_rounds<13, 15, 26, 6>(x0, x1, b, c + 1);
    four_rounds<17, 29, 16, 24>(x0, x1, c, a + 2);
    four_rounds<13, 15, 26, 6>(x0, x1, a, b + 3);
    four_rounds<17, 29, 16, 24>(x0, x1, b, c + 4);
    four_rounds<13, 15, 26, 6>(x0, x1, c, a + 5);
    low[i] = static_cast<int32_t>(x0 >> 1);
    high[i] = static_cast<int32_t>(x1 >> 1);
  }
}

// Calls f(at, bits, count) for all of n elements, in blocks. The first words belong to
// the first half of the elements, the second ones to the second.
template <class F> void over_bits(const uint32_t *key, int64_t n, F &&f) {
  int64_t half = (n + 1) / 2;
  int parts = static_cast<int>(
      std::min<int64_t>({threads(), half, n / (1 << 16) + 1}));
  parallel(parts, [&](int part) {
    int64_t first, last;
    share(half, BLOCK, parts, part, first, last);
    int32_t low[BLOCK], high[BLOCK];
    for (int64_t i = first; i < last; i += BLOCK) {
      int64_t count = std::min(BLOCK, last - i);
      words(key, i, count, low, high);
      f(i, low, count);
      f(half + i, high, std::min(count, n - half - i));
    }
  });
}

template <class T>
void dropout(const uint32_t *key, int64_t n, int32_t limit, T keep, const T *x, T *y) {
  over_bits(key, n, [&](int64_t at, const int32_t *bits, int64_t count) {
    const T *from = x + at;
    T *to = y + at;
    VECTORS for (int64_t i = 0; i < count; i++) {
      T kept = from[i] / keep;
      to[i] = bits[i] >= limit ? kept : T(0);
    }
  });
}

} // namespace

void CORNU_HERE(random_bits)(const uint32_t *key, int64_t n, int32_t *out) {
  over_bits(key, n, [&](int64_t at, const int32_t *bits, int64_t count) {
    if (count > 0)
      std::memcpy(out + at, bits, count * sizeof(int32_t));
  });
}
void CORNU_HERE(dropout_f32)(const uint32_t *key, int64_t n, int32_t limit, float keep,
                             const float *x, float *y) {
  dropout(key, n, limit, keep, x, y);
}
void CORNU_HERE(dropout_f64)(const uint32_t *key, int64_t n, int32_t limit, double keep,
                             const double *x, double *y) {
  dropout(key, n, limit, keep, x, y);
}

} // namespace cornu
