// Memory of a thread's own, kept from call to call.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace cornu {

// At least so many bytes, from a cache line on; what was there before is lost.
char *scratch_bytes(int64_t nbytes);

template <class T> T *scratch(int64_t n) {
  return reinterpret_cast<T *>(scratch_bytes(n * static_cast<int64_t>(sizeof(T))));
}

} // namespace cornu
