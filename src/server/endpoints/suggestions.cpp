// What the model would do and a person decides about.
#include <algorithm>

#include "domain/json_reader.h"
#include "server/live.h"
#include "server/rejection.h"
#include "server/server.h"
#include "store/counters.h"
#include "store/suggestions.h"

namespace regulus::server {

namespace {

Json suggestion_json(store::Suggestion const& s, Instant now) {
  bool const over = s.status == store::SuggestionStatus::open && s.expires_us <= now;
  auto const status = over ? store::SuggestionStatus::expired : s.status;
  return Json::object({{"id", s.id},
                       {"booking", s.booking},
                       {"driver", s.driver},
                       {"decision", s.decision},
                       {"status", store::enum_names(status)[static_cast<std::size_t>(status)]},
                       {"reason", s.reason ? Json(*s.reason) : Json()},
                       {"decided_by", s.decided_by ? Json(*s.decided_by) : Json()},
                       {"created", instant_text(s.created_us)},
                       {"expires", instant_text(s.expires_us)},
                       {"version", s.version}});
}

}  // namespace

Outcome list_suggestions(Server&, Call const& call, store::Transaction& tx) {
  auto const page = page_of(call);
  if (auto const* problem = std::get_if<Problem>(&page)) return *problem;
  Page const& wanted = std::get<Page>(page);
  auto const rows = store::list_suggestions(tx, call.company, rows_after(wanted), wanted.limit);
  if (tx.failed()) return problem_of(tx.error());
  Json items = Json::array();
  for (store::Suggestion const& s : rows) items.push_back(suggestion_json(s, call.now));
  std::string const last = rows.empty() ? "" : place_of(rows.back().created_us, rows.back().id);
  return page_response(call, wanted, std::move(items), last);
}

void compute_suggestions(Server& server, std::shared_ptr<Call const> call, Reply reply) {
  Status status = ok();
  JsonReader(call->body, status).keys({}, {"at", "date"});
  if (!status) return answer(reply, *call, invalid_body(status.error()));
  auto const when = when_of(server, *call);
  if (auto const* problem = std::get_if<Problem>(&when)) return answer(reply, *call, *problem);
  // Told from the transaction that keeps them, with the key under which they are asked for again.
  Json items = Json::array();
  auto const response = [&items] { return json_response(200, Json::object({{"items", items}, {"next", Json()}})); };
  Result<Dispatched> const done =
      suggest_day(server, call->company, std::get<When>(when), [&](store::Transaction& tx, Dispatched const& made) {
        items = Json::array();
        for (std::string const& id : made.suggestions) {
          auto const s = store::load_suggestion(tx, call->company, id);
          if (s) items.push_back(suggestion_json(*s, call->now));
        }
        remember(tx, *call, response());
      });
  if (!done) return answer(reply, *call, problem_of(done.error()));
  answer(reply, *call, response());
}

void accept_suggestion(Server& server, std::shared_ptr<Call const> call, Reply reply) {
  Status status = ok();
  JsonReader(call->body, status).keys({}, {"at", "date"});
  if (!status) return answer(reply, *call, invalid_body(status.error()));
  auto const when = when_of(server, *call);
  if (auto const* problem = std::get_if<Problem>(&when)) return answer(reply, *call, *problem);
  Instant const now = std::get<When>(when).now;
  std::string const& id = call->variable("suggestion");
  Result<store::Suggestion> const suggestion =
      server.database().read([&](store::Transaction& tx) { return store::load_suggestion(tx, call->company, id); });
  if (!suggestion) return answer(reply, *call, problem_of(suggestion.error()));
  auto const close = [&](store::Transaction& tx) -> std::optional<Problem> {
    auto const closed = store::close_suggestion(
        tx, {.company = call->company, .id = id, .status = store::SuggestionStatus::accepted, .by = call->token.id},
        std::nullopt, now);
    if (!closed) return problem_of(closed.error());
    store::count(tx, call->company, "suggestions_accepted", 1, now);
    server.record(tx, *call, "suggestion.accept", fmt::format("company/{}/suggestion/{}", call->company, id),
                  suggestion_json(*suggestion, now), suggestion_json(*closed, now));
    server.tell(tx, call->company, "suggestion.accepted",
                Json::object({{"suggestion", id}, {"booking", closed->booking}, {"driver", closed->driver}}), now);
    return std::nullopt;
  };
  answer(reply, *call, assign(server, *call, std::get<When>(when), suggestion->booking, suggestion->driver, close));
}

Outcome reject_suggestion(Server& server, Call const& call, store::Transaction& tx) {
  Result<std::string> const rejection = rejection_of(call.body);
  if (!rejection) return invalid_body(rejection.error());
  auto const when = when_of(tx, call);
  if (auto const* problem = std::get_if<Problem>(&when)) return *problem;
  Instant const now = std::get<When>(when).now;
  std::string const& id = call.variable("suggestion");
  Result<store::Suggestion> const before = store::load_suggestion(tx, call.company, id);
  if (!before) return problem_of(before.error());
  auto const closed = store::close_suggestion(tx,
                                              {.company = call.company,
                                               .id = id,
                                               .status = store::SuggestionStatus::rejected,
                                               .by = call.token.id,
                                               .reason = *rejection},
                                              std::nullopt, now);
  if (!closed) return problem_of(closed.error());
  store::count(tx, call.company, "suggestions_rejected", 1, now);
  server.record(tx, call, "suggestion.reject", fmt::format("company/{}/suggestion/{}", call.company, id),
                suggestion_json(*before, now), suggestion_json(*closed, now), *rejection);
  server.tell(tx, call.company, "suggestion.rejected", Json::object({{"suggestion", id}, {"booking", closed->booking}}),
              now);
  // What was turned down is the rule's.
  server.due().forget(call.company, closed->booking);
  call.after_commit.emplace_back(
      [&server] { server.pool().run([&server] { static_cast<void>(look_at_the_clock(server)); }); });
  return json_response(200, suggestion_json(*closed, now));
}

}  // namespace regulus::server
