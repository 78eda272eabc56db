// The inner loops of element-wise operations, as one table per instruction set.
#pragma once

#include <cstdint>

#include "isa.h"

namespace cornu {

// args[0] is where n results go, args[1] ... are the operands. A result may overwrite
// an operand that begins at the same place.
using Loop = void (*)(char *const *args, int64_t n);

struct LoopEntry {
  const char *key; // as "add:float32,float32->float32"
  Loop loop;
};

struct LoopTable {
  const LoopEntry *entries;
  int count;
};

CORNU_PER_ISA(const LoopTable &, loops, ())

// The best table that this machine can run.
const LoopTable &loops();

} // namespace cornu
