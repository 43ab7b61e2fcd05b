// `regulus bench serve`: what the server holds out, measured from outside over loopback.
//
// An open loop: requests are due at fixed moments, whether or not the earlier ones were answered, and the time of each
// counts from when it was due (a closed loop would hide every stall). Readers ask for the status, writers make
// bookings, one dispatcher asks for decisions of a day while plans are improved in the background, somebody replays
// decisions, and somebody turns a learned policy on and off. The server is a process of its own on the same machine.
#include <fmt/format.h>

#include <atomic>
#include <cmath>
#include <mutex>
#include <thread>

#include "app/bench_insertion.h"
#include "app/bench_server.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "core/stats.h"

namespace regulus::app {

namespace {

using Clock = std::chrono::steady_clock;
using Answer = Result<travel::HttpAnswer>;

struct State {
  double gets = 5'000, posts = 500, decisions = 5, replays = 2, switches = 2, seconds = 10;
  int readers = 8, writers = 24;
  std::string folder = "data/bench-serve";
  bool check = false;
};

Clock::time_point deadline() { return Clock::now() + std::chrono::seconds(10); }

// A quantile of a load's times that --check wants to be no longer.
struct Limit {
  double quantile = 0, most_ms = 0;
};
// One kind of request, sent by several connections. `send` answers the k-th; its time counts unless it says otherwise.
struct Sent {
  Answer answer;
  bool counts = true;
};
struct Load {
  std::string name;
  double rate = 0;
  int clients = 1;
  std::function<Sent(travel::HttpClient&, int k)> send;
  std::optional<Limit> limit = {};
};
struct Seen {
  std::vector<double> ms;
  std::int64_t failed = 0;
  std::string first_failure;
};

Result<Seen> drive(Load const& load, BenchServer const& server, double seconds, std::atomic<int>& done) {
  std::vector<Seen> seen(static_cast<std::size_t>(load.clients));
  std::vector<std::thread> threads;
  std::atomic<bool> broken = false;
  Clock::time_point const start = Clock::now() + std::chrono::milliseconds(200);
  for (int c = 0; c < load.clients; ++c) {
    threads.emplace_back([&, c] {
      Result<travel::HttpClient> client = server.client();
      if (!client) {
        broken = true;
        return;
      }
      Seen& mine = seen[static_cast<std::size_t>(c)];
      auto const all = static_cast<int>(load.rate * seconds);
      for (int k = c; k < all && !interrupted(); k += load.clients, ++done) {
        Clock::time_point const due = start + std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 * k / load.rate));
        std::this_thread::sleep_until(due);
        Sent const sent = load.send(*client, k);
        if (sent.counts) mine.ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - due).count());
        if (sent.answer && sent.answer->status < 300) continue;
        if (mine.failed++ == 0) mine.first_failure = sent.answer ? sent.answer->body : sent.answer.error().message;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (broken) return Error{ErrorKind::io, "the server is not there"};
  Seen all;
  for (Seen& one : seen) {
    all.ms.insert(all.ms.end(), one.ms.begin(), one.ms.end());
    all.failed += one.failed;
    if (all.first_failure.empty()) all.first_failure = one.first_failure;
  }
  return all;
}

// What several loads share: the last decision, and whether there is a model to switch on.
struct Shared {
  std::mutex mutex;
  std::string decision;
  std::string model;
};

Sent decide(Shared& shared, travel::HttpClient& client, int k) {
  // A ride of a day that fills up to sixty, then the decision about it; then the next day.
  std::string const date = fmt::format("2026-{:02}-{:02}", 3 + k / 60 / 28 % 10, 1 + k / 60 % 28);
  Json ride = bench_booking(0);
  ride["pickup_window"] =
      Json(Json::Array{Json(fmt::format("{}T{:02}:{:02}:00Z", date, 6 + k % 60 / 6, k % 6 * 10)), Json()});
  Answer made = client.post_json("/api/v1/companies/2/bookings", ride.dump(), deadline());
  if (!made || made->status >= 300) return {made};
  Json const at = Json::object({{"at", date + "T05:00:00Z"}});
  Answer decided = client.post_json("/api/v1/companies/2/dispatch:run", at.dump(), deadline());
  if (decided && decided->status < 300) {
    Result<Json> const json = parse_json(decided->body);
    Json const* const id = json ? json->find("decision") : nullptr;
    std::unique_lock const lock(shared.mutex);
    if (id != nullptr && id->is_string()) shared.decision = id->as_string();
  }
  return {decided};
}

Sent replay(Shared& shared, travel::HttpClient& client) {
  std::string id;
  {
    std::unique_lock const lock(shared.mutex);
    id = shared.decision;
  }
  if (id.empty()) return {travel::HttpAnswer{.status = 200, .body = ""}, false};
  Answer answer = client.post_json(fmt::format("/api/v1/companies/2/decisions/{}/replay", id), "{}", deadline());
  // A replay that differs is a failure, whatever its status.
  if (answer && answer->body.find(R"("same":true)") == std::string::npos) answer->status = 500;
  return {answer};
}

// On, then off; only turning off is timed. Off holds in the process before it is answered.
Sent turn_off(Shared& shared, travel::HttpClient& client, int k) {
  bool const on = k % 2 == 0;
  Json body = Json::object({{"enabled", on}, {"company_id", 3}});
  if (on) body["model_id"] = shared.model;
  Answer answer = client.post_json("/api/company_dispatch/rl/toggle", body.dump(), deadline());
  return {answer, !on};
}

Result<std::string> register_model(BenchServer const& server) {
  Result<travel::HttpClient> client = server.client();
  if (!client) return client.error();
  Json const body = Json::object({{"name", "bench"}, {"path", server.model().string()}});
  Answer const answer = client->post_json("/api/v1/models", body.dump(), deadline());
  if (!answer) return answer.error();
  Result<Json> const json = parse_json(answer->body);
  Json const* const id = json && answer->status == 201 ? json->find("id") : nullptr;
  if (id == nullptr) return Error{ErrorKind::io, "the model was not registered: " + answer->body};
  return id->as_string();
}

Status run(Common const& common, State const& state) {
  catch_interrupts();
  Result<std::unique_ptr<BenchServer>> started = BenchServer::start(state.folder);
  if (!started) return started.error();
  BenchServer const& server = **started;
  if (Status const added = (*started)->add_companies(3); !added) return added;
  Shared shared;
  if (state.switches > 0) {
    Result<std::string> model = register_model(server);
    if (!model) return model.error();
    shared.model = model.take();
  }
  std::vector<Load> const loads = {
      {"GET status", state.gets, state.readers,
       [](travel::HttpClient& c, int) {
         return Sent{c.get("/api/company_dispatch/rl/status?company_id=1", deadline())};
       },
       Limit{0.99, 10}},
      {"POST booking", state.posts, state.writers,
       [](travel::HttpClient& c, int k) {
         return Sent{c.post_json("/api/v1/companies/1/bookings", bench_booking(k).dump(), deadline())};
       },
       Limit{0.99, 30}},
      {"decision", state.decisions, 1, [&](travel::HttpClient& c, int k) { return decide(shared, c, k); },
       Limit{0.99, 50}},
      {"replay", state.replays, 1, [&](travel::HttpClient& c, int) { return replay(shared, c); }},
      {"switch off", 2 * state.switches, 1, [&](travel::HttpClient& c, int k) { return turn_off(shared, c, k); },
       Limit{1, 100}}};

  double const before_s = server.usage().cpu_s;
  ProcessorTime const machine_before = processor_time();
  std::vector<Result<Seen>> seen;
  for (std::size_t k = 0; k < loads.size(); ++k) seen.emplace_back(Seen{});
  std::vector<std::thread> threads;
  std::atomic<int> done = 0;
  double requests = 0;
  for (Load const& load : loads) requests += load.rate * state.seconds;
  std::atomic<int> running = 0;
  for (std::size_t k = 0; k < loads.size(); ++k) {
    if (loads[k].rate <= 0) continue;
    ++running;
    threads.emplace_back([&, k] {
      seen[k] = drive(loads[k], server, state.seconds, done);
      --running;
    });
  }
  {
    Progress bar("load", static_cast<int>(requests), "requests");
    for (; running > 0; std::this_thread::sleep_for(std::chrono::milliseconds(200))) bar.update(done);
  }
  for (std::thread& thread : threads) thread.join();
  if (interrupted()) return Error{ErrorKind::interrupted, "interrupted; nothing was measured"};

  BenchServer::Usage const usage = server.usage();
  ProcessorTime const machine = processor_time();
  double const machine_s = std::max(1e-9, machine.all_s - machine_before.all_s);
  double const idle = (machine.idle_s - machine_before.idle_s) / machine_s;
  double const stolen = (machine.stolen_s - machine_before.stolen_s) / machine_s;
  double const each_us = 1e6 * (usage.cpu_s - before_s) / std::max(1, done.load());
  Json rows = Json::array();
  std::string text = fmt::format("{:<14} {:>9} {:>8} {:>9} {:>9} {:>9} {:>9} {:>7}\n", "", "rate", "done", "p50 ms",
                                 "p99 ms", "p99.9 ms", "max ms", "failed");
  std::string failure;
  std::vector<std::string> missed;
  for (std::size_t k = 0; k < loads.size(); ++k) {
    if (!seen[k]) return seen[k].error();
    Seen const& s = *seen[k];
    if (loads[k].rate > 0 && s.ms.empty()) missed.push_back(loads[k].name + " was never timed");
    if (s.ms.empty()) continue;
    auto const at = [&](double q) { return quantile(s.ms, q); };
    rows.push_back(Json::object({{"load", loads[k].name},
                                 {"rate", loads[k].rate},
                                 {"requests", s.ms.size()},
                                 {"p50_ms", at(0.5)},
                                 {"p99_ms", at(0.99)},
                                 {"p999_ms", at(0.999)},
                                 {"max_ms", at(1)},
                                 {"failed", s.failed}}));
    text += fmt::format("{:<14} {:>7.0f}/s {:>8} {:>9.2f} {:>9.2f} {:>9.2f} {:>9.2f} {:>7}\n", loads[k].name,
                        loads[k].rate, s.ms.size(), at(0.5), at(0.99), at(0.999), at(1), s.failed);
    if (s.failed > 0) missed.push_back(fmt::format("{}: {} failed", loads[k].name, s.failed));
    if (auto const& limit = loads[k].limit; limit && at(limit->quantile) > limit->most_ms) {
      missed.push_back(fmt::format("{}: {} ms at {} % are more than {} ms", loads[k].name,
                                   std::round(at(limit->quantile)), 100 * limit->quantile, limit->most_ms));
    }
    if (failure.empty() && s.failed > 0) failure = fmt::format("{}: {}", loads[k].name, s.first_failure);
  }
  text += fmt::format(
      "server: cold start {:.0f} ms, {:.0f} MB at most, {:.0f} µs of processor time a request\n"
      "machine: {:.0f} % of its processors idle, {:.1f} % taken away by its host",
      server.cold_start_ms(), usage.most_rss_mb, each_us, 100 * idle, 100 * stolen);
  if (!failure.empty()) text += "\nfirst failure: " + failure;
  Status const told = print_result(common,
                                   Json::object({{"loads", rows},
                                                 {"cold_start_ms", server.cold_start_ms()},
                                                 {"most_rss_mb", usage.most_rss_mb},
                                                 {"cpu_us_per_request", each_us},
                                                 {"machine_idle", idle},
                                                 {"machine_stolen", stolen}}),
                                   text);
  // A stall of the machine is every request's that was due in it.
  if (!missed.empty() && stolen > 0.005) {
    missed.push_back(
        fmt::format("the host took {:.1f} % of the processors away: measure again when it is quiet", 100 * stolen));
  }
  return told && state.check ? none_missed(missed) : told;
}

}  // namespace

Run add_bench_serve(Flags& flags) {
  auto state = std::make_shared<State>();
  struct Rate {
    char const* flag;
    double& value;
    double most;
    char const* help;
  };
  for (Rate const& rate : {Rate{"--gets", state->gets, 1e5, "Status requests a second"},
                           Rate{"--posts", state->posts, 1e5, "New bookings a second"},
                           Rate{"--decisions", state->decisions, 1e4, "Decisions a second"},
                           Rate{"--replays", state->replays, 1e4, "Replays of a decision a second"},
                           Rate{"--switches", state->switches, 1e4, "Times a second that a model is turned on and off"},
                           Rate{"--seconds", state->seconds, 3'600, "How long"}}) {
    flags.add(rate.flag, rate.value, rate.help)->between(0.0, rate.most)->shows_default();
  }
  flags.add("--readers", state->readers, "Connections that read")->between(1, 256)->shows_default();
  flags.add("--writers", state->writers, "Connections that write")->between(1, 256)->shows_default();
  flags.add("--folder", state->folder, "Where its database is made; emptied before and after")->shows_default();
  flags.add_switch(
      "--check", state->check,
      "Fail when a request failed or a limit was missed: 10 ms (99 %) to read, 30 to book, 50 to decide, and "
      "never 100 to turn off");
  flags.footer(
      "Examples:\n  regulus bench serve\n  regulus bench serve --seconds 60\n"
      "  regulus bench serve --posts 0 --decisions 0 --replays 0 --switches 0");
  return [state](Common const& common) { return run(common, *state); };
}

}  // namespace regulus::app
