// Each booking where it costs least, or left out when that is cheaper still; the one that is due first goes first.
#include "dispatch/policy_append.h"
#include "dispatch/policy_memo.h"

namespace regulus::dispatch {

namespace {

class CheapestInsertion final : public Policy {
 public:
  Decision decide(Situation const& situation, Rng) const override {
    if (situation.fleet.undecided.empty()) return {};
    std::unique_ptr<Memo> fresh;
    LiveQuestion& live = LiveQuestion::of(situation, fresh);
    Question const& question = live.question();
    Solution plan = question.present;
    for (std::int32_t request : by_deadline(question, question.present.left_out)) {
      auto const best = live.best(request);
      if (best && best->cost <= question.instance.requests[static_cast<std::size_t>(request)].left_out) {
        live.insert(request, *best, plan);
      }
    }
    return decision_of(situation, question, plan);
  }
};

}  // namespace

std::unique_ptr<Policy> make_insertion(PolicySettings const&) { return std::make_unique<CheapestInsertion>(); }

}  // namespace regulus::dispatch
