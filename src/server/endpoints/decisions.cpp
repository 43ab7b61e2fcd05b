// Decisions as they were made: what was known, what was answered, why, and the same again.
#include <algorithm>

#include "dispatch/explain.h"
#include "domain/json_reader.h"
#include "server/improvement.h"
#include "server/live.h"
#include "server/server.h"
#include "store/decisions.h"

namespace regulus::server {

namespace {

Json decision_json(store::StoredDecision const& d) {
  return Json::object({{"id", d.id},
                       {"run", d.run ? Json(*d.run) : Json()},
                       {"at", instant_text(d.at_us)},
                       {"decided_by", d.arm},
                       {"policy", d.kind},
                       {"model_sha256", d.model_hash ? Json(*d.model_hash) : Json()},
                       {"inputs_sha256", d.inputs_hash},
                       {"agreement", d.agreement ? Json(*d.agreement) : Json()},
                       {"cost_difference_cents", d.cost_difference ? Json(*d.cost_difference) : Json()},
                       {"fallback", d.fallback_reason ? Json(*d.fallback_reason) : Json()},
                       {"decide_ms", static_cast<double>(d.decide_us) / 1'000}});
}

// What was undecided, and what changed hands.
std::vector<BookingId> concerned(Recorded const& recorded) {
  std::vector<BookingId> ids = moved_by(*recorded.desk, recorded.taken);
  for (std::int32_t const p : recorded.desk->fleet().undecided) {
    ids.push_back(recorded.desk->day().bookings[static_cast<std::size_t>(p)].id);
  }
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

// Whoever answered, to be asked again.
Result<Arm> arm_of(Server& server, Recorded const& recorded) {
  store::StoredDecision const& decision = recorded.decision;
  if (decision.arm == "improvement") return improvement(recorded.iterations);
  // A person names the driver; where in his day the ride goes, best insertion says.
  if (decision.arm == "person") return server.rule("insertion");
  // A rule's decision may name the model that was asked beside it.
  if (decision.arm == "rule" || !decision.model_hash) return server.rule(decision.kind);
  return server.database().read([&](store::Transaction& tx) {
    return server.candidate(
        tx, tx.text("SELECT id FROM models WHERE sha256 = ?", {std::string_view(*decision.model_hash)}).value_or(""));
  });
}

Result<Recorded> decision_of_path(Server& server, Call const& call) {
  return server.database().read(
      [&](store::Transaction& tx) { return recorded_decision(tx, call.company, call.variable("decision")); });
}

}  // namespace

Outcome list_decisions(Server&, Call const& call, store::Transaction& tx) {
  auto const page = page_of(call);
  if (auto const* problem = std::get_if<Problem>(&page)) return *problem;
  Page const& wanted = std::get<Page>(page);
  auto const rows = store::list_decisions(tx, call.company, rows_after(wanted), wanted.limit);
  if (tx.failed()) return problem_of(tx.error());
  Json items = Json::array();
  for (store::StoredDecision const& d : rows) items.push_back(decision_json(d));
  std::string const last = rows.empty() ? "" : place_of(rows.back().at_us, rows.back().id);
  return page_response(call, wanted, std::move(items), last);
}

// With the whole question, both answers, and who has each booking that was open or moved.
Outcome get_decision(Server&, Call const& call, store::Transaction& tx) {
  Result<Recorded> const recorded = recorded_decision(tx, call.company, call.variable("decision"));
  if (!recorded) return problem_of(recorded.error());
  Json json = decision_json(recorded->decision);
  Json given = Json::array();
  for (BookingId const id : concerned(*recorded)) {
    DriverId const driver = driver_for(*recorded->desk, recorded->taken, id);
    given.push_back(Json::object({{"booking", id}, {"driver", driver == 0 ? Json() : Json(driver)}}));
  }
  json["bookings"] = std::move(given);
  json["answer"] = recorded->decision.answer;
  json["shadow_answer"] = recorded->decision.shadow_answer.value_or(Json());
  json["question"] = recorded->desk->record();
  return json_response(200, json);
}

// Why each booking that was open got this driver, or none: ?booking= for one of them.
void explain_decision(Server& server, std::shared_ptr<Call const> call, Reply reply) {
  Result<Recorded> const recorded = decision_of_path(server, *call);
  if (!recorded) return answer(reply, *call, problem_of(recorded.error()));
  std::optional<std::int64_t> wanted;
  if (std::string const* text = call->query("booking")) {
    Result<Json> const number = parse_json(*text);
    if (!number || !number->is_integer()) {
      return answer(reply, *call,
                    problem_with(ProblemCode::invalid_body, fmt::format("booking = {} is no whole number", *text)));
    }
    wanted = number->as_integer();
  }
  std::vector<std::int32_t> const asked = recorded->desk->fleet().undecided;
  auto const after = recorded->desk->copy();
  after->carry_out(recorded->taken);
  dispatch::Explainer explainer(after->situation(), after->fleet().undecided);
  auto const language = call->language == Language::french ? dispatch::Language::fr : dispatch::Language::en;
  Json items = Json::array();
  for (std::int32_t const p : asked) {
    BookingId const id = after->day().bookings[static_cast<std::size_t>(p)].id;
    if (wanted && *wanted != id) continue;
    Json item = Json::object({{"booking", id}});
    auto const& open = after->fleet().undecided;
    if (explainer.in_plan(p)) {
      auto const why = explainer.why_this_driver(p);
      item["text"] = dispatch::to_text(why, after->day(), language);
      item["assigned"] = dispatch::to_json(why);
    } else if (std::ranges::binary_search(open, p)) {
      auto const why = explainer.why_unassigned(p);
      item["text"] = dispatch::to_text(why, after->day(), language);
      item["unassigned"] = dispatch::to_json(why);
    } else {
      item["text"] = call->say("given to the partner or given up", "confiée au partenaire ou abandonnée");
    }
    items.push_back(std::move(item));
  }
  if (wanted && items.as_array().empty()) return answer(reply, *call, not_found());
  answer(reply, *call,
         json_response(200, Json::object({{"decision", recorded->decision.id}, {"items", std::move(items)}})));
}

// The same question to the same policy with the same seed; ?model= asks another model instead.
void replay_decision(Server& server, std::shared_ptr<Call const> call, Reply reply) {
  Status status = ok();
  JsonReader(call->body, status).keys({}, {"model"});
  std::string model;
  JsonReader(call->body, status).get("model", model);
  if (!status) return answer(reply, *call, invalid_body(status.error()));
  if (std::string const* const wanted = call->query("model")) {
    if (!model.empty() && model != *wanted) {
      return answer(reply, *call,
                    Problem{.code = ProblemCode::invalid_body,
                            .detail = call->say("?model= and the body name different models; leave one out",
                                                "?model= et le corps nomment des modèles différents\u202F; "
                                                "n’en gardez qu’un")});
    }
    model = *wanted;
  }
  Result<Recorded> const recorded = decision_of_path(server, *call);
  if (!recorded) return answer(reply, *call, problem_of(recorded.error()));
  store::StoredDecision const& decision = recorded->decision;
  Result<Arm> const arm =
      model.empty() ? arm_of(server, *recorded)
                    : server.database().read([&](store::Transaction& tx) { return server.candidate(tx, model); });
  if (!arm) return answer(reply, *call, problem_of(arm.error()));
  // A model that never answers keeps no thread of ours.
  std::string silent;
  std::optional<ArmAnswer> const asked = arm->model_hash.empty()
                                             ? ask(*arm, *recorded->desk, recorded->seed)
                                             : server.replays().ask(*arm, recorded->desk, recorded->seed, silent);
  if (!asked) return answer(reply, *call, conflict("the model does not answer: " + silent));
  ArmAnswer const& again = *asked;
  Json const now = to_json(again.decision);
  bool const same = now.dump() == decision.answer.dump();
  answer(reply, *call,
         json_response(200, Json::object({{"decision", decision.id},
                                          {"same", same},
                                          {"agreement", agreement_of(*recorded->desk, again.decision, recorded->taken)},
                                          {"answer", now},
                                          {"decide_ms", static_cast<double>(again.took_us) / 1'000}})));
}

}  // namespace regulus::server
