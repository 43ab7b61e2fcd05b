// Large neighbourhood search that leaves room for what may still come.
//
// The multiple scenario approach (Bent and Van Hentenryck 2004): candidate plans are found by searching with sampled
// futures in view, whose requests are taken out again; then every candidate, the plan of plain search among them, meets
// one and the same set of other futures, each request of which is put, when it becomes known, where it costs least.
// The plan with the lowest mean cost wins. It must win clearly: a difference within its own standard error is noise,
// and then the plan of plain search is kept.
#include <algorithm>
#include <cmath>

#include "dispatch/futures.h"
#include "dispatch/instance_of.h"
#include "dispatch/policy_append.h"
#include "dispatch/policy_neighbourhood.h"
#include "dispatch/ride.h"
#include "schedule/fleet_index.h"

namespace regulus::dispatch {

using schedule::Instance;
using schedule::Money;

namespace {

// How far ahead, and how many requests at most: what comes later is served by other vehicles than those that this
// decision is about.
constexpr Seconds outlook = 2 * one_hour;
constexpr std::size_t most_requests = 40;

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

// The instance with the requests of one sampled future behind its own.
class Continuation {
 public:
  Continuation(Situation const& situation, Question const& question, Cents dearest, Rng rng)
      : instance_(question.instance), known_(question.instance.requests.size()) {
    std::vector<Booking> const future = sample_future(situation, situation.fleet.now + outlook, rng);
    for (std::size_t k = 0; k < std::min(future.size(), most_requests); ++k) {
      add(situation, question, future[k], dearest);
    }
  }

  bool empty() const { return instance_.requests.size() == known_; }

  // A plan that was searched with this future in view, without it; nothing when it cannot be driven like that.
  std::optional<Solution> plan_with_room(Solution const& plan, SearchOptions const& options, Rng rng) const {
    Solution start = plan;
    for (std::size_t r = known_; r < instance_.requests.size(); ++r) {
      start.left_out.push_back(static_cast<std::int32_t>(r));
    }
    Solution found = improve(instance_, construct(instance_, std::move(start), 1), options, rng);
    auto const sampled = [&](std::int32_t request) { return request >= static_cast<std::int32_t>(known_); };
    std::erase_if(found.left_out, sampled);
    for (std::size_t v = 0; v < found.routes.size(); ++v) {
      std::erase_if(found.routes[v], [&](std::int32_t n) {
        schedule::Node const& node = instance_.nodes[at(n)];
        return node.kind != schedule::NodeKind::rest && sampled(node.request);
      });
      auto const outcome = schedule::evaluate(instance_, static_cast<std::int32_t>(v), found.routes[v]);
      if (outcome.violation != schedule::Violation::none) return std::nullopt;
    }
    return found;
  }

  // What this future adds to the cost of each plan.
  std::vector<Money> added_costs(std::vector<Solution> const& plans) const {
    schedule::FleetIndex index(instance_);
    std::vector<std::vector<std::int32_t> const*> set(instance_.vehicles.size(), nullptr);
    std::vector<Money> costs;
    for (Solution const& plan : plans) {
      for (std::size_t v = 0; v < plan.routes.size(); ++v) {
        if (set[v] != nullptr && *set[v] == plan.routes[v]) continue;
        index.set_route(static_cast<std::int32_t>(v), plan.routes[v]);
        set[v] = &plan.routes[v];
      }
      costs.push_back(added_cost(index, set));
    }
    return costs;
  }

 private:
  // Each request goes where it costs least, in the order in which they become known; `set` forgets what is changed.
  Money added_cost(schedule::FleetIndex& index, std::vector<std::vector<std::int32_t> const*>& set) const {
    Money added = 0;
    for (std::size_t r = known_; r < instance_.requests.size(); ++r) {
      schedule::Request const& wanted = instance_.requests[r];
      auto const place = index.best(static_cast<std::int32_t>(r));
      if (!place || place->cost > wanted.left_out) {
        added += wanted.left_out;
        continue;
      }
      added += place->cost;
      index.set_route(place->vehicle,
                      inserted(instance_, index.route(place->vehicle), static_cast<std::int32_t>(r), *place));
      set[at(place->vehicle)] = nullptr;
    }
    return added;
  }

  void add(Situation const& situation, Question const& question, Booking const& booking, Cents dearest) {
    BookingState state;
    state.pickup_window = booking.pickup_window;
    state.dropoff_window = booking.dropoff_window;
    Ride ride = ride_of(situation, booking, state);
    auto const index = static_cast<std::int32_t>(instance_.requests.size());
    auto const node = static_cast<std::int32_t>(instance_.nodes.size());
    ride.pickup.request = ride.dropoff.request = index;
    ride.request.pickup = node;
    ride.request.dropoff = node + 1;
    ride.request.on_vehicle = prices_on_vehicles(situation, booking, state, question.driver_of);
    ride.request.left_out = thousandths(unserved_price(situation.fleet.day->weights, booking, dearest));
    if (situation.fleet.partner_left > 0) {
      ride.request.left_out = std::min(ride.request.left_out, ride.partner + question.partner_premium);
    }
    instance_.nodes.push_back(ride.pickup);
    instance_.nodes.push_back(ride.dropoff);
    instance_.requests.push_back(std::move(ride.request));
  }

  Instance instance_;
  std::size_t known_;
};

// The sum of the differences a - b, and the standard error of that sum.
struct Difference {
  double sum = 0, error = 0;
};
Difference difference(std::vector<Money> const& a, std::vector<Money> const& b) {
  auto const n = static_cast<double>(a.size());
  double sum = 0, squares = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    auto const d = static_cast<double>(a[k] - b[k]);
    sum += d;
    squares += d * d;
  }
  double const variance = n < 2 ? 0 : std::max(0.0, (squares - sum * sum / n) / (n - 1));
  return {sum, std::sqrt(variance * n)};
}

class Futures final : public Policy {
 public:
  explicit Futures(PolicySettings const& settings) : settings_(settings) {}

  Decision decide(Situation const& situation, Rng rng) const override {
    bool const open = !situation.fleet.undecided.empty();
    std::optional<Question> const around = question_now(situation);
    if (!around) return open ? insertion_->decide(situation, rng) : Decision{};
    Question const& question = *around;
    SearchOptions options;
    options.iterations = steps_now(situation, settings_.iterations);
    options.seconds = settings_.seconds / 2;
    Solution const plain = improve(question.instance, construct(question.instance, question.present, 1), options, rng);
    // A delay only moves what is planned already.
    return decision_of(situation, question, open ? with_foresight(situation, question, plain, rng) : plain);
  }

 private:
  Solution with_foresight(Situation const& situation, Question const& question, Solution const& plain, Rng rng) const {
    Cents const dearest = dearest_ride(*situation.fleet.day);
    auto const future = [&](int k) {
      return Continuation(situation, question, dearest, rng.stream(Purpose::futures, static_cast<std::uint64_t>(k)));
    };
    int const seen = std::max(1, settings_.futures / 2);
    SearchOptions options;
    options.iterations = settings_.iterations;
    options.seconds = settings_.seconds / (2 * seen);
    std::vector<Solution> candidates = {plain};
    for (int k = 0; k < seen; ++k) {
      Continuation const in_view = future(k);
      if (in_view.empty()) continue;
      auto plan = in_view.plan_with_room(plain, options, rng.stream(Purpose::search, static_cast<std::uint64_t>(k)));
      bool const known =
          !plan || std::ranges::any_of(candidates, [&](Solution const& c) { return c.routes == plan->routes; });
      if (!known) candidates.push_back(std::move(*plan));
    }
    if (candidates.size() == 1) return plain;

    std::vector<std::vector<Money>> costs(candidates.size());
    for (int k = 0; k < settings_.futures; ++k) {
      Continuation const met = future(seen + k);
      auto const added = met.added_costs(candidates);
      for (std::size_t c = 0; c < candidates.size(); ++c) costs[c].push_back(added[c]);
    }
    std::size_t best = 0;
    double lead = 0;
    for (std::size_t c = 1; c < candidates.size(); ++c) {
      auto const present = static_cast<double>(cost_of(question.instance, candidates[c]) - plain.cost);
      Difference const later = difference(costs[c], costs[0]);
      double const futures = static_cast<double>(settings_.futures);
      double const gain = -(present + later.sum / futures) - later.error / futures;
      if (gain > lead) {
        lead = gain;
        best = c;
      }
    }
    return candidates[best];
  }

  PolicySettings settings_;
  std::unique_ptr<Policy> insertion_ = make_policy("insertion", {}).take();
};

}  // namespace

std::unique_ptr<Policy> make_lns_futures(PolicySettings const& settings) { return std::make_unique<Futures>(settings); }

}  // namespace regulus::dispatch
