// Recurrent layers: rows of the batch are independent, so that each thread takes some of
// them through all steps. At each step it takes a few rows at a time, as many as stay in
// the nearest cache: their product with the recurrent kernel, then gates in runs of
// (rows, units), which lie side by side in whatever is kept of a step.
// Compiled once per instruction set.
#include "recurrent.h"

#include <initializer_list>
#include <vector>

#include "elementary.h"
#include "pool.h"
#include "tile.h"

namespace cornu {
namespace {

// x = activation(x).
template <class T> void activate(Activation kind, T *x, int64_t n) {
  switch (kind) {
  case Activation::HARD_SIGMOID:
    VECTORS for (int64_t k = 0; k < n; k++) {
      x[k] = minimum_(maximum_(x[k] + T(3), T(0)), T(6)) / T(6);
    }
    return;
  case Activation::LINEAR:
    return;
  case Activation::RELU:
    VECTORS for (int64_t k = 0; k < n; k++) { x[k] = maximum_(x[k], T(0)); }
    return;
  case Activation::SIGMOID:
    VECTORS for (int64_t k = 0; k < n; k++) { x[k] = sigmoid_(x[k]); }
    return;
  case Activation::TANH:
    VECTORS for (int64_t k = 0; k < n; k++) { x[k] = tanh_(x[k]); }
    return;
  }
}

// g = the cotangent of the argument, from that of the result and the result y.
template <class T> void slope(Activation kind, T *g, const T *y, int64_t n) {
  switch (kind) {
  case Activation::HARD_SIGMOID:
    VECTORS for (int64_t k = 0; k < n; k++) {
      bool inside = (y[k] > T(0)) & (y[k] < T(1));
      g[k] = inside ? g[k] / T(6) : T(0);
    }
    return;
  case Activation::LINEAR:
    return;
  case Activation::RELU:
    VECTORS for (int64_t k = 0; k < n; k++) { g[k] = y[k] > T(0) ? g[k] : T(0); }
    return;
  case Activation::SIGMOID:
    VECTORS for (int64_t k = 0; k < n; k++) { g[k] = g[k] * y[k] * (T(1) - y[k]); }
    return;
  case Activation::TANH:
    VECTORS for (int64_t k = 0; k < n; k++) { g[k] = g[k] * (T(1) - y[k] * y[k]); }
    return;
  }
}

// How sequences are run

inline void prefetch(const void *p) {
#if defined(__GNUC__) || defined(__clang__)
  __builtin_prefetch(p);
#endif
}

// What was asked for, or else memory that is used again at each step.
template <class T> class Kept {
public:
  Kept(T *stack, int64_t n) : stack_(stack), own_(stack ? 0 : n) {}
  T *at(int64_t place) { return stack_ ? stack_ + place : own_.data(); }

private:
  T *stack_;
  std::vector<T> own_;
};

// `width`: of what is computed of a row at each step; `bytes`: of the packed kernels.
template <class T>
int64_t few_rows(const Sequence &s, int64_t width, int64_t bytes) {
  // Small kernels stay beside the rows; big ones should serve many rows.
  int64_t room = bytes <= (1 << 16) ? 1 << 14 : 1 << 19;
  int64_t tiles = room / (width * static_cast<int64_t>(sizeof(T)) * TILE_ROWS);
  return std::min(std::max<int64_t>(1, tiles) * TILE_ROWS, s.batch);
}

inline int shares_of(const Sequence &s, int64_t gates) {
  int64_t work = s.steps * s.batch * s.units * (s.units + 8) * gates;
  return static_cast<int>(
      std::min<int64_t>({threads(), s.batch, work / (1 << 18) + 1}));
}

// Calls work(part, first, last) for the parts of the batch.
template <class F> void over_batch(const Sequence &s, int parts, F &&work) {
  parallel(parts, [&](int part) {
    int64_t first, last;
    share(s.batch, 1, parts, part, first, last);
    work(part, first, last);
  });
}

// Calls run(step, row, rows, place), in order or from the last step on: the rows lie at
// `place` in what is (steps, batch, units).
template <class F>
void over_steps(const Sequence &s, bool reverse, int64_t few, int64_t first, int64_t last,
                F &&run) {
  for (int64_t k = 0; k < s.steps; k++) {
    int64_t step = reverse ? s.steps - 1 - k : k;
    for (int64_t row = first; row < last; row += few)
      run(step, row, std::min(few, last - row), (step * s.batch + row) * s.units);
  }
}

template <class T> void copy(const T *from, T *to, int64_t n) {
  std::memcpy(to, from, n * sizeof(T));
}

// state = fresh where the step counts; without a mask it has been computed in place.
template <class T>
void choose(const Sequence &s, int64_t step, int64_t row, int64_t rows, const T *fresh,
            T *state) {
  if (!s.mask)
    return;
  for (int64_t r = 0; r < rows; r++)
    if (s.mask[step * s.batch + row + r])
      copy(fresh + r * s.units, state + r * s.units, s.units);
}

// to[0] ... (rows, units) = the parts of z + s, both (rows, parts, units). Row by row, as
// z comes from memory; and as much as that is sent for: mostly what is read next.
template <class T>
void parts_of(const T *z, int64_t z_row, const T *s, int64_t s_row, int64_t rows,
              int64_t units, std::initializer_list<T *> to) {
  for (int64_t r = 0; r < rows; r++) {
    const T *from = z + r * z_row, *more = s + r * s_row;
    for (int64_t j = 0; j < z_row; j += 64 / static_cast<int64_t>(sizeof(T)))
      prefetch(from + rows * z_row + j); // never read here, so it need not exist
    for (T *part : to) {
      T *at = part + r * units;
      VECTORS for (int64_t j = 0; j < units; j++) { at[j] = from[j] + more[j]; }
      from += units;
      more += units;
    }
  }
}

// The other way: x (rows, units) into rows that lie `row` elements apart.
template <class T>
void into_part(const T *x, int64_t rows, int64_t units, T *to, int64_t row) {
  for (int64_t r = 0; r < rows; r++, x += units, to += row) {
    VECTORS for (int64_t j = 0; j < units; j++) { to[j] = x[j]; }
  }
}

template <class T>
void copy_rows(const T *from, int64_t from_row, T *to, int64_t to_row, int64_t rows) {
  for (int64_t r = 0; r < rows; r++)
    copy(from + r * from_row, to + r * to_row, to_row);
}

template <class T> void start(const T *given, T *state, int64_t n) {
  if (given)
    copy(given, state, n);
  else
    std::fill(state, state + n, T(0));
}

// The cotangent of a state, with what comes from the outputs; where a step does not
// count, it is 0, and what there was is kept.
template <class T>
void begin_step(const Sequence &s, int64_t step, int64_t row, int64_t rows, const T *more,
                T *d, T *kept) {
  int64_t n = rows * s.units;
  if (more) {
    VECTORS for (int64_t k = 0; k < n; k++) { d[k] += more[k]; }
  }
  if (!s.mask)
    return;
  copy(d, kept, n);
  for (int64_t r = 0; r < rows; r++)
    if (!s.mask[step * s.batch + row + r])
      std::fill(d + r * s.units, d + (r + 1) * s.units, T(0));
}

// A step that does not count hands the cotangent on.
template <class T>
void end_step(const Sequence &s, int64_t step, int64_t row, int64_t rows, const T *kept,
              T *d) {
  if (!s.mask)
    return;
  for (int64_t r = 0; r < rows; r++)
    if (!s.mask[step * s.batch + row + r])
      for (int64_t j = r * s.units; j < (r + 1) * s.units; j++)
        d[j] += kept[j];
}

// LSTM

template <class T> void lstm(const Sequence &s, const Lstm<T> &a) {
  const int64_t u = s.units, width = 4 * u;
  Packed<T> kernel(a.kernel, u, width, width, 1);
  const int64_t few = few_rows<T>(s, width, kernel.bytes());
  copy(a.h, a.last_h, s.batch * u);
  copy(a.c, a.last_c, s.batch * u);
  over_batch(s, shares_of(s, 4), [&](int, int64_t first, int64_t last) {
    std::vector<T> product(few * width), states(2 * few * u);
    Kept<T> i_(a.i, few * u), f_(a.f, few * u), g_(a.g, few * u), o_(a.o, few * u),
        t_(a.t, few * u);
    T *new_h = states.data(), *new_c = new_h + few * u;
    over_steps(s, s.reverse, few, first, last, [&](int64_t step, int64_t row, int64_t rows,
                                                  int64_t at) {
      const int64_t n = rows * u;
      T *h = a.last_h + row * u, *c = a.last_c + row * u;
      if (a.h_before)
        copy(h, a.h_before + at, n);
      if (a.c_before)
        copy(c, a.c_before + at, n);
      kernel.multiply(h, u, product.data(), width, rows);
      const T *z = a.z + at * 4, *p = product.data();
      T *i = i_.at(at), *f = f_.at(at), *g = g_.at(at), *o = o_.at(at), *t = t_.at(at);
      parts_of(z, width, p, width, rows, u, {i, f, g, o});
      activate(s.gate, i, n);
      activate(s.gate, f, n);
      activate(s.activation, g, n);
      activate(s.gate, o, n);
      T *next_c = s.mask ? new_c : c, *next_h = s.mask ? new_h : h;
      VECTORS for (int64_t k = 0; k < n; k++) {
        T x = f[k] * c[k] + i[k] * g[k];
        next_c[k] = x;
        t[k] = x;
      }
      activate(s.activation, t, n);
      VECTORS for (int64_t k = 0; k < n; k++) { next_h[k] = o[k] * t[k]; }
      choose(s, step, row, rows, new_h, h);
      choose(s, step, row, rows, new_c, c);
      if (a.outputs)
        copy(h, a.outputs + at, n);
    });
  });
}

template <class T> void lstm_grad(const Sequence &s, const LstmGrad<T> &a) {
  const int64_t u = s.units, width = 4 * u, padded = Total<T>::padded(width);
  Packed<T> kernel(a.kernel, width, u, 1, width);
  const int64_t few = few_rows<T>(s, width, kernel.bytes());
  start(a.by_h, a.dh, s.batch * u);
  start(a.by_c, a.dc, s.batch * u);
  const int parts = shares_of(s, 8);
  std::vector<Total<T>> totals(parts);
  over_batch(s, parts, [&](int part, int64_t first, int64_t last) {
    Total<T> total = a.dkernel ? Total<T>(u, width) : Total<T>();
    std::vector<T> memory(7 * few * u), row_memory(few * padded, T(0));
    T *di = memory.data(), *df = di + few * u, *dg = df + few * u, *do_ = dg + few * u,
      *by_t = do_ + few * u, *old_dh = by_t + few * u, *old_dc = old_dh + few * u,
      *own = row_memory.data();
    over_steps(s, !s.reverse, few, first, last, [&](int64_t step, int64_t row,
                                                   int64_t rows, int64_t at) {
      const int64_t n = rows * u;
      T *dh = a.dh + row * u, *dc = a.dc + row * u;
      const T *i = a.i + at, *f = a.f + at, *g = a.g + at, *o = a.o + at, *t = a.t + at,
              *c = a.c_before + at, *none = nullptr;
      begin_step(s, step, row, rows, a.by_outputs ? a.by_outputs + at : none, dh, old_dh);
      begin_step(s, step, row, rows, none, dc, old_dc);
      VECTORS for (int64_t k = 0; k < n; k++) {
        do_[k] = dh[k] * t[k];
        by_t[k] = dh[k] * o[k];
      }
      slope(s.gate, do_, o, n);
      slope(s.activation, by_t, t, n);
      VECTORS for (int64_t k = 0; k < n; k++) {
        T d = dc[k] + by_t[k];
        di[k] = d * g[k];
        df[k] = d * c[k];
        dg[k] = d * i[k];
        dc[k] = d * f[k];
      }
      slope(s.gate, di, i, n);
      slope(s.gate, df, f, n);
      slope(s.activation, dg, g, n);
      T *dz = a.dz && padded == width ? a.dz + at * 4 : own;
      into_part(di, rows, u, dz, padded);
      into_part(df, rows, u, dz + u, padded);
      into_part(dg, rows, u, dz + 2 * u, padded);
      into_part(do_, rows, u, dz + 3 * u, padded);
      if (a.dz && dz == own)
        copy_rows(dz, padded, a.dz + at * 4, width, rows);
      kernel.multiply(dz, padded, dh, u, rows);
      end_step(s, step, row, rows, old_dh, dh);
      end_step(s, step, row, rows, old_dc, dc);
      if (a.dkernel)
        total.add(a.h_before + at, u, dz, padded, rows);
    });
    totals[part] = std::move(total);
  });
  if (a.dkernel)
    sum_totals(totals, a.dkernel, u, width, width);
}

// GRU

template <class T> void gru(const Sequence &s, const Gru<T> &a) {
  const int64_t u = s.units, width = 3 * u, gates = s.after ? width : 2 * u;
  // Before the product, the reset gate makes one of its own for the candidate.
  Packed<T> kernel(a.kernel, u, gates, width, 1);
  Packed<T> of_candidate(a.kernel + gates, u, width - gates, width, 1);
  const int64_t few = few_rows<T>(s, width, kernel.bytes());
  copy(a.h, a.last_h, s.batch * u);
  over_batch(s, shares_of(s, 3), [&](int, int64_t first, int64_t last) {
    std::vector<T> product(few * gates), memory(2 * few * u);
    Kept<T> u_(a.u, few * u), r_(a.r, few * u), n_(a.n, few * u), q_(a.q, few * u);
    T *new_h = memory.data(), *reset = new_h + few * u;
    over_steps(s, s.reverse, few, first, last, [&](int64_t step, int64_t row, int64_t rows,
                                                  int64_t at) {
      const int64_t n = rows * u;
      T *h = a.last_h + row * u, *p = product.data();
      if (a.h_before)
        copy(h, a.h_before + at, n);
      kernel.multiply(h, u, p, gates, rows);
      if (a.bias)
        for (int64_t r = 0; r < rows; r++) {
          VECTORS for (int64_t j = 0; j < width; j++) { p[r * width + j] += a.bias[j]; }
        }
      const T *z = a.z + at * 3;
      T *update = u_.at(at), *r = r_.at(at), *x = n_.at(at), *q = q_.at(at);
      parts_of(z, width, p, gates, rows, u, {update, r});
      activate(s.gate, update, n);
      activate(s.gate, r, n);
      if (s.after) {
        copy_rows(p + 2 * u, width, q, u, rows);
        copy_rows(z + 2 * u, width, x, u, rows);
        VECTORS for (int64_t k = 0; k < n; k++) { x[k] += r[k] * q[k]; }
      } else {
        VECTORS for (int64_t k = 0; k < n; k++) { reset[k] = r[k] * h[k]; }
        of_candidate.multiply(reset, u, new_h, u, rows);
        parts_of(z + 2 * u, width, new_h, u, rows, u, {x});
      }
      activate(s.activation, x, n);
      if (!s.after)
        copy(x, q, n);
      T *next = s.mask ? new_h : h;
      VECTORS for (int64_t k = 0; k < n; k++) {
        next[k] = update[k] * h[k] + (T(1) - update[k]) * x[k];
      }
      choose(s, step, row, rows, new_h, h);
      if (a.outputs)
        copy(h, a.outputs + at, n);
    });
  });
}

template <class T> void gru_grad(const Sequence &s, const GruGrad<T> &a) {
  const int64_t u = s.units, width = 3 * u, gates = s.after ? width : 2 * u;
  const int64_t padded = Total<T>::padded(gates), padded_n = Total<T>::padded(u);
  Packed<T> kernel(a.kernel, gates, u, 1, width);
  Packed<T> of_candidate(a.kernel + gates, width - gates, u, 1, width);
  const int64_t few = few_rows<T>(s, width, kernel.bytes());
  start(a.by_h, a.dh, s.batch * u);
  const int parts = shares_of(s, 6);
  std::vector<Total<T>> totals(parts), of_candidates(parts);
  std::vector<T> biases(a.dbias ? parts * width : 0, T(0));
  over_batch(s, parts, [&](int part, int64_t first, int64_t last) {
    Total<T> total, of_n;
    if (a.dkernel) {
      total = Total<T>(u, gates);
      of_n = Total<T>(u, width - gates);
    }
    std::vector<T> memory(6 * few * u), right(few * padded, T(0)),
        right_n(few * padded_n, T(0)), sums(a.dbias ? width : 0);
    T *du = memory.data(), *dr = du + few * u, *dn = dr + few * u, *back = dn + few * u,
      *old = back + few * u, *other = old + few * u, *ds = right.data();
    over_steps(s, !s.reverse, few, first, last, [&](int64_t step, int64_t row,
                                                   int64_t rows, int64_t at) {
      const int64_t n = rows * u;
      T *dh = a.dh + row * u;
      const T *update = a.u + at, *r = a.r + at, *x = a.n + at, *q = a.q + at,
              *h = a.h_before + at, *none = nullptr;
      begin_step(s, step, row, rows, a.by_outputs ? a.by_outputs + at : none, dh, old);
      VECTORS for (int64_t k = 0; k < n; k++) {
        dn[k] = dh[k] * (T(1) - update[k]);
        du[k] = dh[k] * (h[k] - x[k]);
      }
      slope(s.activation, dn, x, n);
      slope(s.gate, du, update, n);
      if (s.after) {
        VECTORS for (int64_t k = 0; k < n; k++) {
          dr[k] = dn[k] * q[k];
          other[k] = dn[k] * r[k];
        }
        slope(s.gate, dr, r, n);
        into_part(other, rows, u, ds + 2 * u, padded);
        VECTORS for (int64_t k = 0; k < n; k++) { dh[k] = dh[k] * update[k]; }
      } else {
        into_part(dn, rows, u, right_n.data(), padded_n);
        of_candidate.multiply(dn, u, back, u, rows); // by r * h
        VECTORS for (int64_t k = 0; k < n; k++) {
          dr[k] = back[k] * h[k];
          other[k] = r[k] * h[k];
          dh[k] = dh[k] * update[k] + back[k] * r[k];
        }
        slope(s.gate, dr, r, n);
      }
      into_part(du, rows, u, ds, padded);
      into_part(dr, rows, u, ds + u, padded);
      kernel.multiply(ds, padded, back, u, rows);
      VECTORS for (int64_t k = 0; k < n; k++) { dh[k] += back[k]; }
      end_step(s, step, row, rows, old, dh);
      if (a.dz) {
        T *dz = a.dz + at * 3;
        into_part(du, rows, u, dz, width);
        into_part(dr, rows, u, dz + u, width);
        into_part(dn, rows, u, dz + 2 * u, width);
      }
      if (a.dkernel) {
        total.add(h, u, ds, padded, rows);
        if (!s.after)
          of_n.add(other, u, right_n.data(), padded_n, rows);
      }
      if (a.dbias) {
        std::fill(sums.begin(), sums.end(), T(0));
        for (int64_t b = 0; b < rows; b++) {
          VECTORS for (int64_t j = 0; j < width; j++) { sums[j] += ds[b * padded + j]; }
        }
        for (int64_t j = 0; j < width; j++)
          biases[part * width + j] += sums[j];
      }
    });
    totals[part] = std::move(total);
    of_candidates[part] = std::move(of_n);
  });
  if (a.dkernel) {
    sum_totals(totals, a.dkernel, u, gates, width);
    sum_totals(of_candidates, a.dkernel + gates, u, width - gates, width);
  }
  if (a.dbias) {
    std::fill(a.dbias, a.dbias + width, T(0));
    for (int64_t k = 0; k < parts * width; k++)
      a.dbias[k % width] += biases[k];
  }
}

// SimpleRNN

template <class T> void simple_rnn(const Sequence &s, const SimpleRnn<T> &a) {
  const int64_t u = s.units;
  Packed<T> kernel(a.kernel, u, u, u, 1);
  const int64_t few = few_rows<T>(s, u, kernel.bytes());
  copy(a.h, a.last_h, s.batch * u);
  over_batch(s, shares_of(s, 1), [&](int, int64_t first, int64_t last) {
    std::vector<T> product(few * u);
    over_steps(s, s.reverse, few, first, last, [&](int64_t step, int64_t row, int64_t rows,
                                                  int64_t at) {
      T *h = a.last_h + row * u, *x = product.data();
      if (a.h_before)
        copy(h, a.h_before + at, rows * u);
      kernel.multiply(h, u, x, u, rows);
      T *next = s.mask ? x : h;
      parts_of(a.z + at, u, x, u, rows, u, {next});
      activate(s.activation, next, rows * u);
      choose(s, step, row, rows, x, h);
      if (a.outputs)
        copy(h, a.outputs + at, rows * u);
    });
  });
}

template <class T> void simple_rnn_grad(const Sequence &s, const SimpleRnnGrad<T> &a) {
  const int64_t u = s.units, padded = Total<T>::padded(u);
  Packed<T> kernel(a.kernel, u, u, 1, u);
  const int64_t few = few_rows<T>(s, u, kernel.bytes());
  start(a.by_h, a.dh, s.batch * u);
  const int parts = shares_of(s, 2);
  std::vector<Total<T>> totals(parts);
  over_batch(s, parts, [&](int part, int64_t first, int64_t last) {
    Total<T> total = a.dkernel ? Total<T>(u, u) : Total<T>();
    std::vector<T> old(few * u), right(few * padded, T(0));
    over_steps(s, !s.reverse, few, first, last, [&](int64_t step, int64_t row,
                                                   int64_t rows, int64_t at) {
      T *dh = a.dh + row * u, *dz = right.data();
      const T *none = nullptr, *more = a.by_outputs ? a.by_outputs + at : none;
      begin_step(s, step, row, rows, more, dh, old.data());
      slope(s.activation, dh, a.outputs + at, rows * u);
      into_part(dh, rows, u, dz, padded);
      if (a.dz)
        copy(dh, a.dz + at, rows * u);
      kernel.multiply(dz, padded, dh, u, rows);
      end_step(s, step, row, rows, old.data(), dh);
      if (a.dkernel)
        total.add(a.h_before + at, u, dz, padded, rows);
    });
    totals[part] = std::move(total);
  });
  if (a.dkernel)
    sum_totals(totals, a.dkernel, u, u, u);
}

} // namespace

#define ENTER(name, Arrays)                                                        \
  void CORNU_HERE(name##_f32)(const Sequence &s, const Arrays<float> &a) {         \
    name(s, a);                                                                    \
  }                                                                                \
  void CORNU_HERE(name##_f64)(const Sequence &s, const Arrays<double> &a) {        \
    name(s, a);                                                                    \
  }

ENTER(lstm, Lstm)
ENTER(lstm_grad, LstmGrad)
ENTER(gru, Gru)
ENTER(gru_grad, GruGrad)
ENTER(simple_rnn, SimpleRnn)
ENTER(simple_rnn_grad, SimpleRnnGrad)

} // namespace cornu
