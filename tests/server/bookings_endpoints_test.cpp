#include <gtest/gtest.h>

#include "store/bookings.h"
#include "tests/server/support.h"

namespace regulus::server {
namespace {

constexpr std::string_view base = "/api/v1/companies/1";

class Bookings : public ::testing::Test {
 protected:
  Bookings() {
    test_.company(1, true);
    Json const settings = parse_json(R"({"auto_dispatch": false, "improve": false})").take();
    EXPECT_EQ(ask("PUT", "/settings", {.json = settings, .headers = {{"if-match", "*"}}}).status, 200);
    for (char const* name : {"Ada", "Ben"}) {
      Json driver = parse_json(R"({"vehicle": {"layouts": [{"ambulatory": 4}]}, "shift": {"from": "07:00",
          "to": "17:00"}, "start": {"latitude": 46.2, "longitude": 6.14}})")
                        .take();
      driver["name"] = name;
      EXPECT_EQ(ask("POST", "/drivers", {.json = driver}).status, 201);
    }
  }

  Response ask(std::string const& method, std::string const& rest, Say say = {}) {
    say.token = test_.administrator();
    return test_.ask(method, std::string(base) + rest, say);
  }
  Response import(std::string const& bytes, std::string const& query = "?date=2026-03-02") {
    return ask("POST", "/bookings/import" + query, {.bytes = bytes, .content_type = "text/csv"});
  }
  Json get(std::string const& rest) {
    Response const response = ask("GET", rest);
    EXPECT_EQ(response.status, 200) << rest << " " << response.body;
    return json_of(response);
  }
  // At 10:00 local time; returns its id.
  std::int64_t book() {
    Json const ride = parse_json(R"({"class": "on_demand", "pickup": {"latitude": 46.2, "longitude": 6.14},
        "dropoff": {"latitude": 46.21, "longitude": 6.14},
        "pickup_window": ["2026-03-02T09:00:00Z", "2026-03-02T09:20:00Z"]})")
                          .take();
    Response const made = ask("POST", "/bookings", {.json = ride});
    EXPECT_EQ(made.status, 201) << made.body;
    return json_of(made).find("id")->as_integer();
  }
  std::int64_t rows() { return static_cast<std::int64_t>(get("/bookings").find("items")->as_array().size()); }

  ServerUnderTest test_;
};

constexpr std::string_view places = "pickup_lat,pickup_lon,dropoff_lat,dropoff_lon";

TEST_F(Bookings, a_change_that_is_not_about_the_ride_leaves_its_driver) {
  std::int64_t const id = book();
  EXPECT_EQ(ask("POST", "/dispatch:run", {.json = Json::object()}).status, 200);
  std::string const at = fmt::format("/bookings/{}", id);
  Json const given = *get(at).find("driver");
  ASSERT_FALSE(given.is_null());
  for (char const* change : {R"({"reference": "room 12"})", R"({"priority": 2})", R"({"companions": 1})",
                             R"({"pickup": {"latitude": 46.2, "longitude": 6.14}})"}) {
    Response const changed = ask("PATCH", at, {.json = parse_json(change).take()});
    ASSERT_EQ(changed.status, 200) << changed.body;
    EXPECT_EQ(text_at(json_of(changed), "status"), "assigned") << change;
    EXPECT_EQ(*json_of(changed).find("driver"), given) << change;
  }
  EXPECT_EQ(text_at(get(at), "reference"), "room 12");
}

TEST_F(Bookings, a_change_of_the_ride_takes_it_from_its_driver) {
  for (char const* change :
       {R"({"pickup": {"latitude": 46.22, "longitude": 6.14}})",
        R"({"dropoff": {"latitude": 46.22, "longitude": 6.14}})",
        R"({"pickup_window": ["2026-03-02T09:30:00Z", "2026-03-02T09:50:00Z"]})", R"({"seats": {"ambulatory": 2}})",
        R"({"skills": ["oxygen"]})", R"({"forbidden": [1]})", R"({"exclusive": true})", R"({"ready": false})"}) {
    std::int64_t const id = book();
    EXPECT_EQ(ask("POST", "/dispatch:run", {.json = Json::object()}).status, 200);
    std::string const at = fmt::format("/bookings/{}", id);
    ASSERT_EQ(text_at(get(at), "status"), "assigned");
    Response const changed = ask("PATCH", at, {.json = parse_json(change).take()});
    ASSERT_EQ(changed.status, 200) << changed.body;
    EXPECT_EQ(text_at(json_of(changed), "status"), "pending") << change;
    EXPECT_EQ(ask("POST", at + "/cancel", {.json = Json::object()}).status, 200);
  }
}

TEST_F(Bookings, an_imported_way_back_knows_its_way_there) {
  book();  // so that numbers of the file and of the company differ
  Response const made =
      import(fmt::format("{},appointment,return_time,class\n"
                         "46.20,6.14,46.21,6.15,9:00,,outbound\n"
                         "46.20,6.14,46.21,6.15,10:00,11:00,outbound\n",
                         places));
  ASSERT_EQ(made.status, 201) << made.body;
  Json const summary = json_of(made);
  auto const& ids = summary.find("bookings")->as_array();
  ASSERT_EQ(ids.size(), 3U);
  auto const linked = [&](std::size_t k) {
    return get(fmt::format("/bookings/{}", ids[k].as_integer())).find("linked")->as_integer();
  };
  EXPECT_EQ(linked(0), 0);
  EXPECT_EQ(linked(1), 0);
  EXPECT_EQ(linked(2), ids[1].as_integer());
}

TEST_F(Bookings, an_imported_ride_may_name_drivers_of_the_company) {
  Response const made =
      import(fmt::format("{},pickup_from,preferred,forbidden\n"
                         "46.20,6.14,46.21,6.15,9:00,Ben,1\n",
                         places));
  ASSERT_EQ(made.status, 201) << made.body;
  Json const booking =
      get(fmt::format("/bookings/{}", json_of(made).find("bookings")->as_array().front().as_integer()));
  EXPECT_EQ(booking.find("preferred")->dump(), "[2]");
  EXPECT_EQ(booking.find("forbidden")->dump(), "[1]");
  Response const unknown = import(fmt::format("{},pickup_from,preferred\n46.20,6.14,46.21,6.15,9:00,Cleo\n", places));
  EXPECT_EQ(unknown.status, 422);
  EXPECT_NE(unknown.body.find("Cleo"), std::string::npos) << unknown.body;
}

TEST_F(Bookings, a_file_that_would_keep_everybody_waiting_is_refused_whole) {
  std::string file = fmt::format("{},pickup_from\n", places);
  for (int k = 0; k < 5'001; ++k) file += "46.20,6.14,46.21,6.15,9:00\n";
  Response const refused = import(file);
  EXPECT_EQ(refused.status, 422);
  std::string const detail = text_at(json_of(refused), "detail");
  for (char const* word : {"5001 rows", "at most 5000", "split the file"}) {
    EXPECT_NE(detail.find(word), std::string::npos) << detail;
  }
  EXPECT_EQ(rows(), 0);
}

TEST_F(Bookings, a_bad_file_is_refused_in_french_to_whoever_asks_in_french) {
  auto const refused = [&](std::string const& bytes) {
    Json const json =
        json_of(ask("POST", "/bookings/import?date=2026-03-02",
                    {.bytes = bytes, .content_type = "text/csv", .headers = {{"accept-language", "fr"}}}));
    Json const* const errors = json.find("errors");
    return errors == nullptr ? text_at(json, "detail") : text_at(errors->as_array().front(), "message");
  };
  EXPECT_EQ(refused(fmt::format("{},pickup_from\n46.20,6.14,46.21,6.15,soon\n", places)),
            "ligne 2, pickup_from = soon\u00A0: n’est pas une heure\u202F; écrivez 08:05, 08:05:30, 8h05 ou "
            "2025-03-04T08:05:30");
  EXPECT_EQ(refused(fmt::format("{},pickup_from\n46.20,6.14,46.21,6.15\n", places)),
            "ligne 2\u00A0: compte 4 cellules alors que l’en-tête en compte 5\u202F; vérifiez les séparateurs et les "
            "guillemets");
  EXPECT_EQ(refused(fmt::format("{}\n46.20,\"6.14", places)),
            "ligne 2\u00A0: des guillemets sont ouverts et jamais fermés");
  EXPECT_EQ(
      refused("lat,lon\n"),
      "aucune colonne pour pickup_lat\u202F; les colonnes du fichier sont lat, lon\u202F; indiquez laquelle c’est "
      "avec pickup_lat=COLONNE");
}

TEST_F(Bookings, what_a_ride_does_not_allow_is_told_in_french_to_whoever_asks_in_french) {
  auto const refused = [&](std::string const& rest, Json json) {
    Response const response = ask("POST", rest, {.json = std::move(json), .headers = {{"accept-language", "fr"}}});
    EXPECT_EQ(response.status, 409) << response.body;
    return text_at(json_of(response), "detail");
  };
  std::int64_t const id = book();
  EXPECT_EQ(refused(fmt::format("/assignments/{}/start", id), Json::object()),
            fmt::format("la course {} n’a pas de chauffeur", id));
  Json const given = Json::object({{"booking", id}, {"driver", 2}});
  ASSERT_EQ(ask("POST", "/assignments", {.json = given}).status, 200);
  EXPECT_EQ(refused(fmt::format("/assignments/{}/complete", id), Json::object()),
            fmt::format("le chauffeur 2 a devant lui l’arrêt pickup de {0}, et non dropoff de {0}", id));
  for (char const* word : {"board", "complete"}) {
    ASSERT_EQ(ask("POST", fmt::format("/assignments/{}/{}", id, word), {.json = Json::object()}).status, 200);
  }
  EXPECT_EQ(refused(fmt::format("/bookings/{}/cancel", id), Json::object()),
            fmt::format("la course {} est à l’état completed et ne peut pas passer à cancelled", id));
  EXPECT_EQ(refused("/assignments", given),
            fmt::format("le chauffeur 2 ne peut pas prendre la course {}\u00A0: elle est à l’état completed", id));
}

TEST_F(Bookings, a_list_is_read_page_by_page) {
  for (int k = 0; k < 3; ++k) book();
  std::vector<std::int64_t> seen;
  for (std::string next = "/bookings?limit=1"; !next.empty();) {
    Json const page = get(next);
    for (Json const& item : page.find("items")->as_array()) seen.push_back(item.find("id")->as_integer());
    next = text_at(page, "next");
    if (!next.empty()) next = next.substr(base.size());
  }
  EXPECT_EQ(seen, (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(ask("GET", "/bookings?after=" + cursor_of("5:99999999999")).status, 422) << "no number of a booking";
}

}  // namespace
}  // namespace regulus::server
