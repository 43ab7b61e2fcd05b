#include "domain/bookings_csv.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "core/files.h"
#include "domain/csv_values.h"

namespace regulus {
namespace {

constexpr char const* places_header = "pickup_lat,pickup_lon,dropoff_lat,dropoff_lon";
constexpr char const* places = "46.50,6.60,46.53,6.60";  // 3336 m as the crow flies, so 4503 m by road

Import imported(std::string const& csv, ImportOptions const& options = {}) {
  Result<Import> import = import_bookings(csv, options);
  EXPECT_TRUE(import) << (import ? "" : import.error().message);
  if (!import) return {};
  for (RowProblem const& p : import->problems) {
    ADD_FAILURE() << fmt::format("line {}, {} = {}: {}", p.line, p.column, p.value, p.reason);
  }
  return import.take();
}

// One row with the usual places and these further columns.
Booking only(std::string const& columns, std::string const& cells, ImportOptions const& options = {}) {
  Import const import = imported(fmt::format("{},{}\n{},{}\n", places_header, columns, places, cells), options);
  EXPECT_EQ(import.day.bookings.size(), 1U);
  return import.day.bookings.empty() ? Booking{} : import.day.bookings.front();
}

// What is wrong with that row, as "column = value: reason".
std::vector<std::string> problems(std::string const& columns, std::string const& cells) {
  Result<Import> const import =
      import_bookings(fmt::format("{},{}\n{},{}\n", places_header, columns, places, cells), {});
  EXPECT_TRUE(import) << (import ? "" : import.error().message);
  std::vector<std::string> said;
  if (!import) return said;
  for (RowProblem const& p : import->problems) {
    EXPECT_EQ(p.line, 2);
    said.push_back(fmt::format("{} = {}: {}", p.column, p.value, p.reason));
  }
  EXPECT_TRUE(said.empty() || import->day.bookings.empty());
  return said;
}

std::string refusal(std::string const& csv, ImportOptions const& options = {}) {
  Result<Import> const import = import_bookings(csv, options);
  EXPECT_FALSE(import) << csv;
  return import ? "" : import.error().message;
}

TEST(Csv, reads_quotes_separators_and_line_ends_as_rfc_4180_means_them) {
  Result<CsvTable> const table = parse_csv(
      "\xEF\xBB\xBF"
      "a;\"b;\"\"x\"\"\"\r\n1;2\r\n\r\n\"two\nlines\";\"\"\nlast;");
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->separator, ';');
  EXPECT_EQ(table->header, (std::vector<std::string>{"a", "b;\"x\""}));
  ASSERT_EQ(table->rows.size(), 3U);
  EXPECT_EQ(table->rows[0].line, 2);
  EXPECT_EQ(table->rows[1].line, 4);  // behind an empty line
  EXPECT_EQ(table->rows[1].cells, (std::vector<std::string>{"two\nlines", ""}));
  EXPECT_EQ(table->rows[2].line, 6);  // the cell before it took two lines
  EXPECT_EQ(table->rows[2].cells, (std::vector<std::string>{"last", ""}));
}

TEST(Csv, finds_the_separator_by_the_header) {
  EXPECT_EQ(parse_csv("a,b;c,d\n")->separator, ',');
  EXPECT_EQ(parse_csv("a\tb,c\td\n1,2,3\n")->separator, '\t');
  EXPECT_EQ(parse_csv("\"a,b,c\";d;e\n")->separator, ';');
  EXPECT_EQ(parse_csv("alone\n")->header.size(), 1U);
}

TEST(Csv, refuses_what_is_no_table) {
  auto const message = [](std::string_view text) {
    Result<CsvTable> const table = parse_csv(text);
    EXPECT_FALSE(table) << text;
    return table ? "" : table.error().message;
  };
  EXPECT_NE(message("").find("empty"), std::string::npos);
  EXPECT_NE(message("\n\r\n").find("empty"), std::string::npos);
  EXPECT_NE(message("a,b\n1,\"2\n3,4\n").find("line 2: quotes are opened and never closed"), std::string::npos);
  EXPECT_NE(message("a,b\n\"1\"x,2\n").find("line 2: text behind the quotes"), std::string::npos);
  EXPECT_NE(message("a,b\nMorges,Pr\xE9verenges\n").find("line 2: the text is not UTF-8"), std::string::npos);
}

RC_GTEST_PROP(Csv, a_table_comes_back_from_its_text, ()) {
  char const separator = *rc::gen::element(',', ';', '\t');
  std::string const end = *rc::gen::element<std::string>("\n", "\r\n");
  auto const cell = rc::gen::container<std::string>(rc::gen::element('a', 'b', '"', ',', ';', '\t', '\n', ' '));
  std::size_t const columns = *rc::gen::inRange<std::size_t>(2, 5);
  std::vector<std::vector<std::string>> rows = {std::vector<std::string>(columns, "head")};
  for (int n = *rc::gen::inRange(0, 4); n > 0; --n) {
    rows.emplace_back();
    for (std::size_t c = 0; c < columns; ++c) rows.back().push_back(*cell);
  }
  std::string text;
  for (auto const& row : rows) {
    for (std::size_t c = 0; c < columns; ++c) {
      text += c > 0 ? std::string(1, separator) : "";
      text += '"';
      for (char const letter : row[c]) text += letter == '"' ? std::string("\"\"") : std::string(1, letter);
      text += '"';
    }
    text += end;
  }
  Result<CsvTable> const table = parse_csv(text);
  RC_ASSERT(static_cast<bool>(table));
  RC_ASSERT(table->header == rows.front());
  RC_ASSERT(table->rows.size() + 1 == rows.size());
  for (std::size_t r = 1; r < rows.size(); ++r) RC_ASSERT(table->rows[r - 1].cells == rows[r]);
}

TEST(CsvValues, dates_and_times_are_read_as_companies_write_them) {
  // 2025-03-04 is the 20151st day of 1970: 55 years × 365 + 14 leap days + 31 + 28 + 3.
  EXPECT_EQ(*parse_date("2025-03-04"), 20'151);
  EXPECT_EQ(*parse_date("04.03.2025"), 20'151);
  EXPECT_EQ(date_text(20'151), "2025-03-04");
  for (char const* text : {"8:05", "08:05:00", "8h05", "08:05:00.250"}) {
    Result<DatedTime> const read = parse_dated_time(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(read->clock, 29'100) << text;
    EXPECT_FALSE(read->date) << text;
  }
  EXPECT_EQ(parse_dated_time("8h")->clock, 28'800);
  EXPECT_EQ(parse_dated_time("24:30")->clock, 88'200);
  for (char const* text : {"2025-03-04T08:05:00", "2025-03-04 08:05", "04.03.2025 8h05"}) {
    Result<DatedTime> const read = parse_dated_time(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(read->clock, 29'100) << text;
    EXPECT_EQ(read->date, 20'151) << text;
  }
}

TEST(CsvValues, what_is_ambiguous_or_no_time_is_refused_with_a_remedy) {
  auto const message = [](char const* text) {
    Result<DatedTime> const read = parse_dated_time(text);
    EXPECT_FALSE(read) << text;
    return read ? "" : read.error().message;
  };
  EXPECT_NE(message("03/04/2025 08:00").find("reads the same everywhere; write 2025-03-04"), std::string::npos);
  EXPECT_NE(message("2025-02-30").find("no date of the calendar"), std::string::npos);
  EXPECT_NE(message("2025-03-04T08:00:00Z").find("time zone"), std::string::npos);
  EXPECT_NE(message("08:00+01:00").find("time zone"), std::string::npos);
  for (char const* text : {"", "noon", "8", "-08:00", "99:00", "08:61", "2025-03-04T"}) {
    EXPECT_FALSE(parse_dated_time(text)) << text;
  }
}

TEST(CsvValues, durations_flags_and_decimals) {
  EXPECT_EQ(parse_duration("90"), 90);
  EXPECT_EQ(parse_duration("90 s"), 90);
  EXPECT_EQ(parse_duration("10min"), 600);
  EXPECT_EQ(parse_duration("1 h"), 3'600);
  for (char const* text : {"", "-5", "1.5 h", "ten", "5 days"}) EXPECT_FALSE(parse_duration(text)) << text;
  EXPECT_EQ(parse_flag("Oui"), true);
  EXPECT_EQ(parse_flag("X"), true);
  EXPECT_EQ(parse_flag("no"), false);
  EXPECT_FALSE(parse_flag("maybe"));
  EXPECT_EQ(parse_decimal("46,52", true), 46.52);
  EXPECT_FALSE(parse_decimal("46,52", false));
  EXPECT_FALSE(parse_decimal("nan", false));
  EXPECT_FALSE(parse_decimal("46.5N", false));
}

TEST(CsvValues, column_names_are_compared_without_case_accents_and_punctuation) {
  EXPECT_EQ(column_key(" Heure du RDV "), "heure_du_rdv");
  EXPECT_EQ(column_key("Réservé-le"), "reserve_le");
  EXPECT_EQ(column_key("Latitude (départ)"), "latitude_depart");
}

TEST(Import, a_requested_ride_is_on_demand_and_known_when_it_is_asked_for) {
  Booking const b = only("request_time", "2025-03-04T09:00:30");
  EXPECT_EQ(b.booking_class, BookingClass::on_demand);
  EXPECT_EQ(b.known_from, 32'430);
  EXPECT_EQ(b.pickup_window, (Window{32'430, 33'030}));
  EXPECT_EQ(b.dropoff_window, (Window{0, never}));
  EXPECT_EQ(b.seats, (Seats{{1, 0, 0}}));
  EXPECT_EQ(b.pickup_service, 120);
}

TEST(Import, an_appointment_makes_an_outbound_ride_that_any_pickup_in_time_may_begin) {
  Booking const b = only("appointment,pickup_service", "10:00,5 min");
  EXPECT_EQ(b.booking_class, BookingClass::outbound);
  EXPECT_EQ(b.dropoff_window, (Window{34'200, 36'000}));
  EXPECT_EQ(b.known_from, 0);
  // By road 1.35 × 3335.8 = 4503.4 m at nine, 25 km/h: 60 + 648.5 s, 709 in whole seconds. The latest pickup starts
  // 300 s of service and that ride before the appointment: 36000 - 1009 = 34991. The earliest leaves time for a ride of
  // 709 + 900 s (more than twice the direct one) before the window opens: 34200 - 300 - 1609 = 32291.
  EXPECT_EQ(b.pickup_window, (Window{32'291, 34'991}));
}

TEST(Import, a_return_time_makes_a_second_booking_the_other_way) {
  Import const import =
      imported(fmt::format("{},rdv,heure retour,pickup_service\n{},10:00,11h30,300\n", places_header, places));
  ASSERT_EQ(import.day.bookings.size(), 2U);
  Booking const &out = import.day.bookings[0], &back = import.day.bookings[1];
  EXPECT_EQ(back.linked, out.id);
  EXPECT_EQ(back.pickup, out.dropoff);
  EXPECT_EQ(back.dropoff, out.pickup);
  EXPECT_EQ(back.booking_class, BookingClass::inbound);
  EXPECT_EQ(back.pickup_window, (Window{41'400, 42'000}));
  EXPECT_EQ(back.dropoff_service, 300);
  EXPECT_EQ(back.pickup_service, 120);
  EXPECT_EQ(import.day.places.size(), 2U);  // each place once
}

TEST(Import, a_return_that_is_called_for_is_expected_some_time_after_the_appointment) {
  for (char const* row : {"10:00,yes,", "10:00,,aller-retour"}) {
    Import const import = imported(fmt::format("{},appointment,will_call,class\n{},{}\n", places_header, places, row));
    ASSERT_EQ(import.day.bookings.size(), 2U) << row;
    EXPECT_EQ(import.day.bookings[1].booking_class, BookingClass::will_call);
    EXPECT_EQ(import.day.bookings[1].pickup_window.start, 36'000 + 5'400);
  }
}

TEST(Import, needs_become_seats_limits_skills_and_drivers) {
  Day fleet;
  fleet.places = {{46.5, 6.6}};
  for (int id : {3, 8}) {
    Driver d;
    d.id = id;
    d.name = id == 3 ? "North" : "South";
    d.vehicle.layouts = {Seats{{4, 1, 0}}};
    d.shift = {0, day_length};
    d.start = 0;
    fleet.drivers.push_back(d);
  }
  Booking const b = only(
      "pickup_time,passengers,wheelchair,companions,max_ride,priority,exclusive,skills,preferred,forbidden,max_ride_"
      "ratio",
      "8:00,2,yes,1,45 min,3,oui,oxygen|stairs,North|8,South,2.5", {.into = fleet});
  EXPECT_EQ(b.seats, (Seats{{2, 1, 0}}));  // one walks, one companion, one wheelchair
  EXPECT_EQ(b.companions, 1);
  EXPECT_EQ(b.max_ride, 2'700);
  EXPECT_EQ(b.max_ride_ratio, 2.5);
  EXPECT_EQ(b.priority, 3);
  EXPECT_TRUE(b.exclusive);
  EXPECT_EQ(b.skills, Skills{3});
  EXPECT_EQ(b.preferred, (std::vector<DriverId>{3, 8}));
  EXPECT_EQ(b.forbidden, (std::vector<DriverId>{8}));
  EXPECT_EQ(b.pickup_window, (Window{28'800, 29'400}));
}

TEST(Import, columns_are_found_in_french_with_decimal_commas) {
  Import const import = imported(
      "N° dossier;Date;Heure de prise en charge;Lat départ;Lon départ;Lat arrivée;Lon arrivée;Fauteuil roulant\n"
      "A-7;04.03.2025;8h15;46,50;6,60;46,53;6,60;oui\n",
      {.columns = {{"reference", "N° dossier"}}});
  ASSERT_EQ(import.day.bookings.size(), 1U);
  EXPECT_EQ(import.day.date, "2025-03-04");
  EXPECT_EQ(import.day.bookings[0].reference, "A-7");
  EXPECT_EQ(import.day.bookings[0].seats, (Seats{{0, 1, 0}}));
  EXPECT_EQ(import.day.places[0], (Point{46.5, 6.6}));
  EXPECT_EQ(import.mapping.find("columns")->find("pickup_time")->as_string(), "Heure de prise en charge");
}

TEST(Import, columns_are_taken_by_the_callers_word_before_any_synonym) {
  Import const import = imported(fmt::format("{},heure,autre\n{},8:00,9:00\n", places_header, places),
                                 {.columns = {{"pickup_time", "autre"}}});
  EXPECT_EQ(import.day.bookings[0].pickup_window.start, 32'400);
  EXPECT_EQ(*import.mapping.find("ignored"), Json(Json::Array{"heure"}));
}

TEST(Import, names_every_bad_row_and_imports_nothing) {
  Result<Import> const import = import_bookings(
      fmt::format(
          "{0},pickup_time,passengers,note\n{1},8:00,1,a\n{1},25 o'clock,two,b\n{1},8:00\n,6.60,91,6.60,8:00,1,\n"
          "{1},,1,\n",
          places_header, places),
      {});
  ASSERT_TRUE(import);
  std::vector<std::string> said;
  for (RowProblem const& p : import->problems) said.push_back(fmt::format("{} {}={}", p.line, p.column, p.value));
  EXPECT_EQ(said, (std::vector<std::string>{"3 passengers=two", "3 pickup_time=25 o'clock",
                                            "4 =", "5 pickup_lat=", "5 dropoff_lat=91", "6 pickup_time="}));
  EXPECT_TRUE(import->day.bookings.empty());
  EXPECT_TRUE(import->day.places.empty());
}

TEST(Import, says_what_is_wrong_with_a_cell) {
  using Said = std::vector<std::string>;
  EXPECT_EQ(problems("pickup_from,pickup_until", "9:00,8:00"),
            Said{"pickup_until = 8:00: ends before the pickup window starts"});
  EXPECT_EQ(problems("pickup_time,passengers,wheelchair", "9:00,1,2"),
            Said{"passengers = 1: is fewer than the 2 in wheelchairs or lying"});
  EXPECT_EQ(problems("pickup_time,class", "9:00,back"),
            Said{"class = back: is none of outbound, inbound, will_call, on_demand, round_trip"});
  EXPECT_EQ(problems("pickup_time,preferred", "9:00,Smith"),
            Said{"preferred = Smith: names Smith, who is no driver of this day"});
  EXPECT_EQ(problems("appointment,return_time", "10:00,9:00"),
            Said{"return_time = 9:00: is before the client is there; correct one of the two"});
  EXPECT_EQ(problems("date,pickup_time", "soon,9:00"), Said{"date = soon: is no date; write 2025-03-04 or 04.03.2025"});
  EXPECT_EQ(problems("pickup_time,known_from", "9:00,2025-03-04"),
            Said{"known_from = 2025-03-04: has a date, but nothing says which day the ride is on; add a column date"});
  EXPECT_EQ(problems("pickup_time,appointment", "2025-03-04T09:00,2025-04-04T10:00"),
            Said{"appointment = 2025-04-04T10:00: is 31 days from the ride's day; correct the date"});
}

TEST(Import, an_address_that_was_not_found_is_no_place) {
  Result<Import> const import = import_bookings(fmt::format("{},time\n0,0,46.5,6.6,8:00\n", places_header), {});
  ASSERT_TRUE(import && import->problems.size() == 1);
  EXPECT_EQ(import->problems[0].reason, "and longitude are both 0; the address was not found");
}

TEST(Import, refuses_a_file_whose_columns_do_not_suffice_or_do_not_exist) {
  EXPECT_NE(refusal("pickup_lat,pickup_lon,dropoff_lat,time\n").find("no column for dropoff_lon"), std::string::npos);
  EXPECT_NE(refusal(fmt::format("{},time\n", places_header), {.columns = {{"pickup_tme", "time"}}})
                .find("did you mean pickup_time?"),
            std::string::npos);
  EXPECT_NE(refusal(fmt::format("{},time\n", places_header), {.columns = {{"pickup_time", "hour"}}})
                .find("column \"hour\" for pickup_time is not in the file"),
            std::string::npos);
  EXPECT_NE(refusal(fmt::format("{},time,Time\n", places_header)).find("there twice"), std::string::npos);
}

TEST(Import, takes_one_day_of_a_file_of_several) {
  std::string const csv = fmt::format("{0},time\n{1},2025-03-04T08:00\n{1},2025-03-05T09:00\n{1},2025-03-05T10:00\n",
                                      places_header, places);
  EXPECT_NE(refusal(csv).find("2 days, 2025-03-04 to 2025-03-05; choose one"), std::string::npos);
  Import const import = imported(csv, {.date = "2025-03-05"});
  EXPECT_EQ(import.day.bookings.size(), 2U);
  EXPECT_EQ(import.rows, 2);
  EXPECT_EQ(import.other_days, 1);
  EXPECT_NE(refusal(csv, {.date = "2025-03-06"}).find("no row of 2025-03-06"), std::string::npos);
}

TEST(Import, a_booking_of_days_ago_is_known_before_the_day) {
  EXPECT_EQ(only("pickup_time,booked_at", "2025-03-04T08:00,2025-03-03T18:00").known_from, -6 * 3'600);
  EXPECT_EQ(only("pickup_time,booked_at", "2025-03-04T08:00,2024-12-24T18:00").known_from, -6 * day_length);
}

TEST(Import, adds_to_a_day_and_recognises_what_is_there_already) {
  std::string const csv = fmt::format("reference,{0},time\nA,{1},8:00\nB,{1},9:00\n", places_header, places);
  Import const first = imported(csv);
  Import const more =
      imported(fmt::format("reference,{0},time\nC,{1},8:00\n", places_header, places), {.into = first.day});
  ASSERT_EQ(more.day.bookings.size(), 3U);
  EXPECT_EQ(more.day.bookings[2].id, 3);
  EXPECT_EQ(more.day.places.size(), 2U);
  Result<Import> const again = import_bookings(csv, {.into = first.day});
  ASSERT_TRUE(again);
  ASSERT_EQ(again->problems.size(), 2U);
  EXPECT_EQ(again->problems[0].value, "A");
  EXPECT_EQ(again->day, first.day);
}

TEST(Import, reports_what_nobody_can_serve_and_imports_it_all_the_same) {
  Day fleet;
  fleet.places = {{46.5, 6.6}};
  Driver d;
  d.id = 1;
  d.vehicle.layouts = {Seats{{4, 0, 0}}};
  d.shift = {8 * one_hour, 12 * one_hour};
  d.start = 0;
  fleet.drivers = {d};
  // Line 3 ends 120 + 709 s after nine at the soonest, and an outbound ride may end 60 + 900 s after nine. Then: no
  // wheelchair place, five minutes on board for a ride of twelve, a skill that nobody has, a time at which nobody is on
  // duty, and line 8, which had to end before it began.
  Import const import = imported(fmt::format("{0},pickup_from,pickup_until,dropoff_until,wheelchair,max_ride,skills\n"
                                             "{1},9:00,9:10,,,,\n"
                                             "{1},9:00,9:10,9:01,,,\n"
                                             "{1},9:00,9:10,,1,,\n"
                                             "{1},9:00,9:10,,,300,\n"
                                             "{1},9:00,9:10,,,,oxygen\n"
                                             "{1},13:00,13:10,,,,\n"
                                             "{1},9:00,9:10,8:40,,,\n",
                                             places_header, places),
                                 {.into = fleet});
  EXPECT_EQ(import.day.bookings.size(), 7U);
  std::vector<std::int64_t> lines;
  for (RowProblem const& p : import.impossible) lines.push_back(p.line);
  EXPECT_EQ(lines, (std::vector<std::int64_t>{4, 5, 6, 7, 8}));
  EXPECT_EQ(import.impossible[4].reason,
            "the direct ride of 709 s ends 1129 s after the drop-off window and all lateness");
}

TEST(Import, reads_the_recorded_days_of_two_cities_as_they_are) {
  auto const read = [](char const* name) {
    return imported(read_file(std::string(REGULUS_SOURCE_DIR) + "/benchmarks/rides/" + name).take());
  };
  Import const porto = read("porto_2013-07-01.csv");
  EXPECT_EQ(porto.day.bookings.size(), 967U);
  EXPECT_EQ(porto.day.date, "2013-07-01");
  EXPECT_EQ(porto.observed.size(), 967U);
  // 2013-07-01T01:00:53,41.1407,-8.6103,41.1453,-8.6059,,360,2013
  Booking const& first = porto.day.bookings[0];
  EXPECT_EQ(first.booking_class, BookingClass::on_demand);
  EXPECT_EQ(first.known_from, 3'653);
  EXPECT_EQ(first.pickup_window, (Window{3'653, 4'253}));
  EXPECT_EQ(first.seats, (Seats{{1, 0, 0}}));
  EXPECT_EQ(porto.observed[0].seconds, 360);
  EXPECT_EQ(porto.observed[0].metres, 2'013);
  EXPECT_EQ(porto.observed[0].from, (Point{41.1407, -8.6103}));
  Import const new_york = read("new_york_nominal_day.csv");
  EXPECT_EQ(new_york.day.bookings.size(), 10'992U);
  EXPECT_TRUE(new_york.observed.empty());
}

}  // namespace
}  // namespace regulus
