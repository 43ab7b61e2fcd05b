// What the model would do and a person decides about.
#include <algorithm>
#include <array>

#include "domain/json_reader.h"
#include "server/live.h"
#include "server/server.h"
#include "store/counters.h"
#include "store/suggestions.h"

namespace regulus::server {

namespace {

// Why a suggestion was turned down; free text goes into "note".
enum class RejectReason : std::uint8_t { driver_unsuitable, client_wish, timing, local_knowledge, other };
constexpr std::array<std::string_view, 5> enum_names(RejectReason) {
  return {"driver_unsuitable", "client_wish", "timing", "local_knowledge", "other"};
}

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
  Result<Dispatched> const done = suggest_day(server, call->company, std::get<When>(when));
  if (!done) return answer(reply, *call, problem_of(done.error()));
  Json items = Json::array();
  Status const read = server.database().read([&](store::Transaction& tx) {
    for (std::string const& id : done->suggestions) {
      if (auto const s = store::load_suggestion(tx, call->company, id)) items.push_back(suggestion_json(*s, call->now));
    }
    return ok();
  });
  if (!read) return answer(reply, *call, problem_of(read.error()));
  answer(reply, *call, json_response(200, Json::object({{"items", std::move(items)}, {"next", Json()}})));
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
    return std::nullopt;
  };
  answer(reply, *call, assign(server, *call, std::get<When>(when), suggestion->booking, suggestion->driver, close));
}

Outcome reject_suggestion(Server& server, Call const& call, store::Transaction& tx) {
  Status status = ok();
  RejectReason reason = RejectReason::other;
  std::string note;
  JsonReader const at(call.body, status, WholeNumbers::as_integers_only);
  at.keys({"reason"}, {"note", "at"});
  at.get("reason", reason);
  at.get("note", note);
  if (status && note.size() > 500) {
    at.in("note", [](JsonReader const& text) { text.fail("has more than 500 bytes"); });
  }
  if (!status) return invalid_body(status.error());
  auto const when = when_of(tx, call);
  if (auto const* problem = std::get_if<Problem>(&when)) return *problem;
  Instant const now = std::get<When>(when).now;
  std::string const& id = call.variable("suggestion");
  Result<store::Suggestion> const before = store::load_suggestion(tx, call.company, id);
  if (!before) return problem_of(before.error());
  std::string text(enum_names(reason)[static_cast<std::size_t>(reason)]);
  if (!note.empty()) text += ": " + note;
  auto const closed = store::close_suggestion(tx,
                                              {.company = call.company,
                                               .id = id,
                                               .status = store::SuggestionStatus::rejected,
                                               .by = call.token.id,
                                               .reason = text},
                                              std::nullopt, now);
  if (!closed) return problem_of(closed.error());
  store::count(tx, call.company, "suggestions_rejected", 1, now);
  server.record(tx, call, "suggestion.reject", fmt::format("company/{}/suggestion/{}", call.company, id),
                suggestion_json(*before, now), suggestion_json(*closed, now), text);
  server.tell(tx, call.company, "suggestion.rejected", Json::object({{"suggestion", id}, {"booking", closed->booking}}),
              now);
  // What was turned down is the rule's.
  server.due().forget(call.company, closed->booking);
  call.after_commit.emplace_back(
      [&server] { server.pool().run([&server] { static_cast<void>(look_at_the_clock(server)); }); });
  return json_response(200, suggestion_json(*closed, now));
}

}  // namespace regulus::server
