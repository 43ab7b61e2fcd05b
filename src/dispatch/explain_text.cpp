// Explanations in words. One table holds every sentence in each language.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "dispatch/explain.h"

namespace regulus::dispatch {

namespace {

enum class Phrase : std::uint8_t {
  possible,
  dear_partner,
  dear_partner_needed,
  dear,
  seats,
  skills,
  permission,
  window,
  ride_limit,
  shift,
  busy,
  busy_one,
  count_seats,
  count_skills,
  count_permission,
  count_shift,
  count_busy,
  nearest,
  no_change,
  changes,
  later,
  earlier,
  longer_ride,
  longer_shift,
  training,
  allow,
  one_more,
  one_more_with_seats,
  move,
  move_within,
  fixed,
  cheapest,
  beaten,
  next_best,
  other,
  nobody_else,
  makes_room,
  driving,
  paid,
  lateness,
  excess,
  promises,
  matching,
  fairness,
};

struct Row {
  Phrase phrase;
  std::array<std::string_view, 2> in;  // by Language
};

// {b} booking, {d} and {e} drivers, {n} and {m} numbers, {x} and {y} francs, {s} a list.
constexpr std::array<Row, 44> table{{
    {Phrase::possible,
     {"Booking {b} can be planned now: {d} takes it for {x} francs.",
      "La course {b} peut être planifiée maintenant : {d} la prend pour {x} francs."}},
    {Phrase::dear_partner,
     {"Booking {b} is left to a partner, who takes it for {y} francs; {d}, the cheapest driver, would cost {x}.",
      "La course {b} est laissée à un partenaire, qui la prend pour {y} francs ; {d}, le chauffeur le moins cher, "
      "coûterait {x}."}},
    {Phrase::dear_partner_needed,
     {"Booking {b} is left to a partner, who takes it for {y} francs and whose rides may be needed later, which is "
      "worth "
      "{n} more; {d}, the cheapest driver, would cost {x}.",
      "La course {b} est laissée à un partenaire, qui la prend pour {y} francs et dont on pourrait avoir besoin plus "
      "tard, ce qui en vaut {n} de plus ; {d}, le chauffeur le moins cher, coûterait {x}."}},
    {Phrase::dear,
     {"Booking {b} is left out: {d}, the cheapest driver, would cost {x} francs, leaving it out costs {y}.",
      "La course {b} n'est pas servie : {d}, le chauffeur le moins cher, coûterait {x} francs, y renoncer en coûte "
      "{y}."}},
    {Phrase::seats,
     {"Booking {b} has no driver: no vehicle has the seats it needs ({s}).",
      "La course {b} n'a pas de chauffeur : aucun véhicule n'a les places qu'il lui faut ({s})."}},
    {Phrase::skills,
     {"Booking {b} has no driver: nobody whose vehicle fits has the skills it needs ({s}).",
      "La course {b} n'a pas de chauffeur : personne parmi ceux dont le véhicule convient n'a les compétences requises "
      "({s})."}},
    {Phrase::permission,
     {"Booking {b} has no driver: everybody who could take it is excluded, or not among those it requires.",
      "La course {b} n'a pas de chauffeur : tous ceux qui pourraient la prendre sont exclus, ou ne sont pas parmi ceux "
      "qu'elle exige."}},
    {Phrase::window,
     {"Booking {b} has no driver: its windows leave {n} min for a ride that takes {m} min.",
      "La course {b} n'a pas de chauffeur : ses créneaux laissent {n} min pour un trajet de {m} min."}},
    {Phrase::ride_limit,
     {"Booking {b} has no driver: it allows {n} min on board and the direct ride takes {m} min.",
      "La course {b} n'a pas de chauffeur : elle permet {n} min à bord et le trajet direct dure {m} min."}},
    {Phrase::shift,
     {"Booking {b} has no driver: nobody who may take it is on duty at that time.",
      "La course {b} n'a pas de chauffeur : personne parmi ceux qui peuvent la prendre n'est de service à ce moment."}},
    {Phrase::busy,
     {"Booking {b} has no driver: each of the {n} who could take it is busy at that time.",
      "La course {b} n'a pas de chauffeur : chacun des {n} qui pourraient la prendre est occupé à ce moment."}},
    {Phrase::busy_one,
     {"Booking {b} has no driver: the only one who could take it is busy at that time.",
      "La course {b} n'a pas de chauffeur : le seul qui pourrait la prendre est occupé à ce moment."}},
    {Phrase::count_seats, {"{n} without the seats", "sans les places : {n}"}},
    {Phrase::count_skills, {"{n} without the skills", "sans les compétences : {n}"}},
    {Phrase::count_permission, {"{n} not allowed", "non autorisés : {n}"}},
    {Phrase::count_shift, {"{n} not on duty", "hors service : {n}"}},
    {Phrase::count_busy, {"{n} busy", "occupés : {n}"}},
    {Phrase::nearest, {"Nearest to being able: {s}.", "Les plus proches de pouvoir la prendre : {s}."}},
    {Phrase::no_change,
     {"No single change that was tried would give it a driver.",
      "Aucun changement isolé parmi ceux essayés ne lui donnerait un chauffeur."}},
    {Phrase::changes,
     {"Any one of these would, cheapest first:", "Un seul de ces changements suffirait, le moins cher d'abord :"}},
    {Phrase::later, {"{n} min later: {d} takes it ({x} francs)", "{n} min plus tard : {d} la prend ({x} francs)"}},
    {Phrase::earlier, {"{n} min earlier: {d} takes it ({x} francs)", "{n} min plus tôt : {d} la prend ({x} francs)"}},
    {Phrase::longer_ride,
     {"{n} min longer on board: {d} takes it ({x} francs)", "{n} min de plus à bord : {d} la prend ({x} francs)"}},
    {Phrase::longer_shift,
     {"{d} works {n} min longer at either end ({x} francs)",
      "{d} travaille {n} min de plus au début ou à la fin ({x} francs)"}},
    {Phrase::training, {"{d} has the skills ({x} francs)", "{d} a les compétences ({x} francs)"}},
    {Phrase::allow, {"{d} may take it ({x} francs)", "{d} peut la prendre ({x} francs)"}},
    {Phrase::one_more,
     {"one more driver and vehicle like {d}'s ({x} francs)",
      "un chauffeur et un véhicule de plus, comme {d} ({x} francs)"}},
    {Phrase::one_more_with_seats,
     {"one more vehicle, with these seats ({x} francs)", "un véhicule de plus, avec ces places ({x} francs)"}},
    {Phrase::move,
     {"booking {m} goes from {d} to {e}: {d} takes this one ({x} francs)",
      "la course {m} passe de {d} à {e} : {d} prend celle-ci ({x} francs)"}},
    {Phrase::move_within,
     {"booking {m} moves within the plan of {d}, who takes this one ({x} francs)",
      "la course {m} change de place dans le plan de {d}, qui prend celle-ci ({x} francs)"}},
    {Phrase::fixed,
     {"Booking {b} stays with {d}: it is under way or locked.",
      "La course {b} reste à {d} : elle est en cours ou verrouillée."}},
    {Phrase::cheapest,
     {"Booking {b} is with {d}, where it costs least: {x} francs ({s}).",
      "La course {b} est à {d}, où elle coûte le moins : {x} francs ({s})."}},
    {Phrase::beaten,
     {"Booking {b} is with {d} for {x} francs ({s}); as the plans are now, {e} would be {y} francs cheaper.",
      "La course {b} est à {d} pour {x} francs ({s}) ; dans les plans actuels, {e} coûterait {y} francs de moins."}},
    {Phrase::next_best,
     {"Next best: {e}, {y} francs more, most of it {s}.", "Ensuite : {e}, {y} francs de plus, surtout {s}."}},
    {Phrase::other, {"{e}: {y} francs more", "{e} : {y} francs de plus"}},
    {Phrase::nobody_else, {"Nobody else can take it.", "Personne d'autre ne peut la prendre."}},
    {Phrase::makes_room,
     {"Without booking {s} in the plan of {e}, it would go to {e}.",
      "Sans la course {s} dans le plan de {e}, elle irait à {e}."}},
    {Phrase::driving, {"driving", "kilomètres"}},
    {Phrase::paid, {"paid time", "temps payé"}},
    {Phrase::lateness, {"lateness", "retard"}},
    {Phrase::excess, {"longer rides", "trajets plus longs"}},
    {Phrase::promises, {"moved promises", "promesses déplacées"}},
    {Phrase::matching, {"choice of driver", "choix du chauffeur"}},
    {Phrase::fairness, {"even load", "charge équilibrée"}},
}};

struct Words {
  std::string b = {}, d = {}, e = {}, n = {}, m = {}, x = {}, y = {}, s = {};
};

class Speaker {
 public:
  Speaker(Day const& day, Language language) : day_(day), language_(static_cast<std::size_t>(language)) {}

  std::string operator()(Phrase phrase, Words const& w = {}) const {
    std::string_view const pattern = table[static_cast<std::size_t>(phrase)].in[language_];
    return fmt::format(fmt::runtime(pattern), fmt::arg("b", w.b), fmt::arg("d", w.d), fmt::arg("e", w.e),
                       fmt::arg("n", w.n), fmt::arg("m", w.m), fmt::arg("x", w.x), fmt::arg("y", w.y),
                       fmt::arg("s", w.s));
  }
  std::string driver(DriverId id) const {
    std::int32_t const position = day_.driver_position(id);
    std::string const name = position < 0 ? "" : day_.drivers[static_cast<std::size_t>(position)].name;
    return name.empty() ? fmt::format("{} {}", language_ == 0 ? "driver" : "chauffeur", id) : name;
  }
  static std::string francs(schedule::Money thousandths) {
    schedule::Money const cents = (thousandths + (thousandths < 0 ? -500 : 500)) / 1000;
    return fmt::format("{}{}.{:02}", cents < 0 ? "-" : "", (cents < 0 ? -cents : cents) / 100,
                       (cents < 0 ? -cents : cents) % 100);
  }
  // The parts of a price that are not nothing, the greatest first.
  std::vector<std::pair<schedule::Money, std::string>> parts(Price const& price) const {
    std::vector<std::pair<schedule::Money, std::string>> all{
        {price.parts.driving, (*this)(Phrase::driving)},   {price.parts.paid, (*this)(Phrase::paid)},
        {price.parts.lateness, (*this)(Phrase::lateness)}, {price.parts.excess, (*this)(Phrase::excess)},
        {price.parts.promises, (*this)(Phrase::promises)}, {price.parts.matching, (*this)(Phrase::matching)},
        {price.fairness, (*this)(Phrase::fairness)}};
    std::erase_if(all, [](auto const& part) { return part.first == 0; });
    std::ranges::stable_sort(all, std::greater{}, [](auto const& part) { return part.first; });
    return all;
  }
  std::string parts_text(Price const& price) const {
    std::string text;
    for (auto const& [money, name] : parts(price)) {
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, francs(money));
    }
    return text;
  }
  std::string seats(Seats const& seats) const {
    constexpr std::array<std::array<std::string_view, 3>, 2> names{
        {{"seated", "wheelchair", "stretcher"}, {"assise", "fauteuil roulant", "civière"}}};
    std::string text;
    for (std::size_t k = 0; k < seat_kinds; ++k) {
      if (seats.of[k] == 0) continue;
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", seats.of[k], names[language_][k]);
    }
    return text;
  }
  std::string skills(Skills skills) const {
    std::string text;
    for (std::size_t k = 0; k < 64; ++k) {
      if ((skills >> k & 1U) == 0) continue;
      text += text.empty() ? "" : ", ";
      text += k < day_.skill_names.size() ? day_.skill_names[k] : fmt::format("#{}", k);
    }
    return text;
  }

 private:
  Day const& day_;
  std::size_t language_;
};

std::string minutes(Seconds seconds) { return std::to_string((seconds + one_minute - 1) / one_minute); }

std::string reason_text(Unassigned const& a, Day const& day, Speaker const& say) {
  Booking const& booking = day.bookings[static_cast<std::size_t>(day.booking_position(a.booking))];
  Words words{.b = std::to_string(a.booking),
              .d = say.driver(a.best),
              .n = minutes(a.allowed),
              .m = minutes(a.direct),
              .x = Speaker::francs(a.price),
              .y = Speaker::francs(a.left_out)};
  switch (a.reason) {
    case Reason::possible:
      return say(Phrase::possible, words);
    case Reason::dear:
      if (a.premium > 0) words.n = Speaker::francs(a.premium);
      return say(!a.partner ? Phrase::dear : a.premium > 0 ? Phrase::dear_partner_needed : Phrase::dear_partner, words);
    case Reason::seats:
      words.s = say.seats(booking.seats);
      return say(Phrase::seats, words);
    case Reason::skills:
      words.s = say.skills(booking.skills);
      return say(Phrase::skills, words);
    case Reason::permission:
      return say(Phrase::permission, words);
    case Reason::window:
      words.n = std::to_string(a.allowed / one_minute);
      return say(Phrase::window, words);
    case Reason::ride_limit:
      words.n = std::to_string(a.allowed / one_minute);
      return say(Phrase::ride_limit, words);
    case Reason::shift:
      return say(Phrase::shift, words);
    case Reason::busy:
      words.n = std::to_string(a.busy);
      return say(a.busy == 1 ? Phrase::busy_one : Phrase::busy, words);
  }
  return {};
}

std::string change_text(Change const& c, Speaker const& say) {
  Words const words{.d = say.driver(c.driver),
                    .e = say.driver(c.moved_to),
                    .n = minutes(c.by),
                    .m = std::to_string(c.moved),
                    .x = Speaker::francs(c.price)};
  switch (c.kind) {
    case Change::Kind::later:
      return say(Phrase::later, words);
    case Change::Kind::earlier:
      return say(Phrase::earlier, words);
    case Change::Kind::longer_ride:
      return say(Phrase::longer_ride, words);
    case Change::Kind::longer_shift:
      return say(Phrase::longer_shift, words);
    case Change::Kind::training:
      return say(Phrase::training, words);
    case Change::Kind::permission:
      return say(Phrase::allow, words);
    case Change::Kind::one_more:
      return say(c.driver == 0 ? Phrase::one_more_with_seats : Phrase::one_more, words);
    case Change::Kind::move:
      return say(c.driver == c.moved_to ? Phrase::move_within : Phrase::move, words);
  }
  return {};
}

constexpr std::array<std::string_view, 9> reason_names{"possible", "dear",       "seats", "skills", "permission",
                                                       "window",   "ride_limit", "shift", "busy"};
constexpr std::array<std::string_view, 8> change_names{"later",    "earlier",    "longer_ride", "longer_shift",
                                                       "training", "permission", "one_more",    "move"};

// Whole cents, as the reports have them.
Json cents(schedule::Money thousandths) { return (thousandths + (thousandths < 0 ? -500 : 500)) / 1000; }

Json to_json(Price const& price) {
  return Json::object({{"driving", cents(price.parts.driving)},
                       {"paid_time", cents(price.parts.paid)},
                       {"lateness", cents(price.parts.lateness)},
                       {"excess_ride", cents(price.parts.excess)},
                       {"promises", cents(price.parts.promises)},
                       {"matching", cents(price.parts.matching)},
                       {"unfairness", cents(price.fairness)},
                       {"total", cents(price.total())}});
}

constexpr bool rows_in_order() {
  for (std::size_t k = 0; k < table.size(); ++k) {
    if (static_cast<std::size_t>(table[k].phrase) != k) return false;
  }
  return table.size() == static_cast<std::size_t>(Phrase::fairness) + 1;
}
static_assert(rows_in_order());

}  // namespace

std::string_view name_of(Reason reason) { return reason_names[static_cast<std::size_t>(reason)]; }

Result<Language> parse_language(std::string_view text) {
  if (text == "en") return Language::en;
  if (text == "fr") return Language::fr;
  return invalid(fmt::format("language {} is not known: en or fr", text));
}

std::string to_text(Unassigned const& a, Day const& day, Language language) {
  Speaker const say(day, language);
  std::string text = reason_text(a, day, say);
  if (a.reason == Reason::possible || a.reason == Reason::dear) return text;
  std::string counts;
  for (auto const& [n, phrase] : {std::pair{a.seats, Phrase::count_seats},
                                  {a.skills, Phrase::count_skills},
                                  {a.permission, Phrase::count_permission},
                                  {a.shift, Phrase::count_shift},
                                  {a.busy, Phrase::count_busy}}) {
    if (n == 0) continue;
    counts += fmt::format("{}{}", counts.empty() ? "" : ", ", say(phrase, {.n = std::to_string(n)}));
  }
  if (!counts.empty()) text += fmt::format(" ({})", counts);
  if (!a.nearest.empty()) {
    std::string names;
    for (DriverId id : a.nearest) names += (names.empty() ? "" : ", ") + say.driver(id);
    text += "\n" + say(Phrase::nearest, {.s = names});
  }
  text += "\n" + say(a.changes.empty() ? Phrase::no_change : Phrase::changes);
  for (Change const& change : a.changes) text += "\n  - " + change_text(change, say);
  return text;
}

std::string to_text(Assigned const& a, Day const& day, Language language) {
  Speaker const say(day, language);
  Words words{.b = std::to_string(a.booking), .d = say.driver(a.driver)};
  if (a.fixed) return say(Phrase::fixed, words);
  words.x = Speaker::francs(a.price.total());
  words.s = say.parts_text(a.price);
  if (a.others.empty()) return say(Phrase::cheapest, words) + "\n" + say(Phrase::nobody_else);
  Assigned::Other const& next = a.others.front();
  words.e = say.driver(next.driver);
  schedule::Money const more = next.price.total() - a.price.total();
  words.y = Speaker::francs(more < 0 ? -more : more);
  std::string text = say(more < 0 ? Phrase::beaten : Phrase::cheapest, words);
  if (more >= 0) {
    Price difference = next.price;
    difference.parts.driving -= a.price.parts.driving;
    difference.parts.paid -= a.price.parts.paid;
    difference.parts.lateness -= a.price.parts.lateness;
    difference.parts.excess -= a.price.parts.excess;
    difference.parts.promises -= a.price.parts.promises;
    difference.parts.matching -= a.price.parts.matching;
    difference.fairness -= a.price.fairness;
    auto const parts = say.parts(difference);
    words.s = parts.empty() ? say(Phrase::driving) : parts.front().second;
    text += "\n" + say(Phrase::next_best, words);
  }
  for (std::size_t k = 1; k < a.others.size(); ++k) {
    schedule::Money const extra = a.others[k].price.total() - a.price.total();
    text += "\n  - " + say(Phrase::other, {.e = say.driver(a.others[k].driver), .y = Speaker::francs(extra)});
  }
  for (BookingId id : a.makes_room) {
    text += "\n" + say(Phrase::makes_room, {.e = words.e, .s = std::to_string(id)});
  }
  return text;
}

Json to_json(Unassigned const& a) {
  Json json = Json::object({{"booking", a.booking},
                            {"assigned", false},
                            {"reason", name_of(a.reason)},
                            {"left_out_cents", cents(a.left_out)},
                            {"partner", a.partner},
                            {"partner_premium_cents", cents(a.premium)}});
  if (a.reason == Reason::possible || a.reason == Reason::dear) {
    json["best"] = Json::object({{"driver", a.best}, {"cents", cents(a.price)}});
    return json;
  }
  json["drivers"] = Json::object({{"all", a.drivers},
                                  {"without_seats", a.seats},
                                  {"without_skills", a.skills},
                                  {"not_allowed", a.permission},
                                  {"not_on_duty", a.shift},
                                  {"busy", a.busy}});
  json["direct_seconds"] = a.direct;
  json["nearest"] = Json::array_of(a.nearest);
  Json changes = Json::array();
  for (Change const& c : a.changes) {
    Json one = Json::object({{"kind", change_names[static_cast<std::size_t>(c.kind)]}, {"cents", cents(c.price)}});
    if (c.by != 0) one["seconds"] = c.by;
    if (c.driver != 0) one["driver"] = c.driver;
    if (c.moved != 0) {
      one["booking"] = c.moved;
      one["moved_to"] = c.moved_to;
    }
    changes.push_back(one);
  }
  json["changes"] = changes;
  return json;
}

Json to_json(Assigned const& a) {
  Json json = Json::object({{"booking", a.booking}, {"assigned", true}, {"driver", a.driver}, {"fixed", a.fixed}});
  if (a.fixed) return json;
  json["cents"] = to_json(a.price);
  Json others = Json::array();
  for (Assigned::Other const& other : a.others) {
    others.push_back(Json::object({{"driver", other.driver},
                                   {"more_cents", cents(other.price.total() - a.price.total())},
                                   {"cents", to_json(other.price)}}));
  }
  json["others"] = others;
  json["makes_room"] = Json::array_of(a.makes_room);
  return json;
}

}  // namespace regulus::dispatch
