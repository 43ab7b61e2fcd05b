// What the gate keeps on disk: days that were played, and the verdict beside a model.
//
// Results ("regulus-gate-results-2"): what each policy earned on the days of each family that it played to its end, and
// the settings that the figures depend on. A run of the same settings goes on from there and comes to the same verdict,
// to the bit, wall clock aside; another candidate meets the same rules without playing them again. A run of other
// settings refuses the file and leaves it as it is.
//
// A gate record ("regulus-gate-1") stands beside a model as `<model>.gate.json`. It names the very bytes that were
// judged, so that whoever activates a model can check that this file, and not one of the same name, has passed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/result.h"
#include "lab/gate.h"

namespace regulus::lab {

// A policy that stands as candidate: a model's file, or a rule.
struct GateCandidate {
  std::string policy = {};  // as dispatch::make_policy knows it
  std::string file = {};    // empty: a rule, and nothing below
  std::string crc32c = {};  // of the whole file, eight hexadecimal digits
  std::int64_t bytes = 0;
  std::int64_t parameters = 0;
  bool is_model() const { return !file.empty(); }
};
// `word` is a model file (FILE.safetensors or dqn:FILE) or the name of a policy, which is not looked up here.
// Errors: not_found, io, corrupt.
Result<GateCandidate> gate_candidate(std::string const& word);

// Whether a model has no opinion on days of this family: then it plays lns_futures, decision by decision.
Result<bool> says_nothing_of(GateCandidate const& candidate, std::string_view family);

// What was asked of the gate.
struct GateSettings {
  std::string version;  // of the program
  std::vector<GateCandidate> candidates;
  std::vector<std::string> rules;
  std::int64_t days = 0;
  std::uint64_t seed = 0;
  std::int64_t iterations = 0;
  int futures = 0;
  std::int64_t clairvoyant = 0;
};
Json to_json(GateSettings const& settings);

// Days that were played, of any policies on any families; all of the same settings, whose candidates and rules do not
// matter here.
struct GateResults {
  struct Played {
    std::string family;
    std::string crc32c;  // of a model, which is known by it and not by its name; empty: a rule
    PolicyDays days;
    friend bool operator==(Played const&, Played const&) = default;
  };
  struct Clairvoyant {
    std::string family;
    std::vector<double> cents;  // by day
    friend bool operator==(Clairvoyant const&, Clairvoyant const&) = default;
  };
  std::vector<Played> played;
  std::vector<Clairvoyant> clairvoyant;

  // Nothing when it has not been played.
  PolicyDays const* find(std::string_view family, GateCandidate const& policy) const;
  std::vector<double> const* find_clairvoyant(std::string_view family) const;
  friend bool operator==(GateResults const&, GateResults const&) = default;
};

std::string gate_results_text(GateSettings const& settings, GateResults const& results);
// Errors: corrupt (no such file, cut off, changed), invalid (other settings, naming the first that differs).
Result<GateResults> parse_gate_results(std::string_view text, GateSettings const& settings);

// Where the record of a model goes.
std::filesystem::path gate_record_path(std::filesystem::path const& model);
// `settings.candidates[candidate]` is a model.
Json gate_record(GateSettings const& settings, std::size_t candidate, GateVerdict const& verdict);

}  // namespace regulus::lab
