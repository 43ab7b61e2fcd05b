// One connection from its first byte to its last: a machine with one wait at a time.
//
//   idle -> head -> body -> handling -> writing -> idle …        a request and its response
//                                    -> streaming                an event stream, until one side ends it
//             any fault -> writing -> lingering -> closed        a refusal
//
// Each arrow arms the one timer anew; what is read in between does not, so every deadline is total. Lingering reads and
// drops what a refused client still sends: closing a socket with unread bytes resets it, and the reset may overtake the
// refusal.
//
// Written with callbacks and not coroutines because clang 14, which lints and fuzzes this code, has none for this
// standard library. All members run in the thread of the connection's worker; only `Answer` is used from elsewhere.
// Reading is in connection.cpp, writing in connection_response.cpp; listener.cpp is the only user.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <exception>
#include <memory>
#include <set>
#include <string>

#include "server/http/framing.h"
#include "server/http/listener.h"
#include "server/http/problem.h"

namespace regulus::server {

class Connection;

// In bytes: a body that every route takes if nobody says otherwise, and one that needs no room set aside.
constexpr std::int64_t usual_body = 64 << 10;
// How much is given to the socket, or taken from an event stream, at a time.
constexpr std::size_t piece_size = 64 << 10;

// What all connections of a listener share.
struct Front {
  Listener::Options options;
  Handler handler;
  std::uint64_t id_seed = 0;
  std::atomic<std::uint64_t> ids = 0;
  std::atomic<std::int64_t> large_bodies = 0;  // bytes announced by bodies beyond usual_body that are on their way
  std::atomic<std::int64_t> open = 0, connections = 0, turned_away = 0, requests = 0, refused = 0, accept_pauses = 0;

  void tell(Refused const& what) const noexcept;
};

// A thread's event loop and its connections, which it owns until they close.
struct Worker {
  boost::asio::io_context context{1};
  std::set<std::shared_ptr<Connection>> connections;
  bool draining = false;
  boost::asio::steady_timer last_call{context};  // while draining: when whoever is left is cut off

  void drain(Listener::Milliseconds patience);
  void forget(std::shared_ptr<Connection> const& connection);
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // `worker` outlives the connection because the connection holds it: a late Answer may be the last to let go.
  Connection(boost::asio::ip::tcp::socket socket, std::shared_ptr<Worker> worker, std::shared_ptr<Front> front);
  ~Connection();
  void start();
  // Closes if idle; otherwise after the response that is under way.
  void drain();
  void close();

  class Answer;

 private:
  using error_code = boost::system::error_code;
  enum class Phase { idle, head, body, handling, writing, streaming, lingering, closed };

  // Runs a step; if it throws, for want of memory, this connection closes and the others live on.
  template <class Step>
  void guarded(Step step) {
    try {
      step();
    } catch (std::exception const&) {
      close();
    }
  }

  void begin();
  void arm(Listener::Milliseconds time);
  void deadline_passed();
  void receive();
  void received(error_code problem, std::size_t size);

  void next_request();
  void try_head();
  void accept(Head head);
  bool set_room_aside();
  void give_room_back();
  void try_body();
  void handle();
  void take_id();
  void refuse(Refusal why, Problem const& problem, Language language);
  void fail();
  void respond(Response response);
  void write_piece();
  void written(error_code problem, std::size_t size);
  void write_more();
  void linger();

  void stream_more();

  std::shared_ptr<Worker> worker_;
  std::shared_ptr<Front> front_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  Phase phase_ = Phase::head;
  bool keep_alive_ = false;
  bool is_head_ = false;     // the method is HEAD
  bool is_refusal_ = false;  // what is being written
  bool is_writing_ = false;
  bool is_receiving_ = false;
  std::string peer_;
  std::string id_;    // of the present request, once it has one
  std::string wish_;  // its Accept-Language
  Request request_;   // while its body arrives
  std::int64_t content_length_ = 0;
  std::int64_t room_ = 0;  // of Front::large_bodies, for the body that is on its way
  std::string in_;         // received and not yet used
  std::string out_;        // being sent
  std::size_t out_sent_ = 0;
  std::shared_ptr<EventStream> events_;
  std::array<char, 4096> piece_;  // where the socket puts what arrives
};

}  // namespace regulus::server
