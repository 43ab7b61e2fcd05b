// What a learner sees of a problem: vectors, choices, rewards, elapsed time. It never sees a booking.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace regulus::rl {

// One state as features.
//
// Two shapes share the type. Fixed actions ("slots"): one row of features, and `legal` holds one byte for each of the
// environment's actions. Candidates ("pairs"): one row of features for each legal choice, `legal` is empty, row 0 is
// the choice that is always there (wait), and `baseline` holds what is known of each row's value (scaled by nobody yet,
// in reward units), which the network's output is added to.
struct Observation {
  int rows = 0;
  std::vector<float> features;      // rows × width, row-major
  std::vector<std::uint8_t> legal;  // fixed actions only
  std::vector<float> baseline;      // candidates only; one a row, or empty for none

  bool has_candidates() const { return legal.empty(); }
  int choices() const { return has_candidates() ? rows : static_cast<int>(legal.size()); }
  bool is_legal(int choice) const {
    return choice >= 0 && choice < choices() && (has_candidates() || legal[static_cast<std::size_t>(choice)] != 0);
  }
};

struct StepResult {
  double reward = 0;
  // Elapsed time in steps; the discount of the transition is gamma^elapsed (semi-Markov: Bradtke and Duff 1995).
  double elapsed = 1;
  bool terminal = false;  // the state after has value 0
  bool over =
      false;  // the episode ends here; over without terminal is a time limit, whose end is still worth something
};

class Environment {
 public:
  virtual ~Environment() = default;
  // Number of features of a row, and of fixed actions (0 for candidates).
  virtual int width() const = 0;
  virtual int actions() const = 0;
  virtual void reset(std::uint64_t seed) = 0;
  // Fills `out`, reusing its memory.
  virtual void observe(Observation& out) const = 0;
  // `choice` is an action or a row of the latest observation; it must be legal.
  virtual StepResult step(int choice) = 0;
  // What the environment's own rule would choose now, an index like step's; for guided exploration and warm-up.
  virtual int suggested_choice() const = 0;
};

}  // namespace regulus::rl
