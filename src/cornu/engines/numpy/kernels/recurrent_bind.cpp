#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <initializer_list>
#include <memory>
#include <string>

#include "arrays.h"
#include "recurrent.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace cornu {
namespace {

using Shape = std::initializer_list<int64_t>;
using Names = std::vector<std::string>;

void require(bool fits) {
  if (!fits)
    throw std::invalid_argument("the arrays of a sequence do not fit together");
}

Activation activation(const std::string &name) {
  if (name == "hard_sigmoid")
    return Activation::HARD_SIGMOID;
  if (name == "linear")
    return Activation::LINEAR;
  if (name == "relu")
    return Activation::RELU;
  if (name == "sigmoid")
    return Activation::SIGMOID;
  if (name == "tanh")
    return Activation::TANH;
  throw std::invalid_argument("no activation of this name");
}

bool has_shape(const View &view, Shape shape) {
  if (view.ndim != static_cast<int>(shape.size()))
    return false;
  const int64_t *n = view.shape;
  for (int64_t each : shape)
    if (*n++ != each)
      return false;
  return true;
}

// What a sequence reads and writes, by position; None stands for what there is not.
class Arrays {
public:
  Arrays(nb::tuple inputs, nb::tuple outputs) {
    for (nb::handle each : inputs)
      inputs_.push_back(each.is_none() ? nullptr : std::make_unique<Operand>(each.ptr()));
    for (nb::handle each : outputs)
      outputs_.push_back(each.is_none() ? nullptr : std::make_unique<Result>(each.ptr()));
  }

  // The axes of an input that says how large all is.
  const View &leading(size_t i, int ndim) const {
    require(i < inputs_.size() && inputs_[i] && inputs_[i]->view.ndim == ndim);
    return inputs_[i]->view;
  }

  // The dtype of all but the mask.
  bool wide(size_t i) const {
    const View &view = inputs_[i]->view;
    require(is_type<float>(view) || is_type<double>(view));
    return is_type<double>(view);
  }

  template <class T> const T *in(size_t i, Shape shape, bool needed = true) const {
    require(i < inputs_.size() && (inputs_[i] || !needed));
    if (!inputs_[i])
      return nullptr;
    require(is_type<T>(inputs_[i]->view) && has_shape(inputs_[i]->view, shape));
    return inputs_[i]->template data<T>();
  }

  template <class T> T *out(size_t i, Shape shape, bool needed = false) const {
    require(i < outputs_.size() && (outputs_[i] || !needed));
    if (!outputs_[i])
      return nullptr;
    require(is_type<T>(outputs_[i]->view) && has_shape(outputs_[i]->view, shape));
    return outputs_[i]->template data<T>();
  }

private:
  std::vector<std::unique_ptr<Operand>> inputs_;
  std::vector<std::unique_ptr<Result>> outputs_;
};

Sequence sequence(const Arrays &arrays, const View &stack, int64_t gates, size_t mask,
                  const Names &activations, size_t n_activations, bool reverse) {
  Sequence s{};
  s.steps = stack.shape[0];
  s.batch = stack.shape[1];
  s.units = stack.shape[2] / gates;
  require(s.units > 0 && s.batch > 0 && activations.size() == n_activations);
  s.activation = activation(activations[0]);
  s.gate = activation(activations.back());
  s.reverse = reverse;
  s.mask = arrays.in<uint8_t>(mask, {s.steps, s.batch}, false);
  return s;
}

template <class T> Lstm<T> lstm_arrays(const Arrays &x, const Sequence &s) {
  int64_t b = s.batch, u = s.units, n = s.steps;
  Shape stack{n, b, u}, state{b, u};
  return {x.in<T>(0, {n, b, 4 * u}), x.in<T>(1, state),       x.in<T>(2, state),
          x.in<T>(3, {u, 4 * u}),    x.out<T>(0, stack),      x.out<T>(1, state, true),
          x.out<T>(2, state, true),  x.out<T>(3, stack),      x.out<T>(4, stack),
          x.out<T>(5, stack),        x.out<T>(6, stack),      x.out<T>(7, stack),
          x.out<T>(8, stack),        x.out<T>(9, stack)};
}

void lstm(nb::tuple inputs, nb::tuple outputs, Names activations, bool reverse) {
  Arrays x(inputs, outputs);
  Sequence s = sequence(x, x.leading(0, 3), 4, 4, activations, 2, reverse);
  if (x.wide(0)) {
    Lstm<double> a = lstm_arrays<double>(x, s);
    nb::gil_scoped_release release;
    CORNU_BEST(lstm_f64)(s, a);
  } else {
    Lstm<float> a = lstm_arrays<float>(x, s);
    nb::gil_scoped_release release;
    CORNU_BEST(lstm_f32)(s, a);
  }
}

template <class T> LstmGrad<T> lstm_grad_arrays(const Arrays &x, const Sequence &s) {
  int64_t b = s.batch, u = s.units, n = s.steps;
  Shape stack{n, b, u}, state{b, u}, kernel{u, 4 * u};
  return {x.in<T>(0, stack, false), x.in<T>(1, state, false), x.in<T>(2, state, false),
          x.in<T>(3, stack),        x.in<T>(4, stack),        x.in<T>(5, stack),
          x.in<T>(6, stack),        x.in<T>(7, stack),        x.in<T>(8, stack),
          x.in<T>(9, stack),        x.in<T>(10, kernel),      x.out<T>(0, {n, b, 4 * u}),
          x.out<T>(1, state, true), x.out<T>(2, state, true), x.out<T>(3, kernel)};
}

void lstm_grad(nb::tuple inputs, nb::tuple outputs, Names activations, bool reverse) {
  Arrays x(inputs, outputs);
  Sequence s = sequence(x, x.leading(3, 3), 1, 11, activations, 2, reverse);
  if (x.wide(3)) {
    LstmGrad<double> a = lstm_grad_arrays<double>(x, s);
    nb::gil_scoped_release release;
    CORNU_BEST(lstm_grad_f64)(s, a);
  } else {
    LstmGrad<float> a = lstm_grad_arrays<float>(x, s);
    nb::gil_scoped_release release;
    CORNU_BEST(lstm_grad_f32)(s, a);
  }
}

template <class T> Gru<T> gru_arrays(const Arrays &x, const Sequence &s) {
  int64_t b = s.batch, u = s.units, n = s.steps;
  Shape stack{n, b, u}, state{b, u};
  Gru<T> a{x.in<T>(0, {n, b, 3 * u}),  x.in<T>(1, state),
           x.in<T>(2, {u, 3 * u}),     x.in<T>(3, {3 * u}, false),
           x.out<T>(0, stack),         x.out<T>(1, state, true),
           x.out<T>(2, stack),         x.out<T>(3, stack),
           x.out<T>(4, stack),         x.out<T>(5, stack),
           x.out<T>(6, stack)};
  require(s.after || !a.bias);
  return a;
}

void gru(nb::tuple inputs, nb::tuple outputs, Names activations, bool reverse,
         bool reset_after) {
  Arrays x(inputs, outputs);
  Sequence s = sequence(x, x.leading(0, 3), 3, 4, activations, 2, reverse);
  s.after = reset_after;
  if (x.wide(0)) {
    Gru<double> a = gru_arrays<double>(x, s);
    nb::gil_scoped_release release;
    CORNU_BEST(gru_f64)(s, a);
  } else {
    Gru<float> a = gru_arrays<float>(x, s);
    nb::gil_scoped_release release;
    CORNU_BEST(gru_f32)(s, a);
  }
}

template <class T> GruGrad<T> gru_grad_arrays(const Arrays &x, const Sequence &s) {
  int64_t b = s.batch, u = s.units, n = s.steps;
  Shape stack{n, b, u}, state{b, u}, kernel{u, 3 * u};
  GruGrad<T> a{x.in<T>(0, stack, false),  x.in<T>(1, state, false),
               x.in<T>(2, stack),         x.in<T>(3, stack),
               x.in<T>(4, stack),         x.in<T>(5, stack),
               x.in<T>(6, stack),         x.in<T>(7, kernel),
               x.out<T>(0, {n, b, 3 * u}), x.out<T>(1, state, true),
               x.out<T>(2, kernel),       x.out<T>(3, {3 * u})};
  require(s.after || !a.dbias);
  return a;
}

void gru_grad(nb::tuple inputs, nb::tuple outputs, Names activations, bool reverse,
              bool reset_after) {
  Arrays x(inputs, outputs);
  Sequence s = sequence(x, x.leading(2, 3), 1, 8, activations, 2, reverse);
  s.after = reset_after;
  if (x.wide(2)) {
    GruGrad<double> a = gru_grad_arrays<double>(x, s);
    nb::gil_scoped_release release;
    CORNU_BEST(gru_grad_f64)(s, a);
  } else {
    GruGrad<float> a = gru_grad_arrays<float>(x, s);
    nb::gil_scoped_release release;
    CORNU_BEST(gru_grad_f32)(s, a);
  }
}

template <class T> SimpleRnn<T> simple_rnn_arrays(const Arrays &x, const Sequence &s) {
  int64_t b = s.batch, u = s.units, n = s.steps;
  Shape stack{n, b, u}, state{b, u};
  return {x.in<T>(0, stack),  x.in<T>(1, state),        x.in<T>(2, {u, u}),
          x.out<T>(0, stack), x.out<T>(1, state, true), x.out<T>(2, stack)};
}

void simple_rnn(nb::tuple inputs, nb::tuple outputs, Names activations, bool reverse) {
  Arrays x(inputs, outputs);
  Sequence s = sequence(x, x.leading(0, 3), 1, 3, activations, 1, reverse);
  if (x.wide(0)) {
    SimpleRnn<double> a = simple_rnn_arrays<double>(x, s);
    nb::gil_scoped_release release;
    CORNU_BEST(simple_rnn_f64)(s, a);
  } else {
    SimpleRnn<float> a = simple_rnn_arrays<float>(x, s);
    nb::gil_scoped_release release;
    CORNU_BEST(simple_rnn_f32)(s, a);
  }
}

template <class T>
SimpleRnnGrad<T> simple_rnn_grad_arrays(const Arrays &x, const Sequence &s) {
  int64_t b = s.batch, u = s.units, n = s.steps;
  Shape stack{n, b, u}, state{b, u}, kernel{u, u};
  return {x.in<T>(0, stack, false), x.in<T>(1, state, false), x.in<T>(2, stack),
          x.in<T>(3, stack),        x.in<T>(4, kernel),       x.out<T>(0, stack),
          x.out<T>(1, state, true), x.out<T>(2, kernel)};
}

void simple_rnn_grad(nb::tuple inputs, nb::tuple outputs, Names activations,
                     bool reverse) {
  Arrays x(inputs, outputs);
  Sequence s = sequence(x, x.leading(2, 3), 1, 5, activations, 1, reverse);
  if (x.wide(2)) {
    SimpleRnnGrad<double> a = simple_rnn_grad_arrays<double>(x, s);
    nb::gil_scoped_release release;
    CORNU_BEST(simple_rnn_grad_f64)(s, a);
  } else {
    SimpleRnnGrad<float> a = simple_rnn_grad_arrays<float>(x, s);
    nb::gil_scoped_release release;
    CORNU_BEST(simple_rnn_grad_f32)(s, a);
  }
}

} // namespace

void bind_recurrent(nb::module_ &m) {
  m.def("lstm_sequence", &lstm, "inputs"_a, "outputs"_a, "activations"_a, "reverse"_a,
        "LSTM: (z, h, c, kernel, mask) to (outputs, h, c, i, f, g, o, t, and h and c "
        "before each step).");
  m.def("lstm_sequence_grad", &lstm_grad, "inputs"_a, "outputs"_a, "activations"_a,
        "reverse"_a,
        "(by outputs, by h, by c, i, f, g, o, t, h and c before, kernel, mask) to (dz, "
        "dh, dc, dkernel).");
  m.def("gru_sequence", &gru, "inputs"_a, "outputs"_a, "activations"_a, "reverse"_a,
        "reset_after"_a,
        "GRU: (z, h, kernel, bias, mask) to (outputs, h, u, r, n, q, h before).");
  m.def("gru_sequence_grad", &gru_grad, "inputs"_a, "outputs"_a, "activations"_a,
        "reverse"_a, "reset_after"_a,
        "(by outputs, by h, u, r, n, q, h before, kernel, mask) to (dz, dh, dkernel, "
        "dbias).");
  m.def("simple_rnn_sequence", &simple_rnn, "inputs"_a, "outputs"_a, "activations"_a,
        "reverse"_a, "SimpleRNN: (z, h, kernel, mask) to (outputs, h, h before).");
  m.def("simple_rnn_sequence_grad", &simple_rnn_grad, "inputs"_a, "outputs"_a,
        "activations"_a, "reverse"_a,
        "(by outputs, by h, outputs, h before, kernel, mask) to (dz, dh, dkernel).");
}

} // namespace cornu
