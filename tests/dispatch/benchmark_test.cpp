#include "dispatch/benchmark.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "core/files.h"

namespace regulus::dispatch {
namespace {

// Depot at 0, one rider from (3, 0) to (3, 4): 3 there, 4 along, 5 home.
std::string const one_rider =
    "1 1 480 3 30\n"
    "0 0 0 0 0 0 480\n"
    "1 3 0 2 1 10 1440\n"
    "2 3 4 2 -1 0 1440\n"
    "3 0 0 0 0 0 480\n";

std::string const one_parcel =
    "2 10 1\n"
    "0 0 0 0 0 100 0 0 0\n"
    "1 3 4 -5 0 100 1 2 0\n"
    "2 3 0 5 0 100 1 0 1\n";

std::string solution_of(std::string const& nodes, std::string const& starts, std::string const& leave,
                        std::string const& back) {
  return R"({"format": "regulus-solution-1", "instance": "x", "routes": [{"nodes": [)" + nodes + R"(], "starts": [)" +
         starts + R"(], "leave": )" + leave + R"(, "back": )" + back + "}]}";
}

std::string refusal(std::string_view instance, std::string_view solution) {
  auto const report = check_benchmark_solution(instance, solution);
  return report ? "accepted" : report.error().message;
}

TEST(Benchmark, reads_both_forms_of_dial_a_ride_files) {
  auto const a = read_benchmark(one_rider);
  ASSERT_TRUE(a) << a.error().message;
  EXPECT_EQ(a->kind, BenchmarkKind::darp);
  EXPECT_EQ(a->rows.size(), 3U);
  ASSERT_EQ(a->requests.size(), 1U);
  EXPECT_EQ(a->requests[0].pickup, 1);
  EXPECT_EQ(a->requests[0].delivery, 2);
  EXPECT_EQ(a->max_ride, 30);
  // The other form counts stops and has no end depot.
  std::string pr = one_rider.substr(0, one_rider.find("3 0 0 0 0 0 480"));
  pr.replace(2, 1, "2");
  auto const b = read_benchmark(pr);
  ASSERT_TRUE(b) << b.error().message;
  EXPECT_EQ(b->requests.size(), 1U);
}

TEST(Benchmark, reads_pickups_in_any_order) {
  auto const b = read_benchmark(one_parcel);
  ASSERT_TRUE(b) << b.error().message;
  EXPECT_EQ(b->kind, BenchmarkKind::pdptw);
  ASSERT_EQ(b->requests.size(), 1U);
  EXPECT_EQ(b->requests[0].pickup, 2);
  EXPECT_EQ(b->requests[0].delivery, 1);
}

TEST(Benchmark, names_line_value_and_remedy_of_what_is_wrong) {
  auto const message = [](std::string text) {
    auto const b = read_benchmark(text);
    return b ? std::string("accepted") : b.error().message;
  };
  auto const changed = [](std::string text, std::string const& from, std::string const& to) {
    return text.replace(text.find(from), from.size(), to);
  };
  EXPECT_EQ(message(changed(one_rider, "2 3 4 2 -1", "2 3 4 2 -2")),
            "line 4: the load of the drop-off is -2 and that of its pickup 1: let them cancel");
  EXPECT_EQ(message(changed(one_rider, "1 3 0 2 1 10 1440", "1 3 zero 2 1 10 1440")),
            "line 3: y is \"zero\": give a number between -1000000 and 1000000");
  EXPECT_EQ(message(changed(one_rider, "10 1440", "1450 1440")),
            "line 3: the window begins at 1450 and ends at 1440: let it end later");
  EXPECT_EQ(message(changed(one_rider, "1 3 0 2 1 10 1440", "7 3 0 2 1 10 1440")),
            "line 3: the id is 7: number the rows from 0, this one is 1");
  EXPECT_EQ(message(changed(one_rider, "1 1 480", "1 9 480")),
            "line 1 announces 9 requests (or stops) and 4 rows follow: give the depot, the pickups, the drop-offs and, "
            "if you like, the depot again");
  EXPECT_EQ(message(changed(one_parcel, "1 0 1\n", "1 0 2\n")),
            "line 3: stop 1 names stop 2, which does not name it back: let the two name each other");
  EXPECT_EQ(message("1 2\n3 4\n"),
            "line 1 has 2 words: a dial-a-ride file begins with \"vehicles requests duration capacity ride_time\", a "
            "file of Li and Lim with \"vehicles capacity speed\"");
}

TEST(BenchmarkCheck, accepts_what_holds_and_adds_up_the_distance) {
  // Leaves at 7, waits for nobody, picks up at 10, is at the drop-off at 12 + 4, home at 18 + 5.
  auto const report = check_benchmark_solution(one_rider, solution_of("1, 2", "10, 16", "7", "23"));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_DOUBLE_EQ(report->distance, 12);
  EXPECT_EQ(report->vehicles, 1);
  EXPECT_EQ(report->requests, 1);
}

TEST(BenchmarkCheck, names_the_violation) {
  auto const one = [&](std::string const& nodes, std::string const& starts, std::string const& leave,
                       std::string const& back) { return refusal(one_rider, solution_of(nodes, starts, leave, back)); };
  EXPECT_EQ(one("1, 2", "9, 16", "5", "23"), "route 1, stop 1: starts at 9, outside its window 10 to 1440");
  EXPECT_EQ(one("1, 2", "10, 15", "7", "23"), "route 1, stop 2: starts at 15, arrives at 16");
  EXPECT_EQ(one("1, 2", "10, 43", "7", "50"), "route 1, stop 2: rides for 31, longer than 30");
  EXPECT_EQ(one("2, 1", "10, 20", "5", "25"), "route 1, stop 2: its pickup 1 is not before it on the route");
  EXPECT_EQ(one("1, 2", "10, 16", "7", "22"), "route 1, stop 0: is back at 22, arrives at 23");
  EXPECT_EQ(one("1, 2", "478, 484", "470", "491"), "route 1, stop 0: is back at 491, after the depot closes at 480");
  EXPECT_EQ(one("1, 2", "10, 16", "-1", "23"), "route 1, stop 0: leaves at -1, before the depot opens at 0");
  EXPECT_EQ(one("1", "10", "7", "15"), "request 1 to 2 is picked up but not delivered");
  EXPECT_EQ(refusal(one_rider, R"({"format": "regulus-solution-1", "routes": []})"), "request 1 to 2 is not served");
  EXPECT_EQ(one("1, 5", "10, 16", "7", "23"),
            "route 1: stop 5 is not a row of the instance: give a number from 1 to 2");
  std::string heavy = one_rider;
  heavy.replace(heavy.find("480 3 30"), 8, "480 1 30").replace(heavy.find("1 3 0 2 1"), 9, "1 3 0 2 2");
  heavy.replace(heavy.find("2 3 4 2 -1"), 10, "2 3 4 2 -2");
  EXPECT_EQ(refusal(heavy, solution_of("1, 2", "10, 16", "7", "23")), "route 1, stop 1: load 2 over the capacity 1");
  std::string brief = one_rider;
  brief.replace(brief.find("1 1 480 3"), 9, "1 1 15 3");
  EXPECT_EQ(refusal(brief, solution_of("1, 2", "10, 16", "7", "23")),
            "route 1, stop 0: is away for 16, longer than 15");
}

TEST(Benchmark, what_the_search_finds_passes_the_judge) {
  for (char const* const file : {"darp/static/a2-16.txt", "darp/static/pr01", "pdptw/li_lim_100/lr101.txt"}) {
    auto const text = read_file(std::filesystem::path(REGULUS_SOURCE_DIR) / "benchmarks" / file);
    ASSERT_TRUE(text);
    auto const benchmark = read_benchmark(*text);
    ASSERT_TRUE(benchmark) << benchmark.error().message;
    auto const problem = problem_of(*benchmark);
    SearchOptions options;
    options.iterations = 2'000;
    Solution const found =
        improve(problem->instance, construct(problem->instance, forced_routes(problem->instance), 2), options, Rng(1));
    auto const report = check_benchmark_solution(*text, solution_to_json(*problem, found, file).dump());
    ASSERT_TRUE(report) << file << ": " << report.error().message;
    // Rounded distances: half of 1e-5 for each leg at most.
    EXPECT_NEAR(report->distance, static_cast<double>(found.cost) / 1e5, 1e-3) << file;
  }
}

TEST(Benchmark, the_optimum_of_a2_16_is_found) {
  auto const text = read_file(std::filesystem::path(REGULUS_SOURCE_DIR) / "benchmarks/darp/static/a2-16.txt");
  ASSERT_TRUE(text);
  auto const problem = problem_of(*read_benchmark(*text));
  SearchOptions options;
  options.iterations = 5'000;
  Solution const found =
      improve(problem->instance, construct(problem->instance, forced_routes(problem->instance), 2), options, Rng(1));
  EXPECT_NEAR(static_cast<double>(found.cost) / 1e5, 294.25, 0.005);
}

TEST(BestKnown, is_read_from_both_forms) {
  auto const csv =
      read_best_known_csv("instance,value,kind,source\na2-16,294.25,optimal,\"x, y\"\npr01,190.02,best known,z\n");
  ASSERT_TRUE(csv) << csv.error().message;
  ASSERT_EQ(csv->size(), 2U);
  EXPECT_EQ((*csv)[0].instance, "a2-16");
  EXPECT_DOUBLE_EQ((*csv)[0].value, 294.25);
  EXPECT_TRUE((*csv)[0].optimal);
  EXPECT_FALSE((*csv)[1].optimal);
  auto const json = read_best_known_json(R"({"lc101": {"solved_with_vehicles": 10, "best_known_cost": 828.94}})");
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ((*json)[0].vehicles, 10);
  EXPECT_FALSE(read_best_known_csv("instance,value,kind\na2-16,much,optimal\n"));
  EXPECT_FALSE(read_best_known_json(R"({"lc101": {"best_known_cost": 828.94}})"));
}

}  // namespace
}  // namespace regulus::dispatch
