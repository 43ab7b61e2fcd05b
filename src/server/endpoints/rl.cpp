// The switch: who decides for a company, and how that goes.
//
// Off works at once for whoever has the scope, without a condition, a version or an approval; it holds in this process
// from the moment it is asked for, even when the disk refuses to keep it. Raising the mode needs a model that passed
// the gate for the company's kind of days, or a company marked is_test.
#include <algorithm>

#include "domain/json_reader.h"
#include "server/gate.h"
#include "server/live.h"
#include "server/server.h"
#include "store/audit_log.h"
#include "store/counters.h"
#include "store/model_registry.h"

namespace regulus::server {

namespace {

constexpr Instant quarter_hour = 15 * 60 * one_second;
constexpr std::string_view champion = "champion";

std::string_view name_of(store::Mode mode) { return store::enum_names(mode)[static_cast<std::size_t>(mode)]; }

Json gate_of(store::Transaction& tx, std::optional<std::string> const& model) {
  if (!model) return {};
  auto const registered = store::load_model(tx, *model);
  return registered ? registered->gate : Json();
}

struct Wish {
  store::Mode mode = store::Mode::off;
  std::optional<std::string> model;
  std::string reason;
  std::optional<std::int64_t> company;  // that the body names
};

bool may_turn(Call const& call, store::Mode mode) {
  return call.token.has_scope("rl:write") || (mode == store::Mode::off && call.token.has_scope("rl:off"));
}

// Changes the mode in the transaction, or says why not.
Outcome change_mode(Server& server, Call const& call, store::Transaction& tx, Wish const& wish) {
  Result<store::Company> const company = store::load_company(tx, call.company);
  if (!company) return problem_of(company.error());
  bool const off = wish.mode == store::Mode::off;
  if (!may_turn(call, wish.mode)) {
    return Problem{.code = ProblemCode::forbidden,
                   .detail = call.say(off ? "it lacks the scope rl:off" : "it lacks the scope rl:write",
                                      off ? "il lui manque la portée rl:off" : "il lui manque la portée rl:write")};
  }
  // Off knows no condition, and holds in this process since turn_off_at_once.
  if (!off) {
    if (auto const problem = check_version(call, company->mode_version, false)) return *problem;
  }
  // Which model: the one named, the company's, or the champion.
  std::optional<std::string> model = wish.model ? wish.model : company->model_id;
  if (!model && !off) {
    if (auto const alias = store::load_alias(tx, std::string(champion)); alias && alias->version > 0)
      model = alias->model;
  }
  if (!off && !model) {
    return Problem{
        .code = ProblemCode::gate_not_passed,
        .detail = call.say("no model is chosen; register one and name it as model_id, or give it the alias "
                           "champion",
                           "aucun modèle n’est choisi\u202F; enregistrez-en un et nommez-le par model_id, ou "
                           "donnez-lui l’alias champion")};
  }
  bool const raises = wish.mode > company->mode || (!off && model != company->model_id);
  if (raises && !company->is_test) {
    Json const gate = gate_of(tx, model);
    if (!has_passed_on(gate, company->scenario)) {
      return Problem{
          .code = ProblemCode::gate_not_passed,
          .detail = call.say(
              fmt::format("model {} has no passed gate for days of \"{}\"; run regulus gate and register its "
                          "result, or try the model at a company marked is_test",
                          *model, company->scenario),
              fmt::format("le modèle {} n’a pas franchi le contrôle pour des journées de «\u00A0{}\u00A0»\u202F; "
                          "lancez regulus gate et enregistrez son résultat, ou essayez le modèle dans une "
                          "entreprise marquée is_test",
                          *model, company->scenario))};
    }
  }
  if (!off) {
    // A model that cannot be loaded is not switched on.
    Result<Arm> const arm = server.candidate(tx, *model);
    if (!arm) return conflict(arm.error().message);
  }
  auto const described = [&](store::Company const& c) {
    return Json::object({{"mode", name_of(c.mode)},
                         {"model_id", c.model_id ? Json(*c.model_id) : Json()},
                         {"fallback", c.fallback_reason ? Json(*c.fallback_reason) : Json()}});
  };
  bool const same = company->mode == wish.mode && !company->fallback_reason && (off || model == company->model_id);
  store::Company now = *company;
  if (!same) {
    auto const changed =
        store::set_mode(tx, {.company = call.company, .mode = wish.mode, .model_id = off ? company->model_id : model},
                        std::nullopt, call.now);
    if (!changed) return problem_of(changed.error());
    now = *changed;
    server.record(tx, call, "rl.mode", fmt::format("company/{}/rl", call.company), described(*company), described(now),
                  wish.reason);
    server.tell(tx, call.company, "rl.mode_changed", described(now), call.now);
  }
  // From the commit on the row says it; until then, and if there is none, the process remembers.
  call.after_commit.emplace_back([&server, id = call.company, upto = call.offs_asked] { server.lift_off(id, upto); });
  Json json = Json::object({{"company_id", now.id},
                            {"enabled", now.mode != store::Mode::off},
                            {"mode", name_of(now.mode)},
                            {"stage", name_of(now.mode)},
                            {"model_id", now.model_id ? Json(*now.model_id) : Json()},
                            {"version", now.mode_version},
                            {"changed", !same},
                            {"effective_at", instant_text(same ? now.mode_since_us : call.now)},
                            {"decided_by", call.token.id},
                            {"reason", wish.reason}});
  return versioned_response(call, 200, json, now.mode_version);
}

// "mode", "model_id" and "reason" of a body.
void read_wish(JsonReader const& at, Wish& wish) {
  at.in("mode", [&](JsonReader const& mode) { mode.value(wish.mode); });
  at.in("model_id", [&](JsonReader const& model) {
    std::string id;
    model.value(id);
    wish.model = id;
  });
  at.in("reason", [&](JsonReader const& reason) {
    reason.value(wish.reason);
    if (wish.reason.size() > 500) reason.fail("has more than 500 bytes");
  });
}

// The body of PUT …/rl.
std::variant<Wish, Problem> wish_for_company(Call const& call) {
  Status status = ok();
  Wish wish;
  JsonReader const at(call.body, status, WholeNumbers::as_integers_only);
  at.keys({"mode"}, {"model_id", "reason"});
  read_wish(at, wish);
  if (!status) return invalid_body(status.error());
  if (wish.mode != store::Mode::off && call.request.header("if-match") == nullptr) {
    return Problem{.code = ProblemCode::precondition_required};
  }
  return wish;
}

// {"enabled": true, "company_id": 1}, to the letter, and what the runbook came to need: mode, model_id, reason.
std::variant<Wish, Problem> wish_of_toggle(Call const& call) {
  Status status = ok();
  bool enabled = false;
  Wish wish{.mode = store::Mode::on, .model = {}, .reason = "", .company = {}};
  JsonReader const at(call.body, status, WholeNumbers::as_integers_only);
  at.keys({"enabled"}, {"company_id", "mode", "model_id", "reason"});
  at.get("enabled", enabled);
  at.in("company_id", [&](JsonReader const& id) {
    std::int64_t number = 0;
    if (id.integer(1, std::int64_t{1} << 53, number)) wish.company = number;
  });
  read_wish(at, wish);
  if (!status) {
    // A body that is no such body is a 400 here, as the predecessor's clients expect it.
    Problem problem = invalid_body(status.error());
    problem.code = ProblemCode::invalid_request;
    return problem;
  }
  if (enabled && wish.mode == store::Mode::off) {
    Problem problem =
        invalid_member("/mode", "contradiction",
                       call.say("mode = off contradicts enabled = true", "mode = off contredit enabled = true"));
    problem.code = ProblemCode::invalid_request;
    return problem;
  }
  if (!enabled) wish.mode = store::Mode::off;
  return wish;
}

std::int64_t counted(std::vector<store::Counter> const& counters, std::string_view name) {
  auto const found = std::ranges::find(counters, name, &store::Counter::name);
  return found == counters.end() ? 0 : found->value;
}

std::string percent(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? "0.0%" : fmt::format("{:.1f}%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

double ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// Everything from rows that survive a restart.
Outcome told_status(Server& server, Call const& call, bool forced, store::Transaction& tx) {
  Result<store::Company> const company = store::load_company(tx, call.company);
  if (!company) return problem_of(company.error());
  store::Company const& c = *company;
  auto const counters = store::counters_of(tx, c.id);
  bool const loaded = c.model_id && server.candidate(tx, *c.model_id);
  Json model, path;
  if (c.model_id) {
    if (auto const registered = store::load_model(tx, *c.model_id)) {
      model = Json::object({{"id", registered->id},
                            {"name", registered->name},
                            {"sha256", registered->sha256},
                            {"path", registered->path},
                            {"gate", registered->gate}});
      if (loaded) path = registered->path;
    }
  }
  std::int64_t asked = 0, replaced = 0;
  tx.query(
      "SELECT COUNT(*), COUNT(fallback_reason) FROM decisions WHERE company = ? AND at > ? AND (arm = 'model' OR "
      "fallback_reason IS NOT NULL)",
      {c.id, call.now - quarter_hour}, [&](store::Row const& row) {
        asked = row.integer(0);
        replaced = row.integer(1);
      });
  Json entries = Json::array();
  tx.query(
      "SELECT at, actor, action, reason FROM audit WHERE company = ? AND object = ? ORDER BY sequence DESC LIMIT 5",
      {c.id, std::string_view(fmt::format("company/{}/rl", c.id))}, [&](store::Row const& row) {
        entries.push_back(Json::object({{"at", instant_text(row.integer(0))},
                                        {"actor", row.text(1)},
                                        {"action", row.text(2)},
                                        {"reason", row.text(3)}}));
      });
  std::int64_t since = call.now;
  for (store::Counter const& counter : counters) since = std::min(since, counter.since_us);
  std::int64_t const decisions = counted(counters, "decisions");
  std::int64_t const by_model = counted(counters, "decisions_by_model");
  std::int64_t const fallbacks = counted(counters, "fallbacks");
  std::int64_t const suggestions = counted(counters, "suggestions");
  std::int64_t const shadows = counted(counters, "shadow_decisions");
  bool const model_decides = c.mode == store::Mode::on && !c.fallback_reason && !forced;
  // Of the requests that have come to their end; per request, so that whoever gives up the difficult ones is not
  // flattered.
  auto const business = [&](std::string_view who) {
    auto const count = [&](std::string_view name) { return counted(counters, fmt::format("{}_{}", name, who)); };
    std::int64_t const requested = count("requested");
    auto const per_request = [&](double sum) {
      return requested == 0 ? Json() : Json(sum / static_cast<double>(requested));
    };
    return Json::object({{"decisions", count("decisions_by")},
                         {"bookings", count("bookings_decided_by")},
                         {"requested", requested},
                         {"unserved_share", per_request(static_cast<double>(count("unserved")))},
                         {"on_time_share", per_request(static_cast<double>(count("on_time")))},
                         {"late_minutes", per_request(static_cast<double>(count("late_seconds")) / 60)}});
  };
  Json json = Json::object(
      {{"company_id", c.id},
       {"available", loaded},
       {"loaded", loaded},
       {"enabled", c.mode != store::Mode::off && !forced},
       {"mode", forced ? name_of(store::Mode::off) : name_of(c.mode)},
       {"stage", name_of(c.mode)},
       {"forced_off", forced},
       {"decided_by", model_decides ? "model" : "rule"},
       {"mode_since", instant_text(c.mode_since_us)},
       {"model", std::move(model)},
       {"model_path", std::move(path)},
       {"fallback", Json::object({{"active", c.fallback_reason.has_value()},
                                  {"reason", c.fallback_reason ? Json(*c.fallback_reason) : Json()},
                                  {"since", c.fallback_since_us ? Json(instant_text(*c.fallback_since_us)) : Json()},
                                  {"rate_15_min", ratio(replaced, asked)}})},
       {"counters", Json::object({{"since", instant_text(since)},
                                  {"decisions", decisions},
                                  {"by_rule", business("rule")},
                                  {"by_model", business("model")},
                                  {"by_person", business("person")},
                                  {"by_nobody", business("nobody")},
                                  {"fallbacks", fallbacks},
                                  {"improvements", counted(counters, "improvements")},
                                  {"shadow_decisions", shadows},
                                  {"agreement", ratio(counted(counters, "shadow_agreement_permille"), 1'000 * shadows)},
                                  {"shadow_cost_difference_cents", counted(counters, "shadow_cost_difference_cents")},
                                  {"suggestions", suggestions},
                                  {"suggestions_accepted", counted(counters, "suggestions_accepted")},
                                  {"suggestions_rejected", counted(counters, "suggestions_rejected")},
                                  {"bookings_completed", counted(counters, "bookings_completed")},
                                  {"bookings_unserved", counted(counters, "bookings_unserved")},
                                  {"bookings_partner", counted(counters, "bookings_partner")},
                                  {"bookings_no_show", counted(counters, "bookings_no_show")}})},
       {"statistics", Json::object({{"suggestions_total", suggestions},
                                    {"errors", counted(counters, "shadow_fallbacks")},
                                    {"fallbacks", fallbacks},
                                    {"success_rate", percent(by_model, by_model + fallbacks)},
                                    {"fallback_rate", percent(fallbacks, by_model + fallbacks)}})},
       {"audit", std::move(entries)},
       {"version", c.mode_version}});
  if (tx.failed()) return problem_of(tx.error());
  Response response = json_response(200, json);
  response.headers.emplace_back("ETag", etag_of(c.mode_version));
  return response;
}

// The same for everybody who asks within a second of one view: dashboards ask often, and it is a dozen queries.
Outcome status_of_company(Server& server, Call const& call, store::Transaction& tx) {
  bool const forced = server.is_forced_off(call.company);
  std::string const name =
      fmt::format("status of {}{} in second {}", call.company, forced ? ", forced off," : "", call.now / 1'000'000);
  return *tx.remembered(name, [&] { return told_status(server, call, forced, tx); });
}

// The company that a call without one in its path is about: the one it names, or the only one of the token.
std::optional<std::int64_t> company_of(Call const& call, store::Transaction& tx, std::optional<std::int64_t> named) {
  if (!named && call.token.rights.companies && call.token.rights.companies->size() == 1) {
    named = call.token.rights.companies->front();
  }
  if (!named || !call.token.is_for(*named) || !store::load_company(tx, *named)) return std::nullopt;
  return named;
}

}  // namespace

void turn_off_at_once(Server& server, Call& call, store::Transaction& view) {
  call.offs_asked = server.offs_asked();
  bool const names_company = call.company == 0;
  auto const said = names_company ? wish_of_toggle(call) : wish_for_company(call);
  auto const* const wish = std::get_if<Wish>(&said);
  if (wish == nullptr || wish->mode != store::Mode::off || !may_turn(call, store::Mode::off)) return;
  std::optional<std::int64_t> const company =
      names_company ? company_of(call, view, wish->company) : std::optional(call.company);
  if (company) call.offs_asked = server.force_off(*company);
}

Outcome get_rl(Server& server, Call const& call, store::Transaction& tx) { return status_of_company(server, call, tx); }

Outcome put_rl(Server& server, Call const& call, store::Transaction& tx) {
  auto const wish = wish_for_company(call);
  if (auto const* problem = std::get_if<Problem>(&wish)) return *problem;
  return change_mode(server, call, tx, std::get<Wish>(wish));
}

Outcome rl_history(Server&, Call const& call, store::Transaction& tx) {
  auto const page = page_of(call, CursorKind::number);
  if (auto const* problem = std::get_if<Problem>(&page)) return *problem;
  int const limit = std::get<Page>(page).limit;
  std::int64_t last = std::get<Page>(page).number;
  Json items = Json::array();
  tx.query(
      "SELECT sequence, at, actor, action, before, after, reason FROM audit WHERE company = ? AND object = ? AND "
      "sequence > ? ORDER BY sequence LIMIT ?",
      {call.company, std::string_view(fmt::format("company/{}/rl", call.company)), last, std::int64_t{limit}},
      [&](store::Row const& row) {
        last = row.integer(0);
        auto const json = [&](int column) {
          Result<Json> read = parse_json(row.text(column));
          return read ? read.take() : Json();
        };
        items.push_back(Json::object({{"sequence", row.integer(0)},
                                      {"at", instant_text(row.integer(1))},
                                      {"actor", row.text(2)},
                                      {"action", row.text(3)},
                                      {"before", json(4)},
                                      {"after", json(5)},
                                      {"reason", row.text(6)}}));
      });
  if (tx.failed()) return problem_of(tx.error());
  bool const more = items.as_array().size() == static_cast<std::size_t>(limit);
  return json_response(200, page_json(call, std::move(items), std::to_string(last), more));
}

Outcome rl_toggle(Server& server, Call const& call, store::Transaction& tx) {
  auto const wish = wish_of_toggle(call);
  if (auto const* problem = std::get_if<Problem>(&wish)) return *problem;
  auto const company = company_of(call, tx, std::get<Wish>(wish).company);
  if (!company) return not_found();
  Call about = call;
  about.company = *company;
  Outcome outcome = change_mode(server, about, tx, std::get<Wish>(wish));
  for (auto& task : about.after_commit) call.after_commit.push_back(std::move(task));
  return outcome;
}

Outcome rl_status(Server& server, Call const& call, store::Transaction& tx) {
  std::optional<std::int64_t> named;
  if (std::string const* text = call.query("company_id")) {
    Result<Json> const number = parse_json(*text);
    if (!number || !number->is_integer()) return not_found();
    named = number->as_integer();
  }
  auto const company = company_of(call, tx, named);
  if (!company) return not_found();
  Call about = call;
  about.company = *company;
  return status_of_company(server, about, tx);
}

Outcome rl_toggle_v1(Server& server, Call const& call, store::Transaction& tx) { return rl_toggle(server, call, tx); }
Outcome rl_status_v1(Server& server, Call const& call, store::Transaction& tx) { return rl_status(server, call, tx); }

}  // namespace regulus::server
