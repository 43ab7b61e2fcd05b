#include "server/http/listener.h"

#include <fmt/format.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <ctime>
#include <future>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "core/rng.h"
#include "server/http/connection.h"
#include "server/http/response.h"

namespace regulus::server {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

void Worker::drain(Listener::Milliseconds patience) {
  draining = true;
  auto const guests = connections;  // closing one changes the set
  for (auto const& guest : guests) guest->drain();
  if (connections.empty()) return;
  last_call.expires_after(patience);
  last_call.async_wait([this](boost::system::error_code problem) {
    if (problem) return;
    auto const left = connections;
    for (auto const& guest : left) guest->close();
  });
}

void Worker::forget(std::shared_ptr<Connection> const& connection) {
  connections.erase(connection);
  if (draining && connections.empty()) last_call.cancel();
}

struct Listener::Door {
  std::shared_ptr<Front> front = std::make_shared<Front>();
  std::vector<std::shared_ptr<Worker>> workers;
  std::vector<asio::executor_work_guard<asio::io_context::executor_type>> guards;  // keep idle loops turning
  // Both live in the first worker's thread.
  std::optional<tcp::acceptor> acceptor;
  std::optional<asio::steady_timer> pause;
  bool is_closed = false;
  std::uint64_t round = 0;  // of accepting; what belongs to an earlier one is over
  std::size_t next = 0;     // whose turn it is to get a connection
  std::uint16_t port = 0;
  std::vector<std::thread> threads;
  std::once_flag stopped;

  Status bind(asio::ip::address const& address) {
    auto const refused = [&](std::string_view what, error_code const& problem) {
      return Error{ErrorKind::io, fmt::format("{} port {} {}: {}", front->options.address, front->options.port, what,
                                              problem.message())};
    };
    tcp::endpoint const place(address, front->options.port);
    error_code problem;
    acceptor.emplace(workers.front()->context);
    pause.emplace(workers.front()->context);
    acceptor->open(place.protocol(), problem);
    if (problem) return refused("cannot be used", problem);
    acceptor->set_option(tcp::acceptor::reuse_address(true), problem);
    acceptor->bind(place, problem);
    if (problem) return refused("cannot be taken", problem);
    acceptor->listen(asio::socket_base::max_listen_connections, problem);
    if (problem) return refused("cannot be listened on", problem);
    port = acceptor->local_endpoint(problem).port();
    if (problem) return refused("is not known", problem);
    return ok();
  }

  void accept() {
    auto const worker = workers[next];
    next = (next + 1) % workers.size();
    acceptor->async_accept(worker->context, [this, worker, mine = round](error_code problem, tcp::socket socket) {
      if (is_closed || mine != round) return;
      if (problem == asio::error::connection_aborted) return accept();
      if (problem) return accept_later();
      ++front->connections;
      if (front->open >= static_cast<std::int64_t>(front->options.most_connections)) {
        turn_away(std::move(socket));
      } else {
        auto const guest = std::make_shared<Connection>(std::move(socket), worker, front);
        asio::post(worker->context, [guest] { guest->start(); });
      }
      accept();
    });
  }

  // Out of descriptors or memory. The connection stays in the system's queue, which would wake us again at once.
  void accept_later() {
    ++front->accept_pauses;
    pause->expires_after(front->options.accept_pause);
    pause->async_wait([this, mine = round](error_code) {
      if (!is_closed && mine == round) accept();
    });
  }

  // Whatever was thrown in the loop that lets people in, for want of memory, may have been about the next one.
  void accept_anew() {
    while (!is_closed) {
      ++round;
      error_code ignored;
      acceptor->cancel(ignored);
      pause->cancel();
      try {
        return accept();
      } catch (std::exception const&) {
        std::this_thread::sleep_for(front->options.accept_pause);
      }
    }
  }

  // A loop must not end because one connection had no memory left: its deadline, which is still set, closes it.
  void run(Worker& worker) {
    for (;;) {
      try {
        worker.context.run();
        return;
      } catch (std::exception const&) {
        if (&worker == workers.front().get()) accept_anew();
      }
    }
  }

  // As much of an answer as goes without waiting; it may not reach a client that is still writing.
  void turn_away(tcp::socket socket) {
    ++front->turned_away;
    std::string const id = fmt::format("req_{:016x}", mix(front->id_seed, ++front->ids));
    Response const response =
        problem_response({.code = ProblemCode::not_ready, .retry_after_s = 2}, Language::english, id);
    error_code ignored;
    socket.non_blocking(true, ignored);
    std::array<char, longest_head> asked;
    socket.read_some(asio::buffer(asked), ignored);
    socket.write_some(asio::buffer(response_bytes(response, {.request_id = id, .unix_s = std::time(nullptr)})),
                      ignored);
    socket.shutdown(tcp::socket::shutdown_send, ignored);
    front->tell({.why = Refusal::too_many_connections, .status = response.status, .request_id = id});
  }

  void stop() {
    std::promise<void> closed;
    asio::post(workers.front()->context, [&] {
      is_closed = true;
      error_code ignored;
      acceptor->close(ignored);
      pause->cancel();
      closed.set_value();
    });
    closed.get_future().wait();
    for (auto const& worker : workers) {
      asio::post(worker->context, [worker, patience = front->options.drain] { worker->drain(patience); });
    }
    guards.clear();
    for (std::thread& thread : threads) thread.join();
  }
};

namespace {

Status check(Listener::Options const& options) {
  if (options.threads < 1 || options.threads > 64)
    return invalid(fmt::format("threads = {} is not between 1 and 64", options.threads));
  if (options.most_connections < 1) return invalid("most_connections = 0 would turn everybody away; 1 is the least");
  using Milliseconds = Listener::Milliseconds;
  for (auto const& [name, time] : std::initializer_list<std::pair<char const*, Milliseconds>>{
           {"head_deadline", options.head_deadline},
           {"body_deadline", options.body_deadline},
           {"write_deadline", options.write_deadline},
           {"idle_deadline", options.idle_deadline},
           {"linger", options.linger},
           {"drain", options.drain},
           {"accept_pause", options.accept_pause},
           {"heartbeat", options.heartbeat},
       }) {
    if (time < Milliseconds(1)) return invalid(fmt::format("{} = {} ms; 1 is the least", name, time.count()));
  }
  return ok();
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(Options options, Handler handler) {
  if (Status const sound = check(options); !sound) return sound.error();
  error_code problem;
  auto const address = asio::ip::make_address(options.address, problem);
  if (problem) return invalid(fmt::format("address = {} is no IPv4 or IPv6 address; try 127.0.0.1", options.address));
  try {
    auto door = std::make_unique<Door>();
    std::random_device entropy;
    door->front->id_seed = mix(entropy(), entropy());
    door->front->options = std::move(options);
    door->front->handler = std::move(handler);
    for (int i = 0; i < door->front->options.threads; ++i) {
      auto const& worker = door->workers.emplace_back(std::make_shared<Worker>());
      door->guards.push_back(asio::make_work_guard(worker->context));
    }
    if (Status const bound = door->bind(address); !bound) return bound.error();
    door->accept();
    for (auto const& worker : door->workers) {
      door->threads.emplace_back([plain = door.get(), worker] { plain->run(*worker); });
    }
    return std::unique_ptr<Listener>(new Listener(std::move(door)));
  } catch (std::exception const& failure) {
    return Error{ErrorKind::io, fmt::format("the HTTP listener did not start: {}", failure.what())};
  }
}

Listener::Listener(std::unique_ptr<Door> door) : door_(std::move(door)) {}

// If stopping throws, threads would go on with what is destroyed here: better to end.
Listener::~Listener() { stop(); }  // NOLINT(bugprone-exception-escape)

std::uint16_t Listener::port() const { return door_->port; }

Listener::Counts Listener::counts() const {
  Front const& front = *door_->front;
  return {.open = front.open,
          .connections = front.connections,
          .turned_away = front.turned_away,
          .requests = front.requests,
          .refused = front.refused,
          .accept_pauses = front.accept_pauses};
}

void Listener::stop() {
  std::call_once(door_->stopped, [this] { door_->stop(); });
}

}  // namespace regulus::server
