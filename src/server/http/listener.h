// The door of the server: listens on one address, reads requests, hands them to a handler and writes what it answers.
//
// Each of a few threads has an event loop of its own and the connections that fell to it, so a connection is touched by
// one thread only and needs no lock (connection.h). A silent or slow client costs its memory and nothing else.
//
// Every wait ends. A head has to be whole by a moment, counted from its first byte (from the connection's first moment
// for the first one), however its bytes drip; a body likewise; a response has to be taken, 64 KiB by 64 KiB; and an
// idle connection is closed. What is refused is answered in problem+json before the connection is closed, which it is
// after every refusal. Requests that were sent ahead of their answers are handled one after the other.
//
// When the process runs out of file descriptors, accepting pauses and tries again; it neither stops nor spins.
// TLS is left to a proxy.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"
#include "server/http/message.h"
#include "server/http/refusal.h"

namespace regulus::server {

class Listener {
 public:
  using Milliseconds = std::chrono::milliseconds;
  struct Options {
    std::string address = "127.0.0.1";                       // numeric, IPv4 or IPv6
    std::uint16_t port = 0;                                  // 0: one that is free
    int threads = 2;                                         // 1 to 64
    Milliseconds head_deadline = std::chrono::seconds(10);   // for the whole head
    Milliseconds body_deadline = std::chrono::seconds(30);   // for the whole body
    Milliseconds write_deadline = std::chrono::seconds(30);  // for each 64 KiB of a response
    Milliseconds idle_deadline = std::chrono::seconds(60);   // between two requests
    Milliseconds linger = std::chrono::seconds(2);  // how long a refused client may go on sending before it is cut off
    Milliseconds drain = std::chrono::seconds(5);   // how long stop waits for what is in flight
    Milliseconds accept_pause = Milliseconds(100);  // after running out of descriptors
    Milliseconds heartbeat = std::chrono::seconds(15);  // a comment into an event stream that is silent
    std::size_t most_connections = 2'000;               // beyond, a connection is answered 503 and closed
    // Bytes that all bodies beyond 64 KiB may announce together while they are on their way; beyond, they are answered
    // 503. They are held in memory, and who sends them is not known before they are whole.
    std::int64_t most_large_bodies = 256 << 20;
    // The largest body of a request, in bytes; asked before the body is read. Called from any thread.
    std::function<std::int64_t(std::string_view method, std::string_view path)> body_limit;  // none: 64 KiB
    // Told of each request that the door answers itself. Called in a thread of the listener, which serves other
    // connections with it: it must not wait. Who throws is not heard.
    std::function<void(Refused const&)> on_refused;
  };
  // Since the start, except `open`.
  struct Counts {
    std::int64_t open = 0;           // connections now
    std::int64_t connections = 0;    // accepted, those turned away among them
    std::int64_t turned_away = 0;    // because there were too many
    std::int64_t requests = 0;       // that reached the handler
    std::int64_t refused = 0;        // answered by the door itself
    std::int64_t accept_pauses = 0;  // because there were no descriptors
  };

  // Listens from now on. Errors: invalid, an address that is none or an option out of range; io, an address that is
  // taken or not ours.
  static Result<std::unique_ptr<Listener>> open(Options options, Handler handler);
  Listener(Listener const&) = delete;
  Listener& operator=(Listener const&) = delete;
  ~Listener();  // stops

  std::uint16_t port() const;
  Counts counts() const;
  // Accepts no more, closes idle connections and event streams, lets what is in flight finish for `drain` at most, and
  // comes back when nothing is left. From any thread but the handler's; a second call does nothing.
  void stop();

 private:
  struct Door;
  explicit Listener(std::unique_ptr<Door> door);
  std::unique_ptr<Door> door_;
};

}  // namespace regulus::server
