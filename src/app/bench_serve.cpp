// `regulus bench serve`: what the server holds out, measured from outside over loopback.
//
// An open loop: requests are due at fixed moments, whether or not the earlier ones were answered, and the time of each
// counts from when it was due (a closed loop would hide every stall). Readers ask for the status, writers make
// bookings, one dispatcher asks for decisions of a day while plans are improved in the background. Server and generator
// share the machine.
#include <fmt/format.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "app/bench_insertion.h"
#include "core/stats.h"
#include "domain/json_reader.h"
#include "server/server.h"
#include "store/companies.h"
#include "store/drivers.h"
#include "travel/http_client.h"

namespace regulus::app {

namespace {

using Clock = std::chrono::steady_clock;

struct State {
  double gets = 5'000, posts = 500, decisions = 5, seconds = 10;
  int readers = 8, writers = 24;
  std::string folder = "data/bench-serve";
};

double rss_mb() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("VmRSS:")) return std::atof(line.c_str() + 6) / 1'024;
  }
  return 0;
}

Json a_booking(int k) {
  // Spread over the days of a year, so that no day grows without bound.
  int const day = 1 + k % 28, month = 1 + k / 28 % 12, hour = 6 + k % 10;
  std::string const at = fmt::format("2027-{:02}-{:02}T{:02}:00:00Z", month, day, hour);
  return Json::object({{"class", "on_demand"},
                       {"pickup", Json::object({{"latitude", 46.2 + k % 100 * 1e-4}, {"longitude", 6.14}})},
                       {"dropoff", Json::object({{"latitude", 46.22}, {"longitude", 6.14 + k % 77 * 1e-4}})},
                       {"pickup_window", Json(Json::Array{Json(at), Json()})}});
}

Json a_driver() {
  return parse_json(R"({"name": "D", "vehicle": {"layouts": [{"ambulatory": 4}]}, "shift": {"from": "05:00",
                        "to": "20:00"}, "start": {"latitude": 46.2, "longitude": 6.14}})")
      .take();
}

// One kind of request, sent by several connections.
struct Load {
  std::string name;
  double rate = 0;
  int clients = 1;
  std::function<Result<travel::HttpAnswer>(travel::HttpClient&, int k)> send;
};
struct Seen {
  std::vector<double> ms;
  std::int64_t failed = 0;
};

Result<Seen> drive(Load const& load, std::string const& url, std::string const& token, double seconds) {
  std::vector<Seen> seen(static_cast<std::size_t>(load.clients));
  std::vector<std::thread> threads;
  std::atomic<bool> broken = false;
  Clock::time_point const start = Clock::now() + std::chrono::milliseconds(200);
  for (int c = 0; c < load.clients; ++c) {
    threads.emplace_back([&, c] {
      Result<travel::HttpClient> client = travel::HttpClient::open(url);
      if (!client) {
        broken = true;
        return;
      }
      client->authorize(token);
      Seen& mine = seen[static_cast<std::size_t>(c)];
      auto const all = static_cast<int>(load.rate * seconds);
      for (int k = c; k < all; k += load.clients) {
        Clock::time_point const due = start + std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 * k / load.rate));
        std::this_thread::sleep_until(due);
        auto const answer = load.send(*client, k);
        mine.ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - due).count());
        if (!answer || answer->status >= 300) ++mine.failed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (broken) return Error{ErrorKind::io, "the server is not there"};
  Seen all;
  for (Seen& one : seen) {
    all.ms.insert(all.ms.end(), one.ms.begin(), one.ms.end());
    all.failed += one.failed;
  }
  return all;
}

Status run(Common const& common, State const& state) {
  std::error_code ignored;
  std::filesystem::remove_all(state.folder, ignored);
  server::Server::Options options;
  options.database = std::filesystem::path(state.folder) / "serve.db";
  options.models = std::filesystem::path(state.folder) / "models";
  options.callers = {.burst = 1'000'000, .per_second = 1'000'000};
  Clock::time_point const cold = Clock::now();
  Result<std::unique_ptr<server::Server>> opened = server::Server::open(options);
  if (!opened) return opened.error();
  server::Server& server = **opened;
  if (Status const listening = server.listen(); !listening) return listening.error();
  double const cold_ms = std::chrono::duration<double, std::milli>(Clock::now() - cold).count();
  std::string const url = fmt::format("http://127.0.0.1:{}", server.port());
  auto const secret = server.database().write_and_wait([&](store::Transaction& tx) -> Result<std::string> {
    for (std::int64_t id : {1, 2}) {
      auto const company = store::add_company(tx,
                                              {.id = id,
                                               .name = "Bench",
                                               .time_zone = "Europe/Zurich",
                                               .is_test = true,
                                               .settings = parse_json(R"({"auto_dispatch": false})").take()},
                                              server.now());
      if (!company) return company.error();
      for (DriverId d = 1; d <= 8; ++d) {
        auto const driver = store::add_driver(tx, {.company = id, .id = d, .name = "D", .body = a_driver()});
        if (!driver) return driver.error();
      }
    }
    auto const token = store::create_token(
        tx, {.name = "bench", .scopes = server::all_scopes(), .companies = {}, .expires_us = {}, .created_by = "bench"},
        server.now(), server.random());
    if (!token) return token.error();
    return token->secret;
  });
  if (!secret) return secret.error();
  auto const deadline = [] { return Clock::now() + std::chrono::seconds(10); };
  std::vector<Load> const loads = {
      {"GET status", state.gets, state.readers,
       [&](travel::HttpClient& c, int) { return c.get("/api/company_dispatch/rl/status?company_id=1", deadline()); }},
      {"POST booking", state.posts, state.writers,
       [&](travel::HttpClient& c, int k) {
         return c.post_json("/api/v1/companies/1/bookings", a_booking(k).dump(), deadline());
       }},
      {"decision", state.decisions, 1, [&](travel::HttpClient& c, int k) -> Result<travel::HttpAnswer> {
         // A ride of a day that fills up, then the decision about it.
         Json ride = a_booking(0);
         ride["pickup_window"] =
             Json(Json::Array{Json(fmt::format("2026-03-02T{:02}:{:02}:00Z", 6 + k % 60 / 6, k % 6 * 10)), Json()});
         auto made = c.post_json("/api/v1/companies/2/bookings", ride.dump(), deadline());
         if (!made || made->status >= 300) return made;
         return c.post_json("/api/v1/companies/2/dispatch:run", R"({"at": "2026-03-02T05:00:00Z"})", deadline());
       }}};
  std::vector<Result<Seen>> seen;
  for (std::size_t k = 0; k < loads.size(); ++k) seen.emplace_back(Seen{});
  std::vector<std::thread> threads;
  for (std::size_t k = 0; k < loads.size(); ++k) {
    threads.emplace_back([&, k] {
      if (loads[k].rate > 0) seen[k] = drive(loads[k], url, *secret, state.seconds);
    });
  }
  for (std::thread& thread : threads) thread.join();
  double const rss = rss_mb();
  Json rows = Json::array();
  std::string text = fmt::format("{:<14} {:>9} {:>8} {:>9} {:>9} {:>9} {:>7}\n", "", "rate", "done", "p50 ms", "p99 ms",
                                 "p99.9 ms", "failed");
  for (std::size_t k = 0; k < loads.size(); ++k) {
    if (!seen[k]) return seen[k].error();
    Seen const& s = *seen[k];
    if (s.ms.empty()) continue;
    double const p50 = quantile(s.ms, 0.5), p99 = quantile(s.ms, 0.99), p999 = quantile(s.ms, 0.999);
    rows.push_back(Json::object({{"load", loads[k].name},
                                 {"rate", loads[k].rate},
                                 {"requests", s.ms.size()},
                                 {"p50_ms", p50},
                                 {"p99_ms", p99},
                                 {"p999_ms", p999},
                                 {"failed", s.failed}}));
    text += fmt::format("{:<14} {:>7.0f}/s {:>8} {:>9.2f} {:>9.2f} {:>9.2f} {:>7}\n", loads[k].name, loads[k].rate,
                        s.ms.size(), p50, p99, p999, s.failed);
  }
  text += fmt::format("cold start {:.0f} ms; server and generator together {:.0f} MB", cold_ms, rss);
  server.stop();
  std::filesystem::remove_all(state.folder, ignored);
  return print_result(common, Json::object({{"loads", rows}, {"cold_start_ms", cold_ms}, {"rss_mb", rss}}), text);
}

}  // namespace

Run add_bench_serve(CLI::App& app) {
  auto state = std::make_shared<State>();
  app.add_option("--gets", state->gets, "Status requests a second")->check(CLI::Range(0.0, 1e5))->capture_default_str();
  app.add_option("--posts", state->posts, "New bookings a second")->check(CLI::Range(0.0, 1e5))->capture_default_str();
  app.add_option("--decisions", state->decisions, "Decisions a second")
      ->check(CLI::Range(0.0, 1e4))
      ->capture_default_str();
  app.add_option("--seconds", state->seconds, "How long")->check(CLI::Range(1.0, 3'600.0))->capture_default_str();
  app.add_option("--readers", state->readers, "Connections that read")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--writers", state->writers, "Connections that write")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--folder", state->folder, "Where its database is made; emptied before and after")
      ->capture_default_str();
  app.footer("Examples:\n  regulus bench serve\n  regulus bench serve --seconds 60 --gets 5000 --posts 500");
  return [state](Common const& common) { return run(common, *state); };
}

}  // namespace regulus::app
