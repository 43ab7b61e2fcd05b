#include "dispatch/learned/plan_appraiser.h"

#include <cmath>

namespace regulus::dispatch {

using schedule::Money;

PlanAppraiser::PlanAppraiser(PlanContext const& context, Question const& question, Opinion opinion)
    : context_(context), question_(question), opinion_(opinion), row_(plan_features) {
  for (std::size_t v = 0; v < question.present.routes.size(); ++v) {
    before_ += context.part_of(question, static_cast<std::int32_t>(v), question.present.routes[v]);
  }
  for (std::int32_t request : question.present.left_out) left_before_ += context.left_out(question, request);
}

Money PlanAppraiser::price_of_partner() const {
  std::vector<float> row(plan_features);
  PlanContext::LeftOut taken = left_before_;
  ++taken.given;
  context_.fill(before_, before_, left_before_, left_before_, row);
  double const with = opinion_.value(row);
  context_.fill(before_, before_, left_before_, taken, row);
  return std::max<Money>(0, std::llround(thousandths_per_franc * (with - opinion_.value(row))));
}

Part const& PlanAppraiser::part_of(std::int32_t vehicle, std::uint64_t hash, std::span<std::int32_t const> nodes) {
  auto const [place, is_new] = known_.try_emplace(hash);
  if (is_new) place->second = context_.part_of(question_, vehicle, nodes);
  return place->second;
}

Money PlanAppraiser::extra_cost(Plan const& plan) {
  Part after{};
  for (schedule::Tour const& tour : plan.tours()) after += part_of(tour.vehicle(), tour.hash(), tour.nodes());
  PlanContext::LeftOut left;
  for (std::int32_t request : plan.left_out()) left += context_.left_out(question_, request);
  context_.fill(before_, after, left_before_, left, row_);
  return -std::llround(thousandths_per_franc * opinion_.value(row_)) - premium_ * left.for_partner;
}

}  // namespace regulus::dispatch
