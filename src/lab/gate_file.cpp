#include "lab/gate_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/files.h"
#include "dispatch/learned/value_model.h"
#include "domain/json_reader.h"
#include "nn/model_file.h"

namespace regulus::lab {

namespace {

constexpr std::string_view results_format = "regulus-gate-results-2";
constexpr std::string_view record_format = "regulus-gate-1";
constexpr std::string_view checksum_key = "crc32c";

std::string checksum(std::string_view bytes) { return fmt::format("{:08x}", crc32c(bytes)); }

Json to_json(PolicyDays const& policy) {
  Json figures = Json::object();
  auto const names = enum_names(GateFigure{});
  for (std::size_t i = 0; i < gate_figures; ++i) figures[names[i]] = Json::array_of(policy.figures[i]);
  return Json::object({{"policy", policy.name},
                       {"figures", std::move(figures)},
                       {"refused_decisions", policy.refused_decisions},
                       {"timing", Json::object({{"decide_ms_p99", policy.decide_ms_p99}})}});
}

Json to_json(GateResults::Played const& played) {
  Json json = Json::object({{"family", played.family}});
  if (!played.crc32c.empty()) json[checksum_key] = played.crc32c;
  Json const days = to_json(played.days);
  for (auto const& [key, value] : days.as_object()) json[key] = value;
  return json;
}

Json to_json(GateResults::Clairvoyant const& clairvoyant) {
  return Json::object({{"family", clairvoyant.family}, {"cents", Json::array_of(clairvoyant.cents)}});
}

void read(JsonReader const& at, std::size_t days, std::vector<double>& numbers) {
  at.items([&](JsonReader const& item) { item.value(numbers.emplace_back()); });
  if (numbers.size() != days) at.fail(fmt::format("has {} numbers; there are {} days", numbers.size(), days));
}

void read(JsonReader const& at, std::size_t days, GateResults::Played& played) {
  PolicyDays& policy = played.days;
  at.keys({"family", "policy", "figures", "refused_decisions", "timing"}, {checksum_key});
  at.get("family", played.family);
  if (at.has(checksum_key)) at.get(checksum_key, played.crc32c);
  at.get("policy", policy.name);
  at.get("refused_decisions", policy.refused_decisions);
  at.in("timing", [&](JsonReader const& timing) {
    timing.keys({"decide_ms_p99"}, {});
    timing.get("decide_ms_p99", policy.decide_ms_p99);
  });
  at.in("figures", [&](JsonReader const& figures) {
    auto const names = enum_names(GateFigure{});
    for (std::size_t i = 0; i < gate_figures; ++i) {
      if (!figures.has(names[i])) return figures.fail(fmt::format("has no \"{}\"", names[i]));
      figures.in(names[i], [&](JsonReader const& numbers) { read(numbers, days, policy.figures[i]); });
    }
  });
}

void read(JsonReader const& at, std::size_t days, GateResults::Clairvoyant& clairvoyant) {
  at.keys({"family", "cents"}, {});
  at.get("family", clairvoyant.family);
  at.in("cents", [&](JsonReader const& numbers) { read(numbers, days, clairvoyant.cents); });
}

bool same_days(GateResults::Played const& a, GateResults::Played const& b) {
  bool const same_policy = a.crc32c.empty() && b.crc32c.empty() ? a.days.name == b.days.name : a.crc32c == b.crc32c;
  return a.family == b.family && same_policy;
}

Error damaged(std::string const& how) { return {ErrorKind::corrupt, how + "; it is damaged"}; }

// What the figures of a policy's days depend on.
Json days_json(GateSettings const& settings) {
  return Json::object({{"version", settings.version},
                       {"days", settings.days},
                       {"seed", settings.seed},
                       {"iterations", settings.iterations},
                       {"futures", settings.futures},
                       {"clairvoyant", settings.clairvoyant}});
}

// The first setting that differs.
Status same_settings(Json const& there, Json const& here) {
  for (auto const& [key, value] : here.as_object()) {
    Json const* other = there.find(key);
    if (other != nullptr && *other == value) continue;
    return invalid(fmt::format("{} = {} there and {} here; name another file, or repeat what that run was asked", key,
                               other == nullptr ? "nothing" : other->dump(), value.dump()));
  }
  return ok();
}

Json candidate_json(GateCandidate const& candidate) {
  Json json = Json::object({{"policy", candidate.policy}});
  if (!candidate.is_model()) return json;
  json["crc32c"] = candidate.crc32c;
  json["bytes"] = candidate.bytes;
  json["parameters"] = candidate.parameters;
  return json;
}

}  // namespace

Result<GateCandidate> gate_candidate(std::string const& word) {
  constexpr std::string_view prefix = "dqn:";
  GateCandidate candidate;
  bool const named = word.starts_with(prefix);
  if (!named && !word.ends_with(".safetensors")) {
    candidate.policy = word;
    return candidate;
  }
  candidate.file = named ? word.substr(prefix.size()) : word;
  candidate.policy = std::string(prefix) + candidate.file;
  Result<std::string> const bytes = read_file(candidate.file);
  if (!bytes) return bytes.error();
  Result<nn::ModelFile> const model = nn::decode_safetensors(*bytes);
  if (!model) return model.error().in(candidate.file);
  candidate.crc32c = checksum(*bytes);
  candidate.bytes = static_cast<std::int64_t>(bytes->size());
  for (nn::Tensor const& tensor : model->tensors)
    candidate.parameters += static_cast<std::int64_t>(tensor.values.size());
  return candidate;
}

Result<bool> says_nothing_of(GateCandidate const& candidate, std::string_view family) {
  if (!candidate.is_model()) return false;
  Result<nn::ModelFile> const file = nn::read_model(candidate.file);
  if (!file) return file.error();
  Result<dispatch::ValueNetwork> const value = dispatch::decode_network(*file);
  if (!value) return value.error().in(candidate.file);
  return value->trust.in(family) == 0;
}

Json to_json(GateSettings const& settings) {
  Json candidates = Json::array();
  for (GateCandidate const& candidate : settings.candidates) candidates.push_back(candidate_json(candidate));
  return Json::object({{"version", settings.version},
                       {"candidates", std::move(candidates)},
                       {"rules", Json::array_of(settings.rules)},
                       {"days", settings.days},
                       {"seed", settings.seed},
                       {"iterations", settings.iterations},
                       {"futures", settings.futures},
                       {"clairvoyant", settings.clairvoyant}});
}

PolicyDays const* GateResults::find(std::string_view family, GateCandidate const& policy) const {
  auto const found = std::ranges::find_if(played, [&](Played const& p) {
    return p.family == family && p.crc32c == policy.crc32c && (policy.is_model() || p.days.name == policy.policy);
  });
  return found == played.end() ? nullptr : &found->days;
}

std::vector<double> const* GateResults::find_clairvoyant(std::string_view family) const {
  auto const found = std::ranges::find(clairvoyant, family, &Clairvoyant::family);
  return found == clairvoyant.end() ? nullptr : &found->cents;
}

std::string gate_results_text(GateSettings const& settings, GateResults const& results) {
  Json played = Json::array(), clairvoyant = Json::array();
  for (GateResults::Played const& p : results.played) played.push_back(to_json(p));
  for (GateResults::Clairvoyant const& c : results.clairvoyant) clairvoyant.push_back(to_json(c));
  Json document = Json::object({{"format", results_format},
                                {"settings", days_json(settings)},
                                {"played", std::move(played)},
                                {"clairvoyant", std::move(clairvoyant)}});
  document[checksum_key] = checksum(document.dump());
  return document.dump() + "\n";
}

Result<GateResults> parse_gate_results(std::string_view text, GateSettings const& settings) {
  // 1. Whole and unchanged? The checksum is of everything before it.
  Result<Json> json = parse_json(text);
  if (!json) return damaged(json.error().message);
  Json const* format = json->find("format");
  if (format == nullptr || !format->is_string() || format->as_string() != results_format)
    return damaged(fmt::format("format is not {}", results_format));
  Json const* stored = json->find(checksum_key);
  std::string const said = stored != nullptr && stored->is_string() ? stored->as_string() : "";
  std::erase_if(json->as_object(), [](auto const& member) { return member.first == checksum_key; });
  if (said != checksum(json->dump())) return damaged("the checksum does not fit");

  // 2. Of the same question?
  Json const* of = json->find("settings");
  if (of == nullptr) return damaged("settings are missing");
  if (Status const same = same_settings(*of, days_json(settings)); !same) return same.error();

  // 3. The days.
  auto const days = static_cast<std::size_t>(settings.days);
  Status status = ok();
  JsonReader const at(*json, status);
  GateResults results;
  at.keys({"format", "settings", "played", "clairvoyant"}, {});
  at.each("played", [&](JsonReader const& item) { read(item, days, results.played.emplace_back()); });
  at.each("clairvoyant", [&](JsonReader const& item) { read(item, days, results.clairvoyant.emplace_back()); });
  if (!status) return damaged(status.error().message);
  for (std::size_t i = 0; i < results.played.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (same_days(results.played[i], results.played[j]))
        return damaged(fmt::format("{} is there twice in {}", results.played[i].days.name, results.played[i].family));
    }
  }
  for (std::size_t i = 0; i < results.clairvoyant.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (results.clairvoyant[i].family == results.clairvoyant[j].family)
        return damaged(results.clairvoyant[i].family + " is there twice");
    }
  }
  return results;
}

std::filesystem::path gate_record_path(std::filesystem::path const& model) {
  std::filesystem::path path = model;
  path += ".gate.json";
  return path;
}

Json gate_record(GateSettings const& settings, std::size_t candidate, GateVerdict const& verdict) {
  GateCandidate const& model = settings.candidates.at(candidate);
  Json json = Json::object({{"format", record_format},
                            {"model", Json::object({{"file", std::filesystem::path(model.file).filename().string()},
                                                    {"crc32c", model.crc32c},
                                                    {"bytes", model.bytes},
                                                    {"parameters", model.parameters}})},
                            {"saving_of_model", verdict.saving_by_candidate.at(candidate)}});
  Json const figures = to_json(verdict);
  for (auto const& [key, value] : figures.as_object()) json[key] = value;
  json["settings"] = to_json(settings);
  return json;
}

}  // namespace regulus::lab
