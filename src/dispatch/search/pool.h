// Routes that a long search has driven through, and the best plan that can be put together from them.
//
// A search that moves a few requests at a time rarely meets all good routes in one plan. The pool keeps the cheapest
// order seen of every set of requests; choosing routes such that everybody is served once is a set partitioning problem
// (Parragh and Schmid 2013, "Hybrid column generation and large neighborhood search for the dial-a-ride problem",
// Computers & Operations Research 40). It is solved by a Lagrangian bound, which leaves few routes that can be part of
// anything better, and a search through those, both with a limit on the work: an answer is better than what was known,
// though perhaps not the best.
//
// Vehicles must be free of locked stops, riders and rests, and the load term must be absent, since then a plan costs
// what its routes cost: usable() says so.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "dispatch/search.h"
#include "schedule/tour.h"

namespace regulus::dispatch {

class RoutePool {
 public:
  explicit RoutePool(schedule::Compiled const& compiled);

  bool usable() const { return usable_; }
  // Remembers the tour's route, unless the pool is full.
  void note(schedule::Tour const& tour);
  // The cheapest plan found that costs less than `known`; nothing when none was. Routes that can be part of nothing
  // good are forgotten.
  std::optional<Solution> combine(schedule::Money known);

 private:
  struct Route {
    std::uint64_t key;
    std::int32_t kind;  // the first of its twin vehicles
    schedule::Money cost;
    std::vector<std::int32_t> nodes, requests;
  };
  // A route that may be chosen below some choice.
  struct Option {
    double reduced;
    std::int32_t route;
  };
  // Multipliers for which the cheapest choice of routes, were nobody bound to be served exactly once, costs most.
  void bound(double known);
  void forget();
  void choose(std::vector<Option> const& options, double spent);
  double most_saved(std::vector<Option> const& options);
  bool meets(std::int32_t route) const;
  Solution spell_out() const;

  schedule::Compiled const* compiled_;
  bool usable_ = true;
  std::vector<Route> routes_;
  std::unordered_map<std::uint64_t, std::int32_t> by_requests_;  // looked up only
  std::vector<std::int32_t> twins_;  // by vehicle: how many are like it, at the first of them

  std::vector<double> price_;  // by request: the multiplier of serving it once, kept from one call to the next
  // By route: its cost less the multipliers of its riders. By kind of vehicle: above that, a route is not chosen
  // freely.
  std::vector<double> reduced_, threshold_;
  double floor_ = 0;  // no plan from the pool costs less

  std::vector<bool> served_;
  std::vector<std::int32_t> free_;  // vehicles not chosen yet, by kind
  std::vector<std::int32_t> chosen_, best_chosen_, ways_, left_;
  double limit_ = 0;  // what a plan must cost less than
  std::int64_t work_ = 0;
  bool found_ = false;
};

}  // namespace regulus::dispatch
