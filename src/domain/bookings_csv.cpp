#include "domain/bookings_csv.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <set>

#include "domain/csv_row.h"
#include "domain/impossible.h"
#include "domain/leg_hours.h"

namespace regulus {

namespace {

// A booking with its places as points, before it is part of a day.
struct Draft {
  std::int64_t line = 0;
  Booking booking;
  Point from, to;
  bool back = false;  // the way back of the draft before
  std::optional<Observation> observed;
};

class Importer {
 public:
  Importer(ImportOptions const& options, Import& out) : options_(options), out_(out) {}

  void add_row(CsvRow& row, std::int64_t line, std::optional<DayNumber> date);
  Status finish();

 private:
  std::optional<BookingClass> class_of(CsvRow& row, bool& round_trip) const;
  void read_needs(CsvRow& row, Booking& b);
  std::vector<DriverId> drivers_of(CsvRow& row, std::string_view field) const;
  Leg direct(Draft const& draft) const;
  void add_way_back(CsvRow& row, Draft out, Seconds time, bool will_call);
  Place place_of(Point const& point);

  ImportOptions const& options_;
  Import& out_;
  std::vector<Draft> drafts_;
  std::map<std::pair<double, double>, Place> place_of_;
};

std::optional<BookingClass> Importer::class_of(CsvRow& row, bool& round_trip) const {
  std::string const word = column_key(row.text("class"));
  round_trip = word == "round_trip" || word == "aller_retour" || word == "a_r" || word == "ar";
  if (word == "outbound" || word == "aller" || round_trip) return BookingClass::outbound;
  if (word == "inbound" || word == "return" || word == "retour") return BookingClass::inbound;
  if (word == "will_call" || word == "sur_appel" || word == "retour_sur_appel") return BookingClass::will_call;
  if (word == "on_demand" || word == "asap" || word == "immediat") return BookingClass::on_demand;
  if (!word.empty()) row.problem("class", "is none of outbound, inbound, will_call, on_demand, round_trip");
  return std::nullopt;
}

std::vector<DriverId> Importer::drivers_of(CsvRow& row, std::string_view field) const {
  std::vector<DriverId> ids;
  for (std::string const& word : split(row.text(field), "|;,")) {
    auto const found = std::ranges::find_if(
        out_.day.drivers, [&](Driver const& d) { return word == d.name || word == std::to_string(d.id); });
    if (found == out_.day.drivers.end()) {
      row.problem(field, fmt::format("names {}, who is no driver of this day", word));
    } else if (std::ranges::find(ids, found->id) == ids.end()) {
      ids.push_back(found->id);
    }
  }
  return ids;
}

void Importer::read_needs(CsvRow& row, Booking& b) {
  std::int16_t const wheelchairs = row.count("wheelchair"), lying = row.count("stretcher");
  b.companions = row.count("companions");
  auto const people = row.whole("passengers", 1, 50).value_or(std::max(1, wheelchairs + lying));
  if (people < wheelchairs + lying) {
    row.problem("passengers", fmt::format("is fewer than the {} in wheelchairs or lying", wheelchairs + lying));
  }
  b.seats[SeatKind::ambulatory] = static_cast<std::int16_t>(people - wheelchairs - lying + b.companions);
  b.seats[SeatKind::wheelchair] = wheelchairs;
  b.seats[SeatKind::stretcher] = lying;
  b.pickup_service = row.duration("pickup_service").value_or(options_.service);
  b.dropoff_service = row.duration("dropoff_service").value_or(options_.service);
  b.max_ride = row.duration("max_ride").value_or(never);
  b.max_ride_ratio = row.decimal("max_ride_ratio", 1, 1'000).value_or(0);
  b.priority = static_cast<std::int32_t>(row.whole("priority", 1, 5).value_or(1));
  b.exclusive = row.flag("exclusive");
  b.preferred = drivers_of(row, "preferred");
  b.forbidden = drivers_of(row, "forbidden");
  b.required = drivers_of(row, "required");
  for (std::string const& name : split(row.text("skills"), "|;,")) {
    auto& names = out_.day.skill_names;
    auto const found = std::ranges::find(names, name);
    if (found == names.end() && names.size() == 64) {
      row.problem("skills", "is the 65th skill; there may be 64");
      continue;
    }
    b.skills |= Skills{1} << (found - names.begin());
    if (found == names.end()) names.push_back(name);
  }
}

Leg Importer::direct(Draft const& draft) const {
  Booking b = draft.booking;
  b.pickup = 0, b.dropoff = 1;
  return leg_hours(b, b.pickup_window, b.dropoff_window,
                   TravelTimes::straight_line({draft.from, draft.to}, out_.day.speeds))
      .direct;
}

void Importer::add_row(CsvRow& row, std::int64_t line, std::optional<DayNumber> date) {
  Draft draft{.line = line,
              .booking = {},
              .from = row.point("pickup_lat", "pickup_lon"),
              .to = row.point("dropoff_lat", "dropoff_lon"),
              .back = false,
              .observed = {}};
  Booking& b = draft.booking;
  b.reference = row.text("reference");
  bool round_trip = false;
  auto const booking_class = class_of(row, round_trip);
  read_needs(row, b);

  // Step 1. The drop-off window, because whether there is one decides what a lone request time means.
  auto const appointment = row.moment("appointment", date);
  auto const dropoff_until = row.moment("dropoff_until", date), dropoff_from = row.moment("dropoff_from", date);
  b.dropoff_window.end = dropoff_until ? *dropoff_until : appointment.value_or(never);
  bool const due = b.dropoff_window.end < never;
  if (dropoff_from) {
    b.dropoff_window.start = *dropoff_from;
  } else if (due) {
    b.dropoff_window.start = b.dropoff_window.end - options_.early;
  }
  // Step 2. The pickup window.
  auto const asked = row.moment("request_time", date), known = row.moment("known_from", date);
  auto const wanted = row.moment("pickup_time", date), from = row.moment("pickup_from", date);
  auto const until = row.moment("pickup_until", date);
  Seconds way_back = row.moment("return_time", date).value_or(never);
  bool const will_call = row.flag("will_call");
  bool const is_return = booking_class == BookingClass::inbound || booking_class == BookingClass::will_call;
  std::optional<Seconds> start = from ? from : wanted;
  if (!start && is_return && way_back < never) {  // a return whose time stands there
    start = way_back;
    way_back = never;
  }
  if (!start && !due) start = asked;
  if (start) {
    b.pickup_window = {*start, until.value_or(*start + options_.pickup_slack)};
  } else if (until && !due) {
    b.pickup_window = {*until - options_.pickup_slack, *until};
  } else if (due) {
    // Pinned by its appointment alone: any pickup that a ride of acceptable length can follow.
    Seconds const straight = direct(draft).seconds;
    Seconds longest = b.max_ride < never ? b.max_ride : std::max(2 * straight, straight + 15 * one_minute);
    if (b.max_ride_ratio > 0) {
      longest = std::min(longest, static_cast<Seconds>(b.max_ride_ratio * static_cast<double>(straight)));
    }
    b.pickup_window.start = b.dropoff_window.start - b.pickup_service - std::max(longest, straight);
    b.pickup_window.end = until.value_or(b.dropoff_window.end - b.pickup_service - straight);
  } else if (row.problems.empty()) {
    row.problem("pickup_time",
                "says no time; give request_time, pickup_time, pickup_from, appointment or dropoff_until");
  }
  if (b.pickup_window.end < b.pickup_window.start) row.problem("pickup_until", "ends before the pickup window starts");
  if (b.dropoff_window.end < b.dropoff_window.start) row.problem("dropoff_until", "ends before dropoff_from");
  // Step 3. What it is, and since when it is known.
  b.booking_class = booking_class.value_or(due ? BookingClass::outbound : BookingClass::on_demand);
  b.known_from = known ? *known : asked.value_or(0);

  if (auto const seconds = row.whole("observed_duration_s", 1, day_length)) {
    auto const metres = row.whole("observed_distance_m", 0, 10'000'000).value_or(0);
    draft.observed = {draft.from, draft.to, b.pickup_window.start, *seconds, metres};
  }
  bool const back_by_call = will_call && booking_class != BookingClass::will_call;
  bool const has_way_back = way_back < never || round_trip || back_by_call;
  if (has_way_back && is_return) {
    row.problem(way_back < never ? "return_time" : "will_call", "is a way back of a way back; leave it empty");
  }
  if (row.problems.empty()) {
    drafts_.push_back(draft);
    if (has_way_back) add_way_back(row, std::move(draft), way_back, back_by_call || way_back == never);
  }
}

void Importer::add_way_back(CsvRow& row, Draft out, Seconds time, bool will_call) {
  Booking& b = out.booking;
  Seconds const there = b.dropoff_window.end < never ? b.dropoff_window.end
                                                     : b.pickup_window.start + b.pickup_service + direct(out).seconds;
  if (time < there) {
    drafts_.pop_back();
    return row.problem("return_time", "is before the client is there; correct one of the two");
  }
  Seconds const start = time < never ? time : there + options_.stay;
  std::swap(out.from, out.to);
  std::swap(b.pickup_service, b.dropoff_service);
  b.booking_class = will_call ? BookingClass::will_call : BookingClass::inbound;
  b.pickup_window = {start, start + options_.pickup_slack};
  b.dropoff_window = {start, never};
  out.back = true;
  out.observed.reset();
  drafts_.push_back(std::move(out));
}

Place Importer::place_of(Point const& point) {
  auto const [at, fresh] =
      place_of_.try_emplace({point.latitude, point.longitude}, static_cast<Place>(out_.day.places.size()));
  if (fresh) out_.day.places.push_back(point);
  return at->second;
}

Status Importer::finish() {
  Day& day = out_.day;
  for (std::size_t i = 0; i < day.places.size(); ++i) {
    place_of_.try_emplace({day.places[i].latitude, day.places[i].longitude}, static_cast<Place>(i));
  }
  // The same booking under the same name is a file that was imported before.
  auto const identity = [](Booking const& b) {
    return std::tuple(b.reference, b.booking_class, b.pickup_window.start);
  };
  std::set<std::tuple<std::string, BookingClass, Seconds>> present;
  for (Booking const& b : day.bookings) present.insert(identity(b));
  BookingId id = day.bookings.empty() ? 0 : day.bookings.back().id;
  if (std::cmp_greater(drafts_.size(), std::numeric_limits<BookingId>::max() - id)) {
    return invalid(
        fmt::format("booking id = {} leaves no ids for {} more; number the day's bookings from 1", id, drafts_.size()));
  }
  for (Draft const& draft : drafts_) {
    Booking b = draft.booking;
    b.id = ++id;
    b.linked = draft.back ? id - 1 : 0;
    b.pickup = place_of(draft.from);
    b.dropoff = place_of(draft.to);
    if (!b.reference.empty() && !present.insert(identity(b)).second) {
      out_.problems.push_back({draft.line, "reference", b.reference,
                               "is there already, with the same class and time; remove one of the two"});
    }
    day.bookings.push_back(std::move(b));
    if (draft.observed) out_.observed.push_back(*draft.observed);
    for (std::string& reason : why_impossible(day, draft.booking, direct(draft))) {
      out_.impossible.push_back({draft.line, draft.back ? "the way back" : "", "", std::move(reason)});
    }
  }
  return check_day(day);
}

}  // namespace

Result<Import> import_bookings(std::string_view csv, ImportOptions const& options) {
  Result<CsvTable> const table = parse_csv(csv);
  if (!table) return table.error();
  Result<CsvColumns> const columns = find_columns(*table, options.columns);
  if (!columns) return columns.error();
  Import out;
  out.mapping = mapping_json(*table, *columns);
  if (options.into) out.day = *options.into;

  // Which day: the one asked for, or the only one of the file.
  std::map<DayNumber, std::int64_t> days;
  for (CsvTable::Row const& row : table->rows) {
    CsvRow reader(*table, *columns, row);
    if (auto const date = reader.day()) ++days[*date];
  }
  std::optional<DayNumber> wanted;
  std::string const asked = options.date.empty() ? out.day.date : options.date;
  if (!asked.empty()) {
    Result<DayNumber> const date = parse_date(asked);
    if (!date) return invalid(fmt::format("date {} {}", asked, date.error().message));
    wanted = *date;
    if (!days.empty() && !days.contains(*wanted)) {
      return invalid(
          fmt::format("the file has no row of {}; its first day is {}", asked, date_text(days.begin()->first)));
    }
    if (!out.day.date.empty() && out.day.date != date_text(*wanted)) {
      return invalid(
          fmt::format("the day is {}, but date = {}; add bookings to a day of their date", out.day.date, asked));
    }
  } else if (days.size() > 1) {
    return invalid(fmt::format("the file holds {} days, {} to {}; choose one with date", days.size(),
                               date_text(days.begin()->first), date_text(days.rbegin()->first)));
  } else if (days.size() == 1) {
    wanted = days.begin()->first;
  }
  if (wanted) out.day.date = date_text(*wanted);

  Importer importer(options, out);
  for (CsvTable::Row const& row : table->rows) {
    CsvRow reader(*table, *columns, row);
    auto const date = reader.day();
    if (date && date != wanted) {
      ++out.other_days;
      continue;
    }
    ++out.rows;
    if (reader.complete()) {
      if (auto const text = reader.text("date"); !text.empty() && !reader.date("date")) {
        reader.problem("date", "is no date; write 2025-03-04 or 04.03.2025");
      } else if (!date && !days.empty()) {
        reader.problem("date", "is missing, while other rows have one");
      }
      importer.add_row(reader, row.line, date ? date : wanted);
    }
    out.problems.insert(out.problems.end(), reader.problems.begin(), reader.problems.end());
  }
  if (Status const sound = importer.finish(); !sound && out.problems.empty()) return sound.error();
  if (!out.problems.empty()) {
    out.day = options.into.value_or(Day{});
    out.observed.clear();
    out.impossible.clear();
  }
  return out;
}

std::string import_reference() {
  std::string text;
  for (CsvField const& f : csv_fields()) {
    text +=
        fmt::format("  {:<20} {}\n  {:<20} also: {}\n", f.name, f.meaning, "", fmt::join(split(f.synonyms, " "), ", "));
  }
  return text;
}

}  // namespace regulus
