#include "pool.h"
#include "scratch.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

#ifndef _WIN32
#include <pthread.h>
#include <sched.h>
#endif

namespace cornu {
namespace {

struct Job {
  void (*task)(void *, int) = nullptr;
  void *context = nullptr;
  int parts = 0;
};

class Pool {
public:
  explicit Pool(int helpers) {
    for (int i = 0; i < helpers; i++)
      std::thread([this] { work(); }).detach();
    helpers_ = helpers;
  }

  int helpers() const { return helpers_; }

  void run(const Job &job) {
    std::lock_guard<std::mutex> one_at_a_time(turn_);
    bool asleep;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      job_ = job;
      next_.store(0);
      left_.store(job.parts);
      round_.fetch_add(1);
      asleep = sleeping_ > 0;
    }
    if (asleep)
      wake_.notify_all();
    take_parts(job);
    auto over = [this] { return left_.load() == 0 && busy_.load() == 0; };
    spin(over);
    std::unique_lock<std::mutex> lock(mutex_);
    waiting_ = true;
    done_.wait(lock, over);
    waiting_ = false;
    // Whoever takes a job does so under the lock, so nobody has this one any more.
    job_ = Job();
  }

private:
  // Waits for a short while: the parts of a step follow each other closely, and to wake
  // a thread takes as long as many of them.
  template <class F> static void spin(F &&over) {
    using clock = std::chrono::steady_clock;
    const auto until = clock::now() + std::chrono::microseconds(SPIN);
    for (int i = 1; !over(); i++) {
      pause();
      if (i % 64 == 0 && clock::now() > until)
        return;
    }
  }

  static void pause() {
#if defined(__x86_64__) || defined(_M_X64)
    _mm_pause();
#elif defined(__aarch64__) && defined(__GNUC__)
    asm volatile("yield");
#endif
  }

  void take_parts(const Job &job) {
    for (;;) {
      int part = next_.fetch_add(1);
      if (part >= job.parts)
        return;
      job.task(job.context, part);
      left_.fetch_sub(1);
    }
  }

  void work() {
    uint64_t seen = 0;
    for (;;) {
      spin([&] { return round_.load() != seen; });
      Job job;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        sleeping_++;
        wake_.wait(lock, [&] { return round_.load() != seen; });
        sleeping_--;
        seen = round_.load();
        job = job_;
        if (!job.task)
          continue; // it was over before this thread came
        busy_.fetch_add(1);
      }
      take_parts(job);
      std::lock_guard<std::mutex> lock(mutex_);
      busy_.fetch_sub(1);
      if (waiting_)
        done_.notify_one();
    }
  }

  static constexpr int SPIN = 100; // microseconds
  std::mutex turn_, mutex_;
  std::condition_variable wake_, done_;
  Job job_;
  std::atomic<int> next_{0}, left_{0}, busy_{0};
  std::atomic<uint64_t> round_{0};
  int sleeping_ = 0;
  bool waiting_ = false;
  int helpers_ = 0;
};

std::mutex making;
Pool *pool = nullptr; // never freed: its threads live as long as the process
int wanted = 0;

int available() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    return CPU_COUNT(&set);
#endif
  int n = static_cast<int>(std::thread::hardware_concurrency());
  return n > 0 ? n : 1;
}

int first_number() {
  for (const char *name :
       {"CORNU_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"}) {
    const char *text = std::getenv(name);
    int n = text ? std::atoi(text) : 0;
    if (n > 0)
      return n;
  }
  return available();
}

#ifndef _WIN32
// A child of fork has none of its parent's threads.
void forget() { pool = nullptr; }
#endif

Pool *the_pool() {
  std::lock_guard<std::mutex> lock(making);
  int helpers = threads() - 1;
  if (!pool || pool->helpers() < helpers) {
#ifndef _WIN32
    static bool registered = false;
    if (!registered) {
      pthread_atfork([] { making.lock(); }, [] { making.unlock(); },
                     [] {
                       forget();
                       making.unlock();
                     });
      registered = true;
    }
#endif
    pool = new Pool(helpers);
  }
  return pool;
}

} // namespace

int threads() {
  if (wanted == 0)
    wanted = first_number();
  return wanted;
}

void set_threads(int n) { wanted = n > 0 ? n : first_number(); }

char *scratch_bytes(int64_t nbytes) {
  thread_local std::vector<char> memory;
  if (static_cast<int64_t>(memory.size()) < nbytes + 64) {
    memory = std::vector<char>(); // the old block need not be copied
    memory.resize(nbytes + 64);
  }
  char *start = memory.data();
  return start + (64 - reinterpret_cast<uintptr_t>(start) % 64) % 64;
}

void run_parts(int parts, void (*task)(void *, int), void *context) {
  if (threads() == 1 || parts == 1) {
    for (int part = 0; part < parts; part++)
      task(context, part);
    return;
  }
  the_pool()->run(Job{task, context, parts});
}

} // namespace cornu
