// Several element-wise operations in one pass over memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "loops.h"

namespace cornu {

// A straight-line program over values: first the inputs, then the constants, then one
// value per instruction. It runs block by block, so that what is computed on the way
// stays in the processor's first cache.
class Fusion {
public:
  using Instruction = std::pair<std::string, std::vector<int>>;

  Fusion(std::vector<int> input_sizes, std::vector<std::string> constants,
         const std::vector<Instruction> &instructions, std::vector<int> outputs);

  // One view per input, then one per output.
  void run(const std::vector<View> &arrays);

  int inputs() const { return n_inputs_; }
  int outputs() const { return static_cast<int>(outputs_.size()); }
  // Whether a call on so many elements is worth letting other threads run.
  bool is_long(int64_t n) const;

private:
  struct Step {
    Loop loop;
    int arity;
    int out;
    int in[3];
  };
  struct Dim {
    int64_t size, stride;
  };
  enum Kind { FULL, SCALAR, TILE, ROW, GENERAL };
  struct Layout;

  const Layout &layout(const std::vector<View> &arrays);
  void run_blocks(const Layout &, const std::vector<View> &,
                  const std::vector<char> &direct, int64_t first, int64_t last) const;

  int n_inputs_, n_constants_;
  std::vector<int> sizes_; // bytes per element, of every value
  std::vector<std::string> constants_;
  std::vector<Step> steps_;
  std::vector<int> outputs_;      // values
  std::vector<int> last_read_;    // index of the last step that reads a value, or -1
  std::vector<int> register_of_;  // of every value; -1 for none
  int n_registers_ = 0;
  std::vector<int64_t> signature_;
  std::shared_ptr<Layout> layout_;
};

} // namespace cornu
