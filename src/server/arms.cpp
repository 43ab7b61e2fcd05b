#include "server/arms.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "domain/day_file.h"

namespace regulus::server {

namespace {

// Shared by who waits and who may come late.
struct Question {
  std::mutex mutex;
  std::condition_variable answered;
  std::optional<ArmAnswer> answer;
  bool is_over = false;
  bool given_up = false;
};

}  // namespace

ArmAnswer ask(Arm const& arm, Desk const& desk, std::uint64_t seed) {
  auto const start = std::chrono::steady_clock::now();
  ArmAnswer answer;
  answer.decision = arm.policy->decide(desk.situation(), Rng(seed).stream(Purpose::policy));
  answer.took_us =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count();
  return answer;
}

std::optional<ArmAnswer> Watchdog::ask(Arm const& arm, std::shared_ptr<Desk const> const& desk, std::uint64_t seed,
                                       std::string& why) const {
  if (stuck_->load() > options_.most_stuck) {
    why = fmt::format("stuck: {} earlier questions are still unanswered", stuck_->load());
    return std::nullopt;
  }
  auto const question = std::make_shared<Question>();
  std::thread([question, arm, desk, seed, stuck = stuck_] {
    std::optional<ArmAnswer> answer;
    try {
      answer = server::ask(arm, *desk, seed);
    } catch (std::exception const&) {  // even the guard's own rule failed, for want of memory
    }
    std::unique_lock const lock(question->mutex);
    if (question->given_up) {
      stuck->fetch_sub(1);
      return;
    }
    question->answer = std::move(answer);
    question->is_over = true;
    question->answered.notify_one();
  }).detach();
  std::unique_lock lock(question->mutex);
  question->answered.wait_for(lock, options_.patience, [&] { return question->is_over; });
  if (question->is_over) {
    if (!question->answer) why = "failed: it gave up";
    return std::move(question->answer);
  }
  question->given_up = true;
  stuck_->fetch_add(1);
  why = fmt::format("late: no answer within {} ms", options_.patience.count());
  return std::nullopt;
}

DriverId driver_for(Desk const& desk, dispatch::Decision const& decision, BookingId booking) {
  bool moved = false;
  for (DriverRoute const& route : decision.routes) {
    for (Stop const& stop : route.stops) {
      if (stop.kind == StopKind::pickup && stop.index == booking) return route.driver;
    }
    DriverState const& before = desk.driver(route.driver);
    moved = moved || std::ranges::any_of(before.stops, [&](Stop const& stop) {
              return stop.kind == StopKind::pickup && stop.index == booking;
            });
  }
  return moved ? 0 : desk.booking(booking).driver;
}

double agreement_of(Desk const& desk, dispatch::Decision const& a, dispatch::Decision const& b) {
  auto const& undecided = desk.fleet().undecided;
  if (undecided.empty()) return 1;
  std::size_t same = 0;
  for (std::int32_t const position : undecided) {
    BookingId const id = desk.day().bookings[static_cast<std::size_t>(position)].id;
    same += driver_for(desk, a, id) == driver_for(desk, b, id) ? 1U : 0U;
  }
  return static_cast<double>(same) / static_cast<double>(undecided.size());
}

Json to_json(dispatch::Decision const& decision) {
  Json json = regulus::to_json(Plan{decision.routes, decision.overflow, decision.unserved});
  json["wake_at"] = decision.wake_at == never ? Json() : Json(decision.wake_at);
  json["replaced"] = decision.replaced;
  return json;
}

Result<dispatch::Decision> decision_of(Json const& json) {
  dispatch::Decision decision;
  Json plan = json;
  Status status = ok();
  JsonReader const at(json, status);
  at.in("wake_at", [&](JsonReader const& moment) { moment.moment(decision.wake_at); });
  at.get("replaced", decision.replaced);
  if (!status) return status.error();
  if (plan.is_object()) {
    std::erase_if(plan.as_object(), [](auto const& m) { return m.first == "wake_at" || m.first == "replaced"; });
  }
  Result<Plan> read = plan_of(plan);
  if (!read) return read.error();
  decision.routes = std::move(read->routes);
  decision.overflow = std::move(read->overflow);
  decision.unserved = std::move(read->unserved);
  return decision;
}

}  // namespace regulus::server
