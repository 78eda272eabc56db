// Pooling: for each window the channels of its taps, side by side in vectors. Compiled
// once per instruction set.
#include "pooling.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "pool.h"
#include "rows.h"

namespace cornu {
namespace {

// Whole numbers as wide as the elements of V, which is a vector or a single number.
template <class V> struct Whole {
  using type = decltype(V{} == V{});
};
template <> struct Whole<float> { using type = int32_t; };
template <> struct Whole<double> { using type = int64_t; };

// Numbers of taps, from bytes or words to as wide as the elements.
template <class V, class T, class P> inline typename Whole<V>::type get_taps(const P *p) {
  if constexpr (sizeof(V) == sizeof(T)) {
    return *p;
  } else {
    typedef P Narrow __attribute__((vector_size(LANES<T> * sizeof(P))));
    return __builtin_convertvector(get<Narrow>(p), typename Whole<V>::type);
  }
}
template <class V, class T, class P>
inline void put_taps(P *p, typename Whole<V>::type taps) {
  if constexpr (sizeof(V) == sizeof(T)) {
    *p = static_cast<P>(taps);
  } else {
    typedef P Narrow __attribute__((vector_size(LANES<T> * sizeof(P))));
    put(p, __builtin_convertvector(taps, Narrow));
  }
}

// The taps of one window that lie inside the tensor.
struct Seen {
  int64_t at;             // of the window among all
  int64_t base;           // from where the taps' offsets count
  int count;              // of taps inside
  const int64_t *offsets; // in elements
  const int *numbers;     // of the taps, in order
};

// Calls f(seen) for each window of a sample, in order or from the last to the first.
template <class F> void over_windows(const Pooling &p, bool backwards, F &&f) {
  int64_t taps = p.window[0] * p.window[1] * p.window[2];
  std::vector<int64_t> offsets(taps);
  std::vector<int> numbers(taps);
  int64_t apart[3] = {p.in[1] * p.in[2] * p.channels, p.in[2] * p.channels, p.channels};
  int64_t places = p.out[0] * p.out[1] * p.out[2];
  int64_t known[6] = {-1, -1, -1, -1, -1, -1};
  Seen seen{0, 0, 0, offsets.data(), numbers.data()};
  for (int64_t i = 0; i < places; i++) {
    seen.at = backwards ? places - 1 - i : i;
    int64_t place[3] = {seen.at / (p.out[1] * p.out[2]), seen.at / p.out[2] % p.out[1],
                        seen.at % p.out[2]};
    int64_t range[6];
    seen.base = 0;
    for (int a = 0; a < 3; a++) {
      int64_t start = place[a] * p.strides[a] - p.low[a];
      seen.base += start * apart[a];
      range[2 * a] = std::max<int64_t>(0, -start);
      range[2 * a + 1] = std::min(p.window[a], p.in[a] - start);
    }
    if (!std::equal(range, range + 6, known)) {
      std::copy(range, range + 6, known);
      seen.count = 0;
      for (int64_t u = range[0]; u < range[1]; u++)
        for (int64_t v = range[2]; v < range[3]; v++)
          for (int64_t w = range[4]; w < range[5]; w++) {
            offsets[seen.count] = u * apart[0] + v * apart[1] + w * apart[2];
            numbers[seen.count++] =
                static_cast<int>((u * p.window[1] + v) * p.window[2] + w);
          }
    }
    f(seen);
  }
}

// Calls f(n) for each sample; several threads share them.
template <class F> void over_samples(const Pooling &p, F &&f) {
  int64_t taps = p.window[0] * p.window[1] * p.window[2];
  int64_t work = p.batch * p.out[0] * p.out[1] * p.out[2] * taps * p.channels;
  int parts = static_cast<int>(
      std::min<int64_t>({threads(), p.batch, work / (1 << 18) + 1}));
  parallel(parts, [&](int part) {
    int64_t first, last;
    share(p.batch, 1, parts, part, first, last);
    for (int64_t n = first; n < last; n++)
      f(n);
  });
}

int64_t in_size(const Pooling &p) { return p.in[0] * p.in[1] * p.in[2] * p.channels; }
int64_t out_size(const Pooling &p) { return p.out[0] * p.out[1] * p.out[2] * p.channels; }

struct Sum {
  template <class V> static V both(V a, V b) { return a + b; }
};

// One number of all that a window holds.
template <class Join, class T>
void reduce_windows(const Pooling &p, const T *x, T *y, T none) {
  over_samples(p, [&](int64_t n) {
    const T *sample = x + n * in_size(p);
    T *results = y + n * out_size(p);
    over_windows(p, false, [&](const Seen &seen) {
      const T *base = sample + seen.base;
      T *to = results + seen.at * p.channels;
      over_vectors<T>(p.channels, [&](auto kind, int64_t c) {
        using V = decltype(kind);
        V joined = V{} + none;
        if (seen.count)
          joined = get<V>(base + seen.offsets[0] + c);
        for (int t = 1; t < seen.count; t++)
          joined = Join::both(joined, get<V>(base + seen.offsets[t] + c));
        put(to + c, joined);
      });
    });
  });
}

template <class T, class P>
void argmax_of_windows(const Pooling &p, const T *x, const T *y, P *places) {
  int none = static_cast<int>(p.window[0] * p.window[1] * p.window[2]);
  over_samples(p, [&](int64_t n) {
    const T *sample = x + n * in_size(p);
    over_windows(p, false, [&](const Seen &seen) {
      const T *base = sample + seen.base;
      int64_t to = n * out_size(p) + seen.at * p.channels;
      over_vectors<T>(p.channels, [&](auto kind, int64_t c) {
        using V = decltype(kind);
        using W = typename Whole<V>::type;
        V largest = get<V>(y + to + c);
        W found = W{} + none;
        for (int t = seen.count - 1; t >= 0; t--) { // the first is found last
          V element = get<V>(base + seen.offsets[t] + c);
          W number = W{} + seen.numbers[t];
          found = ((element == largest) | (element != element)) ? number : found;
        }
        put_taps<V, T>(places + to + c, found);
      });
    });
  });
}

// The largest and its tap: a number takes the place of what is smaller, and NaN of
// what is a number.
template <class T, class P>
void max_of_windows(const Pooling &p, const T *x, T *y, P *places) {
  int none = static_cast<int>(p.window[0] * p.window[1] * p.window[2]);
  T least = -std::numeric_limits<T>::infinity();
  over_samples(p, [&](int64_t n) {
    const T *sample = x + n * in_size(p);
    over_windows(p, false, [&](const Seen &seen) {
      const T *base = sample + seen.base;
      int64_t to = n * out_size(p) + seen.at * p.channels;
      over_vectors<T>(p.channels, [&](auto kind, int64_t c) {
        using V = decltype(kind);
        using W = typename Whole<V>::type;
        V largest = V{} + least;
        W found = W{} + none;
        if (seen.count) {
          largest = get<V>(base + seen.offsets[0] + c);
          found = W{} + seen.numbers[0];
        }
        for (int t = 1; t < seen.count; t++) {
          V element = get<V>(base + seen.offsets[t] + c);
          W number = W{} + seen.numbers[t];
          auto beyond =
              (element > largest) | ((element != element) & (largest == largest));
          largest = beyond ? element : largest;
          found = beyond ? number : found;
        }
        put(y + to + c, largest);
        put_taps<V, T>(places + to + c, found);
      });
    });
  });
}

template <class T, class P>
void pick_from_windows(const Pooling &p, const T *x, const P *places, T *y) {
  over_samples(p, [&](int64_t n) {
    const T *sample = x + n * in_size(p);
    over_windows(p, false, [&](const Seen &seen) {
      const T *base = sample + seen.base;
      int64_t to = n * out_size(p) + seen.at * p.channels;
      over_vectors<T>(p.channels, [&](auto kind, int64_t c) {
        using V = decltype(kind);
        using W = typename Whole<V>::type;
        W wanted = get_taps<V, T>(places + to + c);
        V picked{};
        for (int t = 0; t < seen.count; t++) {
          W number = W{} + seen.numbers[t];
          picked = wanted == number ? get<V>(base + seen.offsets[t] + c) : picked;
        }
        put(y + to + c, picked);
      });
    });
  });
}

// Whether no element is in two windows, and whether each is in one.
bool apart(const Pooling &p) {
  for (int a = 0; a < 3; a++)
    if (p.strides[a] < p.window[a] && p.out[a] > 1)
      return false;
  return true;
}
bool covered(const Pooling &p) {
  for (int a = 0; a < 3; a++)
    if ((p.strides[a] > p.window[a] && p.out[a] > 1) ||
        (p.out[a] - 1) * p.strides[a] + p.window[a] < p.in[a] + p.low[a])
      return false;
  return true;
}

// What windows give to their elements. From the last window to the first: then an
// element gets what it gets in the order of the taps, as the definition adds.
template <class T, class F> void spread(const Pooling &p, T *x, F &&given) {
  bool alone = apart(p), whole = covered(p);
  over_samples(p, [&](int64_t n) {
    T *sample = x + n * in_size(p);
    if (!alone || !whole)
      std::memset(sample, 0, in_size(p) * sizeof(T));
    over_windows(p, true, [&](const Seen &seen) {
      T *base = sample + seen.base;
      int64_t from = n * out_size(p) + seen.at * p.channels;
      over_vectors<T>(p.channels, [&](auto kind, int64_t c) {
        using V = decltype(kind);
        auto give = given(V{}, from + c);
        for (int t = 0; t < seen.count; t++) {
          T *to = base + seen.offsets[t] + c;
          V part = give(seen.numbers[t]);
          put(to, alone ? part : get<V>(to) + part);
        }
      });
    });
  });
}

template <class T, class P>
void put_in_windows(const Pooling &p, const T *g, const P *places, T *x) {
  spread(p, x, [&](auto kind, int64_t from) {
    using V = decltype(kind);
    using W = typename Whole<V>::type;
    V value = get<V>(g + from);
    W wanted = get_taps<V, T>(places + from);
    return [=](int number) {
      W here = W{} + number;
      return wanted == here ? value : V{};
    };
  });
}

template <class T> void sum_grad(const Pooling &p, const T *g, T *x) {
  spread(p, x, [&](auto kind, int64_t from) {
    using V = decltype(kind);
    V value = get<V>(g + from);
    return [=](int) { return value; };
  });
}

template <class T> constexpr T LEAST = -std::numeric_limits<T>::infinity();

} // namespace

#define DEFINE_POOLING(T, NAME)                                                    \
  void CORNU_HERE(window_max_##NAME)(const Pooling &p, const T *x, T *y) {         \
    reduce_windows<Larger>(p, x, y, LEAST<T>);                                     \
  }                                                                                \
  void CORNU_HERE(window_sum_##NAME)(const Pooling &p, const T *x, T *y) {         \
    reduce_windows<Sum>(p, x, y, T(0));                                            \
  }                                                                                \
  void CORNU_HERE(window_sum_grad_##NAME)(const Pooling &p, const T *g, T *x) {    \
    sum_grad(p, g, x);                                                             \
  }                                                                                \
  DEFINE_BY_TAP(T, NAME, int8_t, i8)                                               \
  DEFINE_BY_TAP(T, NAME, int32_t, i32)
#define DEFINE_BY_TAP(T, NAME, P, PLACES)                                          \
  void CORNU_HERE(window_argmax_##NAME##_##PLACES)(const Pooling &p, const T *x,   \
                                                   const T *y, P *places) {        \
    argmax_of_windows(p, x, y, places);                                            \
  }                                                                                \
  void CORNU_HERE(window_max_at_##NAME##_##PLACES)(const Pooling &p, const T *x,   \
                                                   T *y, P *places) {              \
    max_of_windows(p, x, y, places);                                               \
  }                                                                                \
  void CORNU_HERE(window_put_##NAME##_##PLACES)(const Pooling &p, const T *g,      \
                                                const P *places, T *x) {           \
    put_in_windows(p, g, places, x);                                               \
  }                                                                                \
  void CORNU_HERE(window_pick_##NAME##_##PLACES)(const Pooling &p, const T *x,     \
                                                 const P *places, T *y) {          \
    pick_from_windows(p, x, places, y);                                            \
  }

DEFINE_POOLING(float, f32)
DEFINE_POOLING(double, f64)

} // namespace cornu
