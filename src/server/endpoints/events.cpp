// Following a company live: server-sent events from a number on.
#include "server/http/events.h"
#include "server/server.h"
#include "store/outbox.h"
#include "store/tokens.h"

namespace regulus::server {

namespace {

// Numbers of events begin at 1; 0 is before the first.
std::optional<std::int64_t> event_number(std::string const& text) {
  auto const number = number_in(text);
  return number && *number >= 0 ? number : std::nullopt;
}

// Not revoked, rotated out or expired since the stream began.
bool is_still_valid(store::Transaction& tx, std::string const& token, Instant now) {
  // Many streams may have one token, and each asks for each event.
  auto const found = tx.remembered("stream " + token, [&] { return store::load_token(tx, token); });
  return *found && (**found).is_valid_at(now);
}

}  // namespace

// After Last-Event-ID, which a browser sends by itself when it comes back, or ?after=; with neither, from now on. A
// number that is too old or was never given begins with the event "reset". The stream ends with its token.
Outcome stream_events(Server& server, Call const& call, store::Transaction& tx) {
  std::string const* wanted = call.request.header("last-event-id");
  std::string_view name = "Last-Event-ID";
  if (wanted == nullptr) {
    wanted = call.query("after");
    name = "after";
  }
  std::int64_t last = 0;
  if (wanted != nullptr) {
    auto const number = event_number(*wanted);
    if (!number) {
      return Problem{
          .code = ProblemCode::invalid_body,
          .detail =
              call.say(fmt::format("{} = {} is no number of an event; send the last \"id\" you got", name, *wanted),
                       fmt::format("{} = {} n’est pas un numéro d’événement\u202F; envoyez le dernier «\u00A0id\u00A0» "
                                   "reçu",
                                   name, *wanted))};
    }
    last = *number;
  } else {
    last = store::events_after(tx, call.company, 0, 1).last;
    if (tx.failed()) return problem_of(tx.error());
  }
  auto const is_welcome = [&server, token = call.token.id](store::Transaction& view) {
    return is_still_valid(view, token, server.now());
  };
  auto const stream = std::make_shared<EventStream>(EventStream::most_queued, [&server, is_welcome] {
    Result<bool> const answer =
        server.database().read([&](store::Transaction& view) { return Result(is_welcome(view)); });
    return !answer || *answer;  // a database that cannot be read has not taken anybody's token away
  });
  // What was missed is read by a thread of the pool: this one holds a reader of the database, and whoever holds one
  // must not wait for another.
  EventHub::Listener listener{
      .company = call.company, .last = last, .is_welcome = is_welcome, .stream = EventHub::told(stream)};
  bool const accepted = server.pool().run([&server, listener = std::move(listener)]() mutable {
    server.events().listen(server.database(), std::move(listener));
  });
  if (!accepted) return Problem{.code = ProblemCode::not_ready, .retry_after_s = 1};
  return Response{.status = 200, .events = stream};
}

}  // namespace regulus::server
