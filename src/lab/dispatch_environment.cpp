#include "lab/dispatch_environment.h"

#include <algorithm>

#include "core/check.h"
#include "domain/kpi.h"

namespace regulus::lab {

using dispatch::thousandths_per_franc;

namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

}  // namespace

struct DispatchEnvironment::Playing {
  Day day;
  TravelTimes times;
  sim::SimulateOptions options;
  sim::DayRun run;
  std::optional<Situation> situation;
  std::optional<dispatch::Draft> draft;
  std::map<std::int32_t, schedule::Money> left;  // bookings without a driver, and the price of leaving them so
  std::map<BookingId, DriverId> taught;          // of the open question: the teacher's driver of each booking
  bool asked_teacher = false;

  Playing(Day made, std::uint64_t seed)
      : day(std::move(made)),
        times(TravelTimes::straight_line(day.places, day.speeds)),
        options{.policy_seed = seed, .check_invariants = false, .trace = {}},
        run(day, times, options) {}
};

DispatchEnvironment::DispatchEnvironment(DayMaker make_day, std::unique_ptr<dispatch::Policy> teacher)
    : make_day_(std::move(make_day)), teacher_(std::move(teacher)) {}

DispatchEnvironment::~DispatchEnvironment() = default;

Seconds DispatchEnvironment::now() const { return playing_->situation ? playing_->situation->fleet.now : 0; }

void DispatchEnvironment::reset(std::uint64_t seed) {
  playing_ = std::make_unique<Playing>(make_day_(seed), seed);
  over_ = !advance();
  potential_ = over_ ? 0 : potential();
}

bool DispatchEnvironment::advance() {
  Playing& p = *playing_;
  for (;;) {
    if (p.draft) {
      bool const asks = p.draft->next();
      for (auto const& [booking, price] : p.draft->passed_over()) p.left[booking] = price;
      if (asks) return true;
      dispatch::Decision const decision = p.draft->decision();
      p.draft.reset();
      p.run.answer(decision);
    }
    if (!p.run.next_question()) return false;
    p.situation.emplace(p.run.situation());
    if (p.situation->fleet.undecided.empty()) {
      p.run.answer({});
      continue;
    }
    std::unique_ptr<Memo> never_used;
    p.draft.emplace(*p.situation, dispatch::LiveQuestion::of(*p.situation, never_used));
    p.asked_teacher = false;
  }
}

double DispatchEnvironment::potential() {
  Playing& p = *playing_;
  Outcome spent = p.run.so_far();
  // Nothing is spent on a ride before it begins, and one that is under way has cost what its pickup was late.
  for (BookingState& state : spent.bookings) {
    if (state.status == BookingStatus::on_board) {
      state.status = BookingStatus::completed;
      state.dropped_off = state.boarded;
    } else if (!is_final(state.status)) {
      state.status = BookingStatus::cancelled;
    }
  }
  Cost so_far = cost_of(totals_of(p.day, p.times, spent), p.day.weights);
  so_far.unfairness = 0;  // the plans' own share is in planned_cost
  schedule::Money expected = p.draft->planned_cost();
  std::int32_t const asked = p.draft->booking();
  for (auto const& [booking, price] : p.left) {
    bool const waits = p.situation->fleet.bookings[at(booking)].status == BookingStatus::pending;
    if (waits && booking != asked) expected += price;
  }
  expected += p.draft->choices()[p.draft->cheapest()].price;
  return static_cast<double>(so_far.total()) / 100 + static_cast<double>(expected) / thousandths_per_franc;
}

void DispatchEnvironment::observe(rl::Observation& out) const {
  out.legal.clear();
  if (over_) {
    out.rows = 1;
    out.features.assign(dispatch::plan_features, 0.0F);
    out.baseline.assign(1, 0.0F);
    return;
  }
  dispatch::Draft const& draft = *playing_->draft;
  out.rows = static_cast<int>(draft.choices().size());
  out.features = draft.rows();
  out.baseline.clear();
  auto const cheapest = static_cast<double>(draft.choices()[draft.cheapest()].price);
  for (dispatch::Choice const& choice : draft.choices()) {
    out.baseline.push_back(static_cast<float>((cheapest - static_cast<double>(choice.price)) / thousandths_per_franc));
  }
}

rl::StepResult DispatchEnvironment::step(int choice) {
  Playing& p = *playing_;
  rl::StepResult result;
  Seconds const before = now();
  if (!over_) {
    auto const c = static_cast<std::size_t>(choice);
    REGULUS_CHECK(choice >= 0 && c < p.draft->choices().size());
    dispatch::Choice const& taken = p.draft->choices()[c];
    if (taken.kind == dispatch::Choice::Kind::leave) {
      p.left[p.draft->booking()] = taken.price;
    } else {
      p.left.erase(p.draft->booking());
    }
    p.draft->take(c);
  }
  bool const goes_on = !over_ && advance();
  if (goes_on) {
    double const next = potential();
    result.reward = potential_ - next;
    potential_ = next;
    result.elapsed = static_cast<double>(now() - before) / one_hour;
    return result;
  }
  cost_ = static_cast<double>(p.run.result().kpi.cost.total()) / 100;
  result.reward = potential_ - cost_;
  result.elapsed = 1;
  result.terminal = result.over = over_ = true;
  return result;
}

int DispatchEnvironment::suggested_choice() const {
  if (over_) return 0;
  Playing& p = *playing_;
  if (!teacher_) return static_cast<int>(p.draft->cheapest());
  if (!p.asked_teacher) {
    Situation const alone{p.situation->fleet, p.situation->times, nullptr};
    dispatch::Decision const decision = teacher_->decide(alone, p.run.rng());
    p.taught.clear();
    for (DriverRoute const& route : decision.routes) {
      for (Stop const& stop : route.stops) {
        if (stop.kind == StopKind::pickup) p.taught[stop.index] = route.driver;
      }
    }
    p.asked_teacher = true;
  }
  BookingId const id = p.day.bookings[at(p.draft->booking())].id;
  auto const taught = p.taught.find(id);
  auto const& choices = p.draft->choices();
  for (std::size_t c = 0; c < choices.size(); ++c) {
    if (choices[c].kind == dispatch::Choice::Kind::insert && taught != p.taught.end() &&
        p.day.drivers[at(choices[c].where.vehicle)].id == taught->second) {
      return static_cast<int>(c);
    }
  }
  // Whom the teacher gives to nobody is left, where that is a choice; whom he gives to a driver who only has room after
  // others were moved goes where it is cheapest.
  bool const leave = taught == p.taught.end() && choices.front().kind == dispatch::Choice::Kind::leave;
  return leave ? 0 : static_cast<int>(p.draft->cheapest());
}

}  // namespace regulus::lab
