// Following a company live: server-sent events from a number on.
#include <charconv>

#include "server/http/events.h"
#include "server/server.h"
#include "store/outbox.h"

namespace regulus::server {

namespace {

// Numbers of events begin at 1; 0 is before the first.
std::optional<std::int64_t> event_number(std::string const& text) {
  std::int64_t number = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool const whole = error == std::errc{} && end == text.data() + text.size() && number >= 0;
  return whole ? std::optional(number) : std::nullopt;
}

}  // namespace

// After Last-Event-ID, which a browser sends by itself when it comes back, or ?after=; with neither, from now on. A
// number that is too old or was never given begins with the event "reset".
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
  auto const stream = std::make_shared<EventStream>();
  // What was missed is read by a thread of the pool: this one holds a reader of the database, and whoever holds one
  // must not wait for another.
  bool const accepted = server.pool().run([&server, company = call.company, last, stream] {
    server.events().listen(server.database(), company, last, stream);
  });
  if (!accepted) return Problem{.code = ProblemCode::not_ready, .retry_after_s = 1};
  return Response{.status = 200, .events = stream};
}

}  // namespace regulus::server
