#include "isa.h"

#if defined(CORNU_X86) && defined(_MSC_VER)
#include <intrin.h>
#endif

namespace cornu {
namespace {

Isa find() {
#if defined(CORNU_X86) && (defined(__GNUC__) || defined(__clang__))
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    return AVX512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return AVX2;
#endif
  return PLAIN;
}

} // namespace

Isa isa() {
  static const Isa found = find();
  return found;
}

const char *isa_name() {
  return isa() == AVX512 ? "avx512" : isa() == AVX2 ? "avx2" : "plain";
}

} // namespace cornu
