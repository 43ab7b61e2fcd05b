// Companies: for whom vehicles are dispatched, and how far the learned policy may go there.
//
// `version` guards what people configure; `mode_version` guards the switch of the learned policy alone, so that turning
// it off never fails because somebody renamed the company.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "store/sqlite.h"

namespace regulus::store {

enum class Mode : std::uint8_t {
  off,           // rules decide
  shadow,        // rules decide, the model is asked and written down
  suggest_only,  // people decide about what the model suggests
  on,            // the model decides
};
constexpr std::array<std::string_view, 4> enum_names(Mode) { return {"off", "shadow", "suggest_only", "on"}; }

struct Company {
  std::int64_t id = 0;
  std::string name{};
  std::string time_zone{};  // IANA: "Europe/Zurich"
  bool is_test = false;     // simulated; nobody waits for a vehicle
  std::string scenario{};   // of a test company; otherwise empty
  Json settings = Json::object();
  Mode mode = Mode::off;
  std::optional<std::string> model_id{};
  std::int64_t mode_version = 1;
  std::int64_t mode_since_us = 0;
  std::optional<std::string> fallback_reason{};  // the rules decide instead of the model at the moment, and why
  std::optional<std::int64_t> fallback_since_us{};
  std::int64_t version = 1;
  std::int64_t created_us = 0;
  friend bool operator==(Company const&, Company const&) = default;
};

// Writes id, name, time_zone, is_test, scenario and settings; the mode is off. Errors: conflict when the id is taken,
// invalid for an id below 1.
Result<Company> add_company(Transaction& tx, Company const& company, std::int64_t now_us);
Result<Company> load_company(Transaction& tx, std::int64_t id);
// By id, those after `after`.
std::vector<Company> list_companies(Transaction& tx, std::int64_t after, int limit);

// Writes name, time_zone, scenario and settings. Errors: not_found, conflict.
Result<Company> update_company(Transaction& tx, Company const& company, std::optional<std::int64_t> expected_version);

struct ModeChange {
  std::int64_t company = 0;
  Mode mode = Mode::off;
  std::optional<std::string> model_id{};  // of the registry; needed unless the mode is off
};
// Also ends a fallback. Errors: not_found (company or model), conflict (of mode_version), invalid (no model).
Result<Company> set_mode(Transaction& tx, ModeChange const& change, std::optional<std::int64_t> expected_mode_version,
                         std::int64_t now_us);

// Notes that the rules decide for a while and why, or (none) that the model does again. The first reason and its time
// stay until then. Leaves both versions as they are.
Result<Company> set_fallback(Transaction& tx, std::int64_t company, std::optional<std::string> const& reason,
                             std::int64_t now_us);

}  // namespace regulus::store
