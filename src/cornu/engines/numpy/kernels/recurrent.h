// LSTM, GRU and SimpleRNN over whole sequences, and their gradients.
#pragma once

#include <cstdint>

#include "isa.h"

namespace nanobind {
class module_;
}

namespace cornu {

enum class Activation { HARD_SIGMOID, LINEAR, RELU, SIGMOID, TANH };

struct Sequence {
  int64_t steps, batch, units;
  Activation activation, gate;
  bool reverse;        // for a gradient too: the direction of the sequence itself
  bool after;          // GRU: whether the reset gate comes after the product
  const uint8_t *mask; // (steps, batch), or null: where it is 0, the states stay
};

// Arrays are (steps, batch, units) where nothing else is said, states (batch, units).
// Results may be null where nobody wants them, but for the last states.

template <class T> struct Lstm {
  const T *z, *h, *c, *kernel; // z (steps, batch, 4 units), kernel (units, 4 units)
  T *outputs, *last_h, *last_c;
  T *i, *f, *g, *o, *t; // the gates, the candidate, and the activation of c
  T *h_before, *c_before;
};

template <class T> struct LstmGrad {
  const T *by_outputs, *by_h, *by_c; // null where nothing depends on them
  const T *i, *f, *g, *o, *t, *h_before, *c_before, *kernel;
  T *dz, *dh, *dc, *dkernel;
};

template <class T> struct Gru {
  const T *z, *h, *kernel, *bias; // z (steps, batch, 3 units), bias (3 units) or null
  T *outputs, *last_h;
  T *u, *r, *n, *q; // the gates, the candidate, and what the reset gate multiplies
  T *h_before;
};

template <class T> struct GruGrad {
  const T *by_outputs, *by_h;
  const T *u, *r, *n, *q, *h_before, *kernel;
  T *dz, *dh, *dkernel, *dbias;
};

template <class T> struct SimpleRnn {
  const T *z, *h, *kernel;
  T *outputs, *last_h, *h_before;
};

template <class T> struct SimpleRnnGrad {
  const T *by_outputs, *by_h, *outputs, *h_before, *kernel;
  T *dz, *dh, *dkernel;
};

#define CORNU_SEQUENCE(name, Arrays)                                               \
  CORNU_PER_ISA(void, name##_f32, (const Sequence &, const Arrays<float> &))       \
  CORNU_PER_ISA(void, name##_f64, (const Sequence &, const Arrays<double> &))

CORNU_SEQUENCE(lstm, Lstm)
CORNU_SEQUENCE(lstm_grad, LstmGrad)
CORNU_SEQUENCE(gru, Gru)
CORNU_SEQUENCE(gru_grad, GruGrad)
CORNU_SEQUENCE(simple_rnn, SimpleRnn)
CORNU_SEQUENCE(simple_rnn_grad, SimpleRnnGrad)

#undef CORNU_SEQUENCE

void bind_recurrent(nanobind::module_ &);

} // namespace cornu
