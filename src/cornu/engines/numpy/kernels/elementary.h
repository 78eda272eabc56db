// Element-wise functions of one number, written so that compilers make vectors of their
// loops. Only for files that are compiled once per instruction set.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__clang__)
#define VECTORS _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define VECTORS _Pragma("GCC ivdep")
#else
#define VECTORS __pragma(loop(ivdep))
#endif

namespace cornu {
namespace {

using u8 = uint8_t;
using i32 = int32_t;
using i64 = int64_t;
using f32 = float;
using f64 = double;

// a * b + c, in one rounding where the machine can.
#if defined(__FMA__)
inline f32 fma_(f32 a, f32 b, f32 c) { return __builtin_fmaf(a, b, c); }
inline f64 fma_(f64 a, f64 b, f64 c) { return __builtin_fma(a, b, c); }
#else
inline f32 fma_(f32 a, f32 b, f32 c) { return a * b + c; }
inline f64 fma_(f64 a, f64 b, f64 c) { return a * b + c; }
#endif

inline i32 bits(f32 x) {
  i32 b;
  std::memcpy(&b, &x, 4);
  return b;
}
inline i64 bits(f64 x) {
  i64 b;
  std::memcpy(&b, &x, 8);
  return b;
}
inline f32 from_bits(i32 b) {
  f32 x;
  std::memcpy(&x, &b, 4);
  return x;
}
inline f64 from_bits(i64 b) {
  f64 x;
  std::memcpy(&x, &b, 8);
  return x;
}
inline f32 round_(f32 x) { return __builtin_rintf(x); }
inline f64 round_(f64 x) { return __builtin_rint(x); }
inline f32 floor_(f32 x) { return __builtin_floorf(x); }
inline f64 floor_(f64 x) { return __builtin_floor(x); }
inline f32 ceil_(f32 x) { return __builtin_ceilf(x); }
inline f64 ceil_(f64 x) { return __builtin_ceil(x); }
inline f32 trunc_(f32 x) { return __builtin_truncf(x); }
inline f64 trunc_(f64 x) { return __builtin_trunc(x); }
inline f32 sqrt_(f32 x) { return __builtin_sqrtf(x); }
inline f64 sqrt_(f64 x) { return __builtin_sqrt(x); }
inline f32 abs_(f32 x) { return __builtin_fabsf(x); }
inline f64 abs_(f64 x) { return __builtin_fabs(x); }
inline i32 abs_(i32 x) { return x < 0 ? static_cast<i32>(0u - static_cast<uint32_t>(x)) : x; }
inline i64 abs_(i64 x) { return x < 0 ? static_cast<i64>(0ull - static_cast<uint64_t>(x)) : x; }

template <class T> struct Format;
template <> struct Format<f32> {
  using Int = i32;
  static constexpr int mantissa = 23;
  static constexpr i32 bias = 127, min_exponent = -126;
  // ln 2 in two parts, the first with so few bits that its multiples are exact.
  static constexpr f32 ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
  static constexpr f32 log2_e = 1.44269504088896341f;
  static constexpr f32 exp_max = 88.72283935546875f, exp_min = -103.972084f;
  static constexpr f32 expm1_min = -18.0f, tiny = 1.17549435e-38f;
  static constexpr f32 lift = 33554432.0f; // 2^25
  static constexpr int lifted = 25;
  static constexpr i32 sqrt_half = 0x3f3504f3;
};
template <> struct Format<f64> {
  using Int = i64;
  static constexpr int mantissa = 52;
  static constexpr i64 bias = 1023, min_exponent = -1022;
  static constexpr f64 ln2_high = 6.93147180369123816490e-01,
                       ln2_low = 1.90821492927058770002e-10;
  static constexpr f64 log2_e = 1.44269504088896338700;
  static constexpr f64 exp_max = 709.782712893384, exp_min = -745.1332191019412;
  static constexpr f64 expm1_min = -38.0, tiny = 2.2250738585072014e-308;
  static constexpr f64 lift = 18014398509481984.0; // 2^54
  static constexpr int lifted = 54;
  static constexpr i64 sqrt_half = 0x3fe6a09e667f3bcdLL;
};

// (exp(r) - 1 - r) / r^2 for |r| <= ln(2) / 2, by Taylor's series: the first term left
// out is below a quarter of the last digit.
inline f32 exp_tail(f32 r) {
  f32 p = 1.0f / 5040;
  p = fma_(p, r, 1.0f / 720);
  p = fma_(p, r, 1.0f / 120);
  p = fma_(p, r, 1.0f / 24);
  p = fma_(p, r, 1.0f / 6);
  return fma_(p, r, 0.5f);
}
inline f64 exp_tail(f64 r) {
  f64 p = 1.0 / 6227020800.0;
  p = fma_(p, r, 1.0 / 479001600.0);
  p = fma_(p, r, 1.0 / 39916800.0);
  p = fma_(p, r, 1.0 / 3628800.0);
  p = fma_(p, r, 1.0 / 362880.0);
  p = fma_(p, r, 1.0 / 40320.0);
  p = fma_(p, r, 1.0 / 5040.0);
  p = fma_(p, r, 1.0 / 720.0);
  p = fma_(p, r, 1.0 / 120.0);
  p = fma_(p, r, 1.0 / 24.0);
  p = fma_(p, r, 1.0 / 6.0);
  return fma_(p, r, 0.5);
}

// x = n ln 2 + r; the result is exp(r) - 1.
template <class T> inline T exp_reduced(T x, T &n) {
  using F = Format<T>;
  n = round_(x * F::log2_e);
  T r = fma_(-n, F::ln2_high, x);
  r = fma_(-n, F::ln2_low, r);
  return fma_(r * r, exp_tail(r), r);
}

template <class T> inline T power_of_two(T n) {
  using F = Format<T>;
  using Int = typename F::Int;
  return from_bits(static_cast<Int>((static_cast<Int>(n) + F::bias) << F::mantissa));
}

template <class T> inline T exp_(T x) {
  using F = Format<T>;
  T inside = x > F::exp_max ? F::exp_max : (x < F::exp_min ? F::exp_min : x);
  inside = x == x ? inside : T(0);
  T n, p = exp_reduced(inside, n);
  T half = floor_(n * T(0.5)); // in two factors: 2^n alone may be no number
  T y = (p + T(1)) * power_of_two<T>(half) * power_of_two<T>(n - half);
  y = x > F::exp_max ? T(INFINITY) : (x < F::exp_min ? T(0) : y);
  return x == x ? y : x;
}

template <class T> inline T expm1_(T x) {
  using F = Format<T>;
  T inside = x > F::exp_max ? F::exp_max : (x < F::expm1_min ? F::expm1_min : x);
  inside = x == x ? inside : T(0);
  T n, p = exp_reduced(inside, n);
  T half = floor_(n * T(0.5)), rest = power_of_two<T>(n - half);
  T first = power_of_two<T>(half);
  // Up to the last digits of the largest ones: (p + 1) 2^n - 1 as p 2^n + (2^n - 1).
  T small = fma_(p, first * rest, first * rest - T(1));
  T y = n > T(60) ? (p + T(1)) * first * rest : small;
  y = x > F::exp_max ? T(INFINITY) : (x < F::expm1_min ? T(-1) : y);
  y = x == T(0) ? x : y; // keeps the sign of zero
  return x == x ? y : x;
}

template <class T> inline T tanh_(T x) {
  T a = abs_(x);
  T bound = sizeof(T) == 4 ? T(10) : T(20);
  T e = expm1_(T(-2) * (a > bound ? bound : a));
  T y = -e / (e + T(2));
  y = a > bound ? T(1) : y;
  y = x < T(0) ? -y : y;
  y = x == T(0) ? x : y;
  return x == x ? y : x;
}

template <class T> inline T sigmoid_(T x) { return T(1) / (T(1) + exp_(-x)); }

// The sum of 2/3 s^2 + 2/5 s^4 + ... for s = f / (2 + f), |s| <= 0.1716.
inline f32 log_series(f32 z) {
  f32 p = 2.0f / 11;
  p = fma_(p, z, 2.0f / 9);
  p = fma_(p, z, 2.0f / 7);
  p = fma_(p, z, 2.0f / 5);
  return z * fma_(p, z, 2.0f / 3);
}
inline f64 log_series(f64 z) {
  f64 p = 2.0 / 23;
  p = fma_(p, z, 2.0 / 21);
  p = fma_(p, z, 2.0 / 19);
  p = fma_(p, z, 2.0 / 17);
  p = fma_(p, z, 2.0 / 15);
  p = fma_(p, z, 2.0 / 13);
  p = fma_(p, z, 2.0 / 11);
  p = fma_(p, z, 2.0 / 9);
  p = fma_(p, z, 2.0 / 7);
  p = fma_(p, z, 2.0 / 5);
  return z * fma_(p, z, 2.0 / 3);
}

// log(2^k (1 + f)), in the form of fdlibm's e_log.c.
template <class T> inline T log_parts(T k, T f) {
  using F = Format<T>;
  T s = f / (T(2) + f), half = T(0.5) * f * f;
  T r = log_series(s * s);
  return k * F::ln2_high - ((half - (s * (half + r) + k * F::ln2_low)) - f);
}

template <class T> inline T log_(T x) {
  using F = Format<T>;
  using Int = typename F::Int;
  bool small = x < F::tiny;
  T lifted = small ? x * F::lift : x;
  Int b = bits(lifted), shifted = b - F::sqrt_half;
  Int k = shifted >> F::mantissa;
  T m = from_bits(static_cast<Int>(b - (k << F::mantissa)));
  T exponent = static_cast<T>(static_cast<i32>(k)) - (small ? T(F::lifted) : T(0));
  T y = log_parts(exponent, m - T(1));
  y = x == T(INFINITY) ? x : y;
  y = x == T(0) ? -T(INFINITY) : y;
  return x >= T(0) ? y : T(NAN);
}

template <class T> inline T log1p_(T x) {
  T u = T(1) + x;
  T lost = (x - (u - T(1))) / u; // what rounding took from 1 + x
  T y = log_(u) + (u == T(INFINITY) || u == T(0) ? T(0) : lost);
  return x == T(0) ? x : y;
}

template <class T> inline T maximum_(T a, T b) { return a > b || a != a ? a : b; }
template <class T> inline T minimum_(T a, T b) { return a < b || a != a ? a : b; }
template <class T> inline T sign_(T x) {
  return x > T(0) ? T(1) : (x < T(0) ? T(-1) : (x == T(0) ? T(0) : x));
}

} // namespace
} // namespace cornu
