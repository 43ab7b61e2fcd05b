// The plan that a search changes: tours, who is left out, what it all costs, and a way back.
//
// A change begins with begin(); until rollback() or the next begin() everything done since can be undone at the cost of
// the tours that were touched. What an insertion costs depends on nothing but the tour and the request, so answers are
// remembered by the tour's content: a search that refuses most changes asks the same questions again and again.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dispatch/search.h"
#include "schedule/tour.h"

namespace regulus::dispatch {

class Plan {
 public:
  // `memory`: answers remembered, rounded up to a power of two.
  Plan(schedule::Compiled const& compiled, schedule::Workspace& work, std::size_t memory);

  // False: some route has no schedule, and then nothing else may be asked.
  bool assign(Solution const& solution);
  Solution solution() const;

  schedule::Money cost() const { return routes_cost_ + load_cost() + left_out_cost_; }
  std::span<schedule::Tour const> tours() const { return tours_; }
  schedule::Tour const& tour(std::int32_t v) const { return tours_[static_cast<std::size_t>(v)]; }
  std::span<std::int32_t const> left_out() const { return left_out_; }
  std::int32_t vehicle_of(std::int32_t request) const { return vehicle_of_[static_cast<std::size_t>(request)]; }
  std::int32_t used() const { return used_; }

  // Whether a search may take the request out of its route, or move the stop within its route.
  bool movable(std::int32_t request) const { return movable_[static_cast<std::size_t>(request)]; }
  // A drop-off of somebody on board or after a locked pickup, or a rest, that is not locked itself.
  bool loose(std::int32_t node) const { return loose_[static_cast<std::size_t>(node)]; }
  // The vehicle whose route holds the node; -1: none.
  std::int32_t vehicle_at(std::int32_t node) const;
  // Every stop that may be moved at all.
  std::span<std::int32_t const> anchors() const { return anchors_; }

  void begin();
  void rollback();
  // The vehicles whose routes were changed since begin().
  std::span<std::int32_t const> touched() const { return touched_; }
  // Takes these stops out: whole requests, or loose stops, which must be put back at once. False: the rest of a route
  // has no schedule (legs that are shorter by a detour); roll back.
  bool remove(std::span<std::int32_t const> requests, std::span<std::int32_t const> stops);
  bool put_back(std::int32_t stop);

  // With a stream of chance, places are overlooked (schedule/tour.h) and nothing is remembered.
  schedule::Insertion best(std::int32_t request, std::int32_t vehicle, Rng* blink = nullptr);
  // Vehicles worth asking: an unused one only if no twin of it is asked already.
  std::span<std::int32_t const> vehicles();
  bool insert(std::int32_t request, schedule::Insertion const& insertion);
  // What a request's share of the load term leaves out: the rise of the mean.
  schedule::Money mean_share() const;

 private:
  struct Remembered {
    std::uint64_t key = 0;
    schedule::Money cost = 0;
    std::int32_t pickup_at = 0, dropoff_at = 0;
  };
  schedule::Money load_cost() const;
  void touch(std::int32_t vehicle);
  bool rewrite(std::int32_t vehicle, std::span<std::int32_t const> nodes);
  void count(schedule::Tour const& tour, int sign);

  schedule::Compiled const* compiled_;
  schedule::Workspace* work_;
  std::vector<schedule::Tour> tours_, before_;
  std::vector<std::int32_t> vehicle_of_;  // by request; -1: left out
  std::vector<std::int32_t> home_of_;     // by node: the vehicle of a loose stop
  std::vector<std::int32_t> left_out_, left_out_before_;
  std::vector<bool> movable_, loose_, taken_;
  std::vector<std::int32_t> anchors_, nodes_, vehicles_;
  std::vector<std::int32_t> touched_;
  std::vector<bool> is_touched_;
  std::vector<std::uint32_t> seen_twin_;
  std::uint32_t twin_round_ = 0;
  struct Moved {
    std::int32_t request, from;
  };
  std::vector<Moved> moved_;
  schedule::Money routes_cost_ = 0, left_out_cost_ = 0;
  std::int64_t trips_ = 0, squared_trips_ = 0;
  std::int32_t used_ = 0;
  schedule::Money left_out_cost_before_ = 0;
  std::vector<Remembered> memory_;
};

// The load term of a plan: load_weight × Σ (trips − mean)², rounded down.
schedule::Money load_term(schedule::Instance const& instance, std::int64_t trips, std::int64_t squared_trips);

}  // namespace regulus::dispatch
