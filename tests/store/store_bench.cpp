// How many durable changes a second the server's database takes, alone and in company. Not a test: it prints.
//
//   store_bench [seconds]        in the folder for temporary files
//
// A change is what a booking makes: its row, an event and an audit row. "One by one" is a client that waits for each
// answer; "in company" are as many clients as it says, each waiting for its own.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "store/audit_log.h"
#include "store/bookings.h"
#include "store/companies.h"
#include "store/outbox.h"
#include "tests/store/serving.h"

namespace regulus::store {
namespace {

Outbox const outbox(nullptr);

Status one_change(Transaction& tx, std::string const& text) {
  auto const booking =
      add_booking(tx, {.company = 1, .pickup_at_us = morning_us, .body = Json::object({{"text", text}})}, morning_us);
  if (!booking) return booking.error();
  outbox.append(tx, 1, "booking.created", Json::object({{"id", booking->id}}), morning_us);
  append_audit(tx,
               {.company = 1, .actor = "tok_1", .action = "booking.create", .object = fmt::format("{}", booking->id)});
  return ok();
}

void measure(int clients, double seconds, Database::Options::Synchronous synchronous) {
  ServedFolder served({.synchronous = synchronous});
  served.write([](Transaction& tx) {
    return add_company(tx, {.id = 1, .name = "c", .time_zone = "Europe/Zurich"}, morning_us);
  });
  std::string const text(300, 'x');
  std::atomic<bool> stop = false;
  std::vector<std::vector<double>> waits(static_cast<std::size_t>(clients));
  auto const now = [] { return std::chrono::steady_clock::now(); };
  auto const begun = now();
  std::clock_t const worked = std::clock();
  std::uint64_t const commits = served.database().counts().commits;
  std::vector<std::thread> threads;
  for (auto& mine : waits) {
    threads.emplace_back([&] {
      while (!stop) {
        auto const asked = now();
        if (!served.database().write_and_wait([&](Transaction& tx) { return one_change(tx, text); })) std::abort();
        mine.push_back(std::chrono::duration<double, std::milli>(now() - asked).count());
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop = true;
  for (std::thread& thread : threads) thread.join();
  double const took = std::chrono::duration<double>(now() - begun).count();
  double const cpu_us = 1e6 * static_cast<double>(std::clock() - worked) / CLOCKS_PER_SEC;
  std::vector<double> all;
  for (auto const& mine : waits) all.insert(all.end(), mine.begin(), mine.end());
  std::ranges::sort(all);
  auto const quantile = [&](double q) {
    return all[static_cast<std::size_t>(q * static_cast<double>(all.size() - 1))];
  };
  auto const groups = static_cast<double>(served.database().counts().commits - commits);
  fmt::print(
      "{:6} {:4} clients: {:7.0f} changes/s, {:5.1f} a commit, p50 {:6.2f} ms, p99 {:6.2f} ms, {:4.0f} us of processor "
      "each\n",
      synchronous == Database::Options::Synchronous::full ? "full" : "normal", clients,
      static_cast<double>(all.size()) / took, static_cast<double>(all.size()) / groups, quantile(0.5), quantile(0.99),
      cpu_us / static_cast<double>(all.size()));
}

}  // namespace
}  // namespace regulus::store

int main(int argc, char** argv) {
  double const seconds = argc > 1 ? std::atof(argv[1]) : 3;
  using Synchronous = regulus::store::Database::Options::Synchronous;
  for (int clients : {1, 8, 64, 256}) regulus::store::measure(clients, seconds, Synchronous::full);
  for (int clients : {1, 64}) regulus::store::measure(clients, seconds, Synchronous::normal);
}
