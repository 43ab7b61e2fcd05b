// A server on the loopback interface whose every misbehaviour is spelled out by the test.
//
// `talk` runs once for each connection, in a thread of its own, and does what it likes with it: read requests, send any
// bytes at any pace, hang, leave. The connection closes when it returns. The server ends with the object: connections
// that still hang are shut down.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "core/check.h"

namespace regulus::travel {

class Conversation {
 public:
  explicit Conversation(int socket) : socket_(socket) {}

  // Head and body of the next request; empty when there is none any more.
  std::string read_request() {
    std::string request;
    for (;;) {
      std::size_t const head = pending_.find("\r\n\r\n");
      if (head != std::string::npos) {
        std::size_t const length = pending_.find("Content-Length: ");
        std::size_t const body = length < head ? std::stoul(pending_.substr(length + 16)) : 0;
        if (pending_.size() >= head + 4 + body) {
          request = pending_.substr(0, head + 4 + body);
          pending_.erase(0, request.size());
          return request;
        }
      }
      char bytes[4096];
      ssize_t const got = ::recv(socket_, bytes, sizeof bytes, 0);
      if (got <= 0) return {};
      pending_.append(bytes, static_cast<std::size_t>(got));
    }
  }

  // False when the other side has gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t const sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  bool answer(int status, std::string_view body, std::string_view more_headers = "") {
    return send("HTTP/1.1 " + std::to_string(status) + " Whatever\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n" + std::string(more_headers) + "\r\n" + std::string(body));
  }

  // Says nothing until the other side gives up.
  void hang() {
    char bytes[4096];
    while (::recv(socket_, bytes, sizeof bytes, 0) > 0) {
    }
  }
  // One byte every few milliseconds, again and again, until the other side gives up.
  void drip(std::string_view byte) {
    pollfd gone{socket_, POLLIN, 0};
    while (send(byte) && ::poll(&gone, 1, 2) == 0) {
    }
  }

 private:
  int socket_;
  std::string pending_;
};

class LoopbackServer {
 public:
  using Talk = std::function<void(Conversation&)>;

  explicit LoopbackServer(Talk talk, int backlog = 64) : talk_(std::move(talk)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REGULUS_CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    socklen_t size = sizeof address;
    REGULUS_CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    REGULUS_CHECK(::listen(listener_, backlog) == 0);
    if (talk_) acceptor_ = std::thread([this] { accept_all(); });
  }
  LoopbackServer(LoopbackServer const&) = delete;
  LoopbackServer& operator=(LoopbackServer const&) = delete;
  ~LoopbackServer() {
    ::shutdown(listener_, SHUT_RDWR);
    if (acceptor_.joinable()) acceptor_.join();
    {
      std::lock_guard const lock(mutex_);
      for (Guest& guest : guests_) ::shutdown(guest.socket, SHUT_RDWR);
    }
    for (Guest& guest : guests_) guest.thread.join();
    for (Guest& guest : guests_) ::close(guest.socket);
    ::close(listener_);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }

 private:
  struct Guest {
    int socket;
    std::thread thread;
  };
  void accept_all() {
    for (;;) {
      int const socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0) return;
      ++connections_;
      std::lock_guard const lock(mutex_);
      guests_.push_back({socket, std::thread([this, socket] {
                           Conversation conversation(socket);
                           talk_(conversation);
                           // Closed for the other side at once; the number is given back with the server.
                           ::shutdown(socket, SHUT_RDWR);
                         })});
    }
  }

  Talk talk_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;
  std::list<Guest> guests_;
  std::thread acceptor_;
};

// An address at which nobody listens.
inline std::string refusing_url() {
  LoopbackServer const gone([](Conversation&) {});
  return gone.url();
}

}  // namespace regulus::travel
