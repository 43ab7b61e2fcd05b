#include "dispatch/learned/draft.h"

#include <algorithm>

#include "core/check.h"
#include "dispatch/policy_append.h"

namespace regulus::dispatch {

using schedule::Money;

namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

}  // namespace

Draft::Draft(Situation const& situation, LiveQuestion& live)
    : situation_(situation), live_(live), context_(situation), plan_(live.question().present) {
  queue_ = by_deadline(live.question(), plan_.left_out);
  for (std::size_t v = 0; v < vehicles(); ++v) {
    parts_.push_back(context_.part_of(live.question(), static_cast<std::int32_t>(v), plan_.routes[v]));
    sum_ += parts_.back();
  }
  for (std::int32_t request : plan_.left_out) left_ += context_.left_out(live.question(), request);
}

std::int32_t Draft::booking() const { return live_.question().booking_of[at(queue_[asked_ - 1])]; }

bool Draft::next() {
  while (asked_ < queue_.size()) {
    std::int32_t const request = queue_[asked_++];
    if (find_choices(request)) {
      describe_choices(request);
      return true;
    }
    passed_over_.push_back({booking(), live_.question().instance.requests[at(request)].left_out});
  }
  return false;
}

bool Draft::find_choices(std::int32_t request) {
  Question const& question = live_.question();
  Money const left_out = question.instance.requests[at(request)].left_out;
  auto const offers = live_.best_of_each(request, insertions_offered);
  bool const partner = question.partner_is_cheaper[at(request)] && left_.given < situation_.fleet.partner_left;
  bool const hours_to_go = latest_pickup(situation_, booking()) > situation_.fleet.now + time_to_wait;
  bool const may_wait = partner || hours_to_go || offers.empty() || offers.front().cost > left_out;
  choices_.clear();
  if (may_wait) choices_.push_back({.kind = Choice::Kind::leave, .where = {}, .price = left_out + 1});
  for (schedule::Insertion const& where : offers) {
    choices_.push_back({.kind = Choice::Kind::insert, .where = where, .price = where.cost});
  }
  if (partner) choices_.push_back({.kind = Choice::Kind::partner, .where = {}, .price = left_out + 2});
  auto const first = std::ranges::min_element(choices_, {}, &Choice::price);
  cheapest_ = static_cast<std::size_t>(first - choices_.begin());
  return choices_.size() > 1 || choices_.front().kind != Choice::Kind::leave;
}

// What the fleet looks like after each.
void Draft::describe_choices(std::int32_t request) {
  Question const& question = live_.question();
  PlanContext::LeftOut without = left_;
  without -= context_.left_out(question, request);
  rows_.resize(choices_.size() * plan_features);
  after_.assign(choices_.size(), {});
  for (std::size_t c = 0; c < choices_.size(); ++c) {
    Part sum = sum_;
    bool const insert = choices_[c].kind == Choice::Kind::insert, leave = choices_[c].kind == Choice::Kind::leave;
    if (insert) {
      std::int32_t const v = choices_[c].where.vehicle;
      auto const nodes = inserted(question.instance, plan_.routes[at(v)], request, choices_[c].where);
      after_[c] = context_.part_of(question, v, nodes);
      sum -= parts_[at(v)];
      sum += after_[c];
    }
    PlanContext::LeftOut left = leave ? left_ : without;
    if (!insert && !leave) ++left.given;
    context_.fill(sum_, sum, left_, left, std::span(rows_).subspan(c * plan_features, plan_features));
  }
}

void Draft::take(std::size_t choice) {
  REGULUS_CHECK(choice < choices_.size() && asked_ > 0);
  std::int32_t const request = queue_[asked_ - 1];
  Choice const& taken = choices_[choice];
  if (taken.kind == Choice::Kind::leave) return;
  left_ -= context_.left_out(live_.question(), request);
  if (taken.kind == Choice::Kind::partner) {
    ++left_.given;
    given_ids_.push_back(situation_.fleet.day->bookings[at(booking())].id);
    std::erase(plan_.left_out, request);
    return;
  }
  std::int32_t const v = taken.where.vehicle;
  live_.insert(request, taken.where, plan_);
  sum_ -= parts_[at(v)];
  parts_[at(v)] = after_[choice];
  sum_ += parts_[at(v)];
}

Decision Draft::decision() const {
  Decision decision = decision_of(situation_, live_.question(), plan_);
  if (given_ids_.empty()) return decision;
  // Those who were given away first keep their places; who is due beside them has what is left.
  auto const room = static_cast<std::size_t>(std::max(0, situation_.fleet.partner_left - left_.given));
  if (decision.overflow.size() > room) {
    decision.overflow.resize(room);
    decision.wake_at = std::min(decision.wake_at, situation_.fleet.now + one_minute);
  }
  decision.overflow.insert(decision.overflow.end(), given_ids_.begin(), given_ids_.end());
  std::ranges::sort(decision.overflow);
  return decision;
}

Money Draft::planned_cost() const { return cost_of_routes(live_.question().instance, plan_.routes); }

}  // namespace regulus::dispatch
