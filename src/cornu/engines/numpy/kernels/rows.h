// Rows of numbers: what goes over them in vectors, sums and extremes. Only for files that
// are compiled once per instruction set.
//
// Long sums of float32 lose digits. Here up to 1024 numbers are added in vectors, and
// such sums are added in float64.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "simd.h"

namespace cornu {
namespace {

// V is a vector or a single number: so one text serves both.
template <class V, class T> inline V get(const T *p) {
  V v;
  std::memcpy(&v, p, sizeof(V));
  return v;
}
template <class V, class T> inline void put(T *p, V v) { std::memcpy(p, &v, sizeof(V)); }

// Calls f(V, i) for vectors of n elements, then for the single ones that are left.
template <class T, class F> inline void over_vectors(int64_t n, F &&f) {
  int64_t i = 0;
  for (; i + LANES<T> <= n; i += LANES<T>)
    f(vec<T>{}, i);
  for (; i < n; i++)
    f(T(0), i);
}

constexpr int64_t SHORT_SUM = 1024;

template <class T> inline T short_sum(const T *p, int64_t n) {
  T total = T(0);
  int64_t i = 0;
  if (n >= 2 * LANES<T>) {
    vec<T> a{}, b{};
    for (; i + 2 * LANES<T> <= n; i += 2 * LANES<T>) {
      a += load(p + i);
      b += load(p + i + LANES<T>);
    }
    a += b;
    T lanes[LANES<T>];
    store(lanes, a);
    for (int half = LANES<T> / 2; half > 0; half /= 2)
      for (int j = 0; j < half; j++)
        lanes[j] += lanes[j + half];
    total = lanes[0];
  }
  for (; i < n; i++)
    total += p[i];
  return total;
}

template <class T> inline double long_sum(const T *p, int64_t n) {
  double total = 0;
  for (int64_t i = 0; i < n; i += SHORT_SUM)
    total += static_cast<double>(short_sum(p + i, std::min(SHORT_SUM, n - i)));
  return total;
}

template <class T> inline T row_sum(const T *p, int64_t n) {
  return n <= SHORT_SUM ? short_sum(p, n) : static_cast<T>(long_sum(p, n));
}

// NaN where there is one, as in NumPy.
struct Larger {
  template <class V> static V both(V a, V b) { return ((a > b) | (a != a)) ? a : b; }
};
struct Smaller {
  template <class V> static V both(V a, V b) { return ((a < b) | (a != a)) ? a : b; }
};

// Of at least one number.
template <class Join, class T> inline T row_extreme(const T *p, int64_t n) {
  T found = p[0];
  int64_t i = 1;
  if (n >= LANES<T>) {
    vec<T> v = load(p);
    for (i = LANES<T>; i + LANES<T> <= n; i += LANES<T>)
      v = Join::both(v, load(p + i));
    T lanes[LANES<T>];
    store(lanes, v);
    found = lanes[0];
    for (int j = 1; j < LANES<T>; j++)
      found = Join::both(found, lanes[j]);
  }
  for (; i < n; i++)
    found = Join::both(found, p[i]);
  return found;
}

} // namespace
} // namespace cornu
