#include "lab/gate.h"

#include <algorithm>

#include "core/check.h"
#include "core/rng.h"
#include "lab/evaluate.h"

namespace regulus::lab {

namespace {

constexpr int replicates = 2000;

double total(std::vector<double> const& values) { return mean(values) * static_cast<double>(values.size()); }

Runs rows_of(std::vector<PolicyDays> const& policies, GateFigure figure) {
  Runs rows;
  for (PolicyDays const& policy : policies) rows.push_back(policy.of(figure));
  return rows;
}

double mean_over(std::vector<PolicyDays> const& policies, GateFigure figure) {
  std::vector<double> means;
  for (PolicyDays const& policy : policies) means.push_back(mean(policy.of(figure)));
  return mean(means);
}

// A rule that cost nothing leaves nothing to save.
double relative_saving(double candidate, double rule) {
  if (rule > 0) return 1 - candidate / rule;
  return candidate > 0 ? -1 : 0;
}

double saving_mean(GateFamily const& family) {
  return relative_saving(mean_over(family.candidates, GateFigure::cost),
                         mean(family.rules[best_rule(family)].of(GateFigure::cost)));
}

std::vector<double> saving_replicates(GateFamily const& family, std::uint64_t seed) {
  std::vector<double> const& rule = family.rules[best_rule(family)].of(GateFigure::cost);
  std::size_t const seeds = family.candidates.size();
  std::size_t const days = rule.size();
  std::vector<double> savings;
  std::vector<double> candidate(days);
  for (std::uint64_t replicate = 0; replicate < replicates; ++replicate) {
    // 1. Training seeds, drawn alike in every family.
    Rng draw_seed = Rng(seed).stream(Purpose::bootstrap, replicate);
    std::ranges::fill(candidate, 0.0);
    for (std::size_t i = 0; i < seeds; ++i) {
      std::vector<double> const& costs = family.candidates[draw_seed.below(seeds)].of(GateFigure::cost);
      for (std::size_t day = 0; day < days; ++day) candidate[day] += costs[day] / static_cast<double>(seeds);
    }
    // 2. Days of this family, the same ones for both sides.
    Rng draw_day = Rng(seed).stream(Purpose::bootstrap, mix(key_of(family.name), replicate));
    double of_candidate = 0, of_rule = 0;
    for (std::size_t i = 0; i < days; ++i) {
      std::size_t const day = draw_day.below(days);
      of_candidate += candidate[day];
      of_rule += rule[day];
    }
    savings.push_back(relative_saving(of_candidate, of_rule));
  }
  return savings;
}

Interval interval_of(std::vector<double> const& values) { return {quantile(values, 0.025), quantile(values, 0.975)}; }

// Whether the first figure has come further towards its limit. Without a division: a limit may be zero.
bool further(double figure, double limit, double than_figure, double than_limit) {
  return figure * than_limit > than_figure * limit;
}

double slowest(std::vector<PolicyDays> const& policies) {
  double ms = 0;
  for (PolicyDays const& policy : policies) ms = std::max(ms, policy.decide_ms_p99);
  return ms;
}

double on_time_share(std::vector<PolicyDays> const& policies) {
  double on_time = 0, wanted = 0;
  for (PolicyDays const& policy : policies) {
    on_time += total(policy.of(GateFigure::on_time));
    wanted += total(policy.of(GateFigure::wanted));
  }
  return wanted > 0 ? on_time / wanted : 0;
}

GateCheck check_overall(Saving const& saving) {
  return {.id = "overall_saving",
          .name = "saving over all families",
          .unit = "share",
          .family = "",
          .figure = saving.mean,
          .ci95 = saving.ci95,
          .limit = 0,
          .must = "lower bound above",
          .passed = saving.ci95.low > 0,
          .failed_in = {},
          .skipped = ""};
}

GateCheck check_worst_family(std::vector<GateRow> const& rows, double tolerated) {
  GateCheck check;
  check.id = "worst_family";
  check.name = "saving in the worst family";
  check.unit = "share";
  check.limit = -tolerated;
  check.must = "at least";
  for (GateRow const& row : rows) {
    if (row.saving.mean < check.limit) check.failed_in.push_back(row.family);
    if (!check.family.empty() && row.saving.mean >= check.figure) continue;
    check.family = row.family;
    check.figure = row.saving.mean;
    check.ci95 = row.saving.ci95;
  }
  check.passed = check.failed_in.empty();
  return check;
}

GateCheck check_rail(GuardRail const& rail, std::span<GateFamily const> families, std::uint64_t seed) {
  GateCheck check;
  check.id = enum_names(rail.figure)[static_cast<std::size_t>(rail.figure)];
  check.name = rail.name;
  check.unit = rail.unit;
  check.must = "at most";
  // The worst family is one in which the promise is broken, if there is any; then the one that is nearest to its limit.
  bool worst_broken = false;
  for (GateFamily const& family : families) {
    PairedDifference const d =
        paired_difference(rows_of(family.candidates, rail.figure), {family.rules[best_rule(family)].of(rail.figure)},
                          mix(seed, key_of(family.name)));
    double const limit = tolerance(rail, family);
    bool const broken = d.ci95.low > 0 && d.mean > limit;
    if (broken) check.failed_in.push_back(family.name);
    bool const worse = broken != worst_broken ? broken : further(d.mean, limit, check.figure, check.limit);
    if (!check.family.empty() && !worse) continue;
    worst_broken = broken;
    check.family = family.name;
    check.figure = d.mean;
    check.ci95 = d.ci95;
    check.limit = limit;
  }
  check.passed = check.failed_in.empty();
  return check;
}

GateCheck check_decide_ms(std::vector<GateRow> const& rows, std::optional<double> max_decide_ms) {
  GateCheck check;
  check.id = "decide_ms_p99";
  check.name = "time to decide, 99th percentile";
  check.unit = "ms";
  check.must = "at most";
  for (GateRow const& row : rows) {
    double const limit = max_decide_ms.value_or(row.slowest_rule_decide_ms_p99);
    if (row.decide_ms_p99 > limit) check.failed_in.push_back(row.family);
    if (!check.family.empty() && !further(row.decide_ms_p99, limit, check.figure, check.limit)) continue;
    check.family = row.family;
    check.figure = row.decide_ms_p99;
    check.limit = limit;
  }
  check.passed = check.failed_in.empty();
  return check;
}

GateCheck check_refused(std::vector<GateRow> const& rows) {
  GateCheck check;
  check.id = "refused_decisions";
  check.name = "decisions refused as illegal";
  check.must = "at most";
  std::int64_t refused = 0;
  for (GateRow const& row : rows) {
    refused += row.refused_decisions;
    if (row.refused_decisions > 0) check.failed_in.push_back(row.family);
  }
  check.figure = static_cast<double>(refused);
  check.passed = check.failed_in.empty();
  return check;
}

GateCheck check_size(std::vector<std::int64_t> const& parameters, std::int64_t most) {
  GateCheck check;
  check.id = "parameters";
  check.name = "parameters of a model";
  check.must = "at most";
  check.limit = static_cast<double>(most);
  if (parameters.empty()) {
    check.skipped = "the candidate is no model file";
  } else {
    check.figure = static_cast<double>(std::ranges::max(parameters));
    check.passed = check.figure <= check.limit;
  }
  return check;
}

Json pair_json(double candidate, double rule) { return Json::object({{"candidate", candidate}, {"best_rule", rule}}); }

Json to_json(GateCheck const& check) {
  Json json = Json::object({{"check", check.id}, {"ok", check.passed}});
  if (!check.skipped.empty()) {
    json["skipped"] = check.skipped;
    return json;
  }
  json["figure"] = check.figure;
  if (check.ci95) json["ci95"] = interval_json(*check.ci95);
  json["must_be"] = check.must;
  json["limit"] = check.limit;
  if (!check.unit.empty()) json["unit"] = check.unit;
  if (!check.family.empty()) json["family"] = check.family;
  json["failed_in"] = Json::array_of(check.failed_in);
  return json;
}

}  // namespace

PolicyDays policy_days(std::string name, std::span<sim::PlayedDay const> days) {
  PolicyDays policy;
  policy.name = std::move(name);
  std::vector<double> decide_ms;
  for (sim::PlayedDay const& day : days) {
    Kpi const& kpi = day.kpi;
    auto const put = [&](GateFigure figure, double value) {
      policy.figures[static_cast<std::size_t>(figure)].push_back(value);
    };
    auto const late = [&](BookingClass c) { return static_cast<double>(kpi.late[static_cast<std::size_t>(c)]) / 60; };
    put(GateFigure::cost, static_cast<double>(kpi.cost.total()));
    put(GateFigure::wanted, static_cast<double>(kpi.requested - kpi.cancelled));
    put(GateFigure::on_time, static_cast<double>(kpi.on_time));
    put(GateFigure::unserved, static_cast<double>(kpi.unserved));
    put(GateFigure::late_outbound, late(BookingClass::outbound));
    put(GateFigure::late_inbound, late(BookingClass::inbound));
    put(GateFigure::late_will_call, late(BookingClass::will_call));
    put(GateFigure::late_on_demand, late(BookingClass::on_demand));
    put(GateFigure::ride_ratio, kpi.mean_ride_ratio);
    put(GateFigure::load_spread, static_cast<double>(kpi.most_trips - kpi.fewest_trips));
    policy.refused_decisions += day.refused_decisions;
    decide_ms.insert(decide_ms.end(), day.decide_ms.begin(), day.decide_ms.end());
  }
  policy.decide_ms_p99 = quantile(std::move(decide_ms), 0.99);
  return policy;
}

std::size_t best_rule(GateFamily const& family) {
  REGULUS_CHECK(!family.rules.empty() && !family.candidates.empty());
  auto const best = std::ranges::min_element(family.rules, {},
                                             [](PolicyDays const& rule) { return mean(rule.of(GateFigure::cost)); });
  return static_cast<std::size_t>(best - family.rules.begin());
}

Saving saving_of(GateFamily const& family, std::uint64_t seed) {
  return {saving_mean(family), interval_of(saving_replicates(family, seed))};
}

Saving overall_saving(std::span<GateFamily const> families, std::uint64_t seed) {
  REGULUS_CHECK(!families.empty());
  auto const count = static_cast<double>(families.size());
  Saving overall;
  std::vector<double> means(replicates);
  for (GateFamily const& family : families) {
    REGULUS_CHECK(family.candidates.size() == families.front().candidates.size());
    overall.mean += saving_mean(family) / count;
    std::vector<double> const savings = saving_replicates(family, seed);
    for (std::size_t i = 0; i < means.size(); ++i) means[i] += savings[i] / count;
  }
  overall.ci95 = interval_of(means);
  return overall;
}

std::optional<double> gap_closed(GateFamily const& family) {
  auto const insertion = std::ranges::find(family.rules, "insertion", &PolicyDays::name);
  if (family.clairvoyant.empty() || insertion == family.rules.end()) return std::nullopt;
  double const base = mean(insertion->of(GateFigure::cost));
  double const gap = base - mean(family.clairvoyant);
  if (gap == 0) return std::nullopt;
  return (base - mean_over(family.candidates, GateFigure::cost)) / gap;
}

std::span<GuardRail const> guard_rails() {
  // An unserved ride more a month in a company of nineteen rides a day, which is one in five hundred. Three seconds for
  // each ride of the day, or a twentieth of what the rule's passengers wait, of any class. A ride of twenty minutes a
  // minute longer. One trip between the busiest driver and the idlest, or a tenth of what it is.
  constexpr double late_per_ride = 0.05, late_share = 0.05;
  constexpr std::string_view minutes = "min a day";
  static constexpr GuardRail all[] = {
      {GateFigure::unserved, "rides unserved", "a day", 0, 1.0 / 500, 0},
      {GateFigure::late_outbound, "late, outbound", minutes, 0, late_per_ride, late_share},
      {GateFigure::late_inbound, "late, inbound", minutes, 0, late_per_ride, late_share},
      {GateFigure::late_will_call, "late, will-call", minutes, 0, late_per_ride, late_share},
      {GateFigure::late_on_demand, "late, on demand", minutes, 0, late_per_ride, late_share},
      {GateFigure::ride_ratio, "time on board over direct ride", "", 0.05, 0, 0},
      {GateFigure::load_spread, "trips, busiest minus idlest", "a day", 1, 0, 0.1},
  };
  return all;
}

double tolerance(GuardRail const& rail, GateFamily const& family) {
  PolicyDays const& rule = family.rules[best_rule(family)];
  return std::max({rail.tolerated, rail.tolerated_per_ride * mean(rule.of(GateFigure::wanted)),
                   rail.tolerated_share * mean(rule.of(rail.figure))});
}

GateRow row_of(GateFamily const& family, std::uint64_t seed) {
  PolicyDays const& rule = family.rules[best_rule(family)];
  GateRow row;
  row.family = family.name;
  row.best_rule = rule.name;
  row.cost = mean_over(family.candidates, GateFigure::cost);
  row.rule_cost = mean(rule.of(GateFigure::cost));
  row.saving = saving_of(family, seed);
  row.gap_closed = gap_closed(family);
  row.unserved = mean_over(family.candidates, GateFigure::unserved);
  row.rule_unserved = mean(rule.of(GateFigure::unserved));
  row.on_time_share = on_time_share(family.candidates);
  row.rule_on_time_share = on_time_share({rule});
  for (PolicyDays const& candidate : family.candidates) row.refused_decisions += candidate.refused_decisions;
  row.decide_ms_p99 = slowest(family.candidates);
  row.slowest_rule_decide_ms_p99 = slowest(family.rules);
  return row;
}

GateVerdict judge(std::span<GateFamily const> families, std::vector<std::int64_t> const& parameters,
                  GateLimits const& limits, std::uint64_t seed) {
  GateVerdict verdict;
  for (GateFamily const& family : families) verdict.rows.push_back(row_of(family, seed));
  verdict.overall = overall_saving(families, seed);
  for (std::size_t i = 0; i < families.front().candidates.size(); ++i) {
    std::vector<double> savings;
    for (GateFamily const& family : families) {
      savings.push_back(relative_saving(mean(family.candidates[i].of(GateFigure::cost)),
                                        mean(family.rules[best_rule(family)].of(GateFigure::cost))));
    }
    verdict.saving_by_candidate.push_back(mean(savings));
  }
  verdict.checks.push_back(check_overall(verdict.overall));
  verdict.checks.push_back(check_worst_family(verdict.rows, limits.worst_family));
  for (GuardRail const& rail : guard_rails()) verdict.checks.push_back(check_rail(rail, families, seed));
  verdict.checks.push_back(check_decide_ms(verdict.rows, limits.max_decide_ms));
  verdict.checks.push_back(check_refused(verdict.rows));
  verdict.checks.push_back(check_size(parameters, limits.max_parameters));
  verdict.passed = std::ranges::all_of(verdict.checks, &GateCheck::passed);
  return verdict;
}

Json to_json(GateRow const& row) {
  Json json = Json::object({{"family", row.family},
                            {"best_rule", row.best_rule},
                            {"cost_cents", pair_json(row.cost, row.rule_cost)},
                            {"saving", row.saving.mean},
                            {"ci95", interval_json(row.saving.ci95)},
                            {"unserved", pair_json(row.unserved, row.rule_unserved)},
                            {"on_time_share", pair_json(row.on_time_share, row.rule_on_time_share)},
                            {"refused_decisions", row.refused_decisions}});
  if (row.gap_closed) json["gap_closed"] = *row.gap_closed;
  json["timing"] = Json::object(
      {{"decide_ms_p99", row.decide_ms_p99}, {"slowest_rule_decide_ms_p99", row.slowest_rule_decide_ms_p99}});
  return json;
}

Json to_json(GateVerdict const& verdict) {
  Json families = Json::array(), checks = Json::array();
  for (GateRow const& row : verdict.rows) families.push_back(to_json(row));
  for (GateCheck const& check : verdict.checks) checks.push_back(to_json(check));
  return Json::object({{"verdict", verdict.passed ? "pass" : "fail"},
                       {"saving", verdict.overall.mean},
                       {"ci95", interval_json(verdict.overall.ci95)},
                       {"saving_by_candidate", Json::array_of(verdict.saving_by_candidate)},
                       {"families", std::move(families)},
                       {"checks", std::move(checks)}});
}

}  // namespace regulus::lab
