#include "app/bench_insertion.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/stats.h"
#include "schedule/bench.h"

namespace regulus::app {

namespace {

Json times_json(std::vector<double> const& us) {
  return Json::object({{"mean_ms", mean(us) / 1000},
                       {"p50_ms", quantile(us, 0.5) / 1000},
                       {"p99_ms", quantile(us, 0.99) / 1000},
                       {"p999_ms", quantile(us, 0.999) / 1000},
                       {"max_ms", quantile(us, 1) / 1000}});
}
std::string times_text(std::vector<double> const& us) {
  return fmt::format("mean {:.3f} ms, median {:.3f}, p99 {:.3f}, p99.9 {:.3f}, longest {:.3f}", mean(us) / 1000,
                     quantile(us, 0.5) / 1000, quantile(us, 0.99) / 1000, quantile(us, 0.999) / 1000,
                     quantile(us, 1) / 1000);
}

}  // namespace

Run add_bench_insertion(Flags& flags) {
  auto state = std::make_shared<schedule::InsertionBenchmarkOptions>();
  flags.add("--drivers", state->drivers, "Drivers")->between(1, 5000)->shows_default();
  flags.add("--bookings", state->bookings, "Bookings planned before the questions")
      ->between(1, 100'000)
      ->shows_default();
  flags.add("--questions", state->questions, "Bookings that the full plans are asked about")
      ->between(1, 100'000)
      ->shows_default();
  flags.add("--checked", state->checked, "How many answers are held against trying everything")
      ->between(0, 1000)
      ->shows_default();
  add_seed(flags, state->seed, "Seed of the day");
  flags.footer("Examples:\n  regulus bench insertion\n  regulus bench insertion --drivers 20 --bookings 400 --json");
  return [state](Common const& common) -> Status {
    schedule::InsertionBenchmark const b = schedule::run_insertion_benchmark(*state);
    Json const json = Json::object({{"drivers", state->drivers},
                                    {"bookings", state->bookings},
                                    {"seed", state->seed},
                                    {"planned", b.planned},
                                    {"stops_per_driver", b.stops},
                                    {"filling", times_json(b.filling_us)},
                                    {"question", times_json(b.question_us)},
                                    {"question_processor", times_json(b.processor_us)},
                                    {"vehicles", b.vehicles},
                                    {"bounded", b.bounded},
                                    {"evaluated", b.evaluated},
                                    {"most_evaluated", b.most_evaluated},
                                    {"set_route_us", b.set_route_us},
                                    {"evaluate_ns", b.evaluate_ns},
                                    {"passes_ns", b.passes_ns},
                                    {"closure_ns", b.closure_ns},
                                    {"closure_us", b.closure_us},
                                    {"by_trying_ms", b.by_trying_ms},
                                    {"checked", b.checked},
                                    {"equal", b.equal}});
    std::string const text = fmt::format(
        "  {} drivers, {} of {} bookings planned, {:.1f} stops each\n"
        "  while the plans fill   {}\n"
        "  into the full plans    {}\n"
        "  in processor time      {}\n"
        "  a question             {:.0f} vehicles not ruled out, {:.0f} pairs bounded, {:.1f} evaluated exactly (most "
        "{})\n"
        "  a changed route        {:.1f} µs\n"
        "  is a pair feasible     {:.0f} ns by evaluating it, {:.0f} by passes over a spelled-out route, {:.0f} by "
        "closure "
        "({:.1f} µs to compute)\n"
        "  against trying all     {} of {} answers equal, {:.0f} ms each",
        state->drivers, b.planned, state->bookings, b.stops, times_text(b.filling_us), times_text(b.question_us),
        times_text(b.processor_us), b.vehicles, b.bounded, b.evaluated, b.most_evaluated, b.set_route_us, b.evaluate_ns,
        b.passes_ns, b.closure_ns, b.closure_us, b.equal, b.checked, b.by_trying_ms);
    if (Status printed = print_result(common, json, text); !printed) return printed;
    if (b.equal == b.checked) return ok();
    return Error{ErrorKind::corrupt, fmt::format("{} of {} answers differ from trying everything: this is a bug",
                                                 b.checked - b.equal, b.checked)};
  };
}

}  // namespace regulus::app
