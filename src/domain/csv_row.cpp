#include "domain/csv_row.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/config.h"

namespace regulus {

namespace {

// What a row may say, and under which other names companies write it.
constexpr CsvField all_fields[] = {
    {"reference", "ref id booking_id booking trip_id ride_id numero no dossier",
     "the company's own word for the booking; never a person's name"},
    {"date", "service_date day jour date_course date_transport date_du_transport",
     "the day, when the times do not say it"},
    {"class", "booking_class type trip_type sens",
     "outbound, inbound, will_call, on_demand or round_trip (aller, retour, sur appel, aller-retour)"},
    {"request_time", "requested_at request demande heure_demande heure_de_la_demande",
     "when somebody asked: dispatch hears of the ride then; without another time also the wanted pickup"},
    {"pickup_time",
     "time heure scheduled_time scheduled_pickup pickup_at heure_depart heure_de_depart heure_prise_en_charge "
     "heure_de_prise_en_charge",
     "the wanted pickup: the window is from then until the slack later"},
    {"pickup_from", "pickup_window_start earliest_pickup pickup_earliest", "start of the pickup window"},
    {"pickup_until", "pickup_window_end latest_pickup pickup_latest", "end of the pickup window"},
    {"appointment",
     "appointment_time arrive_by rendez_vous rdv heure_rdv heure_du_rdv heure_rendez_vous "
     "heure_du_rendez_vous",
     "to be there by then, and not much earlier"},
    {"dropoff_from", "dropoff_window_start earliest_dropoff dropoff_earliest", "start of the drop-off window"},
    {"dropoff_until", "dropoff_window_end latest_dropoff dropoff_latest", "end of the drop-off window"},
    {"return_time", "return_pickup_time retour heure_retour heure_de_retour",
     "pickup of the way back, which becomes a booking of its own"},
    {"will_call", "willcall return_will_call sur_appel retour_sur_appel",
     "yes: the way back happens when the client calls"},
    {"pickup_lat", "pickup_latitude from_lat origin_lat start_lat lat_depart latitude_depart", "degrees, WGS 84"},
    {"pickup_lon",
     "pickup_lng pickup_longitude from_lon from_lng origin_lon origin_lng start_lon start_lng lon_depart "
     "longitude_depart",
     "degrees, WGS 84"},
    {"dropoff_lat",
     "dropoff_latitude to_lat destination_lat dest_lat end_lat lat_arrivee latitude_arrivee lat_destination",
     "degrees, WGS 84"},
    {"dropoff_lon",
     "dropoff_lng dropoff_longitude to_lon to_lng destination_lon destination_lng dest_lon dest_lng end_lon end_lng "
     "lon_arrivee longitude_arrivee lon_destination",
     "degrees, WGS 84"},
    {"passengers", "passenger_count pax seats passagers personnes nombre_de_passagers nb_passagers",
     "people who ride, companions not counted; 1 when empty"},
    {"wheelchair", "wheelchairs fauteuil fauteuil_roulant chaise_roulante",
     "how many of them stay in a wheelchair, or yes"},
    {"stretcher", "stretchers brancard civiere couche", "how many of them lie, or yes"},
    {"companions", "companion accompagnant accompagnants accompagnateurs", "people who come along"},
    {"pickup_service", "pickup_service_s boarding_time duree_prise_en_charge", "600, 600 s or 10 min"},
    {"dropoff_service", "dropoff_service_s alighting_time duree_depose", "600, 600 s or 10 min"},
    {"max_ride", "max_ride_time duree_max", "longest time on board: 3600, 3600 s or 60 min"},
    {"max_ride_ratio", "detour_ratio", "the same as a multiple of the direct ride"},
    {"priority", "priorite", "1, ordinary, to 5"},
    {"exclusive", "alone private seul individuel", "yes: nobody else on board"},
    {"skills", "equipment competences equipement", "what driver or vehicle must have, separated by |"},
    {"preferred", "preferred_driver preferred_drivers chauffeur_prefere", "drivers by id or name, separated by |"},
    {"forbidden", "forbidden_driver forbidden_drivers chauffeur_exclu", "drivers by id or name, separated by |"},
    {"required", "required_driver required_drivers chauffeur_impose", "drivers by id or name, separated by |"},
    {"known_from", "booked_at created_at reserve_le saisi_le", "when dispatch hears of the ride"},
    {"observed_duration_s", "observed_duration duration_s duree_observee_s", "seconds that the ride really took"},
    {"observed_distance_m", "observed_distance distance_m distance_observee_m", "metres that it really was"},
};
constexpr std::string_view needed[] = {"pickup_lat", "pickup_lon", "dropoff_lat", "dropoff_lon"};

std::vector<std::string> field_names() {
  std::vector<std::string> names;
  for (CsvField const& f : all_fields) names.emplace_back(f.name);
  return names;
}

}  // namespace

std::span<CsvField const> csv_fields() { return all_fields; }

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    std::size_t const end = text.find_first_of(separators);
    if (std::string_view const part = trimmed(text.substr(0, end)); !part.empty()) parts.emplace_back(part);
    text = end == std::string_view::npos ? "" : text.substr(end + 1);
  }
  return parts;
}

Result<CsvColumns> find_columns(CsvTable const& table, std::map<std::string, std::string> const& wished) {
  std::map<std::string, std::size_t, std::less<>> by_key, by_text;
  for (std::size_t i = 0; i < table.header.size(); ++i) {
    std::string const key = column_key(table.header[i]);
    if (key.empty()) continue;
    if (!by_key.emplace(key, i).second) {
      return invalid(fmt::format("column \"{}\" is there twice; rename or remove one", trimmed(table.header[i])));
    }
    by_text.emplace(std::string(trimmed(table.header[i])), i);
  }
  std::string const present = fmt::format("{}", fmt::join(table.header, ", "));
  CsvColumns columns;
  auto const known = field_names();
  for (auto const& [field, column] : wished) {
    if (std::ranges::find(known, field) == known.end()) {
      return invalid(fmt::format("field \"{}\" is not known{}", field, suggestion(field, known)));
    }
    auto const exact = by_text.find(column);
    auto const folded = by_key.find(column_key(column));
    if (exact == by_text.end() && folded == by_key.end()) {
      return invalid(
          fmt::format("column \"{}\" for {} is not in the file; the file's columns are {}", column, field, present));
    }
    columns[field] = exact != by_text.end() ? exact->second : folded->second;
  }
  for (CsvField const& f : all_fields) {
    if (columns.contains(f.name)) continue;
    std::vector<std::string> names = split(f.synonyms, " ");
    names.insert(names.begin(), std::string(f.name));
    for (std::string const& name : names) {
      auto const found = by_key.find(name);
      bool const taken = found != by_key.end() && std::ranges::any_of(columns, [&](auto const& column) {
                           return column.second == found->second;
                         });
      if (found == by_key.end() || taken) continue;
      columns[std::string(f.name)] = found->second;
      break;
    }
  }
  for (std::string_view const name : needed) {
    if (!columns.contains(name)) {
      return invalid(fmt::format("no column for {}; the file's columns are {}; say which one it is with {}=COLUMN",
                                 name, present, name));
    }
  }
  return columns;
}

Json mapping_json(CsvTable const& table, CsvColumns const& columns) {
  Json read = Json::object(), ignored = Json::array();
  for (CsvField const& f : all_fields) {
    if (auto const at = columns.find(f.name); at != columns.end()) read[f.name] = trimmed(table.header[at->second]);
  }
  for (std::size_t i = 0; i < table.header.size(); ++i) {
    auto const is_i = [i](auto const& column) { return column.second == i; };
    if (std::ranges::none_of(columns, is_i)) ignored.push_back(trimmed(table.header[i]));
  }
  return Json::object({{"separator", std::string(1, table.separator)}, {"columns", read}, {"ignored", ignored}});
}

std::string_view CsvRow::text(std::string_view field) const {
  auto const column = columns_.find(field);
  if (column == columns_.end() || column->second >= row_.cells.size()) return {};
  return trimmed(row_.cells[column->second]);
}

void CsvRow::problem(std::string_view field, std::string reason) {
  auto const column = columns_.find(field);
  std::string name(column == columns_.end() ? field : trimmed(table_.header[column->second]));
  problems.push_back({row_.line, std::move(name), std::string(text(field)), std::move(reason)});
}

std::optional<DayNumber> CsvRow::date(std::string_view field) const {
  if (text(field).empty()) return std::nullopt;
  Result<DatedTime> const read = parse_dated_time(text(field));
  return read ? read->date : std::nullopt;
}

std::optional<Seconds> CsvRow::moment(std::string_view field, std::optional<DayNumber> day) {
  if (text(field).empty()) return std::nullopt;
  Result<DatedTime> const read = parse_dated_time(text(field));
  if (!read) {
    problem(field, read.error().message);
    return std::nullopt;
  }
  if (read->date && !day) {
    problem(field, "has a date, but nothing says which day the ride is on; add a column date");
    return std::nullopt;
  }
  Seconds const days_later = read->date ? *read->date - *day : 0;
  bool const may_be_long_ago = field == "known_from" || field == "request_time";
  if (days_later > 2 || (days_later < -1 && !may_be_long_ago)) {
    problem(field, fmt::format("is {} days from the ride's day; correct the date", days_later));
    return std::nullopt;
  }
  // Whoever booked weeks ago is as known as whoever booked a week ago.
  return std::max(days_later * day_length + read->clock, -6 * day_length);
}

std::optional<std::int64_t> CsvRow::whole(std::string_view field, std::int64_t low, std::int64_t high) {
  if (text(field).empty()) return std::nullopt;
  auto const number = parse_whole(text(field));
  if (number && *number >= low && *number <= high) return number;
  problem(field, fmt::format("is no whole number from {} to {}", low, high));
  return std::nullopt;
}

std::optional<double> CsvRow::decimal(std::string_view field, double low, double high) {
  if (text(field).empty()) return std::nullopt;
  auto const number = parse_decimal(text(field), table_.separator != ',');
  if (number && *number >= low && *number <= high) return number;
  problem(field, fmt::format("is no number from {} to {}", low, high));
  return std::nullopt;
}

std::optional<Seconds> CsvRow::duration(std::string_view field) {
  if (text(field).empty()) return std::nullopt;
  auto const seconds = parse_duration(text(field));
  if (seconds && *seconds <= day_length) return seconds;
  problem(field, "is no duration of at most a day; write 600, 600 s or 10 min");
  return std::nullopt;
}

bool CsvRow::flag(std::string_view field) {
  if (text(field).empty()) return false;
  auto const answer = parse_flag(text(field));
  if (!answer) problem(field, "is neither yes nor no");
  return answer.value_or(false);
}

std::int16_t CsvRow::count(std::string_view field) {
  auto const answer = text(field).empty() ? std::optional(false) : parse_flag(text(field));
  if (answer) return *answer ? 1 : 0;
  return static_cast<std::int16_t>(whole(field, 0, 50).value_or(0));
}

Point CsvRow::point(std::string_view latitude, std::string_view longitude) {
  for (std::string_view const field : {latitude, longitude}) {
    if (text(field).empty()) problem(field, "is empty; every ride needs both its places");
  }
  Point const p{decimal(latitude, -90, 90).value_or(1), decimal(longitude, -180, 180).value_or(1)};
  if (p == Point{}) problem(latitude, "and longitude are both 0; the address was not found");
  return p;
}

bool CsvRow::complete() {
  if (row_.cells.size() == table_.header.size()) return true;
  problems.push_back({row_.line, "", "",
                      fmt::format("has {} cells where the header has {}; check separators and quotes",
                                  row_.cells.size(), table_.header.size())});
  return false;
}

std::optional<DayNumber> CsvRow::day() const {
  for (std::string_view const field : {"date", "pickup_time", "pickup_from", "appointment", "dropoff_until",
                                       "dropoff_from", "pickup_until", "request_time", "return_time"}) {
    if (auto const said = date(field)) return said;
  }
  return std::nullopt;
}

}  // namespace regulus
