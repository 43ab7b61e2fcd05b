// What dispatch is worth to a company, from its own rows: bookings as they ended, decisions as they were taken, and
// what people made of suggestions.
//
// Figures about rides are per requested booking, never per served one: who gives up the difficult rides must not look
// punctual. Who decided about a booking is whoever gave it to the driver that it has, or had. A definition says what is
// divided by what; both numbers stand beside the value, so that spans can be added up.
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "core/config.h"
#include "server/arms.h"
#include "server/live.h"
#include "server/server.h"
#include "store/bookings.h"
#include "store/decisions.h"
#include "store/suggestions.h"

namespace regulus::server {

namespace {

constexpr Instant one_day = 24 * 3'600 * one_second;
constexpr Instant longest_span = 92 * one_day;
constexpr Instant usual_span = 7 * one_day;
// A decision about a ride is taken from so long before its pickup on, until so long after it.
constexpr Instant decided_before = 7 * one_day;
constexpr Instant decided_after = one_day;

struct Definition {
  std::string_view name, unit;
  bool by_arm;  // whether it can be told apart by who decided
  std::string_view english, french;
};
constexpr std::array<Definition, 8> definitions = {{
    {"late_minutes", "minutes", true,
     "Minutes late at pickup and drop-off, beyond what is tolerated, per requested booking.",
     "Minutes de retard à la prise en charge et à la dépose, au-delà de la tolérance, par course demandée."},
    {"unserved_share", "share", true, "Bookings that nobody came for, per requested booking.",
     "Courses auxquelles personne n’est venu, par course demandée."},
    {"on_time_share", "share", true, "Bookings carried out with neither end late, per requested booking.",
     "Courses effectuées sans retard à aucun des deux bouts, par course demandée."},
    {"decisions", "count", true, "Decisions that were taken and carried out.", "Décisions prises et exécutées."},
    {"agreement", "share", false,
     "Of decisions that a model was asked about in shadow mode: the share of bookings for which it agreed, on average.",
     "Des décisions soumises à un modèle en mode ombre\u00A0: la part moyenne des courses sur lesquelles il était "
     "d’accord."},
    {"fallback_rate", "share", false, "Answers of the model that were replaced by the rule’s, per question to it.",
     "Réponses du modèle remplacées par celles de la règle, par question posée."},
    {"suggestions_accepted", "share", false, "Accepted suggestions per requested booking.",
     "Suggestions acceptées par course demandée."},
    {"suggestions_rejected", "share", false, "Rejected suggestions per requested booking.",
     "Suggestions refusées par course demandée."},
}};
constexpr std::array<std::string_view, 4> arms = {"rule", "model", "person", "nobody"};

struct Ratio {
  double over = 0;
  double under = 0;
};

// One group's figures, by definition.
using Figures = std::array<Ratio, definitions.size()>;
enum : std::size_t { late, unserved, on_time, decisions_taken, agreement, fallbacks, accepted, rejected };

constexpr std::size_t most_steps = 200;

// What falls into one stretch of time: all of it, and by who decided.
struct Span {
  Instant from = 0, to = 0;
  Figures all{};
  std::array<Figures, arms.size()> by{};
};

struct Question {
  std::vector<std::size_t> names;  // of definitions
  bool by_arm = false;
  bool has_steps = false;
  std::vector<Instant> bounds;  // from, the steps' beginnings, to
  Instant from() const { return bounds.front(); }
  Instant to() const { return bounds.back(); }
};

// The whole, and its steps in order.
class Spans {
 public:
  explicit Spans(Question const& question) {
    whole_ = {.from = question.from(), .to = question.to()};
    for (std::size_t k = 0; k + 1 < question.bounds.size(); ++k) {
      steps_.push_back({.from = question.bounds[k], .to = question.bounds[k + 1]});
    }
  }
  // Does it to what this moment falls into: nothing, or the whole and one of its steps.
  template <class Do>
  void at(Instant moment, Do const& act) {
    if (moment < whole_.from || moment >= whole_.to) return;
    act(whole_);
    auto const step = std::upper_bound(steps_.begin(), steps_.end(), moment,
                                       [](Instant at, Span const& span) { return at < span.to; });
    act(*step);
  }
  Span const& whole() const { return whole_; }
  std::vector<Span> const& steps() const { return steps_; }

 private:
  Span whole_;
  std::vector<Span> steps_;
};

Problem invalid_query(std::string detail) { return {.code = ProblemCode::invalid_body, .detail = std::move(detail)}; }

// "2026-03-01", the beginning of that day for the company, or an instant.
std::optional<Instant> moment_of(std::string const& text, TimeZone const& zone) {
  if (is_date(text)) return zone.begin_of(text);
  Result<Instant> const instant = parse_instant(text);
  return instant ? std::optional(*instant) : std::nullopt;
}

bool is_monday(std::string const& date) {
  int year = 0;
  unsigned month = 0, day = 0;
  std::from_chars(date.data(), date.data() + 4, year);
  std::from_chars(date.data() + 5, date.data() + 7, month);
  std::from_chars(date.data() + 8, date.data() + 10, day);
  std::chrono::year_month_day const on{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  return std::chrono::weekday(std::chrono::sys_days(on)) == std::chrono::Monday;
}

// Where steps begin between two instants: with service days, with their hours, or with Mondays.
// One more than are allowed when they are too many.
std::vector<Instant> steps_between(std::string_view step, Instant from, Instant to, TimeZone const& zone) {
  std::vector<Instant> begins;
  auto const add = [&](Instant at) {
    if (at > (begins.empty() ? from : begins.back()) && at < to && begins.size() < most_steps) begins.push_back(at);
  };
  // Noon is on every day once, whatever is done to clocks at night.
  for (Instant noon = zone.instant_of(day_length / 2, zone.date_of(from)); noon - one_day < to; noon += one_day) {
    std::string const date = zone.date_of(noon);
    if (step == "week" && !is_monday(date)) continue;
    Instant const end = zone.end_of(date), length = step == "hour" ? 3'600 * one_second : one_day + one_day;
    for (Instant at = zone.begin_of(date); at < end; at += length) add(at);
  }
  return begins;
}

std::variant<Question, Problem> question_of(Call const& call, TimeZone const& zone) {
  Question question;
  Instant begins = call.now - usual_span, ends = call.now;
  std::string const* const from = call.query("from");
  std::string const* const to = call.query("to");
  for (auto const& [name, text, moment] : {std::tuple{"from", from, &begins}, std::tuple{"to", to, &ends}}) {
    if (text == nullptr) continue;
    auto const read = moment_of(*text, zone);
    if (!read) {
      return invalid_query(call.say(
          fmt::format("{} = {} is neither a date nor a time; write 2026-03-01 or 2026-03-01T08:15:00Z", name, *text),
          fmt::format("{} = {} n’est ni une date ni une heure\u202F; écrivez 2026-03-01 ou 2026-03-01T08:15:00Z", name,
                      *text)));
    }
    *moment = *read;
  }
  if (from == nullptr && to != nullptr) begins = ends - usual_span;
  if (begins < one_day) {
    return invalid_query(call.say("from is before 1970-01-02", "from est avant le 1970-01-02"));
  }
  if (begins >= ends) {
    return invalid_query(call.say("from is not before to", "from n’est pas avant to"));
  }
  if (ends - begins > longest_span) {
    return invalid_query(call.say("from and to are more than 92 days apart; ask several times",
                                  "from et to sont distants de plus de 92 jours\u202F; posez plusieurs questions"));
  }
  if (std::string const* by = call.query("by")) {
    if (*by != "arm") {
      return invalid_query(call.say(fmt::format("by = {} is not known; the only one is arm", *by),
                                    fmt::format("by = {} n’est pas connu\u202F; il n’y a que arm", *by)));
    }
    question.by_arm = true;
  }
  question.bounds = {begins};
  if (std::string const* step = call.query("step")) {
    if (*step != "hour" && *step != "day" && *step != "week") {
      return invalid_query(call.say(fmt::format("step = {} is not known; write hour, day or week", *step),
                                    fmt::format("step = {} n’est pas connu\u202F; écrivez hour, day ou week", *step)));
    }
    std::vector<Instant> const steps = steps_between(*step, begins, ends, zone);
    question.bounds.insert(question.bounds.end(), steps.begin(), steps.end());
    if (question.bounds.size() > most_steps) {
      return invalid_query(call.say("these are more than 200 steps; ask for longer ones, or a shorter time",
                                    "cela fait plus de 200 pas\u202F; demandez-en de plus longs, ou moins de temps"));
    }
    question.has_steps = true;
  }
  question.bounds.push_back(ends);
  std::vector<std::string> known;
  for (Definition const& definition : definitions) known.emplace_back(definition.name);
  std::string const* const names = call.query("names");
  std::string_view rest = names == nullptr ? std::string_view() : std::string_view(*names);
  while (!rest.empty()) {
    std::string const name(rest.substr(0, rest.find(',')));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    auto const found = std::ranges::find(known, name);
    if (found == known.end()) {
      return invalid_query(call.say(
          fmt::format("names: {} is no figure{}; see /api/v1/metric-definitions", name, suggestion(name, known)),
          fmt::format("names\u00A0: {} n’est pas une mesure\u202F; voyez /api/v1/metric-definitions", name)));
    }
    auto const index = static_cast<std::size_t>(found - known.begin());
    if (std::ranges::find(question.names, index) == question.names.end()) question.names.push_back(index);
  }
  for (std::size_t i = 0; question.names.size() < known.size() && (names == nullptr || names->empty()); ++i) {
    question.names.push_back(i);
  }
  return question;
}

std::size_t arm_index(std::string_view arm) {
  auto const found = std::ranges::find(arms, arm);
  return static_cast<std::size_t>(found == arms.end() ? arms.end() - 1 - arms.begin() : found - arms.begin());
}

// Who gave each booking to its driver (0: the partner, or given up): driver and arm.
using Decided = std::map<BookingId, std::pair<DriverId, std::size_t>>;

// Decisions around the span, in the order in which they were taken, and what there is to count of them.
Result<Decided> read_decisions(store::Transaction& tx, std::int64_t company, Question const& question, Spans& spans) {
  Decided decided;
  store::Cursor<std::string> cursor{.at_us = question.from() - decided_before, .id = ""};
  while (true) {
    auto const page = store::list_decisions(tx, company, cursor, store::longest_page);
    if (tx.failed()) return tx.error();
    for (store::StoredDecision const& row : page) {
      if (row.at_us >= question.to() + decided_after) return decided;
      cursor = {.at_us = row.at_us, .id = row.id};
      // A suggestion is no decision: a person takes that.
      bool const was_taken = row.arm == "rule" || row.arm == "model" || row.arm == "person";
      std::size_t const arm = arm_index(row.arm);
      spans.at(row.at_us, [&](Span& span) {
        if (was_taken) {
          span.all[decisions_taken].over += 1;
          span.by[arm][decisions_taken].over += 1;
        }
        if (row.agreement) {
          span.all[agreement].over += *row.agreement;
          span.all[agreement].under += 1;
        }
        bool const replaced = row.fallback_reason.has_value();
        if (replaced || row.arm == "model" || row.arm == "suggestion") span.all[fallbacks].under += 1;
        if (replaced) span.all[fallbacks].over += 1;
      });
      if (!was_taken || !question.by_arm) continue;
      Result<dispatch::Decision> const answer = decision_of(row.answer);
      if (!answer) {
        return Error{ErrorKind::corrupt, fmt::format("decision {} is damaged: {}", row.id, answer.error().message)};
      }
      auto const give = [&](BookingId booking, DriverId driver) {
        auto const [known, is_new] = decided.try_emplace(booking, driver, arm);
        if (!is_new && known->second.first != driver) known->second = {driver, arm};
      };
      for (DriverRoute const& route : answer->routes) {
        for (Stop const& stop : route.stops) {
          if (stop.kind == StopKind::pickup) give(stop.index, route.driver);
        }
      }
      for (BookingId const booking : answer->overflow) give(booking, 0);
      for (BookingId const booking : answer->unserved) give(booking, 0);
    }
    if (page.size() < static_cast<std::size_t>(store::longest_page)) return decided;
  }
}

// Adds the bookings whose pickup was asked for within the span to their groups: all of them, and that of their arm.
Status read_bookings(store::Transaction& tx, LoadedDay const& about, TimeZone const& zone, Question const& question,
                     Decided const& decided, Spans& spans) {
  ObjectiveWeights const weights = rules_of(about.company, about.settings).weights;
  store::BookingList list{.company = about.company.id, .limit = store::longest_page};
  list.after = {.at_us = question.from() - 1, .id = std::numeric_limits<BookingId>::max()};
  list.before_us = question.to();
  while (true) {
    auto const page = store::list_bookings(tx, list);
    if (tx.failed()) return tx.error();
    for (store::StoredBooking const& row : page) {
      list.after = {.at_us = row.pickup_at_us, .id = row.id};
      if (row.status == BookingStatus::cancelled) continue;
      Result<StoredBody> const body = stored_body_of(row);
      if (!body) return body.error();
      Booking const booking = booking_on(body->asked, zone, zone.date_of(row.pickup_at_us));
      Seconds const seconds = seconds_late(booking, body->state, weights);
      auto const by = decided.find(row.id);
      std::size_t const arm = by == decided.end() ? arms.size() - 1 : by->second.second;
      spans.at(row.pickup_at_us, [&](Span& span) {
        for (Figures* figures : {&span.all, &span.by[arm]}) {
          for (std::size_t const which : {late, unserved, on_time, accepted, rejected}) (*figures)[which].under += 1;
          (*figures)[late].over += static_cast<double>(seconds) / 60;
          if (row.status == BookingStatus::unserved) (*figures)[unserved].over += 1;
          if (row.status == BookingStatus::completed && seconds == 0) (*figures)[on_time].over += 1;
        }
      });
    }
    if (page.size() < static_cast<std::size_t>(store::longest_page)) return ok();
  }
}

void read_suggestions(store::Transaction& tx, std::int64_t company, Question const& question, Spans& spans) {
  tx.query(
      "SELECT status, created FROM suggestions WHERE company = ? AND created >= ? AND created < ? AND status IN "
      "('accepted', 'rejected')",
      {company, question.from(), question.to()}, [&](store::Row const& row) {
        spans.at(row.integer(1),
                 [&](Span& span) { span.all[row.text(0) == "accepted" ? accepted : rejected].over += 1; });
      });
}

// null where nothing was divided by.
Json figure_json(std::size_t which, Ratio const& ratio) {
  if (definitions[which].unit == "count") return Json::object({{"value", static_cast<std::int64_t>(ratio.over)}});
  return Json::object({{"value", ratio.under == 0 ? Json() : Json(ratio.over / ratio.under)},
                       {"sum", ratio.over},
                       {"of", static_cast<std::int64_t>(ratio.under)}});
}

Json group_json(std::string_view name, Question const& question, Figures const& figures, bool of_an_arm) {
  Json values = Json::object();
  for (std::size_t const which : question.names) {
    if (of_an_arm && !definitions[which].by_arm) continue;
    values[definitions[which].name] = figure_json(which, figures[which]);
  }
  return Json::object({{"group", name}, {"figures", std::move(values)}});
}

// All, and with by=arm who decided.
Json groups_json(Question const& question, Span const& span) {
  Json list = Json::array();
  list.push_back(group_json("all", question, span.all, false));
  for (std::size_t arm = 0; question.by_arm && arm < arms.size(); ++arm) {
    list.push_back(group_json(arms[arm], question, span.by[arm], true));
  }
  return list;
}

Json span_json(Question const& question, Span const& span) {
  return Json::object(
      {{"from", instant_text(span.from)}, {"to", instant_text(span.to)}, {"groups", groups_json(question, span)}});
}

Outcome measured(Call const& call, store::Transaction& tx) {
  Result<store::Company> const company = store::load_company(tx, call.company);
  if (!company) return problem_of(company.error());
  Result<TimeZone> const zone = TimeZone::named(company->time_zone);
  if (!zone) return problem_of(zone.error());
  Result<CompanySettings> const settings = company_settings_of(company->settings);
  if (!settings) return problem_of(settings.error());
  auto const asked = question_of(call, *zone);
  if (auto const* problem = std::get_if<Problem>(&asked)) return *problem;
  Question const& question = std::get<Question>(asked);

  Spans spans(question);
  Result<Decided> const decided = read_decisions(tx, call.company, question, spans);
  if (!decided) return problem_of(decided.error());
  LoadedDay about;
  about.company = *company;
  about.settings = *settings;
  if (Status const read = read_bookings(tx, about, *zone, question, *decided, spans); !read) {
    return problem_of(read.error());
  }
  read_suggestions(tx, call.company, question, spans);
  if (tx.failed()) return problem_of(tx.error());
  Json json = span_json(question, spans.whole());
  if (question.has_steps) {
    Json steps = Json::array();
    for (Span const& step : spans.steps()) steps.push_back(span_json(question, step));
    json["steps"] = std::move(steps);
  }
  return json_response(200, json);
}

}  // namespace

Outcome metric_definitions(Server&, Call const& call, store::Transaction&) {
  Json items = Json::array();
  for (Definition const& definition : definitions) {
    items.push_back(Json::object({{"name", definition.name},
                                  {"unit", definition.unit},
                                  {"by_arm", definition.by_arm},
                                  {"meaning", call.say(definition.english, definition.french)}}));
  }
  return json_response(200, Json::object({{"items", std::move(items)}, {"next", Json()}}));
}

// ?names=late_minutes,decisions &from= &to= (dates or times; the last seven days) &by=arm &step=day. Reads every
// booking and decision of the span, which may be many: on a thread of the pool.
void company_metrics(Server& server, std::shared_ptr<Call const> call, Reply reply) {
  answer(reply, *call, in_one_view(server, [&](store::Transaction& tx) { return measured(*call, tx); }));
}

}  // namespace regulus::server
