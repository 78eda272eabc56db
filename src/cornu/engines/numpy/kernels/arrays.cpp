#include <Python.h>
#include <numpy/arrayobject.h>

#include "arrays.h"

#include <new>

namespace cornu {

static_assert(sizeof(npy_intp) == sizeof(int64_t), "64-bit machines only");

bool import_numpy() {
  import_array1(false);
  return true;
}

bool view_of(PyObject *object, View &view) {
  if (!PyArray_Check(object))
    return false;
  PyArrayObject *array = reinterpret_cast<PyArrayObject *>(object);
  view.data = PyArray_BYTES(array);
  view.kind = PyArray_DESCR(array)->kind;
  view.ndim = PyArray_NDIM(array);
  view.itemsize = PyArray_ITEMSIZE(array);
  view.shape = reinterpret_cast<const int64_t *>(PyArray_SHAPE(array));
  view.strides = reinterpret_cast<const int64_t *>(PyArray_STRIDES(array));
  view.writeable = PyArray_ISWRITEABLE(array);
  return true;
}

Operand::Operand(PyObject *array) {
  if (!view_of(array, view))
    throw std::invalid_argument("a kernel takes NumPy arrays only");
  if (view.contiguous()) {
    Py_INCREF(array);
    owner_ = array;
    return;
  }
  owner_ = PyArray_NewCopy(reinterpret_cast<PyArrayObject *>(array), NPY_CORDER);
  if (!owner_) {
    PyErr_Clear();
    throw std::bad_alloc();
  }
  view_of(owner_, view);
}

Operand::~Operand() { Py_DECREF(owner_); }

Result::Result(PyObject *array) {
  if (!view_of(array, view))
    throw std::invalid_argument("a kernel takes NumPy arrays only");
  if (!view.contiguous() || !view.writeable)
    throw std::invalid_argument("a result must lie in order, and be writeable");
}

bool View::contiguous() const {
  int64_t step = itemsize;
  for (int i = ndim - 1; i >= 0; i--) {
    if (shape[i] != 1 && strides[i] != step)
      return size() == 0;
    step *= shape[i];
  }
  return true;
}

} // namespace cornu
