// NumPy's arrays as C++ sees them: their memory and how they lie in it.
#pragma once

#include <cstdint>
#include <stdexcept>

struct _object;

namespace cornu {

struct View {
  char *data;
  char kind; // of the dtype, as NumPy names it: 'f', 'i', 'u' or 'b'
  int ndim;
  int64_t itemsize;
  const int64_t *shape;
  const int64_t *strides; // in bytes
  bool writeable;

  int64_t size() const {
    int64_t n = 1;
    for (int i = 0; i < ndim; i++)
      n *= shape[i];
    return n;
  }
  // Whether it fills its memory in C's order.
  bool contiguous() const;
};

// Must be called once, when the module is loaded.
bool import_numpy();

// False where the object is no array.
bool view_of(_object *array, View &view);

// An array that is read, in C's order: copied where it does not lie so.
class Operand {
public:
  explicit Operand(_object *array);
  ~Operand();
  Operand(const Operand &) = delete;
  Operand &operator=(const Operand &) = delete;

  template <class T> const T *data() const {
    return reinterpret_cast<const T *>(view.data);
  }
  View view;

private:
  _object *owner_;
};

// An array that is written, which must lie in C's order.
class Result {
public:
  explicit Result(_object *array);
  template <class T> T *data() const { return reinterpret_cast<T *>(view.data); }
  View view;
};

template <class T> bool is_type(const View &view) {
  constexpr char kind = T(0.5) != T(0) ? 'f' : T(-1) < T(0) ? 'i' : 'u';
  return view.itemsize == sizeof(T) && (view.kind == kind || view.kind == 'b');
}

// Whether all are of the floating type; raises where they are neither float32 nor
// float64 alike.
template <class T, class... A> bool same_type(const A &...arrays) {
  bool narrow = (is_type<float>(arrays.view) && ...);
  bool wide = (is_type<double>(arrays.view) && ...);
  if (!narrow && !wide)
    throw std::invalid_argument("arrays of one dtype, float32 or float64");
  return sizeof(T) == sizeof(float) ? narrow : wide;
}

} // namespace cornu
