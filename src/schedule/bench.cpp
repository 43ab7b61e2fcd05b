#include "schedule/bench.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>

#include "core/check.h"
#include "core/rng.h"
#include "domain/objective.h"
#include "schedule/closure.h"
#include "schedule/fleet_index.h"
#include "schedule/route.h"
#include "schedule/sequence.h"

namespace regulus::schedule {

namespace {

using Clock = std::chrono::steady_clock;

double us_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}
// Of this process: what the question took, whoever else uses the machine.
double processor_us_since(std::clock_t start) {
  return static_cast<double>(std::clock() - start) * 1e6 / CLOCKS_PER_SEC;
}

// Kilometres east and north of the south-western corner, as a point near the 46th parallel.
Point at_km(double east, double north) { return {46.0 + north / 111.2, 6.0 + east / 77.2}; }

// Thousandths of a cent for each second, of cents for each hour.
constexpr Money by_second(int cents_an_hour) { return cents_an_hour * 1000 / 3600; }

struct City {
  std::vector<Point> places;
  Place add(double east, double north) {
    places.push_back(at_km(std::clamp(east, 0.0, 20.0), std::clamp(north, 0.0, 15.0)));
    return static_cast<Place>(places.size()) - 1;
  }
  double between(Place a, Place b) const {
    return great_circle(places[static_cast<std::size_t>(a)], places[static_cast<std::size_t>(b)]);
  }
  // Homes are dense in the middle.
  Place home(Rng& rng) { return add(10 + 4.5 * rng.normal(), 7.5 + 3.5 * rng.normal()); }
};

VehicleUse a_driver(std::int32_t number, Place depot, ObjectiveWeights const& weights) {
  VehicleUse use;
  use.start = use.end = depot;
  int const begins = 6 + 2 * (number % 4);
  use.earliest = begins * one_hour;
  use.overtime_after = use.earliest + 10 * one_hour;
  use.latest = use.overtime_after + one_hour;
  use.end_hour = static_cast<std::uint8_t>(begins + 10);
  use.per_tick = by_second(weights.regular_hour);
  use.overtime_rate = by_second(weights.overtime_hour);
  use.layouts = number % 2 == 0 ? std::vector{Seats{{4, 0, 0}}, Seats{{2, 1, 0}}}
                                : std::vector{Seats{{6, 0, 0}}, Seats{{3, 1, 0}}, Seats{{1, 2, 0}}};
  if (number % 10 == 9) use.layouts.push_back(Seats{{1, 0, 1}});
  return use;
}

using Routes = std::vector<std::vector<std::int32_t>>;

// Up to forty routes, each asked about ten requests at every pickup position and the eight drop-off positions behind.
void compare_feasibility_tests(Instance const& x, Routes const& routes, std::int32_t first_request,
                               InsertionBenchmark& result) {
  struct Question {
    std::int32_t request;
    std::size_t pickup_at, dropoff_at;
  };
  std::clock_t evaluating = 0, passing = 0, closing = 0, testing = 0;
  std::int64_t asked = 0, closures = 0;
  auto const clocked = [](std::clock_t& sum, auto&& work) {
    std::clock_t const start = std::clock();
    work();
    sum += std::clock() - start;
  };
  for (std::size_t v = 0; v < std::min<std::size_t>(40, routes.size()); ++v) {
    auto const vehicle = static_cast<std::int32_t>(v);
    auto const& route = routes[v];
    std::vector<Question> questions;
    for (std::int32_t r = first_request; r < std::min(first_request + 10, static_cast<std::int32_t>(x.requests.size()));
         ++r) {
      for (std::size_t i = 0; i <= route.size(); ++i) {
        for (std::size_t j = i + 1; j <= std::min(i + 8, route.size() + 1); ++j) questions.push_back({r, i, j});
      }
    }
    std::int64_t by_evaluate = 0, by_passes = 0, by_closure = 0, doubtful = 0;
    clocked(evaluating, [&] {
      std::vector<std::int32_t> nodes;
      for (Question const& q : questions) {
        nodes = route;
        Request const& request = x.requests[static_cast<std::size_t>(q.request)];
        nodes.insert(nodes.begin() + static_cast<std::ptrdiff_t>(q.pickup_at), request.pickup);
        nodes.insert(nodes.begin() + static_cast<std::ptrdiff_t>(q.dropoff_at), request.dropoff);
        by_evaluate += evaluate(x, vehicle, nodes).violation == Violation::none ? 1 : 0;
      }
    });
    Sequence spelled, changed;
    REGULUS_CHECK(spell_out(x, vehicle, route, spelled).violation == Violation::none);
    Closure const* closure = nullptr;
    std::optional<Closure> built;
    clocked(closing, [&] {
      for (int repeat = 0; repeat < 20; ++repeat) closure = &built.emplace(x, vehicle, route);
    });
    clocked(passing, [&] {
      Starts starts;
      for (Question const& q : questions) {
        if (q.dropoff_at > closure->last_dropoff(q.request, q.pickup_at)) continue;
        insert(x, spelled, q.request, q.pickup_at, q.dropoff_at, changed);
        by_passes += earliest_starts(x, changed, starts).violation == Violation::none ? 1 : 0;
      }
    });
    clocked(testing, [&] {
      for (Question const& q : questions) {
        Fit const fit = closure->fits(q.request, q.pickup_at, q.dropoff_at);
        by_closure += fit == Fit::yes ? 1 : 0;
        doubtful += fit == Fit::unknown ? 1 : 0;
      }
    });
    REGULUS_CHECK(by_evaluate == by_passes && by_closure <= by_passes && by_passes <= by_closure + doubtful);
    asked += static_cast<std::int64_t>(questions.size());
    closures += 20;
  }
  auto const ns = [](std::clock_t sum, std::int64_t count) {
    return static_cast<double>(sum) * 1e9 / CLOCKS_PER_SEC / static_cast<double>(count);
  };
  result.evaluate_ns = ns(evaluating, asked);
  result.passes_ns = ns(passing, asked);
  result.closure_ns = ns(testing, asked);
  result.closure_us = ns(closing, closures) / 1000;
}

}  // namespace

void make_benchmark_day(InsertionBenchmarkOptions const& options, BenchmarkDay& day) {
  ObjectiveWeights const weights;
  Rng const root = Rng(options.seed).stream(Purpose::demand);
  Rng rng = root.stream(Purpose::patients);
  City city;
  std::vector<Place> hospitals, depots;
  for (int k = 0; k < 12; ++k) hospitals.push_back(city.add(rng.uniform(3, 17), rng.uniform(2, 13)));
  for (int k = 0; k < 4; ++k) depots.push_back(city.add(rng.uniform(2, 18), rng.uniform(2, 13)));
  std::int32_t const requests = options.bookings + options.questions;
  std::vector<std::pair<Place, Place>> trips;
  for (std::int32_t r = 0; r < requests; ++r) {
    Place const home = city.home(rng);
    // The nearer one of two hospitals or of two other addresses: rides of 4 to 5 km as the crow flies, as counted ones.
    Place a = hospitals[rng.below(hospitals.size())], b = hospitals[rng.below(hospitals.size())];
    if (rng.chance(0.3)) a = city.home(rng), b = city.home(rng);
    Place const other = city.between(home, a) < city.between(home, b) ? a : b;
    trips.push_back(rng.chance(0.5) ? std::pair{home, other} : std::pair{other, home});
  }
  day.times = TravelTimes::straight_line(city.places, SpeedProfile{});
  Instance& x = day.instance;
  x = {};
  x.times = &day.times;
  x.per_metre = weights.km;  // cents a kilometre are thousandths of a cent a metre
  x.load_weight = 1000 * weights.unfair;
  for (std::int32_t v = 0; v < options.drivers; ++v) {
    x.vehicles.push_back(a_driver(v, depots[static_cast<std::size_t>(v) % depots.size()], weights));
  }
  for (std::int32_t r = 0; r < requests; ++r) {
    auto const [from, to] = trips[static_cast<std::size_t>(r)];
    Node in, out;
    in.kind = NodeKind::pickup;
    out.kind = NodeKind::dropoff;
    in.request = out.request = r;
    in.place = from;
    out.place = to;
    bool const wheelchair = rng.chance(0.2);
    bool const to_appointment = rng.chance(0.5);
    in.service = wheelchair ? 300 : 90;
    out.service = wheelchair ? 180 : 60;
    // Two humps, in the morning and in the afternoon.
    double const hour = rng.chance(0.4)   ? rng.uniform(6.2, 21)
                        : rng.chance(0.5) ? 10 + 1.5 * rng.normal()
                                          : 15 + 1.5 * rng.normal();
    Ticks const wanted = static_cast<Ticks>(std::clamp(hour, 6.2, 21.0) * one_hour);
    Money const late = 1000 * (to_appointment ? weights.late_outbound : weights.late_inbound) / 60;
    in.earliest = wanted;
    in.due = wanted + rng.between(600, 1200);
    in.latest = in.due + (to_appointment ? weights.max_late_outbound : weights.max_late_inbound);
    in.late_rate = late;
    in.hour = out.hour = static_cast<std::uint8_t>(hour_of_day(wanted));
    Request request;
    request.pickup = static_cast<std::int32_t>(x.nodes.size());
    request.dropoff = request.pickup + 1;
    request.direct = x.times->seconds(from, to, out.hour);
    request.max_ride = request.direct + std::max<Ticks>(900, request.direct / 2);
    request.excess_rate = 1000 * weights.excess_ride / 60;
    request.seats[wheelchair ? SeatKind::wheelchair : SeatKind::ambulatory] = 1;
    if (rng.chance(0.15)) request.seats[SeatKind::ambulatory] += 1;  // a companion
    request.exclusive = rng.chance(0.05);
    if (to_appointment) {
      out.due = in.due + in.service + request.direct + rng.between(300, 1200);
      out.latest = out.due + weights.max_late_outbound;
      out.late_rate = late;
    }
    x.nodes.push_back(in);
    x.nodes.push_back(out);
    x.requests.push_back(std::move(request));
  }
}

InsertionBenchmark run_insertion_benchmark(InsertionBenchmarkOptions const& options) {
  BenchmarkDay day;
  make_benchmark_day(options, day);
  Instance const& x = day.instance;
  InsertionBenchmark result;
  FleetIndex index(x);
  for (std::int32_t v = 0; v < options.drivers; ++v) index.set_route(v, {});
  for (std::int32_t r = 0; r < options.bookings; ++r) {
    auto const start = Clock::now();
    std::optional<Insertion> const found = index.best(r);
    result.filling_us.push_back(us_since(start));
    if (!found) continue;
    auto const old = index.route(found->vehicle);
    std::vector<std::int32_t> nodes(old.begin(), old.end());
    nodes.insert(nodes.begin() + found->pickup_at, x.requests[static_cast<std::size_t>(r)].pickup);
    nodes.insert(nodes.begin() + found->dropoff_at, x.requests[static_cast<std::size_t>(r)].dropoff);
    index.set_route(found->vehicle, nodes);
    ++result.planned;
  }

  Routes routes;
  for (std::int32_t v = 0; v < options.drivers; ++v) {
    routes.emplace_back(index.route(v).begin(), index.route(v).end());
    result.stops += static_cast<double>(routes.back().size()) / options.drivers;
  }
  auto const setting = Clock::now();
  for (std::int32_t v = 0; v < options.drivers; ++v) index.set_route(v, routes[static_cast<std::size_t>(v)]);
  result.set_route_us = us_since(setting) / options.drivers;

  for (std::int32_t r = options.bookings; r < options.bookings + options.questions; ++r) {
    auto const start = Clock::now();
    std::clock_t const processor = std::clock();
    std::optional<Insertion> const found = index.best(r);
    result.processor_us.push_back(processor_us_since(processor));
    result.question_us.push_back(us_since(start));
    FleetIndex::Work const work = index.work();
    result.vehicles += static_cast<double>(work.vehicles) / options.questions;
    result.bounded += static_cast<double>(work.bounded) / options.questions;
    result.evaluated += static_cast<double>(work.evaluated) / options.questions;
    result.most_evaluated = std::max(result.most_evaluated, work.evaluated);
    if (result.checked == options.checked) continue;
    auto const trying = Clock::now();
    std::optional<Insertion> twin;
    for (std::int32_t v = 0; v < options.drivers; ++v) {
      auto const one = best_insertion_by_trying(x, v, routes[static_cast<std::size_t>(v)], r);
      if (one && (!twin || one->cost < twin->cost)) twin = one;
    }
    result.by_trying_ms += us_since(trying) / 1000 / options.checked;
    ++result.checked;
    if (found == twin) ++result.equal;
  }
  compare_feasibility_tests(x, routes, options.bookings, result);
  return result;
}

}  // namespace regulus::schedule
