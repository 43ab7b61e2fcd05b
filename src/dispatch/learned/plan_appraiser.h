// The learned value inside a search: every plan that is tried is compared by its cost and by what the value says of it.
//
// What a driver's part of a plan amounts to depends on nothing but its stops, so it is remembered by the tour's
// content: a search looks at the same tours again and again.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "dispatch/learned/plan_features.h"
#include "dispatch/learned/value_model.h"
#include "dispatch/search/appraiser.h"

namespace regulus::dispatch {

class PlanAppraiser final : public Appraiser {
 public:
  // All must outlive it. The changes of a row are counted from question.present.
  PlanAppraiser(PlanContext const& context, Question const& question, Opinion opinion);

  // What handing one more ride to the partner costs beyond his bill, because he may be needed later; not negative.
  // Thousandths of a cent.
  schedule::Money price_of_partner() const;
  // From now on the question's price of everybody whom a partner would take holds this much more than his bill, which
  // extra_cost then leaves out.
  void set_premium(schedule::Money premium) { premium_ = premium; }

  schedule::Money extra_cost(Plan const& plan) override;

 private:
  Part const& part_of(std::int32_t vehicle, std::uint64_t hash, std::span<std::int32_t const> nodes);

  PlanContext const& context_;
  Question const& question_;
  Opinion const opinion_;
  Part before_{};
  PlanContext::LeftOut left_before_;
  schedule::Money premium_ = 0;
  std::unordered_map<std::uint64_t, Part> known_;  // by the tour's hash; looked up, never walked
  std::vector<float> row_;
};

}  // namespace regulus::dispatch
