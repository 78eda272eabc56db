// NumPy's arrays as C++ sees them: their memory and how they lie in it.
#pragma once

#include <cstdint>

struct _object;

namespace cornu {

struct View {
  char *data;
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

} // namespace cornu
