#include "server/roads.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <regex>

#include "tests/travel/loopback_server.h"

namespace regulus::server {
namespace {

using travel::Conversation;
using travel::LoopbackServer;

Day a_day() {
  Day day;
  day.places = {{46.20, 6.14}, {46.21, 6.15}, {46.22, 6.16}};
  return day;
}

travel::TravelOptions osrm_at(std::string const& url) {
  travel::TravelOptions options;
  options.provider = "osrm";
  options.url = url;
  return options;
}

// How many indices a list of an OSRM question has: "sources=0;1;2" is three.
std::size_t listed(std::string const& request, std::string const& name) {
  std::smatch found;
  if (!std::regex_search(request, found, std::regex(name + "=([0-9;]*)"))) return 0;
  std::string const list = found[1];
  return static_cast<std::size_t>(std::ranges::count(list, ';')) + 1;
}

std::string row_of(std::size_t cells) {
  std::string row = "[";
  for (std::size_t k = 0; k < cells; ++k) row += k == 0 ? "600" : ",600";
  return row + "]";
}

// Every leg takes ten minutes.
void answer_like_osrm(Conversation& talk, std::atomic<int>& requests) {
  for (std::string request; !(request = talk.read_request()).empty();) {
    ++requests;
    std::string rows;
    for (std::size_t k = 0; k < listed(request, "sources"); ++k) {
      rows += (k == 0 ? "" : ",") + row_of(listed(request, "destinations"));
    }
    if (!talk.answer(200, R"({"code":"Ok","durations":[)" + rows + R"(],"distances":[)" + rows + "]}")) return;
  }
}

TEST(Roads, that_were_asked_for_before_are_not_asked_again) {
  std::atomic<int> requests = 0;
  LoopbackServer const server([&](Conversation& talk) { answer_like_osrm(talk, requests); });
  Roads roads(osrm_at(server.url()), std::chrono::seconds(20));
  Roads::Answer const first = roads.times_for(1, a_day());
  EXPECT_FALSE(first.degraded);
  EXPECT_EQ(first.times.seconds(0, 2, 12), 600);
  int const asked = requests;
  EXPECT_GT(asked, 0);
  for (int again = 0; again < 3; ++again) EXPECT_EQ(roads.times_for(1, a_day()).times.seconds(2, 1, 12), 600);
  EXPECT_EQ(requests, asked);
  // One more place: only what is new is asked for.
  Day larger = a_day();
  larger.places.push_back({46.23, 6.17});
  EXPECT_EQ(roads.times_for(1, larger).times.seconds(0, 3, 12), 600);
  EXPECT_GT(requests, asked);
}

TEST(Roads, of_a_server_that_is_down_are_straight_lines_and_said_to_be) {
  Roads roads(osrm_at(travel::refusing_url()), std::chrono::seconds(20));
  Roads::Answer const answer = roads.times_for(1, a_day());
  EXPECT_TRUE(answer.degraded);
  TravelTimes const straight = TravelTimes::straight_line(a_day().places, a_day().speeds);
  EXPECT_EQ(answer.times.places(), 3U);
  EXPECT_NEAR(static_cast<double>(answer.times.seconds(0, 2, 12)), static_cast<double>(straight.seconds(0, 2, 12)), 1);
  EXPECT_TRUE(answer.times.estimated(0, 2));
}

TEST(Roads, of_a_server_that_keeps_hanging_are_no_longer_asked_for) {
  LoopbackServer const server([](Conversation& talk) { talk.hang(); });
  Roads roads(osrm_at(server.url()), std::chrono::milliseconds(30));
  for (int decision = 0; decision < 4; ++decision) EXPECT_TRUE(roads.times_for(1, a_day()).degraded);
  int const connections = server.connections();
  // The breaker leaves it alone for five seconds; these take no time at all.
  for (int decision = 0; decision < 50; ++decision) EXPECT_TRUE(roads.times_for(1, a_day()).degraded);
  EXPECT_EQ(server.connections(), connections);
}

TEST(Roads, of_more_places_than_a_table_holds_are_straight_lines) {
  Day day;
  day.places.assign(travel::most_table_places + 1, {46.2, 6.14});
  Roads roads(osrm_at(travel::refusing_url()), std::chrono::seconds(20));
  EXPECT_TRUE(roads.times_for(1, day).degraded);
}

TEST(Roads, without_a_server_are_straight_lines_and_no_worse_for_it) {
  Roads roads({}, std::chrono::seconds(20));
  Roads::Answer const answer = roads.times_for(1, a_day());
  EXPECT_FALSE(answer.degraded);
  TravelTimes const straight = TravelTimes::straight_line(a_day().places, a_day().speeds);
  EXPECT_EQ(answer.times.seconds(0, 2, 12), straight.seconds(0, 2, 12));
}

}  // namespace
}  // namespace regulus::server
