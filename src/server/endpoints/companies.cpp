// Companies: who is worked for, where the clock is theirs, and what they decided about their dispatch.
#include <algorithm>

#include "domain/json_reader.h"
#include "server/gate.h"
#include "server/server.h"
#include "server/settings.h"
#include "store/companies.h"
#include "store/model_registry.h"

namespace regulus::server {

namespace {

Json company_json(store::Company const& company) {
  return Json::object({{"id", company.id},
                       {"name", company.name},
                       {"time_zone", company.time_zone},
                       {"is_test", company.is_test},
                       {"scenario", company.scenario},
                       {"mode", store::enum_names(company.mode)[static_cast<std::size_t>(company.mode)]},
                       {"created", instant_text(company.created_us)},
                       {"version", company.version}});
}

struct CompanyFields {
  std::int64_t id = 0;
  std::string name, time_zone, scenario;
  bool is_test = false;
};

// What of a company a body may say; `known` are its keys.
void read_fields(JsonReader const& at, CompanyFields& out) {
  at.in("id", [&](JsonReader const& id) { id.integer(1, std::int64_t{1} << 53, out.id); });
  at.in("name", [&](JsonReader const& name) {
    name.value(out.name);
    if (out.name.empty() || out.name.size() > 200) name.fail("is no name of 1 to 200 bytes");
  });
  at.in("time_zone", [&](JsonReader const& zone) {
    zone.value(out.time_zone);
    if (!TimeZone::named(out.time_zone)) zone.fail("is no time zone; write one such as Europe/Zurich");
  });
  at.in("scenario", [&](JsonReader const& scenario) {
    scenario.value(out.scenario);
    if (out.scenario.size() > 200) scenario.fail("has more than 200 bytes");
  });
  at.get("is_test", out.is_test);
}

// As for raising the mode: a company that is no test needs a model that passed the gate for its kind of days.
std::optional<Problem> check_scenario(Call const& call, store::Transaction& tx, store::Company const& company,
                                      std::string const& wanted) {
  if (company.is_test || company.mode == store::Mode::off || !company.model_id) return std::nullopt;
  auto const model = store::load_model(tx, *company.model_id);
  if (model && has_passed_on(model->gate, wanted)) return std::nullopt;
  return Problem{
      .code = ProblemCode::gate_not_passed,
      .detail = call.say(fmt::format("model {} has no passed gate for days of \"{}\"; turn it off first, or choose one "
                                     "that has",
                                     *company.model_id, wanted),
                         fmt::format("le modèle {} n’a pas franchi le contrôle pour des journées de «\u00A0{}\u00A0»"
                                     "\u202F; désactivez-le d’abord, ou choisissez-en un qui l’a franchi",
                                     *company.model_id, wanted))};
}

}  // namespace

Outcome list_companies(Server&, Call const& call, store::Transaction& tx) {
  auto const page = page_of(call, CursorKind::number);
  if (auto const* problem = std::get_if<Problem>(&page)) return *problem;
  int const limit = std::get<Page>(page).limit;
  std::int64_t last = std::get<Page>(page).number;
  Json items = Json::array();
  bool more = true;
  // A token that is for some companies sees those only.
  while (more && items.as_array().size() < static_cast<std::size_t>(limit)) {
    auto const companies = store::list_companies(tx, last, limit);
    more = companies.size() == static_cast<std::size_t>(limit);
    for (store::Company const& company : companies) {
      if (items.as_array().size() == static_cast<std::size_t>(limit)) break;
      last = company.id;
      if (call.token.is_for(company.id)) items.push_back(company_json(company));
    }
  }
  if (tx.failed()) return problem_of(tx.error());
  return json_response(200, page_json(call, std::move(items), std::to_string(last), more));
}

Outcome create_company(Server& server, Call const& call, store::Transaction& tx) {
  Status status = ok();
  JsonReader const at(call.body, status, WholeNumbers::as_integers_only);
  CompanyFields fields;
  at.keys({"name", "time_zone"}, {"id", "is_test", "scenario"});
  read_fields(at, fields);
  if (!status) return invalid_body(status.error());
  if (fields.id == 0) {
    auto const highest = tx.integer("SELECT MAX(id) FROM companies");
    fields.id = highest.value_or(0) + 1;
  }
  // Whoever is for some companies only may not make another one appear under a number that is not his.
  if (call.token.rights.companies && !call.token.is_for(fields.id)) {
    return Problem{.code = ProblemCode::forbidden,
                   .detail = call.say("this token is for other companies", "ce jeton vaut pour d’autres entreprises")};
  }
  Result<store::Company> const made = store::add_company(tx,
                                                         {.id = fields.id,
                                                          .name = fields.name,
                                                          .time_zone = fields.time_zone,
                                                          .is_test = fields.is_test,
                                                          .scenario = fields.scenario,
                                                          .settings = to_json(CompanySettings{})},
                                                         call.now);
  if (!made) return problem_of(made.error());
  Json const json = company_json(*made);
  server.record(tx, call, "company.create", fmt::format("company/{}", made->id), {}, json);
  Response response = versioned_response(call, 201, json, made->version);
  response.headers.emplace_back("Location", fmt::format("/api/v1/companies/{}", made->id));
  return response;
}

Outcome get_company(Server&, Call const& call, store::Transaction& tx) {
  Result<store::Company> const company = store::load_company(tx, call.company);
  if (!company) return problem_of(company.error());
  return versioned_response(call, 200, company_json(*company), company->version);
}

// Whoever is decided for by a model stays with the kind of days whose gate it passed.
Outcome change_company(Server& server, Call const& call, store::Transaction& tx) {
  Result<store::Company> company = store::load_company(tx, call.company);
  if (!company) return problem_of(company.error());
  if (auto const problem = check_version(call, company->version, false)) return *problem;
  Status status = ok();
  JsonReader const at(call.body, status, WholeNumbers::as_integers_only);
  at.keys({}, {"name", "time_zone", "scenario"});
  CompanyFields fields{.id = 0, .name = company->name, .time_zone = company->time_zone, .scenario = company->scenario};
  read_fields(at, fields);
  if (!status) return invalid_body(status.error());
  if (fields.scenario != company->scenario) {
    if (auto problem = check_scenario(call, tx, *company, fields.scenario)) return *std::move(problem);
  }
  Json const before = company_json(*company);
  company->name = fields.name;
  company->time_zone = fields.time_zone;
  company->scenario = fields.scenario;
  Result<store::Company> const changed = store::update_company(tx, *company, company->version);
  if (!changed) return problem_of(changed.error());
  server.record(tx, call, "company.change", fmt::format("company/{}", call.company), before, company_json(*changed));
  return versioned_response(call, 200, company_json(*changed), changed->version);
}

Outcome get_settings(Server&, Call const& call, store::Transaction& tx) {
  Result<store::Company> const company = store::load_company(tx, call.company);
  if (!company) return problem_of(company.error());
  Result<CompanySettings> const settings = company_settings_of(company->settings);
  if (!settings) return problem_of(settings.error());
  return versioned_response(call, 200, to_json(*settings), company->version);
}

Outcome put_settings(Server& server, Call const& call, store::Transaction& tx) {
  Result<store::Company> company = store::load_company(tx, call.company);
  if (!company) return problem_of(company.error());
  if (auto const problem = check_version(call, company->version, false)) return *problem;
  Result<CompanySettings> const settings = company_settings_of(call.body);
  if (!settings) return invalid_body(settings.error());
  Json const before = company->settings;
  company->settings = to_json(*settings);
  Result<store::Company> const changed = store::update_company(tx, *company, company->version);
  if (!changed) return problem_of(changed.error());
  server.record(tx, call, "company.settings", fmt::format("company/{}", call.company), before, company->settings);
  return versioned_response(call, 200, company->settings, changed->version);
}

}  // namespace regulus::server
