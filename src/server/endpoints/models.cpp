// Models: which ones may be asked, what a gate said of them, and the names under which they go.
//
// A model's bytes are kept by the server under their SHA-256, whoever brought them and from where: a file that somebody
// replaces later is not what was registered. Models are the whole installation's, so a token for some companies reads
// them and changes nothing.
#include <algorithm>
#include <filesystem>

#include "core/files.h"
#include "dispatch/learned/value_model.h"
#include "domain/json_reader.h"
#include "server/gate.h"
#include "server/server.h"
#include "store/hash.h"
#include "store/model_registry.h"

namespace regulus::server {

namespace {

constexpr std::uintmax_t largest_model = 1 << 20;  // bytes; 25,000 parameters are a tenth of it
constexpr std::string_view gate_format = "regulus-gate-1";

Json model_json(store::RegisteredModel const& model) {
  Json const* const families = model.gate.find("families");
  return Json::object(
      {{"id", model.id},
       {"name", model.name},
       {"sha256", model.sha256},
       {"gate", model.gate.is_null() ? Json()
                                     : Json::object({{"passed", has_passed(model.gate)},
                                                     {"families", families ? *families : Json::array()}})},
       {"created", instant_text(model.created_us)}});
}

Json alias_json(store::ModelAlias const& alias) {
  return Json::object({{"alias", alias.name}, {"model", alias.model}, {"version", alias.version}});
}

std::optional<Problem> only_for_all_companies(Call const& call) {
  if (!call.token.rights.companies) return std::nullopt;
  return Problem{
      .code = ProblemCode::forbidden,
      .detail = call.say("models are the whole installation's; ask with a token for all companies",
                         "les modèles sont ceux de toute l’installation\u202F; il faut un jeton pour toutes les "
                         "entreprises")};
}

// The record that `regulus gate` wrote beside the model (lab/gate_file.h): of these very bytes, with a verdict and the
// families it was made on. Kept as {"passed", "families": names, "record": as it was given}.
void read_gate(JsonReader const& at, std::string const& bytes, Json& out) {
  std::string format, verdict, checksum;
  std::int64_t size = 0;
  std::vector<std::string> families;
  for (std::string_view const key : {"format", "model", "verdict", "families"}) {
    if (!at.json().is_object() || !at.has(key)) {
      return at.fail(fmt::format("has no \"{}\"; give the file that `regulus gate` wrote beside the model", key));
    }
  }
  at.in("format", [&](JsonReader const& text) {
    text.value(format);
    if (format != gate_format) text.fail(fmt::format("is another format than {}", gate_format));
  });
  at.in("model", [&](JsonReader const& model) {
    if (!model.has("crc32c") || !model.has("bytes")) return model.fail("lacks \"crc32c\" or \"bytes\"");
    model.get("crc32c", checksum);
    model.get("bytes", size);
    std::string const ours = fmt::format("{:08x}", crc32c(bytes));
    if (checksum != ours || size != static_cast<std::int64_t>(bytes.size())) {
      model.fail(
          fmt::format("is of a model of {} bytes with checksum {}, and this one has {} and {}; give the record of "
                      "this model",
                      size, checksum, bytes.size(), ours));
    }
  });
  at.in("verdict", [&](JsonReader const& word) {
    word.value(verdict);
    if (verdict != "pass" && verdict != "fail") word.fail("is neither pass nor fail");
  });
  at.each("families", [&](JsonReader const& row) {
    if (!row.json().is_object() || !row.has("family")) return row.fail("has no \"family\"");
    row.get("family", families.emplace_back());
  });
  out = Json::object({{"passed", verdict == "pass"}, {"families", Json::array_of(families)}, {"record", at.json()}});
}

// The bytes of a file that is no pipe and no device, which might never end.
Result<std::string> read_model_file(std::string const& path) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed)) return invalid("is no file that this server can read");
  auto const size = std::filesystem::file_size(path, failed);
  if (failed || size > largest_model) return invalid(fmt::format("has more than {} bytes", largest_model));
  return read_file(path);
}

// Keeps the bytes under their hash, and takes them away again when they are no model. Errors: as load_value_model, and
// of the disk.
Status keep_model(std::filesystem::path const& path, std::string const& bytes) {
  std::error_code ignored;
  bool const was_there = std::filesystem::exists(path, ignored);
  if (Status const written = write_file(path, bytes); !written) return written;
  auto const model = dispatch::load_value_model(path);
  if (model) return ok();
  if (!was_there) std::filesystem::remove(path, ignored);
  // Where we keep it is nobody's business.
  std::string reason = model.error().message;
  std::string const where = path.string() + ": ";
  if (reason.starts_with(where)) reason.erase(0, where.size());
  return Error{ErrorKind::invalid, reason};
}

}  // namespace

Outcome list_models(Server&, Call const& call, store::Transaction& tx) {
  auto const page = page_of(call);
  if (auto const* problem = std::get_if<Problem>(&page)) return *problem;
  Page const& wanted = std::get<Page>(page);
  auto const models = store::list_models(tx, rows_after(wanted), wanted.limit);
  if (tx.failed()) return problem_of(tx.error());
  Json items = Json::array();
  for (store::RegisteredModel const& model : models) items.push_back(model_json(model));
  std::string const last = models.empty() ? "" : place_of(models.back().created_us, models.back().id);
  return page_response(call, wanted, std::move(items), last);
}

// {"name", "bytes_base64" or "path", "gate": the gate's record}.
Outcome register_model(Server& server, Call const& call, store::Transaction& tx) {
  if (auto problem = only_for_all_companies(call)) return *std::move(problem);
  Status status = ok();
  JsonReader const at(call.body, status, WholeNumbers::as_integers_only);
  std::string name, text, bytes;
  Json gate;
  at.keys({"name"}, {"bytes_base64", "path", "gate"});
  at.in("name", [&](JsonReader const& given) {
    given.value(name);
    if (name.empty() || name.size() > 200) given.fail("is no name of 1 to 200 bytes");
  });
  if (status && at.has("bytes_base64") == at.has("path")) {
    at.fail("has both or neither of bytes_base64 and path; give one of them");
  }
  at.in("bytes_base64", [&](JsonReader const& given) {
    given.value(text);
    auto const decoded = store::from_base64(text);
    if (!decoded || decoded->empty()) return given.fail("is no base 64 of a model file");
    bytes = *decoded;
  });
  at.in("path", [&](JsonReader const& given) {
    given.value(text);
    Result<std::string> read = read_model_file(text);
    if (!read) return given.fail(read.error().kind == ErrorKind::invalid ? read.error().message : "cannot be read");
    bytes = read.take();
  });
  at.in("gate", [&](JsonReader const& record) {
    if (!record.json().is_null()) read_gate(record, bytes, gate);
  });
  if (!status) return invalid_body(status.error());

  std::string const sha256 = store::hex_of(store::sha256(bytes));
  std::filesystem::path const kept = server.options().models / (sha256 + ".safetensors");
  if (Status const stored = keep_model(kept, bytes); !stored) {
    if (stored.error().kind != ErrorKind::invalid) return problem_of(stored.error());
    std::string const member = at.has("path") ? "path" : "bytes_base64";
    return invalid_member("/" + member, "no-model", fmt::format("{} is no model: {}", member, stored.error().message));
  }
  Result<store::RegisteredModel> const model = store::add_model(
      tx, {.name = name, .sha256 = sha256, .path = kept.string(), .gate = gate}, call.now, server.entropy());
  if (!model) return problem_of(model.error());
  Json const json = model_json(*model);
  server.record(tx, call, "model.register", "model/" + model->id, {}, json);
  Response response = json_response(201, json);
  response.headers.emplace_back("Location", "/api/v1/models/" + model->id);
  return response;
}

Outcome get_model(Server&, Call const& call, store::Transaction& tx) {
  Result<store::RegisteredModel> const model = store::load_model(tx, call.variable("model"));
  if (!model) return problem_of(model.error());
  return json_response(200, model_json(*model));
}

// What the gate measured, family by family, as it stands in its record.
Outcome model_evaluations(Server&, Call const& call, store::Transaction& tx) {
  Result<store::RegisteredModel> const model = store::load_model(tx, call.variable("model"));
  if (!model) return problem_of(model.error());
  Json items = Json::array();
  if (Json const* record = model->gate.find("record")) {
    Json const* const checks = record->find("checks");
    items.push_back(Json::object({{"kind", "gate"},
                                  {"passed", has_passed(model->gate)},
                                  {"families", *record->find("families")},
                                  {"checks", checks == nullptr ? Json::array() : *checks}}));
  }
  return json_response(200, Json::object({{"items", std::move(items)}, {"next", Json()}}));
}

Outcome list_aliases(Server&, Call const&, store::Transaction& tx) {
  Json items = Json::array();
  for (store::ModelAlias const& alias : store::list_aliases(tx)) items.push_back(alias_json(alias));
  if (tx.failed()) return problem_of(tx.error());
  return json_response(200, Json::object({{"items", std::move(items)}, {"next", Json()}}));
}

// Moves a name to a model. If-Match says from which version; a name that is new has none.
Outcome put_alias(Server& server, Call const& call, store::Transaction& tx) {
  if (auto problem = only_for_all_companies(call)) return *std::move(problem);
  std::string const& name = call.variable("alias");
  bool const well_named = !name.empty() && name.size() <= 40 && name.front() >= 'a' && name.front() <= 'z' &&
                          name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string::npos;
  if (!well_named) {
    return Problem{.code = ProblemCode::invalid_body,
                   .detail = call.say("a name is a small letter and up to 39 more of a-z, 0-9, _ and -",
                                      "un nom est une lettre minuscule suivie d’au plus 39 de a-z, 0-9, _ et -")};
  }
  Result<store::ModelAlias> const present = store::load_alias(tx, name);
  if (!present && present.error().kind != ErrorKind::not_found) return problem_of(present.error());
  std::int64_t const version = present ? present->version : 0;
  if (auto const problem = check_version(call, version, version > 0)) return *problem;
  Status status = ok();
  JsonReader const at(call.body, status, WholeNumbers::as_integers_only);
  std::string model;
  at.keys({"model"}, {});
  at.get("model", model);
  if (!status) return invalid_body(status.error());
  Result<store::ModelAlias> const alias = store::set_alias(tx, {.name = name, .model = model}, version);
  if (!alias && alias.error().kind == ErrorKind::not_found) {
    return invalid_member(
        "/model", "unknown-model",
        call.say(fmt::format("model {} does not exist; take one from /api/v1/models", model),
                 fmt::format("le modèle {} n’existe pas\u202F; prenez-en un de /api/v1/models", model)));
  }
  if (!alias) return problem_of(alias.error());
  server.record(tx, call, "model.alias", "alias/" + name, present ? alias_json(*present) : Json(), alias_json(*alias));
  return versioned_response(call, version == 0 ? 201 : 200, alias_json(*alias), alias->version);
}

}  // namespace regulus::server
