// What one request costs at the server's door, and what an honest one waits while others hold connections open.
//
//   ninja -C build/release bench_http_front && build/release/tests/bench_http_front [requests] [silent connections]
//
// Clients and server share the machine. `processor` is the server's own: the process's time less that of the clients'
// threads. The handler answers a JSON text of 210 bytes at once; requests carry a bearer token.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#include "server/http/framing.h"
#include "server/http/listener.h"
#include "tests/server/loopback_client.h"

namespace {

using namespace regulus::server;
using Clock = std::chrono::steady_clock;

double processor_us(int who) {
  rusage use{};
  getrusage(who, &use);
  auto const us = [](timeval const& time) {
    return 1e6 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec);
  };
  return us(use.ru_utime) + us(use.ru_stime);
}

std::string const request =
    "GET /api/v1/companies/7/rl HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: bench\r\nAccept: application/json\r\n"
    "Authorization: Bearer 0123456789abcdef0123456789abcdef\r\n\r\n";

struct Figures {
  std::vector<double> waits_us;
  double clients_us = 0;
};

Figures ask(std::uint16_t port, int clients, int requests) {
  Figures all;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int c = 0; c < clients; ++c) {
    threads.emplace_back([&, c] {
      Client client(port);
      std::vector<double> waits;
      for (int i = c; i < requests; i += clients) {
        auto const start = Clock::now();
        client.send(request);
        if (client.read_answer().status != 200) std::abort();
        waits.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
      }
      double const used = processor_us(RUSAGE_THREAD);
      std::lock_guard const lock(mutex);
      all.clients_us += used;
      all.waits_us.insert(all.waits_us.end(), waits.begin(), waits.end());
    });
  }
  for (auto& thread : threads) thread.join();
  std::ranges::sort(all.waits_us);
  return all;
}

void report(char const* what, Listener const& listener, int clients, int requests) {
  double const before = processor_us(RUSAGE_SELF);
  auto const start = Clock::now();
  Figures const figures = ask(listener.port(), clients, requests);
  double const seconds = std::chrono::duration<double>(Clock::now() - start).count();
  double const server_us = processor_us(RUSAGE_SELF) - before - figures.clients_us;
  auto const quantile = [&](double q) {
    return figures.waits_us[static_cast<std::size_t>(q * static_cast<double>(figures.waits_us.size() - 1))];
  };
  std::printf("%-28s %3d clients  %7.0f requests/s  processor %5.1f us  p50 %7.0f us  p99 %7.0f us\n", what, clients,
              requests / seconds, server_us / requests, quantile(0.5), quantile(0.99));
}

}  // namespace

int main(int argc, char** argv) {
  int const requests = argc > 1 ? std::atoi(argv[1]) : 200'000;
  int const silent = argc > 2 ? std::atoi(argv[2]) : 400;
  std::string const body(210, 'x');
  Listener::Options options;
  options.head_deadline = options.body_deadline = std::chrono::minutes(5);
  auto const listener = Listener::open(
      options, [&](Request&&, Reply const& reply) { reply({.content_type = "application/json", .body = body}); });
  if (!listener) {
    std::fprintf(stderr, "%s\n", listener.error().message.c_str());
    return 1;
  }
  auto const start = Clock::now();
  std::size_t sizes = 0;
  for (int i = 0; i < requests; ++i) sizes += std::get<Head>(read_head(request)).size;
  std::printf("framing gate                 %.2f us for a head of %zu bytes\n",
              std::chrono::duration<double, std::micro>(Clock::now() - start).count() / requests,
              sizes / static_cast<std::size_t>(requests));
  report("alone", **listener, 1, requests / 4);
  report("together", **listener, 64, requests);
  std::vector<Client> others;
  for (int i = 0; i < silent; ++i) {
    others.emplace_back((*listener)->port());
    if (i % 2 == 0) others.back().send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\nx");
  }
  while ((*listener)->counts().open < silent) std::this_thread::yield();  // accepting them is not what is measured
  report("beside silent connections", **listener, 1, requests / 4);
  return 0;
}
