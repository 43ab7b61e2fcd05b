// Chance by purpose.
//
// A stream is derived from (seed, purpose, index), never from how many draws somebody else made: two policies compared
// on one seed face the same day, and a resumed run continues where it stopped. The generator is SplitMix64 (Steele,
// Lea, Flood 2014, "Fast splittable pseudorandom number generators"): one 64-bit word of state, so a stream costs one
// multiplication to open and a checkpoint stores it in eight bytes.
//
// Not thread-safe; a stream belongs to one thread. Copies are independent continuations of the same sequence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace regulus {

// What a stream is for. The values are part of every stored seed: append, never renumber.
enum class Purpose : std::uint64_t {
  demand = 1,       // bookings of a day
  trips = 2,        // ends of trips, keyed by step and driver
  fleet = 3,        // where drivers start
  exploration = 4,  // epsilon-greedy choices of a learner
  replay = 5,       // which transitions are sampled
  weights = 6,      // initial weights
  dropout = 7,
  policy = 8,      // a policy's own coin
  sampler = 9,     // the tuner's proposals
  bootstrap = 10,  // resampling in statistics
  episode = 11,    // which scenario seed an episode gets
  probe = 12,      // probe states of the divergence sentinel
  test = 13,
  traffic = 14,   // noise of a leg, keyed by booking and leg
  reality = 15,   // cancellations, no-shows, calls, sickness
  patients = 16,  // a company's recurring clients and their standing orders
  search = 17,    // an optimiser's choices
  futures = 18,   // sampled continuations of a day
};

// Mixes two words into one, such that neither order nor small differences survive (SplitMix64's finaliser).
constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t z = a + 0x9E3779B97F4A7C15ULL * (b + 1);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

// A 64-bit key of a text (FNV-1a, finalised by mix); for seeds derived from names.
constexpr std::uint64_t key_of(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return mix(hash, text.size());
}

class Rng {
 public:
  Rng() = default;
  explicit constexpr Rng(std::uint64_t seed) : state_(seed) {}

  // An independent stream for one purpose. Depends on this stream's present state only; draw nothing from a root.
  constexpr Rng stream(Purpose purpose, std::uint64_t index = 0) const {
    return Rng(mix(mix(state_, static_cast<std::uint64_t>(purpose)), index));
  }

  constexpr std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

  // Uniform in [0, 1), 53 bits.
  constexpr double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  constexpr double uniform(double low, double high) { return low + (high - low) * uniform(); }

  // Uniform in {0, …, n-1}, n >= 1, without modulo bias (Lemire 2019, "Fast random integer generation in an interval").
  std::uint64_t below(std::uint64_t n);
  // Uniform in {low, …, high}, both ends included.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }
  constexpr bool chance(double probability) { return uniform() < probability; }
  // Standard normal, by Box and Muller; two uniforms a call, nothing kept.
  double normal();

  template <class T>
  void shuffle(std::span<T> items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

  constexpr std::uint64_t state() const { return state_; }
  constexpr void set_state(std::uint64_t state) { state_ = state; }
  friend constexpr bool operator==(Rng const&, Rng const&) = default;

 private:
  std::uint64_t state_ = 0;
};

}  // namespace regulus
