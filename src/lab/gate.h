// The promotion gate: whether a learned dispatcher may take the place of the rules.
//
// Candidate and rules play the same days with the same luck, family by family. The candidate is one design, trained
// once or several times (training seeds); what is judged is the design. It passes when it is cheaper over all families
// beyond doubt, in no family dearer than its best rule by more than a hundredth, and when nobody pays for the saving:
// not the passengers by class, not the drivers, not the one who waits for the decision. Why these statistics and
// limits: docs/decisions/0012-the-gate.md.
//
// Pure functions over figures; the same at any number of threads and in any order of playing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/stats.h"
#include "sim/compare_days.h"

namespace regulus::lab {

// What the gate wants to know of one day as one policy spent it.
enum class GateFigure : std::uint8_t {
  cost,      // cents
  wanted,    // rides asked for and not cancelled
  on_time,   // of these
  unserved,  // of these
  late_outbound,
  late_inbound,
  late_will_call,
  late_on_demand,  // minutes beyond what is tolerated
  ride_ratio,      // mean time on board over the direct ride
  load_spread,     // trips of the busiest driver minus those of the idlest
};
inline constexpr std::size_t gate_figures = 10;
constexpr std::array<std::string_view, gate_figures> enum_names(GateFigure) {
  return {"cost",         "wanted",         "on_time",        "unserved",   "late_outbound",
          "late_inbound", "late_will_call", "late_on_demand", "ride_ratio", "load_spread"};
}

struct PolicyDays {
  std::string name;
  std::array<std::vector<double>, gate_figures> figures;  // by GateFigure, then by day
  std::int64_t refused_decisions = 0;
  double decide_ms_p99 = 0;  // wall clock; everything else is the same on every machine

  std::vector<double> const& of(GateFigure figure) const { return figures[static_cast<std::size_t>(figure)]; }
  friend bool operator==(PolicyDays const&, PolicyDays const&) = default;
};

// All on the same days.
struct GateFamily {
  std::string name;
  std::vector<PolicyDays> candidates;  // by training seed
  std::vector<PolicyDays> rules;
  std::vector<double> clairvoyant;  // cents by day; empty when nobody asked
  friend bool operator==(GateFamily const&, GateFamily const&) = default;
};
PolicyDays policy_days(std::string policy, std::span<sim::PlayedDay const> days);

// The rule of the lowest mean cost; the first of equals.
std::size_t best_rule(GateFamily const& family);

// Share of the best rule's cost that the candidate saves, 1 - mean(candidate) / mean(rule): the means over training
// seeds and days. 95 % percentile interval of a paired bootstrap over both (2,000 replicates). The seeds that are drawn
// in a replicate are the same in every family, the days a family's own, so that a family's interval does not depend on
// which others are played.
struct Saving {
  double mean = 0;
  Interval ci95;
};
Saving saving_of(GateFamily const& family, std::uint64_t seed);
// The mean over families, each counting the same; days are resampled inside their family. Every family must have the
// same number of training seeds.
Saving overall_saving(std::span<GateFamily const> families, std::uint64_t seed);

// Share of what lies between insertion and perfect knowledge that the candidate saves. Nothing when the clairvoyant or
// insertion did not play, or when nothing lies between them.
std::optional<double> gap_closed(GateFamily const& family);

struct GateLimits {
  double worst_family = 0.01;            // share by which the candidate may be dearer than the best rule of one family
  std::optional<double> max_decide_ms;   // without: what the slowest rule of the family takes
  std::int64_t max_parameters = 25'000;  // of a model
};

// A promise to the people concerned. Broken in a family when the candidate is worse than its best rule, significantly
// (the 95 % interval of the paired difference lies above nothing) and by more than the largest of three tolerances.
struct GuardRail {
  GateFigure figure;
  std::string_view name, unit;
  double tolerated = 0;           // in the unit
  double tolerated_per_ride = 0;  // times the rides of a day
  double tolerated_share = 0;     // times the rule's own figure
};
std::span<GuardRail const> guard_rails();
double tolerance(GuardRail const& rail, GateFamily const& family);

// One thing that must hold. Where it is asked of every family, figure and limit are of the worst one.
struct GateCheck {
  std::string id;      // for programs
  std::string name;    // for people
  std::string unit;    // "share" for shares
  std::string family;  // empty: of all together
  double figure = 0;
  std::optional<Interval> ci95;
  double limit = 0;
  std::string must;  // "at least", "at most", "lower bound above"
  bool passed = true;
  std::vector<std::string> failed_in;  // families
  std::string skipped;                 // why nothing was checked; empty when it was
};

// A family's line in the table.
struct GateRow {
  std::string family, best_rule;
  double cost = 0, rule_cost = 0;  // cents a day
  Saving saving;
  std::optional<double> gap_closed;
  double unserved = 0, rule_unserved = 0;            // a day
  double on_time_share = 0, rule_on_time_share = 0;  // of rides asked for and not cancelled
  std::int64_t refused_decisions = 0;
  double decide_ms_p99 = 0, slowest_rule_decide_ms_p99 = 0;  // the slowest training's, the slowest rule's
};
GateRow row_of(GateFamily const& family, std::uint64_t seed);

struct GateVerdict {
  std::vector<GateRow> rows;
  Saving overall;
  std::vector<double> saving_by_candidate;  // over all families, each training by itself
  std::vector<GateCheck> checks;
  bool passed = false;  // every check
};
// `parameters`: of every candidate that is a model; empty when they are rules.
GateVerdict judge(std::span<GateFamily const> families, std::vector<std::int64_t> const& parameters,
                  GateLimits const& limits, std::uint64_t seed);
Json to_json(GateRow const& row);
Json to_json(GateVerdict const& verdict);

}  // namespace regulus::lab
