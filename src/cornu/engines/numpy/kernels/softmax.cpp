// Softmax and crossentropies. Rows are short, mostly: so what goes element by element
// goes over several rows at once, and only sums and extremes row by row. Compiled once
// per instruction set.
#include "softmax.h"

#include <vector>

#include "elementary.h"
#include "pool.h"
#include "rows.h"

namespace cornu {
namespace {

constexpr int64_t BLOCK = 2048; // elements that are worked on at a time

// Calls f(first, rows) for blocks of rows; several threads share them.
template <class F> void over_blocks(int64_t rows, int64_t n, F &&f) {
  int parts = static_cast<int>(
      std::min<int64_t>({threads(), rows, rows * n / (1 << 15) + 1}));
  int64_t block = std::max<int64_t>(1, BLOCK / n);
  parallel(parts, [&](int part) {
    int64_t first, last;
    share(rows, 1, parts, part, first, last);
    for (; first < last; first += block)
      f(first, std::min(block, last - first));
  });
}

// x minus the largest of its row; a row with a NaN becomes NaN.
template <class T> inline void shift(const T *x, int64_t rows, int64_t n, T *y) {
  for (int64_t r = 0; r < rows; r++, x += n, y += n) {
    T largest = row_extreme<Larger>(x, n);
    VECTORS for (int64_t j = 0; j < n; j++) y[j] = x[j] - largest;
  }
}

template <class T> inline void exp_all(const T *x, int64_t n, T *y) {
  VECTORS for (int64_t i = 0; i < n; i++) y[i] = exp_(x[i]);
}

template <class T> void softmax(int64_t rows, int64_t n, const T *x, T *y) {
  over_blocks(rows, n, [&](int64_t first, int64_t count) {
    T *to = y + first * n;
    shift(x + first * n, count, n, to);
    exp_all(to, count * n, to);
    for (int64_t r = 0; r < count; r++, to += n) {
      T sum = row_sum(to, n);
      VECTORS for (int64_t j = 0; j < n; j++) to[j] = to[j] / sum;
    }
  });
}

// `room` holds as many elements as the rows.
template <class T>
inline void log_softmax_rows(const T *x, int64_t rows, int64_t n, T *y, T *room) {
  shift(x, rows, n, y);
  exp_all(y, rows * n, room);
  for (int64_t r = 0; r < rows; r++, y += n, room += n) {
    T level = log_(row_sum(room, n));
    VECTORS for (int64_t j = 0; j < n; j++) y[j] = y[j] - level;
  }
}

template <class T> void log_softmax(int64_t rows, int64_t n, const T *x, T *y) {
  over_blocks(rows, n, [&](int64_t first, int64_t count) {
    std::vector<T> room(count * n);
    log_softmax_rows(x + first * n, count, n, y + first * n, room.data());
  });
}

template <class T>
void softmax_grad(int64_t rows, int64_t n, const T *g, const T *y, T *out) {
  over_blocks(rows, n, [&](int64_t first, int64_t count) {
    std::vector<T> room(count * n);
    const T *g_ = g + first * n, *y_ = y + first * n, *products = room.data();
    T *to = out + first * n, *all = room.data();
    VECTORS for (int64_t i = 0; i < count * n; i++) all[i] = g_[i] * y_[i];
    for (int64_t r = 0; r < count; r++, g_ += n, y_ += n, to += n, products += n) {
      T sum = row_sum(products, n);
      VECTORS for (int64_t j = 0; j < n; j++) to[j] = y_[j] * (g_[j] - sum);
    }
  });
}

// The targets of some rows as numbers: indices become ones amid zeros, and only zeros
// where there is no such class.
template <class T>
inline const T *targets_of(const Classes<T> &c, int64_t first, int64_t rows, T *room) {
  if (c.targets)
    return c.targets + first * c.classes;
  std::fill(room, room + rows * c.classes, T(0));
  for (int64_t r = 0; r < rows; r++) {
    int64_t index = c.indices[first + r];
    if (index >= 0 && index < c.classes)
      room[r * c.classes + index] = T(1);
  }
  return room;
}

template <class T> void crossentropy(const Classes<T> &c, const T *x, T *y) {
  int64_t n = c.classes;
  over_blocks(c.rows, n, [&](int64_t first, int64_t rows) {
    int64_t all = rows * n;
    std::vector<T> room(3 * all);
    T *logs = room.data(), *more = logs + all;
    const T *from = x + first * n;
    const T *targets = targets_of(c, first, rows, more + all);
    if (c.from_logits) {
      log_softmax_rows(from, rows, n, logs, more);
    } else {
      for (int64_t r = 0; r < rows; r++) {
        T sum = row_sum(from + r * n, n);
        VECTORS for (int64_t j = r * n; j < (r + 1) * n; j++) logs[j] = from[j] / sum;
      }
      T low = c.low, high = c.high;
      over_vectors<T>(all, [&](auto kind, int64_t i) {
        using V = decltype(kind);
        V raised = Larger::both(get<V>(logs + i), V{} + low);
        put(logs + i, Smaller::both(raised, V{} + high));
      });
      VECTORS for (int64_t i = 0; i < all; i++) logs[i] = log_(logs[i]);
    }
    VECTORS for (int64_t i = 0; i < all; i++) logs[i] = targets[i] * logs[i];
    for (int64_t r = 0; r < rows; r++)
      y[first + r] = -row_sum(logs + r * n, n);
  });
}

template <class T>
inline void logits_grad(const T *targets, const T *x, const T *g, int64_t rows,
                        int64_t n, T *p, T *room, T *out) {
  log_softmax_rows(x, rows, n, p, room);
  exp_all(p, rows * n, p);
  for (int64_t r = 0; r < rows; r++, targets += n, p += n, room += n, out += n) {
    T scale = -g[r];
    VECTORS for (int64_t j = 0; j < n; j++) room[j] = scale * targets[j];
    T sum = row_sum(room, n);
    VECTORS for (int64_t j = 0; j < n; j++) out[j] = room[j] - p[j] * sum;
  }
}

// With q = x / sum(x), cut off at `low` and `high`: the gradient of -sum(t log q). A
// number that is just at a bound gets half of it, as `maximum` and `minimum` share.
template <class T>
inline void clipped_grad(const Classes<T> &c, const T *targets, const T *x, const T *g,
                         int64_t rows, int64_t n, T *q, T *room, T *out) {
  T low = c.low, high = c.high;
  for (int64_t r = 0; r < rows; r++) {
    T sum = row_sum(x + r * n, n), scale = -g[r];
    VECTORS for (int64_t j = r * n; j < (r + 1) * n; j++) {
      q[j] = x[j] / sum;
      room[j] = scale * targets[j];
    }
  }
  over_vectors<T>(rows * n, [&](auto kind, int64_t i) {
    using V = decltype(kind);
    V given = get<V>(q + i), raised = Larger::both(given, V{} + low);
    V inside = Smaller::both(raised, V{} + high), one = V{} + T(1), half = V{} + T(0.5);
    V part = get<V>(room + i) / inside;
    part = part * (raised == high ? half : one) * (given == low ? half : one);
    part = ((raised == inside) & (given == raised)) ? part : V{};
    put(room + i, part);
    put(q + i, part * given);
  });
  for (int64_t r = 0; r < rows; r++, x += n, q += n, room += n, out += n) {
    T sum = row_sum(x, n), level = row_sum(q, n) / sum;
    VECTORS for (int64_t j = 0; j < n; j++) out[j] = room[j] / sum - level;
  }
}

template <class T>
void crossentropy_grad(const Classes<T> &c, const T *x, const T *g, T *out) {
  int64_t n = c.classes;
  over_blocks(c.rows, n, [&](int64_t first, int64_t rows) {
    int64_t all = rows * n;
    std::vector<T> memory(3 * all);
    T *q = memory.data(), *room = q + all;
    const T *targets = targets_of(c, first, rows, room + all);
    if (c.from_logits)
      logits_grad(targets, x + first * n, g + first, rows, n, q, room, out + first * n);
    else
      clipped_grad(c, targets, x + first * n, g + first, rows, n, q, room,
                   out + first * n);
  });
}

} // namespace

#define DEFINE_SOFTMAX(T, NAME)                                                    \
  void CORNU_HERE(softmax_##NAME)(int64_t rows, int64_t n, const T *x, T *y) {     \
    softmax(rows, n, x, y);                                                        \
  }                                                                                \
  void CORNU_HERE(log_softmax_##NAME)(int64_t rows, int64_t n, const T *x, T *y) { \
    log_softmax(rows, n, x, y);                                                    \
  }                                                                                \
  void CORNU_HERE(softmax_grad_##NAME)(int64_t rows, int64_t n, const T *g,        \
                                       const T *y, T *out) {                       \
    softmax_grad(rows, n, g, y, out);                                              \
  }                                                                                \
  void CORNU_HERE(crossentropy_##NAME)(const Classes<T> &c, const T *x, T *y) {    \
    crossentropy(c, x, y);                                                         \
  }                                                                                \
  void CORNU_HERE(crossentropy_grad_##NAME)(const Classes<T> &c, const T *x,       \
                                            const T *g, T *out) {                  \
    crossentropy_grad(c, x, g, out);                                               \
  }

DEFINE_SOFTMAX(float, f32)
DEFINE_SOFTMAX(double, f64)

} // namespace cornu
