// Models that may be used, and the names under which they are asked for.
//
// The file of a model stays a file; the registry knows its path, the SHA-256 of its bytes and the record of the gate it
// passed. A model never changes; an alias ("champion") is moved from one to the next.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "store/ids.h"
#include "store/rows.h"
#include "store/sqlite.h"

namespace regulus::store {

struct RegisteredModel {
  std::string id{};  // "mdl_01J…"
  std::string name{};
  std::string sha256{};  // 64 digits
  std::string path{};
  Json gate{};  // null: it passed none
  std::int64_t created_us = 0;
  friend bool operator==(RegisteredModel const&, RegisteredModel const&) = default;
};

// Gives it an id. Errors: invalid for a sha256 that is none, conflict when these bytes are registered already.
Result<RegisteredModel> add_model(Transaction& tx, RegisteredModel model, std::int64_t now_us, Entropy const& entropy);
Result<RegisteredModel> load_model(Transaction& tx, std::string const& id);
// By (created_us, id).
std::vector<RegisteredModel> list_models(Transaction& tx, Cursor<std::string> const& after, int limit);

struct ModelAlias {
  std::string name{};
  std::string model{};       // its id
  std::int64_t version = 0;  // 0: there is no such alias yet
  friend bool operator==(ModelAlias const&, ModelAlias const&) = default;
};
// Expecting version 0 is expecting that there is none. Errors: not_found (model), conflict.
Result<ModelAlias> set_alias(Transaction& tx, ModelAlias const& alias, std::optional<std::int64_t> expected_version);
Result<ModelAlias> load_alias(Transaction& tx, std::string const& name);
// By name.
std::vector<ModelAlias> list_aliases(Transaction& tx);

}  // namespace regulus::store
