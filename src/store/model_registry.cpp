#include "store/model_registry.h"

namespace regulus::store {
namespace {

constexpr std::string_view select = "SELECT id, name, sha256, path, gate, created FROM models";

RegisteredModel model_from(Transaction& tx, Row const& row) {
  return {.id = row.text(0),
          .name = row.text(1),
          .sha256 = row.text(2),
          .path = row.text(3),
          .gate = json_of(tx, row.text(4)),
          .created_us = row.integer(5)};
}

}  // namespace

Result<RegisteredModel> add_model(Transaction& tx, RegisteredModel model, std::int64_t now_us, Entropy const& entropy) {
  if (model.sha256.size() != 64 || model.sha256.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return invalid(fmt::format("sha256: '{}' is not 64 digits in lower case", model.sha256));
  }
  if (auto const present = tx.text("SELECT id FROM models WHERE sha256 = ?", {model.sha256})) {
    return Error{ErrorKind::conflict, "the same bytes are registered as model " + *present};
  }
  model.id = make_id("mdl", now_us, entropy);
  model.created_us = now_us;
  std::string const gate = model.gate.dump();
  tx.run("INSERT INTO models VALUES (?, ?, ?, ?, ?, ?)",
         {model.id, model.name, model.sha256, model.path, gate, now_us});
  return checked(tx, std::move(model));
}

Result<RegisteredModel> load_model(Transaction& tx, std::string const& id) {
  std::optional<RegisteredModel> found;
  tx.query(fmt::format("{} WHERE id = ?", select), {id}, [&](Row const& row) { found = model_from(tx, row); });
  return found_or(tx, std::move(found), "model " + id);
}

std::vector<RegisteredModel> list_models(Transaction& tx, Cursor<std::string> const& after, int limit) {
  std::vector<RegisteredModel> models;
  tx.query(fmt::format("{} WHERE (created, id) > (?, ?) ORDER BY created, id LIMIT ?", select),
           {after.at_us, after.id, rows_of_page(limit)},
           [&](Row const& row) { models.push_back(model_from(tx, row)); });
  return models;
}

Result<ModelAlias> load_alias(Transaction& tx, std::string const& name) {
  std::optional<ModelAlias> found;
  tx.query("SELECT name, model, version FROM model_aliases WHERE name = ?", {name}, [&](Row const& row) {
    found = ModelAlias{row.text(0), row.text(1), row.integer(2)};
  });
  return found_or(tx, std::move(found), "model alias " + name);
}

Result<ModelAlias> set_alias(Transaction& tx, ModelAlias const& alias, std::optional<std::int64_t> expected_version) {
  Result<RegisteredModel> const model = load_model(tx, alias.model);
  if (!model) return model.error();
  std::int64_t const version = tx.integer("SELECT version FROM model_aliases WHERE name = ?", {alias.name}).value_or(0);
  Status const same = check_version("model alias " + alias.name, version, expected_version);
  if (!same) return same.error();
  tx.run(
      "INSERT INTO model_aliases VALUES (?, ?, 1) ON CONFLICT (name) DO UPDATE SET model = excluded.model, "
      "version = model_aliases.version + 1",
      {alias.name, alias.model});
  return load_alias(tx, alias.name);
}

std::vector<ModelAlias> list_aliases(Transaction& tx) {
  std::vector<ModelAlias> aliases;
  tx.query("SELECT name, model, version FROM model_aliases ORDER BY name", {}, [&](Row const& row) {
    aliases.push_back({row.text(0), row.text(1), row.integer(2)});
  });
  return aliases;
}

}  // namespace regulus::store
