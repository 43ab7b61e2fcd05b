// `regulus bench slow-clients`: thousands of connections that never finish what they say, and what the others notice.
//
// Half of them send a head that does not end, half a body that does not, a byte a second, so that no silence gives them
// away (slow-loris). Whoever is cut off comes back at once. Meanwhile honest requests are due at fixed moments and
// timed from then on. At the end the server must have cut each of them off by the deadline that it has for a whole head
// or body, and must have given every descriptor back.
#include <fmt/format.h>

#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "app/bench_insertion.h"
#include "app/bench_server.h"
#include "app/many_files.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "core/stats.h"
#include "server/http/listener.h"

namespace regulus::app {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

struct State {
  int heads = 1'000, bodies = 1'000;
  double rate = 200, seconds = 60;
  std::string folder = "data/bench-slow-clients";
  bool check = false;
};

// What --check wants of the honest requests, 99 % of them.
constexpr double most_honest_ms = 50;
// By which a deadline may be late: the server looks at the clock, and we hear of it.
constexpr double grace_s = 2;

// The honest client's own connection, and one that the server may still be closing.
constexpr int kept_open = 2;

// Seconds from the moment at which the server's patience began to the moment at which it ended.
struct Held {
  std::vector<double> seconds;
  std::int64_t refused = 0;  // never taken in
  double oldest = 0;         // of those that were still open at the end
};

// One client that is never done; it lives until its io_context stops.
class SlowClient : public std::enable_shared_from_this<SlowClient> {
 public:
  SlowClient(asio::io_context& context, tcp::endpoint server, std::string opening, Held& held)
      : server_(std::move(server)), opening_(std::move(opening)), held_(held), socket_(context), timer_(context) {}

  void begin() {
    error_code ignored;
    socket_.close(ignored);
    ended_ = false;
    socket_.async_connect(server_, [self = shared_from_this()](error_code problem) {
      if (problem) return self->again_later();
      self->connected();
    });
  }

  // Once nothing runs any more: notes how long this one has been left open.
  void note_open() {
    if (is_connected_) held_.oldest = std::max(held_.oldest, seconds_open());
  }

 private:
  double seconds_open() const { return std::chrono::duration<double>(Clock::now() - since_).count(); }
  void connected() {
    since_ = Clock::now();
    is_connected_ = true;
    asio::async_write(socket_, asio::buffer(opening_), [self = shared_from_this()](error_code problem, std::size_t) {
      if (problem) return self->end();
      self->drip();
    });
    listen();
  }
  // Whatever comes is the end: nobody gets an answer to half a request.
  void listen() {
    socket_.async_read_some(asio::buffer(heard_),
                            [self = shared_from_this()](error_code, std::size_t) { self->end(); });
  }
  void drip() {
    timer_.expires_after(std::chrono::seconds(1));
    timer_.async_wait([self = shared_from_this()](error_code problem) {
      if (problem || self->ended_) return;
      static constexpr std::string_view byte = "x";
      asio::async_write(self->socket_, asio::buffer(byte), [self](error_code failed, std::size_t) {
        if (failed) return self->end();
        self->drip();
      });
    });
  }
  void end() {
    if (ended_) return;
    ended_ = true;
    is_connected_ = false;
    timer_.cancel();
    double const seconds = seconds_open();
    // Told at once that there is no room.
    if (seconds < 1) {
      ++held_.refused;
      return again_later();
    }
    held_.seconds.push_back(seconds);
    begin();
  }
  void again_later() {
    timer_.expires_after(std::chrono::seconds(1));
    timer_.async_wait([self = shared_from_this()](error_code problem) {
      if (!problem) self->begin();
    });
  }

  tcp::endpoint server_;
  std::string opening_;
  Held& held_;
  tcp::socket socket_;
  asio::steady_timer timer_;
  std::array<char, 1'024> heard_{};
  Clock::time_point since_;
  bool ended_ = false, is_connected_ = false;
};

// Why not every one of these clients was cut off by its deadline, if so.
std::optional<std::string> overdue(std::string const& name, int clients, Held const& held, double deadline_s,
                                   double seconds) {
  if (clients == 0) return std::nullopt;
  double const most = deadline_s + grace_s, longest = held.seconds.empty() ? 0 : quantile(held.seconds, 1);
  if (seconds <= most)
    return fmt::format("{}: {} s are too short to see the deadline of {} s", name, seconds, deadline_s);
  if (std::ssize(held.seconds) < clients) return fmt::format("{}: {} were cut off", name, held.seconds.size());
  if (std::max(longest, held.oldest) <= most) return std::nullopt;
  return fmt::format("{}: one was left for {:.1f} s, the deadline is {} s", name, std::max(longest, held.oldest),
                     deadline_s);
}

struct Honest {
  std::vector<double> ms;
  std::int64_t failed = 0;
};

Result<Honest> ask_honestly(BenchServer const& server, double rate, double seconds) {
  Result<travel::HttpClient> client = server.client();
  if (!client) return client.error();
  Honest honest;
  Progress bar("slow clients", static_cast<int>(rate * seconds), "honest requests");
  Clock::time_point const start = Clock::now();
  for (int k = 0; k < static_cast<int>(rate * seconds) && !interrupted(); ++k) {
    Clock::time_point const due = start + std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 * k / rate));
    std::this_thread::sleep_until(due);
    auto const answer =
        client->get("/api/company_dispatch/rl/status?company_id=1", Clock::now() + std::chrono::seconds(10));
    honest.ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - due).count());
    if (!answer || answer->status != 200) ++honest.failed;
    bar.update(k + 1);
  }
  return honest;
}

Status run(Common const& common, State const& state) {
  catch_interrupts();
  allow_many_files();
  Result<std::unique_ptr<BenchServer>> started =
      BenchServer::start(state.folder, {"--connections", std::to_string(state.heads + state.bodies + 1'000)});
  if (!started) return started.error();
  BenchServer const& server = **started;
  if (Status const added = (*started)->add_companies(1); !added) return added;
  BenchServer::Usage const before = server.usage();

  Held heads, bodies;
  Result<Honest> honest = Honest{};
  BenchServer::Usage during;
  {
    asio::io_context context;
    tcp::endpoint const door(asio::ip::make_address("127.0.0.1"), server.port());
    std::string const half_a_head = "GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
    std::string const half_a_body =
        "POST /api/v1/companies/1/bookings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: 60000\r\n\r\n{\"";
    std::vector<std::shared_ptr<SlowClient>> clients;
    for (int k = 0; k < state.heads; ++k) {
      clients.push_back(std::make_shared<SlowClient>(context, door, half_a_head, heads));
    }
    for (int k = 0; k < state.bodies; ++k) {
      clients.push_back(std::make_shared<SlowClient>(context, door, half_a_body, bodies));
    }
    for (auto const& client : clients) client->begin();
    std::thread slow([&] { context.run(); });
    honest = ask_honestly(server, state.rate, state.seconds);
    during = server.usage();
    context.stop();
    slow.join();
    for (auto const& client : clients) client->note_open();
  }  // here the slow ones hang up
  if (!honest) return honest.error();
  if (interrupted()) return Error{ErrorKind::interrupted, "interrupted; nothing was measured"};
  BenchServer::Usage after = server.usage();
  auto const patience = Clock::now() + std::chrono::seconds(10);
  for (; after.files > before.files + kept_open && Clock::now() < patience; after = server.usage()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }

  auto const longest = [](Held const& held) { return held.seconds.empty() ? 0 : quantile(held.seconds, 1); };
  server::Listener::Options const door;
  auto const limit_s = [](std::chrono::milliseconds limit) { return std::chrono::duration<double>(limit).count(); };
  double const p50 = quantile(honest->ms, 0.5), p99 = quantile(honest->ms, 0.99);
  std::string const text = fmt::format(
      "{:<18} {:>8} cut off, longest {:.1f} s (deadline {:.0f} s)\n"
      "{:<18} {:>8} cut off, longest {:.1f} s (deadline {:.0f} s)\n"
      "{:<18} {:>8} at {:.0f}/s: p50 {:.2f} ms, p99 {:.2f} ms, {} failed\n"
      "server: {} files before, {} meanwhile, {} afterwards; {:.0f} MB before, {:.0f} MB meanwhile; {} turned away",
      fmt::format("{} slow heads", state.heads), heads.seconds.size(), longest(heads), limit_s(door.head_deadline),
      fmt::format("{} slow bodies", state.bodies), bodies.seconds.size(), longest(bodies), limit_s(door.body_deadline),
      "honest requests", honest->ms.size(), state.rate, p50, p99, honest->failed, before.files, during.files,
      after.files, before.rss_mb, during.rss_mb, heads.refused + bodies.refused);
  auto const held = [&](Held const& h) {
    return Json::object({{"cut_off", h.seconds.size()}, {"longest_s", longest(h)}, {"turned_away", h.refused}});
  };
  Status const told = print_result(
      common,
      Json::object(
          {{"heads", held(heads)},
           {"bodies", held(bodies)},
           {"honest",
            Json::object(
                {{"requests", honest->ms.size()}, {"p50_ms", p50}, {"p99_ms", p99}, {"failed", honest->failed}})},
           {"files",
            Json::object({{"before", before.files}, {"meanwhile", during.files}, {"afterwards", after.files}})},
           {"rss_mb", Json::object({{"before", before.rss_mb}, {"meanwhile", during.rss_mb}})}}),
      text);
  if (!told || !state.check) return told;
  std::vector<std::string> missed;
  if (honest->failed > 0) missed.push_back(fmt::format("honest requests: {} failed", honest->failed));
  if (p99 > most_honest_ms) missed.push_back(fmt::format("honest requests: {:.0f} ms at 99 %", p99));
  for (auto const& late : {overdue("slow heads", state.heads, heads, limit_s(door.head_deadline), state.seconds),
                           overdue("slow bodies", state.bodies, bodies, limit_s(door.body_deadline), state.seconds)}) {
    if (late) missed.push_back(*late);
  }
  if (after.files > before.files + kept_open) {
    missed.push_back(fmt::format("files: {} before, {} afterwards", before.files, after.files));
  }
  return none_missed(missed);
}

}  // namespace

Run add_bench_slow_clients(Flags& flags) {
  auto state = std::make_shared<State>();
  flags.add("--heads", state->heads, "Connections that never finish a head")->between(0, 20'000)->shows_default();
  flags.add("--bodies", state->bodies, "Connections that never finish a body")->between(0, 20'000)->shows_default();
  flags.add("--rate", state->rate, "Honest requests a second")->between(1.0, 1e4)->shows_default();
  flags.add("--seconds", state->seconds, "How long")->between(1.0, 3'600.0)->shows_default();
  flags.add("--folder", state->folder, "Where its database is made; emptied before and after")->shows_default();
  flags.add_switch(
      "--check", state->check,
      "Fail unless everybody slow was cut off in time, every descriptor came back, and the honest requests were "
      "answered within 50 ms (99 %)");
  flags.footer("Examples:\n  regulus bench slow-clients\n  regulus bench slow-clients --heads 4000 --bodies 4000");
  return [state](Common const& common) { return run(common, *state); };
}

}  // namespace regulus::app
