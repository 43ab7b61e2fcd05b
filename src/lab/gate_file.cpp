#include "lab/gate_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/files.h"
#include "dispatch/learned/value_model.h"
#include "domain/json_reader.h"
#include "nn/model_file.h"

namespace regulus::lab {

namespace {

constexpr std::string_view results_format = "regulus-gate-results-1";
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

Json to_json(GateFamily const& family) {
  auto const list = [](std::vector<PolicyDays> const& policies) {
    Json json = Json::array();
    for (PolicyDays const& policy : policies) json.push_back(to_json(policy));
    return json;
  };
  return Json::object({{"family", family.name},
                       {"candidates", list(family.candidates)},
                       {"rules", list(family.rules)},
                       {"clairvoyant", Json::array_of(family.clairvoyant)}});
}

void read(JsonReader const& at, std::size_t days, std::vector<double>& numbers) {
  at.items([&](JsonReader const& item) { item.value(numbers.emplace_back()); });
  if (numbers.size() != days) at.fail(fmt::format("has {} numbers; there are {} days", numbers.size(), days));
}

void read(JsonReader const& at, std::size_t days, PolicyDays& policy) {
  at.keys({"policy", "figures", "refused_decisions", "timing"}, {});
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

void read(JsonReader const& at, std::size_t days, std::vector<std::string> const& names,
          std::vector<PolicyDays>& policies) {
  at.items([&](JsonReader const& item) { read(item, days, policies.emplace_back()); });
  std::vector<std::string> found;
  for (PolicyDays const& policy : policies) found.push_back(policy.name);
  if (found != names)
    at.fail(fmt::format("is of {}; the settings name {}", fmt::join(found, ", "), fmt::join(names, ", ")));
}

void read(JsonReader const& at, GateSettings const& settings, GateFamily& family) {
  at.keys({"family", "candidates", "rules", "clairvoyant"}, {});
  auto const days = static_cast<std::size_t>(settings.days);
  std::vector<std::string> candidates;
  for (GateCandidate const& candidate : settings.candidates) candidates.push_back(candidate.policy);
  at.get("family", family.name);
  at.in("candidates", [&](JsonReader const& list) { read(list, days, candidates, family.candidates); });
  at.in("rules", [&](JsonReader const& list) { read(list, days, settings.rules, family.rules); });
  at.in("clairvoyant",
        [&](JsonReader const& list) { read(list, settings.clairvoyant > 0 ? days : 0, family.clairvoyant); });
}

Error damaged(std::string const& how) { return {ErrorKind::corrupt, how + "; it is damaged"}; }

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

std::string gate_results_text(GateSettings const& settings, std::vector<GateFamily> const& families) {
  Json list = Json::array();
  for (GateFamily const& family : families) list.push_back(to_json(family));
  Json document =
      Json::object({{"format", results_format}, {"settings", to_json(settings)}, {"families", std::move(list)}});
  document[checksum_key] = checksum(document.dump());
  return document.dump() + "\n";
}

Result<std::vector<GateFamily>> parse_gate_results(std::string_view text, GateSettings const& settings) {
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
  if (Status const same = same_settings(*of, to_json(settings)); !same) return same.error();

  // 3. The families.
  Status status = ok();
  JsonReader const at(*json, status);
  std::vector<GateFamily> families;
  at.keys({"format", "settings", "families"}, {});
  at.each("families", [&](JsonReader const& item) { read(item, settings, families.emplace_back()); });
  if (!status) return damaged(status.error().message);
  for (std::size_t i = 0; i < families.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (families[i].name == families[j].name) return damaged(families[i].name + " is there twice");
    }
  }
  return families;
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
