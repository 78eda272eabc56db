// Which instruction set the machine has, and functions that exist once for each.
//
// A file of inner loops is compiled once per instruction set, with CORNU_ISA as its name.
// It defines `CORNU_HERE(f)`; its header declares `CORNU_PER_ISA(type, f, (arguments))`;
// callers call `CORNU_BEST(f)(...)`.
#pragma once

#define CORNU_JOIN_(a, b) a##_##b
#define CORNU_JOIN(a, b) CORNU_JOIN_(a, b)
#define CORNU_HERE(name) CORNU_JOIN(name, CORNU_ISA)

#ifdef CORNU_X86
#define CORNU_PER_ISA(type, name, arguments)                                       \
  type name##_plain arguments;                                                     \
  type name##_avx2 arguments;                                                      \
  type name##_avx512 arguments;
#define CORNU_BEST(name)                                                           \
  (cornu::isa() == cornu::AVX512 ? name##_avx512                                   \
                                 : cornu::isa() == cornu::AVX2 ? name##_avx2       \
                                                               : name##_plain)
#else
#define CORNU_PER_ISA(type, name, arguments) type name##_plain arguments;
#define CORNU_BEST(name) name##_plain
#endif

namespace cornu {

enum Isa { PLAIN, AVX2, AVX512 };

Isa isa();
const char *isa_name();

} // namespace cornu
