// What dispatch is worth to a company, from its own rows: bookings as they ended, decisions as they were taken, and
// what people made of suggestions.
//
// Figures about rides are per requested booking, never per served one: who gives up the difficult rides must not look
// punctual. Who decided about a booking is whoever gave it to the driver that it has, or had. A definition says what is
// divided by what; both numbers stand beside the value, so that spans can be added up.
#include <algorithm>
#include <array>

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

struct Question {
  std::vector<std::size_t> names;  // of definitions
  Instant from = 0, to = 0;
  bool by_arm = false;
};

Problem invalid_query(std::string detail) { return {.code = ProblemCode::invalid_body, .detail = std::move(detail)}; }

// "2026-03-01", the beginning of that day for the company, or an instant.
std::optional<Instant> moment_of(std::string const& text, TimeZone const& zone) {
  if (is_date(text)) return zone.instant_of(0, text);
  Result<Instant> const instant = parse_instant(text);
  return instant ? std::optional(*instant) : std::nullopt;
}

std::variant<Question, Problem> question_of(Call const& call, TimeZone const& zone) {
  Question question{.names = {}, .from = call.now - usual_span, .to = call.now};
  std::string const* const from = call.query("from");
  std::string const* const to = call.query("to");
  for (auto const& [name, text, moment] :
       {std::tuple{"from", from, &question.from}, std::tuple{"to", to, &question.to}}) {
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
  if (from == nullptr && to != nullptr) question.from = question.to - usual_span;
  if (question.from >= question.to) {
    return invalid_query(call.say("from is not before to", "from n’est pas avant to"));
  }
  if (question.to - question.from > longest_span) {
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

// Decisions around the span, in the order in which they were taken: what there is to count, and who gave each booking
// to its driver.
struct Decided {
  Figures all{};
  std::array<double, arms.size()> taken{};
  std::map<BookingId, std::pair<DriverId, std::size_t>> by;  // driver (0: the partner, or given up) and arm
};

Result<Decided> read_decisions(store::Transaction& tx, std::int64_t company, Question const& question) {
  Decided decided;
  store::Cursor<std::string> cursor{.at_us = question.from - decided_before, .id = ""};
  while (true) {
    auto const page = store::list_decisions(tx, company, cursor, store::longest_page);
    if (tx.failed()) return tx.error();
    for (store::StoredDecision const& row : page) {
      if (row.at_us >= question.to + decided_after) return decided;
      cursor = {.at_us = row.at_us, .id = row.id};
      // A suggestion is no decision: a person takes that.
      bool const was_taken = row.arm == "rule" || row.arm == "model" || row.arm == "person";
      std::size_t const arm = arm_index(row.arm);
      if (row.at_us >= question.from && row.at_us < question.to) {
        if (was_taken) {
          decided.all[decisions_taken].over += 1;
          decided.taken[arm] += 1;
        }
        if (row.agreement) {
          decided.all[agreement].over += *row.agreement;
          decided.all[agreement].under += 1;
        }
        bool const replaced = row.fallback_reason.has_value();
        if (replaced || row.arm == "model" || row.arm == "suggestion") decided.all[fallbacks].under += 1;
        if (replaced) decided.all[fallbacks].over += 1;
      }
      if (!was_taken || !question.by_arm) continue;
      Result<dispatch::Decision> const answer = decision_of(row.answer);
      if (!answer) {
        return Error{ErrorKind::corrupt, fmt::format("decision {} is damaged: {}", row.id, answer.error().message)};
      }
      auto const give = [&](BookingId booking, DriverId driver) {
        auto const [known, is_new] = decided.by.try_emplace(booking, driver, arm);
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
                     Decided const& decided, Figures& all, std::array<Figures, arms.size()>& groups) {
  ObjectiveWeights const weights = rules_of(about.company, about.settings).weights;
  store::BookingList list{.company = about.company.id, .limit = store::longest_page};
  list.after = {.at_us = question.from - 1, .id = std::numeric_limits<BookingId>::max()};
  list.before_us = question.to;
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
      auto const by = decided.by.find(row.id);
      std::size_t const arm = by == decided.by.end() ? arms.size() - 1 : by->second.second;
      for (Figures* figures : {&all, &groups[arm]}) {
        for (std::size_t const which : {late, unserved, on_time, accepted, rejected}) (*figures)[which].under += 1;
        (*figures)[late].over += static_cast<double>(seconds) / 60;
        if (row.status == BookingStatus::unserved) (*figures)[unserved].over += 1;
        if (row.status == BookingStatus::completed && seconds == 0) (*figures)[on_time].over += 1;
      }
    }
    if (page.size() < static_cast<std::size_t>(store::longest_page)) return ok();
  }
}

void read_suggestions(store::Transaction& tx, std::int64_t company, Question const& question, Figures& all) {
  tx.query(
      "SELECT status, COUNT(*) FROM suggestions WHERE company = ? AND created >= ? AND created < ? AND status IN "
      "('accepted', 'rejected') GROUP BY status",
      {company, question.from, question.to}, [&](store::Row const& row) {
        all[row.text(0) == "accepted" ? accepted : rejected].over = static_cast<double>(row.integer(1));
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

  Result<Decided> const decided = read_decisions(tx, call.company, question);
  if (!decided) return problem_of(decided.error());
  Figures all = decided->all;
  std::array<Figures, arms.size()> groups{};
  LoadedDay about;
  about.company = *company;
  about.settings = *settings;
  if (Status const read = read_bookings(tx, about, *zone, question, *decided, all, groups); !read) {
    return problem_of(read.error());
  }
  read_suggestions(tx, call.company, question, all);
  if (tx.failed()) return problem_of(tx.error());
  Json list = Json::array();
  list.push_back(group_json("all", question, all, false));
  for (std::size_t arm = 0; question.by_arm && arm < arms.size(); ++arm) {
    groups[arm][decisions_taken].over = decided->taken[arm];
    list.push_back(group_json(arms[arm], question, groups[arm], true));
  }
  return json_response(200, Json::object({{"from", instant_text(question.from)},
                                          {"to", instant_text(question.to)},
                                          {"groups", std::move(list)}}));
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

// ?names=late_minutes,decisions &from= &to= (dates or times; the last seven days) &by=arm. Reads every booking and
// decision of the span, which may be many: on a thread of the pool.
void company_metrics(Server& server, std::shared_ptr<Call const> call, Reply reply) {
  answer(reply, *call, in_one_view(server, [&](store::Transaction& tx) { return measured(*call, tx); }));
}

}  // namespace regulus::server
