// The inner loops of element-wise operations, as one table per instruction set.
#pragma once

#include <cstdint>

namespace cornu {

// args[0] is where n results go, args[1] ... are the operands. A result may overwrite
// an operand that begins at the same place.
using Loop = void (*)(char *const *args, int64_t n);

struct LoopEntry {
  const char *key; // as "add:float32,float32->float32"
  Loop loop;
};

struct LoopTable {
  const char *isa;
  const LoopEntry *entries;
  int count;
};

const LoopTable &loops_plain();
const LoopTable &loops_avx2();
const LoopTable &loops_avx512();

// The best table that this machine can run.
const LoopTable &loops();

} // namespace cornu
