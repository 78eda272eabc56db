// Vectors for inner loops that are written by hand, as wide as the instruction set's.
// Only for files that are compiled once per instruction set; GCC and Clang know them.
#pragma once

#include <cstdint>
#include <cstring>

namespace cornu {
namespace {

#if defined(__AVX512F__)
constexpr int VECTOR_BYTES = 64;
constexpr int TILE_ROWS = 12; // 24 sums, 2 of the right side and 1 of the left: 32 there
#elif defined(__AVX2__)
constexpr int VECTOR_BYTES = 32;
constexpr int TILE_ROWS = 6;
#else
constexpr int VECTOR_BYTES = 16;
constexpr int TILE_ROWS = 6;
#endif

template <class T> struct Vector;
template <> struct Vector<float> {
  typedef float type __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
};
template <> struct Vector<double> {
  typedef double type __attribute__((vector_size(VECTOR_BYTES), aligned(8), may_alias));
};
template <class T> using vec = typename Vector<T>::type;

template <class T> constexpr int LANES = VECTOR_BYTES / static_cast<int>(sizeof(T));
// Columns of a tile of a product: two vectors.
template <class T> constexpr int TILE_COLUMNS = 2 * LANES<T>;

template <class T> inline vec<T> load(const T *p) {
  return *reinterpret_cast<const vec<T> *>(p);
}
template <class T> inline void store(T *p, vec<T> v) {
  *reinterpret_cast<vec<T> *>(p) = v;
}
template <class T> inline vec<T> splat(T x) { return vec<T>{} + x; }

} // namespace
} // namespace cornu
