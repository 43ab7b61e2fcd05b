// How fast the network trains and acts, and one number that says whether it still computes the same.
//
// The problem is one double-DQN update of the network 122-512-256-128-201 on one thread, as a learner performs it:
// masked argmax of the online network on s', the target network's value there, the taken action's value on s, Huber
// loss, clipping by global norm, Adam. bench/torch_update.py times the same update in PyTorch.
#pragma once

#include <cstdint>
#include <vector>

namespace regulus::nn {

struct Benchmark {
  struct Update {
    int batch = 0;
    double median_ms = 0;
  };
  std::vector<Update> updates;  // batches of 32, 64, 128 and 256
  // At batch 64, medians of updates and products that take turns: the dense count of 2.395 MFLOP a sample over the time
  // of a whole update, and over that of oneDNN doing the same matrix products back to back and nothing else.
  double update_gflops = 0, gemm_gflops = 0;
  double act_us = 0;  // one greedy action: body, head and argmax of a single row
};

// Measures for about `seconds` in all.
Benchmark run_benchmark(double seconds);

// A hash of all parameters after 20 updates from a fixed seed, of a small network with LayerNorm and dropout and of the
// large one. Equal in debug, release and sanitizer builds on one machine.
std::uint64_t training_signature();

}  // namespace regulus::nn
