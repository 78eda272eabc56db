#include "fusion.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <stdexcept>

#include "pool.h"
#include "scratch.h"

namespace cornu {

namespace {

constexpr int64_t BLOCK = 1024;        // elements; a register has as many
constexpr int64_t REGISTER = BLOCK * 8; // bytes
// Element-steps below which waking another thread costs more than it brings.
constexpr int64_t ALONE = 1 << 18;

const std::map<std::string, Loop> &by_key() {
  static const std::map<std::string, Loop> found = [] {
    std::map<std::string, Loop> map;
    const LoopTable &table = loops();
    for (int i = 0; i < table.count; i++)
      map[table.entries[i].key] = table.entries[i].loop;
    return map;
  }();
  return found;
}

template <class T> void copy_run(char *to, const char *from, int64_t stride, int64_t n) {
  T *out = reinterpret_cast<T *>(to);
  if (stride == 0) {
    T value;
    std::memcpy(&value, from, sizeof(T));
    std::fill(out, out + n, value);
  } else if (stride == static_cast<int64_t>(sizeof(T))) {
    std::memcpy(out, from, n * sizeof(T));
  } else {
    for (int64_t i = 0; i < n; i++)
      std::memcpy(out + i, from + i * stride, sizeof(T));
  }
}

void copy_run(int size, char *to, const char *from, int64_t stride, int64_t n) {
  switch (size) {
  case 1:
    return copy_run<uint8_t>(to, from, stride, n);
  case 2:
    return copy_run<uint16_t>(to, from, stride, n);
  case 4:
    return copy_run<uint32_t>(to, from, stride, n);
  default:
    return copy_run<uint64_t>(to, from, stride, n);
  }
}

} // namespace

struct Fusion::Layout {
  int64_t n = 0;       // elements
  int64_t row = 0;     // length of the rows that ROW operands repeat in
  int64_t block = 0;   // elements of a block, at most
  int64_t per_row = 0; // blocks of a row
  int64_t blocks = 0;
  std::vector<Kind> kinds;             // of the inputs
  std::vector<std::vector<Dim>> dims; // of the inputs, outermost first
};

Fusion::Fusion(std::vector<int> input_sizes, std::vector<std::string> constants,
               const std::vector<Instruction> &instructions, std::vector<int> outputs)
    : n_inputs_(static_cast<int>(input_sizes.size())),
      n_constants_(static_cast<int>(constants.size())), sizes_(std::move(input_sizes)),
      constants_(std::move(constants)), outputs_(std::move(outputs)) {
  for (const std::string &constant : constants_)
    sizes_.push_back(static_cast<int>(constant.size()));
  for (const auto &[key, ins] : instructions) {
    auto found = by_key().find(key);
    if (found == by_key().end())
      throw std::invalid_argument("there is no loop for " + key);
    Step step{found->second, static_cast<int>(ins.size()),
              static_cast<int>(sizes_.size()), {0, 0, 0}};
    for (int i = 0; i < step.arity; i++)
      step.in[i] = ins.at(i);
    std::string dtype = key.substr(key.find("->") + 2);
    bool wide = dtype == "float64" || dtype == "int64";
    sizes_.push_back(wide ? 8 : dtype == "bool" ? 1 : 4);
    steps_.push_back(step);
  }
  last_read_.assign(sizes_.size(), -1);
  for (int s = 0; s < static_cast<int>(steps_.size()); s++)
    for (int i = 0; i < steps_[s].arity; i++)
      last_read_.at(steps_[s].in[i]) = s;
  // Inputs and constants keep their registers; results share what is free again.
  register_of_.assign(sizes_.size(), -1);
  n_registers_ = n_inputs_ + n_constants_;
  std::iota(register_of_.begin(), register_of_.begin() + n_registers_, 0);
  std::vector<int> last = last_read_, open;
  for (int output : outputs_)
    last.at(output) = static_cast<int>(steps_.size());
  for (int s = 0; s < static_cast<int>(steps_.size()); s++) {
    if (open.empty())
      open.push_back(n_registers_++);
    register_of_[steps_[s].out] = open.back();
    open.pop_back();
    std::vector<int> ended{steps_[s].in, steps_[s].in + steps_[s].arity};
    std::sort(ended.begin(), ended.end());
    ended.erase(std::unique(ended.begin(), ended.end()), ended.end());
    for (int value : ended)
      if (value >= n_inputs_ + n_constants_ && last[value] == s)
        open.push_back(register_of_[value]);
  }
}

bool Fusion::is_long(int64_t n) const {
  return n * static_cast<int64_t>(steps_.size()) > (1 << 15);
}

const Fusion::Layout &Fusion::layout(const std::vector<View> &arrays) {
  std::vector<int64_t> signature;
  for (const View &view : arrays) {
    signature.push_back(view.ndim);
    signature.insert(signature.end(), view.shape, view.shape + view.ndim);
    signature.insert(signature.end(), view.strides, view.strides + view.ndim);
  }
  if (layout_ && signature == signature_)
    return *layout_;
  auto made = std::make_shared<Layout>();
  const View &like = arrays[n_inputs_];
  made->n = like.size();
  for (int i = n_inputs_; i < static_cast<int>(arrays.size()); i++) {
    const View &view = arrays[i];
    bool same = view.ndim == like.ndim &&
                std::equal(view.shape, view.shape + view.ndim, like.shape);
    if (!same || !view.contiguous() || !view.writeable)
      throw std::invalid_argument("results must lie in order and have one shape");
    if (view.itemsize != sizes_[outputs_[i - n_inputs_]])
      throw std::invalid_argument("a result has another dtype");
  }
  std::vector<int64_t> periods;
  for (int i = 0; i < n_inputs_; i++) {
    const View &view = arrays[i];
    if (view.itemsize != sizes_[i] || view.ndim > like.ndim)
      throw std::invalid_argument("an operand has another dtype or more axes");
    std::vector<Dim> dims; // innermost first, while they are merged
    for (int axis = like.ndim - 1; axis >= 0; axis--) {
      int own = axis - (like.ndim - view.ndim);
      int64_t size = like.shape[axis], stride = 0;
      if (own >= 0 && view.shape[own] != 1) {
        if (view.shape[own] != size)
          throw std::invalid_argument("an operand does not broadcast to the result");
        stride = view.strides[own];
      }
      if (size == 1)
        continue;
      if (!dims.empty() && stride == dims.back().stride * dims.back().size)
        dims.back().size *= size;
      else
        dims.push_back({size, stride});
    }
    Kind kind = GENERAL;
    int64_t item = view.itemsize;
    if (dims.empty() || (dims.size() == 1 && dims[0].stride == 0))
      kind = SCALAR;
    else if (dims.size() == 1 && dims[0].stride == item)
      kind = FULL;
    else if (dims.size() == 2 && dims[0].stride == item && dims[1].stride == 0) {
      kind = dims[0].size > BLOCK ? ROW : TILE;
      (kind == ROW ? made->row : periods.emplace_back()) = dims[0].size;
    }
    std::reverse(dims.begin(), dims.end());
    made->kinds.push_back(kind);
    made->dims.push_back(dims);
  }
  if (made->row == 0)
    made->row = std::max<int64_t>(made->n, 1);
  int64_t period = 1;
  for (int64_t p : periods)
    period = std::min<int64_t>(BLOCK + 1, std::lcm(period, p));
  bool tiles = period <= BLOCK && made->row % period == 0;
  made->block = tiles ? BLOCK / period * period : BLOCK;
  for (int i = 0; i < n_inputs_; i++) {
    bool other_row = made->kinds[i] == ROW && made->dims[i][1].size != made->row;
    if ((made->kinds[i] == TILE && !tiles) || other_row)
      made->kinds[i] = GENERAL;
  }
  made->per_row = (made->row + made->block - 1) / made->block;
  made->blocks = made->n / made->row * made->per_row;
  layout_ = made;
  signature_ = std::move(signature);
  return *layout_;
}

void Fusion::run(const std::vector<View> &arrays) {
  const Layout &plan = layout(arrays);
  std::shared_ptr<Layout> keep = layout_;
  if (plan.n == 0)
    return;
  // A result may lie where an operand lies that is read again later: then it waits.
  std::vector<char> direct(outputs_.size(), 1);
  for (size_t o = 0; o < outputs_.size(); o++) {
    int made = outputs_[o] - n_inputs_ - n_constants_;
    for (int i = 0; i < n_inputs_; i++)
      if (arrays[i].data == arrays[n_inputs_ + o].data && last_read_[i] > made)
        direct[o] = 0;
    for (size_t earlier = 0; earlier < o; earlier++)
      if (outputs_[earlier] == outputs_[o])
        direct[o] = 0; // one value in two places: copied to the second
  }
  int64_t work = plan.n * static_cast<int64_t>(steps_.size());
  int parts = static_cast<int>(std::min<int64_t>(threads(), work / ALONE + 1));
  parallel(parts, [&](int part) {
    int64_t first, last;
    share(plan.blocks, 1, parts, part, first, last);
    if (first < last)
      run_blocks(plan, arrays, direct, first, last);
  });
}

void Fusion::run_blocks(const Layout &plan, const std::vector<View> &arrays,
                        const std::vector<char> &direct, int64_t first,
                        int64_t last) const {
  int n_values = static_cast<int>(sizes_.size());
  char *memory = scratch_bytes(n_registers_ * REGISTER + n_values * 8);
  char **at = reinterpret_cast<char **>(memory + n_registers_ * REGISTER);
  for (int v = 0; v < n_values; v++)
    at[v] = memory + register_of_[v] * REGISTER;
  int64_t most = std::min(plan.block, plan.n);
  for (int c = 0; c < n_constants_; c++)
    copy_run(sizes_[n_inputs_ + c], at[n_inputs_ + c], constants_[c].data(), 0, most);
  for (int i = 0; i < n_inputs_; i++) {
    if (plan.kinds[i] == SCALAR)
      copy_run(sizes_[i], at[i], arrays[i].data, 0, most);
    if (plan.kinds[i] == TILE) {
      int64_t period = plan.dims[i][1].size;
      for (int64_t k = 0; k < most; k += period)
        std::memcpy(at[i] + k * sizes_[i], arrays[i].data, period * sizes_[i]);
    }
  }
  for (int64_t b = first; b < last; b++) {
    int64_t offset = b % plan.per_row * plan.block;
    int64_t start = b / plan.per_row * plan.row + offset;
    int64_t n = std::min(plan.block, plan.row - offset);
    for (int i = 0; i < n_inputs_; i++) {
      if (plan.kinds[i] == FULL)
        at[i] = arrays[i].data + start * sizes_[i];
      else if (plan.kinds[i] == ROW)
        at[i] = arrays[i].data + offset * sizes_[i];
      else if (plan.kinds[i] == GENERAL) {
        // The place of element `start`, and on from there run by run.
        const std::vector<Dim> &dims = plan.dims[i];
        int64_t index[32], rest = start;
        const char *from = arrays[i].data;
        int inner = static_cast<int>(dims.size()) - 1;
        for (int d = inner; d >= 0; d--) {
          index[d] = rest % dims[d].size;
          rest /= dims[d].size;
          from += index[d] * dims[d].stride;
        }
        for (int64_t done = 0; done < n;) {
          int64_t run = std::min(dims[inner].size - index[inner], n - done);
          copy_run(sizes_[i], at[i] + done * sizes_[i], from, dims[inner].stride, run);
          done += run;
          from += run * dims[inner].stride;
          index[inner] += run;
          for (int d = inner; d > 0 && index[d] == dims[d].size; d--) {
            from += dims[d - 1].stride - dims[d].size * dims[d].stride;
            index[d] = 0;
            index[d - 1]++;
          }
        }
      }
    }
    for (size_t o = 0; o < outputs_.size(); o++)
      if (direct[o])
        at[outputs_[o]] = arrays[n_inputs_ + o].data + start * sizes_[outputs_[o]];
    for (const Step &step : steps_) {
      char *args[4] = {at[step.out], at[step.in[0]], at[step.in[1]], at[step.in[2]]};
      step.loop(args, n);
    }
    for (size_t o = 0; o < outputs_.size(); o++)
      if (!direct[o]) {
        int size = sizes_[outputs_[o]];
        std::memcpy(arrays[n_inputs_ + o].data + start * size, at[outputs_[o]], n * size);
      }
  }
}

} // namespace cornu
