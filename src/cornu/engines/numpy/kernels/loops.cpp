// The inner loops of element-wise operations. This file is compiled once for each
// instruction set; loops are written so that a compiler makes vectors of them.
#include "loops.h"

#include "elementary.h"

namespace cornu {
namespace {

#define LOOP1(NAME, T, R, EXPRESSION)                                              \
  void NAME(char *const *args, int64_t n) {                                        \
    R *out = reinterpret_cast<R *>(args[0]);                                       \
    const T *a = reinterpret_cast<const T *>(args[1]);                             \
    VECTORS for (int64_t i = 0; i < n; i++) {                                      \
      T x = a[i];                                                                  \
      out[i] = static_cast<R>(EXPRESSION);                                         \
    }                                                                              \
  }
#define LOOP2(NAME, T, R, EXPRESSION)                                              \
  void NAME(char *const *args, int64_t n) {                                        \
    R *out = reinterpret_cast<R *>(args[0]);                                       \
    const T *a = reinterpret_cast<const T *>(args[1]);                             \
    const T *b = reinterpret_cast<const T *>(args[2]);                             \
    VECTORS for (int64_t i = 0; i < n; i++) {                                      \
      T x = a[i], y = b[i];                                                        \
      out[i] = static_cast<R>(EXPRESSION);                                         \
    }                                                                              \
  }
#define LOOP3(NAME, C, T)                                                          \
  void NAME(char *const *args, int64_t n) {                                        \
    T *out = reinterpret_cast<T *>(args[0]);                                       \
    const C *c = reinterpret_cast<const C *>(args[1]);                             \
    const T *a = reinterpret_cast<const T *>(args[2]);                             \
    const T *b = reinterpret_cast<const T *>(args[3]);                             \
    VECTORS for (int64_t i = 0; i < n; i++) {                                      \
      T x = a[i], y = b[i];                                                        \
      out[i] = c[i] ? x : y;                                                       \
    }                                                                              \
  }

// Each line: name, the dtype's letters, expression. `E(...)` also enters the table.
#define FLOATS(E1, E2)                                                             \
  FLOATING(E1, E2, f32, float32)                                                   \
  FLOATING(E1, E2, f64, float64)

#define FLOATING(E1, E2, T, D)                                                     \
  E2(true_divide, T, D, T, D, x / y)                                               \
  E2(maximum, T, D, T, D, maximum_(x, y))                                          \
  E2(minimum, T, D, T, D, minimum_(x, y))                                          \
  E2(power, T, D, T, D, std::pow(x, y))                                            \
  E1(sqrt, T, D, T, D, sqrt_(x))                                                   \
  E1(exp, T, D, T, D, exp_(x))                                                     \
  E1(expm1, T, D, T, D, expm1_(x))                                                 \
  E1(log, T, D, T, D, log_(x))                                                     \
  E1(log1p, T, D, T, D, log1p_(x))                                                 \
  E1(tanh, T, D, T, D, tanh_(x))                                                   \
  E1(sigmoid, T, D, T, D, sigmoid_(x))                                             \
  E1(erf, T, D, T, D, std::erf(x))                                                 \
  E1(sin, T, D, T, D, std::sin(x))                                                 \
  E1(cos, T, D, T, D, std::cos(x))                                                 \
  E1(floor, T, D, T, D, floor_(x))                                                 \
  E1(ceil, T, D, T, D, ceil_(x))                                                   \
  E1(trunc, T, D, T, D, trunc_(x))                                                 \
  E1(round_to_even, T, D, T, D, round_(x))                                         \
  E1(sign, T, D, T, D, sign_(x))                                                   \
  E1(negative, T, D, T, D, -x)                                                     \
  E1(isfinite, T, D, u8, bool, abs_(x) < T(INFINITY))                              \
  NUMBER(E1, E2, T, D)

#define NUMBER(E1, E2, T, D)                                                       \
  E2(add, T, D, T, D, x + y)                                                       \
  E2(subtract, T, D, T, D, x - y)                                                  \
  E2(multiply, T, D, T, D, x *y)                                                   \
  E2(equal, T, D, u8, bool, x == y)                                                \
  E2(not_equal, T, D, u8, bool, x != y)                                            \
  E2(less, T, D, u8, bool, x < y)                                                  \
  E2(less_equal, T, D, u8, bool, x <= y)                                           \
  E2(greater, T, D, u8, bool, x > y)                                               \
  E2(greater_equal, T, D, u8, bool, x >= y)                                        \
  E1(absolute, T, D, T, D, abs_(x))

// Whole numbers wrap around, which only unsigned ones may do in C++.
#define WRAPPED(U, OP) static_cast<U>(static_cast<U>(x) OP static_cast<U>(y))
#define WHOLE(E1, E2, T, U, D)                                                     \
  E2(add, T, D, T, D, WRAPPED(U, +))                                               \
  E2(subtract, T, D, T, D, WRAPPED(U, -))                                          \
  E2(multiply, T, D, T, D, WRAPPED(U, *))                                          \
  E2(equal, T, D, u8, bool, x == y)                                                \
  E2(not_equal, T, D, u8, bool, x != y)                                            \
  E2(less, T, D, u8, bool, x < y)                                                  \
  E2(less_equal, T, D, u8, bool, x <= y)                                           \
  E2(greater, T, D, u8, bool, x > y)                                               \
  E2(greater_equal, T, D, u8, bool, x >= y)                                        \
  E2(maximum, T, D, T, D, x > y ? x : y)                                           \
  E2(minimum, T, D, T, D, x < y ? x : y)                                           \
  E2(bitwise_and, T, D, T, D, x &y)                                                \
  E2(bitwise_or, T, D, T, D, x | y)                                                \
  E2(bitwise_xor, T, D, T, D, x ^ y)                                               \
  E1(bitwise_not, T, D, T, D, ~x)                                                  \
  E1(negative, T, D, T, D, static_cast<U>(0) - static_cast<U>(x))                  \
  E1(absolute, T, D, T, D, abs_(x))

#define WHOLES(E1, E2)                                                             \
  WHOLE(E1, E2, i32, uint32_t, int32)                                              \
  WHOLE(E1, E2, i64, uint64_t, int64)                                              \
  E2(logical_and, u8, bool, u8, bool, x &y)                                        \
  E2(logical_or, u8, bool, u8, bool, x | y)                                        \
  E2(equal, u8, bool, u8, bool, x == y)                                            \
  E2(not_equal, u8, bool, u8, bool, x != y)                                        \
  E1(logical_not, u8, bool, u8, bool, x ^ 1)

#define CASTS(E1)                                                                  \
  E1(cast, f32, float32, f64, float64, x)                                          \
  E1(cast, f64, float64, f32, float32, x)                                          \
  E1(cast, f32, float32, i32, int32, x)                                            \
  E1(cast, f64, float64, i32, int32, x)                                            \
  E1(cast, i32, int32, f32, float32, x)                                            \
  E1(cast, i32, int32, f64, float64, x)                                            \
  E1(cast, i32, int32, i64, int64, x)                                              \
  E1(cast, i64, int64, i32, int32, x)                                              \
  E1(cast, i64, int64, f32, float32, x)                                            \
  E1(cast, i64, int64, f64, float64, x)                                            \
  E1(cast, u8, bool, f32, float32, x)                                              \
  E1(cast, u8, bool, f64, float64, x)                                              \
  E1(cast, u8, bool, i32, int32, x)                                                \
  E1(cast, u8, bool, i64, int64, x)                                                \
  E1(cast, u8, uint8, f32, float32, x)                                             \
  E1(cast, u8, uint8, f64, float64, x)                                             \
  E1(cast, u8, uint8, i32, int32, x)                                               \
  E1(cast, f32, float32, u8, bool, x != 0)                                         \
  E1(cast, f64, float64, u8, bool, x != 0)                                         \
  E1(cast, i32, int32, u8, bool, x != 0)                                           \
  E1(cast, i64, int64, u8, bool, x != 0)

#define DEFINE1(NAME, T, D, R, RD, EXPRESSION)                                     \
  LOOP1(NAME##_##D##_##RD, T, R, EXPRESSION)
#define DEFINE2(NAME, T, D, R, RD, EXPRESSION)                                     \
  LOOP2(NAME##_##D##_##RD, T, R, EXPRESSION)
#define ENTER1(NAME, T, D, R, RD, EXPRESSION)                                      \
  {#NAME ":" #D "->" #RD, NAME##_##D##_##RD},
#define ENTER2(NAME, T, D, R, RD, EXPRESSION)                                      \
  {#NAME ":" #D "," #D "->" #RD, NAME##_##D##_##RD},
#define ENTER3(NAME, D) {"where:bool," #D "," #D "->" #D, NAME},

FLOATS(DEFINE1, DEFINE2)
WHOLES(DEFINE1, DEFINE2)
CASTS(DEFINE1)
LOOP3(where_float32, u8, f32)
LOOP3(where_float64, u8, f64)
LOOP3(where_int32, u8, i32)
LOOP3(where_int64, u8, i64)
LOOP3(where_bool, u8, u8)

const LoopEntry ENTRIES[] = {
    FLOATS(ENTER1, ENTER2) WHOLES(ENTER1, ENTER2) CASTS(ENTER1)
    ENTER3(where_float32, float32) ENTER3(where_float64, float64)
    ENTER3(where_int32, int32) ENTER3(where_int64, int64) ENTER3(where_bool, bool)};

const LoopTable TABLE = {ENTRIES,
                         static_cast<int>(sizeof(ENTRIES) / sizeof(ENTRIES[0]))};

} // namespace

const LoopTable &CORNU_HERE(loops)() { return TABLE; }

} // namespace cornu
