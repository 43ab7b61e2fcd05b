// Batches: half a minute's bookings, or as many as there are drivers, are given out at once, at most one to each
// driver, so that the whole batch costs least; then the next batch, until nothing fits any more.
#include <algorithm>

#include "dispatch/assignment.h"
#include "dispatch/policy_append.h"
#include "dispatch/policy_memo.h"

namespace regulus::dispatch {

namespace {

// Of each booking only the drivers for whom it is cheapest are considered.
constexpr std::size_t candidates = 12;

class Hungarian final : public Policy {
 public:
  Seconds batch() const override { return 30; }

  Decision decide(Situation const& situation, Rng) const override {
    if (situation.fleet.undecided.empty()) return {};
    std::unique_ptr<Memo> fresh;
    LiveQuestion& live = LiveQuestion::of(situation, fresh);
    Question const& question = live.question();
    Solution plan = question.present;
    std::vector<std::int32_t> waiting = by_deadline(question, question.present.left_out);
    while (!waiting.empty() && !plan.routes.empty()) {
      std::size_t const size = std::min(waiting.size(), plan.routes.size());
      std::vector<std::int32_t> const batch(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(size));
      waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(size));
      std::vector<std::int32_t> const again = give_out(live, batch, plan);
      waiting.insert(waiting.begin(), again.begin(), again.end());
    }
    return decision_of(situation, question, plan);
  }

 private:
  // Returns who lost to others and may still find a place.
  static std::vector<std::int32_t> give_out(LiveQuestion& live, std::vector<std::int32_t> const& batch,
                                            Solution& plan) {
    std::size_t const columns = plan.routes.size() + batch.size();  // the last ones stand for being left out
    std::vector<std::vector<schedule::Insertion>> places;
    std::vector<std::int64_t> cost;
    for (std::int32_t request : batch) {
      schedule::Money const left_out = live.question().instance.requests[static_cast<std::size_t>(request)].left_out;
      places.push_back(live.best_of_each(request, candidates));
      std::erase_if(places.back(), [&](schedule::Insertion const& place) { return place.cost > left_out; });
      std::size_t const row = cost.size();
      cost.resize(row + columns, left_out);
      for (std::size_t v = 0; v < plan.routes.size(); ++v) cost[row + v] = never_chosen;
      for (schedule::Insertion const& place : places.back()) {
        cost[row + static_cast<std::size_t>(place.vehicle)] = place.cost;
      }
    }
    std::vector<std::int32_t> const vehicle_of = cheapest_assignment(batch.size(), columns, cost);
    std::vector<std::int32_t> again;
    for (std::size_t r = 0; r < batch.size(); ++r) {
      auto const place = std::ranges::find(places[r], vehicle_of[r], &schedule::Insertion::vehicle);
      if (place != places[r].end()) {
        live.insert(batch[r], *place, plan);
      } else if (!places[r].empty()) {
        again.push_back(batch[r]);
      }
    }
    return again;
  }

  static constexpr std::int64_t never_chosen = std::int64_t{1} << 40;  // above every price, and summable
};

}  // namespace

std::unique_ptr<Policy> make_hungarian(PolicySettings const&) { return std::make_unique<Hungarian>(); }

}  // namespace regulus::dispatch
