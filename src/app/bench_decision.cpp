// `regulus bench decision`: how long the learned dispatcher thinks about one question, without search.
//
// Days are played by dqn_insertion with a value of random weights, which costs what a trained one costs and speaks for
// every size of fleet.
#include <fmt/format.h>

#include "app/bench_insertion.h"
#include "core/stats.h"
#include "dispatch/learned/plan_features.h"
#include "dispatch/learned/value_model.h"
#include "dispatch/policy.h"
#include "sim/scenario.h"
#include "sim/simulator.h"

namespace regulus::app {

Run add_bench_decision(Flags& flags) {
  struct State {
    std::vector<std::string> families{"paratransit", "city", "big-city"};
    int days = 1;
    std::uint64_t seed = 900'000;
  };
  auto state = std::make_shared<State>();
  flags.add("--families", state->families, "Families of days, with commas between")->separated_by(',')->shows_default();
  flags.add("--days", state->days, "Days of each")->between(1, 10'000)->shows_default();
  add_seed(flags, state->seed, "Seed of the first day");
  flags.footer("Examples:\n  regulus bench decision\n  regulus bench decision --families paratransit --days 20");
  return [state](Common const& common) -> Status {
    dispatch::ValueNetwork value;
    value.network = nn::Network({.inputs = dispatch::plan_features, .hidden = {64, 64}, .outputs = 1}, Rng(1));
    dispatch::PolicySettings settings;
    settings.model = std::make_shared<dispatch::ValueModel const>(value);
    Json rows = Json::array();
    std::string text;
    for (std::string const& name : state->families) {
      Result<sim::Family const*> const family = sim::find_family(name);
      if (!family) return family.error().in("--families");
      std::vector<double> ms;
      std::size_t drivers = 0, bookings = 0;
      for (int k = 0; k < state->days; ++k) {
        Day const day = (*family)->generate(state->seed + static_cast<std::uint64_t>(k));
        drivers = std::max(drivers, day.drivers.size());
        bookings = std::max(bookings, day.bookings.size());
        TravelTimes const times = TravelTimes::straight_line(day.places, day.speeds);
        auto const policy = dispatch::make_policy("dqn_insertion", settings);
        if (!policy) return policy.error();
        sim::DayResult const result = sim::simulate(day, times, **policy, {});
        // A question without an undecided booking is answered before anything is computed, and is no decision.
        for (double const one : result.decide_ms) {
          if (one > 0.001) ms.push_back(one);
        }
      }
      double const p50 = quantile(ms, 0.5), p99 = quantile(ms, 0.99), longest = quantile(ms, 1);
      rows.push_back(Json::object({{"family", name},
                                   {"drivers", drivers},
                                   {"bookings", bookings},
                                   {"decisions", ms.size()},
                                   {"p50_ms", p50},
                                   {"p99_ms", p99},
                                   {"max_ms", longest}}));
      text += fmt::format(
          "{}  {:<14} {:>3} drivers, {:>5} bookings: {:>6} decisions, {:.3f} ms in the median, {:.3f} ms "
          "at the 99th percentile, longest {:.1f}",
          text.empty() ? "" : "\n", name, drivers, bookings, ms.size(), p50, p99, longest);
    }
    return print_result(common, Json::object({{"families", rows}}), text);
  };
}

}  // namespace regulus::app
